//! The command line agrees with itself: its help names every command, and every example is taken.

use super::*;

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn the_help_names_every_command_once() {
    for command in Cli::command().get_subcommands() {
        let listed = HELP.lines().filter(|line| {
            line.starts_with("  ") && line.split_whitespace().next() == Some(command.get_name())
        });
        assert_eq!(listed.count(), 1, "{}", command.get_name());
    }
}

/// The words of an example, up to its explanation, a pipe or a file.
fn words(line: &str) -> Vec<String> {
    let ends = ["  ", " | ", " > ", " < ", " && ", " || "];
    let end = ends.iter().filter_map(|end| line.find(end)).min().unwrap_or(line.len());
    let (mut words, mut is_quoted) = (vec![String::new()], false);
    for letter in line[..end].chars() {
        match letter {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            letter => words.last_mut().expect("there is one").push(letter),
        }
    }
    words
}

#[test]
fn every_example_is_a_command_that_is_taken() {
    fn check(command: &clap::Command, count: &mut usize) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in help.lines().map(str::trim).filter(|line| line.starts_with("tidegate ")) {
            let parsed = Cli::try_parse_from(words(line));
            assert!(parsed.is_ok(), "{}: {line}: {}", command.get_name(), parsed.err().expect("it is"));
            *count += 1;
        }
        command.get_subcommands().for_each(|command| check(command, count));
    }
    let mut count = 0;
    check(&Cli::command(), &mut count);
    assert!(count > 50, "{count} examples");
}

/// What nobody answers for by name: looking, and running the machine. Whatever else there is takes `--by`, and with it gets
/// its actor from `act.rs`.
const NAMELESS: &[&str] = &[
    "up",
    "gateway",
    "console",
    "migrate",
    "topology",
    "backfill",
    "backup",
    "restore",
    "queue recover",
    "events list",
    "events tail",
    "events show",
    "events types",
    "trace",
    "show charge",
    "show customer",
    "show dispute",
    "show invoice",
    "show listing",
    "show payment",
    "show payout",
    "show refund",
    "show subscription",
    "search",
    "env",
    "status",
    "doctor",
    "healthcheck",
    "dead-letters list",
    "dead-letters groups",
    "dead-letters show",
    "replay list",
    "replay show",
    "audit verify",
    "audit head",
    "audit key",
    "hold list",
    "checkout show",
    "invoices list",
    "payments list",
    "charges list",
    "listings list",
    "listings show",
    "listings terms",
    "failures list",
    "refunds list",
    "operations list",
    "operations show",
    "approvals list",
    "disputes list",
    "disputes summary",
    "disputes analytics",
    "disputes evidence show",
    "customers list",
    "bans list",
    "bans explain",
    "bans check",
    "fraud",
    "block list",
    "anomalies",
    "kpi",
    "reconcile list",
    "reconcile show",
    "notices list",
    "notices show",
    "notices preview",
    "notices targets list",
    "findings list",
    "findings show",
    "report day",
    "report week",
    "report month",
    "report soc2",
    "report kpi",
    "report incident",
    "report support",
    "report verify",
    "staff list",
    "staff show",
    "staff accept",
    "staff sessions",
    "staff pending",
    "tokens list",
    "policy list",
    "policy history",
    "send",
    "fake-stripe",
    "completions",
    "man",
];

#[test]
fn every_command_that_acts_says_who() {
    fn check(command: &clap::Command, path: &str, nameless: &mut Vec<String>) {
        if !command.has_subcommands() && command.get_groups().all(|group| group.get_id() != "ByOptions") {
            nameless.push(path.to_owned());
        }
        for inner in command.get_subcommands() {
            check(inner, &format!("{path} {}", inner.get_name()), nameless);
        }
    }
    let mut nameless = Vec::new();
    for command in Cli::command().get_subcommands() {
        check(command, command.get_name(), &mut nameless);
    }
    nameless.sort();
    let mut expected = NAMELESS.to_vec();
    expected.sort_unstable();
    assert_eq!(nameless, expected, "a command that acts takes --by; one that does not stands in NAMELESS");
}

#[test]
fn without_a_command_everything_runs() {
    assert!(Cli::try_parse_from(["tidegate"]).unwrap().command.is_none());
}
