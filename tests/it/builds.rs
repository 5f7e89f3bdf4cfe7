//! What a build costs is held where it was won: one set of features whatever is built, and no crate that comes in
//! by a feature nobody needs. docs/building.md has the figures.

use std::collections::BTreeSet;
use std::process::Command;

use harness::binaries::workspace;

/// The crates of a build as cargo would make them, each with its features.
fn crates(selection: &[&str]) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "-e", "normal,build", "--prefix", "none"])
        .args(["--format", "{p} [{f}]"])
        .args(selection)
        .current_dir(workspace())
        .output()
        .expect("the cargo that built the tests can be run");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).expect("names of crates are text");
    tree.lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn what_is_built_for_one_command_serves_the_others() {
    let workspace = crates(&["--workspace"]);
    // `cargo run` builds the first, `scripts/test --quick` the second.
    let quick = ["-p", "domain", "-p", "envelope", "-p", "ops", "-p", "tests"];
    for selection in [&[][..], &quick[..]] {
        let own = crates(selection);
        assert!(own.iter().any(|it| it.starts_with("hyper v1")), "{own:?}");
        let again: Vec<&String> = own.difference(&workspace).collect();
        assert!(again.is_empty(), "built twice, for their features differ: {again:#?}");
    }
}

#[test]
fn nothing_is_built_that_only_a_feature_brings() {
    let crates = crates(&[]);
    for (name, why) in [
        ("async-stripe v", "its client asks over HTTP/2 and hides the headers of an answer"),
        ("h2 v", "nobody here speaks HTTP/2"),
        (
            "icu_provider v",
            "host names are ASCII: Cargo.lock keeps idna_adapter at 1.0 (cargo update --precise)",
        ),
        ("p12-keystore v", "lapin's TLS would bring it; ours is queue/rabbitmq/socket.rs"),
        ("procfs v", "shared/src/process_metrics.rs reads /proc"),
        ("regex-automata v", "logs are filtered by target"),
        ("sqlx-macros v", "they build sqlx and SQLite a second time, for the compiler"),
    ] {
        assert!(!crates.iter().any(|it| it.starts_with(name)), "{name}: {why}");
    }
}
