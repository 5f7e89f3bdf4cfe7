//! Versions: one for the whole tree, the newest of the changelog; and no tag that the changelog does not explain.

use std::fs;
use std::process::Command;

use harness::binaries::workspace;

use super::script;
use crate::manifests::render::{file, run};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version of each section, the newest first, and whether it is released.
fn sections(changelog: &str) -> Vec<([u64; 3], bool)> {
    let headings = changelog.lines().filter_map(|line| line.strip_prefix("## "));
    headings
        .map(|heading| {
            if let Some(version) = heading.strip_prefix("Unreleased (").and_then(|it| it.strip_suffix(')')) {
                return (numbers(version), false);
            }
            let (version, day) = heading.split_once(" (").expect("a version and its day");
            let day = day.strip_suffix(')').expect("the day stands in brackets");
            assert!(chrono::NaiveDate::parse_from_str(day, "%Y-%m-%d").is_ok(), "{heading}");
            (numbers(version), true)
        })
        .collect()
}

fn numbers(version: &str) -> [u64; 3] {
    let parts: Vec<u64> = version.split('.').map(|part| part.parse().expect("a number")).collect();
    parts.try_into().expect("three numbers: major, minor, patch")
}

#[test]
fn the_tree_has_the_version_that_the_changelog_has_at_its_top() {
    let sections = sections(&file("CHANGELOG.md"));
    assert_eq!(sections[0].0, numbers(VERSION), "Cargo.toml says {VERSION}");
    assert!(sections.is_sorted_by(|newer, older| newer.0 > older.0), "the newest comes first");
    assert!(sections[1..].iter().all(|(_, is_released)| *is_released), "only the newest may be unreleased");
    assert_eq!(script("release", &["version"]).unwrap().trim(), VERSION);
    assert!(script("release", &["notes"]).unwrap().contains("\n- "));
}

#[test]
fn a_tag_is_released_only_with_the_trees_version_and_a_dated_section_that_says_something() {
    let folder = std::env::temp_dir().join(format!("tidegate-release-{}", shared::trace::random_hex::<8>()));
    fs::create_dir_all(folder.join("scripts")).unwrap();
    fs::copy(workspace().join("scripts/release"), folder.join("scripts/release")).unwrap();
    fs::write(folder.join("Cargo.toml"), "[workspace.package]\nversion = \"1.2.3\"\n").unwrap();
    let check = |tag: &str, changelog: &str| {
        fs::write(
            folder.join("CHANGELOG.md"),
            format!("# Changelog\n\n{changelog}\n## 1.2.2 (2026-01-01)\n\n- Old.\n"),
        )
        .unwrap();
        run(Command::new(folder.join("scripts/release")).args(["check", tag]), "")
    };
    let dated = "## 1.2.3 (2026-11-28)\n\n- New.\n";
    assert_eq!(check("v1.2.3", dated), Ok(String::new()));
    assert!(check("v1.2.4", dated).unwrap_err().contains("expected v1.2.3"));
    assert!(check("v1.2.3", "## Unreleased (1.2.3)\n\n- New.\n").unwrap_err().contains("its day"));
    assert!(check("v1.2.3", "## 1.2.3 (2026-11-28)\n").unwrap_err().contains("says nothing"));
    let notes = run(Command::new(folder.join("scripts/release")).args(["notes", "1.2.2"]), "");
    assert_eq!(notes.unwrap(), "- Old.\n");
    fs::remove_dir_all(folder).unwrap();
}
