//! Builds the copy once, runs all tests with no fault on, then the tests of each fault while it is on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use harness::binaries::{cargo, workspace};
use serde_json::Value;

use super::faults::{Fault, Kind, Test};
use super::tree;

/// The longest of the tests takes minutes on a busy machine; one that is not over by now hangs.
const PATIENCE: Duration = Duration::from_mins(15);

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    Hung,
    /// It ended otherwise than a test does: nothing is known.
    NoTest,
}

struct Built {
    root: PathBuf,
    /// The test binaries, by package; the tests of the whole product are those of `tests`.
    binaries: BTreeMap<String, PathBuf>,
}

/// Which copy of the tree, and what of it is built.
#[derive(Clone, Copy)]
pub(super) struct Copy {
    pub(super) folder: &'static str,
    pub(super) build: &'static [&'static str],
}

pub(super) const WHOLE: Copy =
    Copy { folder: "target/sabotage", build: &["build", "--workspace", "--bins", "--tests"] };
/// Its rules alone, with their own tests.
pub(super) const RULES: Copy =
    Copy { folder: "target/sabotage-rules", build: &["test", "--package", "domain", "--lib", "--no-run"] };

/// Prints a line for each fault, and returns those that no test noticed.
pub(super) fn all(of: Copy, faults: &[Fault], chosen: &[Fault]) -> Vec<String> {
    let root = tree::lay_out(faults, workspace(), of.folder);
    let begun = Instant::now();
    let copy = Built { binaries: build(&root, of.build), root };
    println!("built in {} s, with {} faults\n", begun.elapsed().as_secs(), faults.len());
    fs::create_dir_all(copy.root.join("target/log")).unwrap();
    copy.switch("");
    let begun = Instant::now();
    let tests: BTreeSet<&Test> = chosen.iter().flat_map(|fault| &fault.tests).collect();
    let broken: Vec<_> = copy.healthy(&tests);
    assert!(broken.is_empty(), "these fail with no fault on, so they catch nothing: {}", broken.join(", "));
    println!("{} tests pass with no fault on: {} s\n", tests.len(), begun.elapsed().as_secs());
    println!("| room | fault | caught by | | s |\n|---|---|---|---|---|");
    let (begun, mut survivors) = (Instant::now(), Vec::new());
    for fault in chosen {
        copy.switch(&fault.name);
        for test in &fault.tests {
            let (started, verdict) = (Instant::now(), copy.run(test, &fault.name));
            let word = match verdict {
                Verdict::Failed => "caught",
                Verdict::Passed => "**SURVIVED**",
                Verdict::Hung => "**HANGS**",
                Verdict::NoTest => "**NO TEST RAN**",
            };
            let seconds = started.elapsed().as_secs_f32();
            println!("| {} | `{}` | `{}` | {word} | {seconds:.1} |", fault.room, fault.name, test.name);
            if verdict != Verdict::Failed {
                survivors.push(format!("{} ({})", fault.name, test.name));
            }
        }
    }
    copy.switch("");
    println!("\n{} faults, {} survived: {} s", chosen.len(), survivors.len(), begun.elapsed().as_secs());
    survivors
}

impl Built {
    fn switch(&self, name: &str) {
        fs::write(self.root.join(tree::SWITCH), name).unwrap();
    }

    /// Those that fail although nothing is wrong. Tests of one binary run together.
    fn healthy(&self, tests: &BTreeSet<&Test>) -> Vec<String> {
        let mut by_kind = BTreeMap::<&Kind, Vec<&str>>::new();
        for test in tests {
            by_kind.entry(&test.kind).or_default().push(&test.name);
        }
        let mut broken = Vec::new();
        for (kind, names) in by_kind {
            if self.execute(kind, &names, "no-fault", PATIENCE * 5) != Verdict::Passed {
                let alone =
                    |name: &&&str| self.execute(kind, &[**name], "no-fault", PATIENCE) != Verdict::Passed;
                broken.extend(names.iter().filter(alone).map(|name| (*name).to_owned()));
            }
        }
        broken
    }

    fn run(&self, test: &Test, fault: &str) -> Verdict {
        self.execute(&test.kind, &[&test.name], fault, PATIENCE)
    }

    fn execute(&self, kind: &Kind, names: &[&str], log: &str, patience: Duration) -> Verdict {
        let package = match kind {
            Kind::Lib(package) => package.as_str(),
            Kind::It | Kind::Servers => "tests",
        };
        let binary = self.binaries.get(package).unwrap_or_else(|| panic!("{package} has no tests"));
        let path = self.root.join("target/log").join(format!("{log}.txt"));
        let file = File::create(&path).unwrap();
        let mut command = Command::new(binary);
        command.arg("--exact").args(names).current_dir(self.root.join(package)).stdin(Stdio::null());
        command.stdout(file.try_clone().unwrap()).stderr(file);
        if *kind == Kind::It {
            command.env("TESTS_ON_SQLITE_ALONE", "1");
        }
        let mut child = command.spawn().unwrap();
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > patience {
                child.kill().unwrap();
                child.wait().unwrap();
                return Verdict::Hung;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let text = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&text);
        let ran = text.contains(&format!("running {} test", names.len()));
        match (ran, status.success(), text.contains("test result: FAILED")) {
            (true, true, false) => Verdict::Passed,
            (true, false, true) => Verdict::Failed,
            // A process that ends itself, as the watchdog does, took the test with it.
            (true, false, false) if status.code().is_some() => Verdict::Failed,
            _ => Verdict::NoTest,
        }
    }
}

/// One call of cargo, as CI makes it. The harness finds the binaries beside the tests.
fn build(copy: &Path, what: &[&str]) -> BTreeMap<String, PathBuf> {
    let output = cargo()
        .args(what)
        .args(["--locked", "--message-format", "json"])
        .arg("--target-dir")
        .arg(copy.join("target"))
        .current_dir(copy)
        // CI lints through it; a copy with faults has more to lint.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo can be run");
    let (mut binaries, mut errors) = (BTreeMap::new(), String::new());
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        // A switch leaves much unused and in parentheses: only what does not build is of interest.
        if message["message"]["level"] == "error" {
            errors.push_str(message["message"]["rendered"].as_str().unwrap_or_default());
        }
        let (Some(path), Some(true)) = (message["executable"].as_str(), message["profile"]["test"].as_bool())
        else {
            continue;
        };
        let manifest = Path::new(message["manifest_path"].as_str().unwrap());
        let package = manifest.parent().unwrap().strip_prefix(copy).unwrap().to_string_lossy().into_owned();
        let is_library = message["target"]["kind"][0] == "lib";
        if is_library || !binaries.contains_key(&package) {
            binaries.insert(package, PathBuf::from(path));
        }
    }
    assert!(output.status.success(), "the copy with its faults does not build:\n{errors}");
    binaries
}
