//! The list of `scripts/test --quick` against the tests that there are: a name that matches nothing would be a test
//! that nobody runs.

use std::process::Command;

use harness::binaries::workspace;

#[test]
fn every_name_on_the_list_is_a_test() {
    let listed = Command::new(std::env::current_exe().unwrap()).args(["--list", "--format=terse"]).output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let tests: Vec<&str> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    assert!(tests.contains(&"quick::every_name_on_the_list_is_a_test"), "{listed}");
    let list = std::fs::read_to_string(workspace().join("scripts/quick-tests")).unwrap();
    let lines: Vec<_> = list
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').expect("`lib CRATE` or `it NAME`"))
        .collect();
    assert!(lines.contains(&("lib", "domain")), "the rules are what it is for");
    for (kind, name) in lines {
        let is_there = match kind {
            "lib" => workspace().join(name).join("src/lib.rs").is_file(),
            "it" => tests.iter().any(|test| test.starts_with(name)),
            _ => false,
        };
        assert!(is_there, "{kind} {name}: there is no such test");
    }
}
