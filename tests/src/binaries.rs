//! The binaries under test: built once per run with the profile of the tests themselves, so that a test
//! never drives yesterday's program.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use shared::env::Env;

/// The path of one of our binaries: `tidegate`, `tidegate-gateway`, `tidegate-worker` or `bench`.
pub fn binary(name: &str) -> PathBuf {
    static BUILT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let folder = profile_folder();
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if !built.contains(name) {
        build(&folder, name);
        built.insert(name.to_owned());
    }
    folder.join(name)
}

/// `target/<profile>`, from `target/<profile>/deps/it-…` or `target/<profile>/bench`, which is what runs now.
fn profile_folder() -> PathBuf {
    let executable = std::env::current_exe().expect("a process can name its executable");
    let folder = executable.parent().expect("an executable stands in a folder");
    let inner = folder.file_name().is_some_and(|name| name == "deps");
    let profile = if inner { folder.parent() } else { Some(folder) };
    profile.expect("what cargo builds stands in target/<profile>").to_owned()
}

fn build(folder: &Path, name: &str) {
    let profile = match folder.file_name().and_then(|name| name.to_str()).expect("profiles have plain names")
    {
        "debug" => "dev",
        other => other,
    };
    let output = cargo()
        .args(["build", "--workspace", "--bin", name, "--locked", "--quiet", "--profile", profile])
        .arg("--target-dir")
        .arg(folder.parent().expect("a profile stands in a target folder"))
        .current_dir(workspace())
        .output()
        .expect("the cargo that built the tests can be run");
    assert!(
        output.status.success(),
        "cargo build --workspace --bin {name} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The cargo that built the tests, as a person would call it.
pub fn cargo() -> Command {
    let cargo = Path::new(env!("CARGO"));
    let mut command = Command::new(cargo);
    // What cargo tells a test about its package would make build scripts run again, and all that follows.
    let environment = Env::of_process();
    for (name, _) in environment.with_prefix("CARGO").filter(|(name, _)| is_about_the_package(name)) {
        command.env_remove(name);
    }
    command.env_remove("LD_LIBRARY_PATH");
    // With it the test binary reports times (`--report-time`); cargo would build everything anew.
    command.env_remove("RUSTC_BOOTSTRAP");
    if environment.given("RUSTUP_TOOLCHAIN").is_none() {
        // Without cargo around us, rustup would let folders of the registry choose another toolchain.
        command.env("RUSTUP_TOOLCHAIN", cargo.ancestors().nth(2).expect("cargo stands in a toolchain's bin"));
    }
    command
}

fn is_about_the_package(name: &str) -> bool {
    const PREFIXES: &[&str] =
        &["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_", "CARGO_PRIMARY_"];
    name == "CARGO" || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The root of the source tree.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand inside the workspace")
}
