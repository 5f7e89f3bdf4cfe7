//! `tidegate completions` and `tidegate man`: both come from the description of the commands, so they know them all.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap_complete::Shell;

use crate::{cli, output};

const NAME: &str = "tidegate";

pub fn print(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::described(), NAME, &mut script);
    output::print_bytes(&script)?;
    Ok(ExitCode::SUCCESS)
}

pub fn write_manual(folder: &Path) -> anyhow::Result<ExitCode> {
    let shown = folder.display();
    std::fs::create_dir_all(folder).with_context(|| format!("the folder {shown} cannot be made"))?;
    let commands = cli::described().disable_help_subcommand(true);
    clap_mangen::generate_to(commands, folder).with_context(|| format!("cannot write into {shown}"))?;
    output::remark(&format!("the manual is in {shown}: man {shown}/tidegate.1"));
    Ok(ExitCode::SUCCESS)
}
