//! The units of systemd, judged by systemd itself and by the deadlines of the code; and the Debian package that
//! brings them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use harness::binaries::{binary, workspace};
use serde_json::Value;

use super::path;
use crate::manifests::render::{file, run};
use crate::manifests::settings::{number, variables};

/// Each unit, the command that it runs, and how long the code may take to end it.
const UNITS: [(&str, &str, &[&str]); 4] = [
    (
        "tidegate",
        "up",
        &[
            "GATEWAY_DRAIN_DEADLINE_SECS",
            "WORKER_DRAIN_SECS",
            "QUEUE_DEADLINE_SECS",
            "DATABASE_DEADLINE_SECS",
        ],
    ),
    ("tidegate-gateway", "gateway", &["GATEWAY_DRAIN_DEADLINE_SECS", "QUEUE_DEADLINE_SECS"]),
    (
        "tidegate-console",
        "console",
        &["CONSOLE_DRAIN_DEADLINE_SECS", "QUEUE_DEADLINE_SECS", "DATABASE_DEADLINE_SECS"],
    ),
    ("tidegate-worker", "worker", &["WORKER_DRAIN_SECS", "QUEUE_DEADLINE_SECS", "DATABASE_DEADLINE_SECS"]),
];
const MARGIN_SECS: u64 = 5;
/// Of 100, as `systemd-analyze security` counts: what remains is the network and the machine's own root folder.
const EXPOSURE_AT_MOST: &str = "20";
const SHARED: &str = "# What all units share.\n";

fn unit(name: &str) -> String {
    file(&format!("packaging/systemd/{name}.service"))
}

fn setting<'a>(unit: &'a str, key: &str) -> &'a str {
    let mut found = unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let value = found.next().unwrap_or_else(|| panic!("{key} is not set"));
    assert!(found.next().is_none(), "{key} is set twice");
    value
}

/// A machine that has our units, systemd's own targets, and something at the place of our binary.
fn machine(change: impl Fn(&str) -> String) -> std::path::PathBuf {
    let root = path("target/repository").join(shared::trace::random_hex::<8>());
    for folder in ["etc/systemd/system", "usr/lib/systemd/system", "usr/bin"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    std::os::unix::fs::symlink("usr/lib", root.join("lib")).unwrap();
    for entry in fs::read_dir("/lib/systemd/system").expect("systemd is installed").flatten() {
        let name = entry.file_name();
        let is_wanted = [".target", ".slice"].iter().any(|end| name.to_string_lossy().ends_with(end));
        if is_wanted && entry.path().is_file() {
            fs::copy(entry.path(), root.join("usr/lib/systemd/system").join(name)).unwrap();
        }
    }
    fs::copy("/bin/true", root.join("usr/bin/tidegate")).unwrap();
    for (name, _, _) in UNITS {
        fs::write(root.join(format!("etc/systemd/system/{name}.service")), change(&unit(name))).unwrap();
    }
    root
}

/// What systemd has against the units; nothing, where it takes them.
fn verified(change: impl Fn(&str) -> String) -> String {
    let root = machine(change);
    let names = UNITS.map(|(name, _, _)| format!("{name}.service"));
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", &format!("--root={}", root.display())])
        .args(names)
        .output()
        .expect("systemd-analyze runs");
    fs::remove_dir_all(root).unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() || !said.is_empty());
    said
}

#[test]
fn systemd_takes_the_units_as_they_are() {
    assert_eq!(verified(str::to_owned), "");
    let misspelt = verified(|unit| unit.replace("ProtectClock", "ProtectClok"));
    assert!(misspelt.contains("Unknown key"), "{misspelt}");
}

#[test]
fn systemd_finds_the_units_closed_to_the_rest_of_the_machine() {
    let root = machine(str::to_owned);
    let judge = |name: &str| {
        run(
            Command::new("systemd-analyze")
                .args(["security", "--no-pager", "--offline=yes", &format!("--threshold={EXPOSURE_AT_MOST}")])
                .arg(format!("--root={}", root.display()))
                .arg(name),
            "",
        )
    };
    for (name, _, _) in UNITS {
        judge(&format!("{name}.service")).unwrap();
    }
    fs::write(root.join("etc/systemd/system/open.service"), "[Service]\nExecStart=/usr/bin/tidegate up\n")
        .unwrap();
    judge("open.service").expect_err("a unit without restrictions is exposed");
    fs::remove_dir_all(root).unwrap();
    let allowed: BTreeSet<String> = UNITS
        .iter()
        .map(|(name, _, _)| unit(name).split_once(SHARED).expect("it shares").1.to_owned())
        .collect();
    assert_eq!(allowed.len(), 1, "the units differ in what they are allowed");
}

#[test]
fn units_run_commands_that_there_are_and_grant_the_time_that_these_take_to_end() {
    for (name, command, deadlines) in UNITS {
        let unit = unit(name);
        assert_eq!(setting(&unit, "ExecStart"), format!("/usr/bin/tidegate {command}"));
        run(Command::new(binary("tidegate")).args(["help", command]), "").unwrap();
        assert_eq!(setting(&unit, "Type"), "notify");
        let seconds = |key| setting(&unit, key).strip_suffix('s').unwrap().parse::<u64>().unwrap();
        let needed = deadlines.iter().map(|name| number(&BTreeMap::new(), name)).sum::<u64>() + MARGIN_SECS;
        let granted = seconds("TimeoutStopSec");
        assert!(needed <= granted, "{name} needs {needed} s and is granted {granted} s");
        assert!(seconds("WatchdogSec") >= 20 && seconds("TimeoutStartSec") >= 30, "{name}");
    }
}

#[test]
fn the_file_of_settings_names_variables_that_the_code_reads_and_sets_none() {
    let settings = file("packaging/systemd/tidegate.env");
    assert!(settings.lines().all(|line| line.is_empty() || line.starts_with('#')), "defaults are the code's");
    let offered: Vec<&str> =
        settings.lines().filter_map(|line| Some(line.strip_prefix('#')?.split_once('=')?.0)).collect();
    assert!(offered.len() >= 4, "{offered:?}");
    for name in offered {
        assert!(variables().contains_key(name), "nothing reads {name}");
    }
}

#[test]
fn the_debian_package_brings_the_binary_and_every_unit() {
    let told = run(
        Command::new("cargo")
            .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
            .current_dir(workspace()),
        "",
    );
    let tree: Value = serde_json::from_str(&told.unwrap()).unwrap();
    let ops = tree["packages"].as_array().unwrap().iter().find(|package| package["name"] == "ops").unwrap();
    let deb = &ops["metadata"]["deb"];
    let assets: BTreeMap<String, String> = deb["assets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|asset| {
            let [from, to, mode] = [0, 1, 2].map(|index| asset[index].as_str().unwrap().to_owned());
            let secret = to.starts_with("etc/");
            assert_eq!(
                mode,
                if secret {
                    "600"
                } else if to == "usr/bin/" {
                    "755"
                } else {
                    "644"
                },
                "{from}"
            );
            (from, to)
        })
        .collect();
    assert_eq!(assets["target/release/tidegate"], "usr/bin/");
    for source in assets.keys().filter(|source| !source.starts_with("target/")) {
        assert!(path("ops").join(source).is_file(), "{source} is not in the tree");
    }
    let packed: BTreeSet<String> =
        assets.keys().filter_map(|it| it.strip_prefix("../packaging/systemd/")).map(str::to_owned).collect();
    let there = fs::read_dir(path("packaging/systemd")).unwrap().flatten();
    let there: BTreeSet<String> = there.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert_eq!(packed, there);
    let settings = format!("/{}", assets["../packaging/systemd/tidegate.env"]);
    assert_eq!(deb["conf-files"], serde_json::json!([settings]), "an upgrade keeps what was set");
    for (name, _, _) in UNITS {
        assert_eq!(setting(&unit(name), "EnvironmentFile"), format!("-{settings}"));
    }
    for script in ["postinst", "postrm"] {
        run(Command::new("sh").arg("-n").arg(path("packaging/debian").join(script)), "").unwrap();
    }
}
