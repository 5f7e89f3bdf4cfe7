//! What a terminal changes: tables fit it, what needs attention has a colour, and the log has a line an event.

use std::process::Command;

use harness::binaries::binary;

use super::laptop::{Laptop, named, text};

/// Runs a command at its own terminal, so many columns wide, and gives what it printed there.
fn at_terminal(laptop: &Laptop, columns: u32, arguments: &str, settings: &[(&str, &str)]) -> String {
    let mut command = Command::new("script");
    let called = format!("stty rows 40 cols {columns}; {} {arguments}", binary("tidegate").display());
    command.args(["-qec", &called, "/dev/null"]).current_dir(laptop.guard.folder());
    command.env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("SHELL", "/bin/sh");
    command.envs(laptop.settings.iter().map(|(name, value)| (*name, value.as_str())));
    let output = command.envs(settings.iter().copied()).output().unwrap();
    text(&output.stdout).replace('\r', "")
}

#[tokio::test]
async fn tables_fit_the_terminal_and_ids_stay_whole() {
    let laptop = Laptop::new();
    let up = laptop.up().await;
    let sent = laptop.json(&["send", "overdue", "--json"]);
    laptop.has_events(sent["sent"].as_u64().unwrap()).await;
    let invoice = named(&sent, "invoice");
    assert!(laptop.said(&["invoices", "list"]).lines().any(|line| line.len() > 100), "it is a wide table");
    for columns in [60, 80, 100] {
        for list in [
            "invoices list",
            "payments list",
            "events list",
            "failures list",
            "status",
            "invoices list --help",
        ] {
            let shown = at_terminal(&laptop, columns, list, &[("NO_COLOR", "1")]);
            let is_wide = |line: &&str| line.chars().count() > usize::try_from(columns).unwrap();
            // The command for the next page is to be copied, hence in one piece.
            let wide: Vec<&str> = shown.lines().filter(is_wide).collect();
            assert!(wide.is_empty(), "{list} at {columns}: {wide:?}\n{shown}");
        }
        assert!(at_terminal(&laptop, columns, "invoices list", &[]).contains(&invoice));
    }
    laptop.ends_well(up);
}

#[test]
fn what_needs_attention_has_a_colour_only_where_somebody_sees_it() {
    let laptop = Laptop::new();
    let act = "\u{1b}[1;31mACT\u{1b}[0m";
    let shown = at_terminal(&laptop, 100, "status", &[]);
    assert!(shown.contains(act), "{shown}");
    for (shown, why) in [
        (at_terminal(&laptop, 100, "status", &[("NO_COLOR", "1")]), "NO_COLOR"),
        (at_terminal(&laptop, 100, "status", &[("TERM", "dumb")]), "a dumb terminal"),
        (text(&laptop.run(&["status"]).stdout), "a pipe"),
    ] {
        assert!(shown.contains("ACT") && !shown.contains('\u{1b}'), "{why}: {shown:?}");
    }
}

#[tokio::test]
async fn the_log_for_people_has_one_short_line_an_event() {
    let mut laptop = Laptop::new();
    laptop.settings.push(("LOG_FORMAT", "text".to_owned()));
    let up = laptop.up().await;
    let sent = laptop.json(&["send", "canceled", "--json"]);
    let count = sent["sent"].as_u64().unwrap();
    laptop.has_events(count).await;
    laptop.ends_well(up);
    let log = laptop.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("evt_")).collect();
    assert_eq!(lines.len() as u64, count, "{log}");
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [time, event, kind, outcome] = words[..] else { panic!("{line}") };
        assert!(time.len() == "08:00:00Z".len() && time.ends_with('Z'), "{line}");
        assert!(
            event.starts_with("evt_") && kind.starts_with("payment_intent.") && outcome == "applied",
            "{line}"
        );
    }
}
