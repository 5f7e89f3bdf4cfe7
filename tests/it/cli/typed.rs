//! The command line as people type it: an id alone, events as they come, a cause by its short id.

use std::fs;
use std::process::Stdio;

use harness::process_guard::until;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::laptop::{Laptop, PATIENCE, named, text};

#[tokio::test]
async fn an_id_alone_is_enough_to_show_what_it_names() {
    let laptop = Laptop::new();
    let up = laptop.up().await;
    let sent = laptop.json(&["send", "dispute-lost", "--concurrency", "1", "--json"]);
    laptop.has_events(sent["sent"].as_u64().unwrap()).await;
    for kind in ["invoice", "payment", "dispute"] {
        let id = named(&sent, kind);
        assert_eq!(laptop.said(&["show", &id]), laptop.said(&["show", kind, &id]), "{kind}");
    }
    let invoice = named(&sent, "invoice");
    let shown = &laptop.json(&["show", &invoice, "--json"])[0];
    let number = shown["invoice"]["number"].as_str().unwrap().to_owned();
    assert_eq!(laptop.said(&["show", &number]), laptop.said(&["show", "invoice", &invoice]), "by its number");
    let event = shown["timeline"][0]["event_id"].as_str().unwrap();
    assert_eq!(laptop.said(&["show", event]), laptop.said(&["trace", event]));
    let user = laptop.json(&["disputes", "list", "--json"])[0]["user"].as_str().unwrap().to_owned();
    assert_eq!(laptop.said(&["show", &user]), laptop.said(&["bans", "explain", &user]), "a user");

    // Nothing of how reports are ordered is in what programs read.
    let document = laptop.said(&["show", &invoice, "--json"]);
    assert!(!document.contains("freshness") && !document.contains("audit_hash"), "{document}");
    let moment = laptop.said(&["invoices", "list"]);
    assert!(moment.contains("Z  "), "a moment has its zone: {moment}");

    let refusal = laptop.refusal(&["show", "in_nothing"], &[], 1);
    assert!(refusal.contains("goes by in_nothing"), "{refusal}");
    laptop.refusal(&["show"], &[], 2);
    laptop.ends_well(up);
}

#[tokio::test]
async fn broken_samples_become_dead_letters_that_a_short_id_selects() {
    let laptop = Laptop::new();
    let up = laptop.up().await;
    let sent = laptop.json(&["send", "broken", "--concurrency", "1", "--json"]);
    laptop.has_events(sent["sent"].as_u64().unwrap()).await;
    let groups = laptop.json(&["dead-letters", "groups", "--json"]);
    let groups = groups.as_array().unwrap();
    assert_eq!(groups.len(), 3, "each story is broken in its own way: {groups:?}");
    for group in groups {
        let cause = group["cause"].as_str().unwrap();
        assert_eq!(cause.len(), 8, "{cause}");
        let selected = ["--fingerprint", cause, "--json"];
        let listed = laptop.json(&[&["dead-letters", "list"], &selected[..]].concat());
        assert_eq!(listed.as_array().unwrap().len(), 1, "{group}");
        assert_eq!(listed[0]["fingerprint"], group["fingerprint"]);
        let plan = laptop.json(&[&["replay", "plan", "--by", "jane"], &selected[..]].concat());
        assert_eq!(plan["events"], 1, "{plan}");
        let fails: Vec<&String> = plan["look_ahead"]["would_fail"].as_object().unwrap().keys().collect();
        assert_eq!(fails, [group["fingerprint"].as_str().unwrap()], "it is broken for good");
        assert!(laptop.said(&["dead-letters", "groups"]).contains(cause));
    }
    let refusal = laptop.refusal(&["dead-letters", "list", "--fingerprint", "00000000"], &[], 1);
    assert!(refusal.contains("dead-letters groups"), "{refusal}");
    laptop.ends_well(up);
}

#[tokio::test]
async fn a_tail_shows_each_event_once_and_ends_well_on_ctrl_c() {
    let laptop = Laptop::new();
    let up = laptop.up().await;
    let before = laptop.json(&["send", "canceled", "--json"])["sent"].as_u64().unwrap();
    laptop.has_events(before).await;
    let page = laptop.path("tailed");
    let mut command = laptop.command(&["events", "tail", "--json", "--lines", "1"], &[]);
    command.stdout(fs::File::create(&page).unwrap()).stderr(Stdio::null());
    let mut tail = command.spawn().unwrap();
    let lines = || fs::read_to_string(&page).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    let begun = until("the last event so far", PATIENCE, async || Ok(lines().len() == 1)).await;
    let sent = laptop.json(&["send", "retried", "--json"])["sent"].as_u64().unwrap();
    let wanted = usize::try_from(sent).unwrap() + 1;
    let tailed = until("what was sent", PATIENCE, async || Ok(lines().len() >= wanted)).await;
    kill_process(Pid::from_child(&tail), Signal::INT).unwrap();
    let ended = until("the tail to end", PATIENCE, async || Ok(tail.try_wait()?.is_some())).await;
    if ended.is_err() {
        tail.kill().unwrap();
    }
    begun.and(tailed).and(ended).unwrap();
    assert!(tail.wait().unwrap().success());
    let mut ids: Vec<String> = lines()
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), wanted);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), wanted, "none is shown twice");
    laptop.ends_well(up);
}

#[tokio::test]
async fn a_watch_ends_with_what_its_last_screen_said() {
    let laptop = Laptop::new();
    let page = laptop.path("watched");
    let mut command = laptop.command(&["status", "--watch", "1"], &[]);
    command.stdout(fs::File::create(&page).unwrap()).stderr(Stdio::null());
    let mut watch = command.spawn().unwrap();
    let shown = || fs::read_to_string(&page).unwrap();
    let looked = until("a screen", PATIENCE, async || Ok(shown().contains("ACT"))).await;
    kill_process(Pid::from_child(&watch), Signal::INT).unwrap();
    let ended = until("the watch to end", PATIENCE, async || Ok(watch.try_wait()?.is_some())).await;
    if ended.is_err() {
        watch.kill().unwrap();
    }
    looked.and(ended).unwrap();
    assert_eq!(watch.wait().unwrap().code(), Some(1), "nothing runs here, and somebody must act");
}

#[test]
fn shells_and_manuals_know_every_command() {
    let laptop = Laptop::new();
    fs::write(laptop.path(".env"), "not a setting").unwrap();
    for (shell, part) in [("bash", "dead-letters"), ("zsh", "dead-letters"), ("fish", "dead-letters")] {
        assert!(laptop.said(&["completions", shell]).contains(part), "{shell}");
    }
    laptop.refusal(&["completions", "cmd"], &[], 2);
    laptop.said(&["man", "manual/man1"]);
    for (page, part) in [
        ("tidegate.1", "Tidegate takes"),
        ("tidegate-send.1", "signed sample"),
        ("tidegate-bans-check.1", "exit code"),
    ] {
        let text = fs::read_to_string(laptop.path("manual/man1").join(page)).unwrap();
        assert!(text.contains(part), "{part} is not in {page}:\n{text}");
    }
    let loaded = std::process::Command::new("bash")
        .args(["-c", "source <(cat); complete -p tidegate"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .and_then(|mut bash| {
            use std::io::Write;
            bash.stdin
                .take()
                .expect("it is piped")
                .write_all(laptop.said(&["completions", "bash"]).as_bytes())?;
            bash.wait_with_output()
        })
        .unwrap();
    assert!(text(&loaded.stdout).contains("tidegate"), "bash takes the script");
}
