//! What a repository has beside its code: workflows, templates, packages, units, a changelog. What cannot run here
//! is judged by published schemas and by the tools that its readers use.

mod changelog;
mod dependencies;
mod packages;
mod workflows;

use std::path::PathBuf;
use std::process::Command;

use harness::binaries::workspace;

use crate::manifests::render::run;

/// What a script of the repository says, or why it refuses.
fn script(name: &str, arguments: &[&str]) -> Result<String, String> {
    run(Command::new(workspace().join("scripts").join(name)).args(arguments), "")
}

fn path(of: &str) -> PathBuf {
    workspace().join(of)
}
