//! The runbook has a section for each alert, and every command that it names is one of the tool's.

use std::collections::BTreeSet;
use std::process::Command;

use harness::binaries::binary;

use super::{RUNBOOK, alerts, text};

#[test]
fn each_alert_has_a_section_and_each_section_an_alert() {
    let runbook = text(RUNBOOK);
    let sections: Vec<&str> = runbook.lines().filter_map(|line| line.strip_prefix("## Tidegate")).collect();
    let alerts = alerts();
    let names: Vec<&str> = alerts.iter().filter_map(|name| name.strip_prefix("Tidegate")).collect();
    assert_eq!(sections, names, "in the order of the rules");
    let mut parts = runbook.split("\n## Tidegate");
    parts.next();
    for (name, section) in names.iter().zip(parts) {
        for part in ["**Means.**", "**Check.**", "**Fix.**", "**Escalate.**"] {
            assert!(section.contains(part), "the section of Tidegate{name} lacks {part}");
        }
    }
}

#[test]
fn every_command_of_the_runbook_is_one_of_the_tools_with_its_options() {
    let commands = commands(&text(RUNBOOK));
    assert!(commands.len() > 15, "{commands:?}");
    for (words, options) in commands {
        let help = Command::new(binary("tidegate")).args(&words).arg("--help").output().unwrap();
        assert!(help.status.success(), "tidegate {words:?} is no command");
        let help = String::from_utf8_lossy(&help.stdout);
        // A word that is no command would be taken for an argument, and the help be that of the one before.
        let usage = format!("tidegate {}", words.join(" "));
        assert!(help.contains(&usage), "`{usage}` is not in its own help:\n{help}");
        for option in options {
            assert!(help.contains(&option), "{usage} has no {option}");
        }
    }
}

/// What stands as `tidegate …` in backticks: the words of the command, and its options.
fn commands(page: &str) -> BTreeSet<(Vec<String>, Vec<String>)> {
    let quoted = page.split('`').skip(1).step_by(2);
    let commands = quoted.filter_map(|quoted| quoted.strip_prefix("tidegate "));
    commands
        .map(|command| {
            let is_word = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
            let words = command.split(' ').take_while(|word| is_word(word) && !word.starts_with('-'));
            let options = command.split(' ').filter(|word| word.starts_with("--"));
            (words.map(str::to_owned).collect(), options.map(str::to_owned).collect())
        })
        .collect()
}
