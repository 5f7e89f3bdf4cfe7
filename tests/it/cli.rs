//! `tidegate` as people meet it: in an empty folder with nothing configured, and where it says no.

mod demo;
mod demo_shop;
mod laptop;
mod settings;
mod terminal;
mod typed;

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;

use harness::binaries::workspace;
use harness::process_guard::until;
use serde_json::Value;

pub(crate) use self::laptop::items;
use self::laptop::{Laptop, PATIENCE, mode, named, text};

#[tokio::test]
async fn with_nothing_configured_samples_land_and_their_story_can_be_told() {
    let laptop = Laptop::new();
    let up = laptop.up().await;
    assert_eq!(mode(&laptop.path("data")), 0o700);
    assert_eq!(mode(&laptop.path("data/dev-webhook-secret")), 0o600);
    let greeting = laptop.greeting();
    assert!((7..14).contains(&greeting.lines().count()), "it is read at a glance: {greeting}");
    let secret = laptop.secret();
    assert!(greeting.contains(secret.trim()) && greeting.contains(&laptop.gateway.to_string()), "{greeting}");

    // Over one connection events arrive in their order; which step an event made depends on that.
    let sent = laptop.json(&["send", "retried", "--concurrency", "1", "--json"]);
    let count = sent["sent"].as_u64().unwrap();
    assert_eq!(sent["accepted"].as_u64(), Some(count));
    laptop.has_events(count).await;

    let events = laptop.json(&["events", "list", "--json", "--type", "payment_intent.*"]);
    let kinds: Vec<&str> = events.as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.len(), 4, "{kinds:?}");

    let invoice = named(&sent, "invoice");
    let shown = laptop.said(&["show", "invoice", &invoice]);
    for part in ["paid", "failed -> paid", "Stripe reported it paid", &named(&sent, "payment"), "evt_"] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    let json = laptop.json(&["show", "payment", &named(&sent, "payment"), "--json"]);
    assert_eq!(json[0]["payment"]["status"], "succeeded");

    // Its charge tells that it succeeded, too: whichever of the two was handled first.
    let steps = json[0]["timeline"].as_array().unwrap();
    let is_success = |step: &&Value| step["subject_kind"] == "payment" && step["after"] == "succeeded";
    let event = steps.iter().find(is_success).unwrap()["event_id"].as_str().unwrap();
    let traced = laptop.said(&["trace", event]);
    for part in ["created", "received", "applied", "payment  pi_", "requires_payment_method -> succeeded"] {
        assert!(traced.contains(part), "{part} is not in\n{traced}");
    }
    let body = laptop.run(&["events", "show", event, "--body"]);
    assert_eq!(serde_json::from_slice::<Value>(&body.stdout).unwrap()["id"], event);
    assert!(text(&body.stderr).contains("personal data"), "it warns");
    assert!(laptop.said(&["queue"]).contains("queue.db"));

    laptop.ends_well(up);
    assert!(!laptop.log().contains(secret.trim()), "the secret is told to people, not to the log");
}

#[tokio::test]
async fn an_invoice_that_fails_four_times_is_overdue_in_the_shape_of_every_version() {
    let laptop = Laptop::new();
    let up = laptop.up().await;
    let mut count = 0;
    for (version, code) in [
        ("2024-09-30.acacia", "insufficient_funds"),
        ("2025-04-30.basil", ""), // nothing names the payment there, and without a key nobody can be asked
        ("2026-07-29.dahlia", "insufficient_funds"),
        ("2026-11-18.endive", "insufficient_funds"),
    ] {
        let story =
            ["send", "overdue", "--api-version", version, "--concurrency", "1", "--shuffle", "--json"];
        let sent = laptop.json(&story);
        count += sent["sent"].as_u64().unwrap();
        laptop.has_events(count).await;
        let shown = &laptop.json(&["show", "invoice", &named(&sent, "invoice"), "--json"])[0];
        let invoice = &shown["invoice"];
        let reason = invoice["payment_failure_reason"].as_str().unwrap_or_default();
        assert_eq!((&invoice["status"], reason), (&Value::from("overdue"), code), "{version}");
        assert_eq!(invoice["payment_retry_count"], 4, "{version}");
        assert_eq!(shown["failures"].as_array().unwrap().len(), 4, "{version}");
    }
    laptop.ends_well(up);
}

#[tokio::test]
async fn a_seeded_run_repeated_out_of_order_changes_nothing() {
    let laptop = Laptop::new();
    let up = laptop.up().await;
    let first = laptop.json(&["send", "--seed", "7", "--json"]);
    let count = first["sent"].as_u64().unwrap();
    laptop.has_events(count).await;
    let invoice = named(&first, "invoice");
    let before = laptop.json(&["show", "invoice", &invoice, "--json"]);
    let again = laptop.json(&["send", "--seed", "7", "--shuffle", "--repeat", "2", "--json"]);
    assert_eq!(again["accepted"].as_u64(), Some(2 * count));
    until("the repetitions to be counted", PATIENCE, async || {
        let events = laptop.json(&["events", "list", "--json", "--limit", "10000"]);
        Ok(events.as_array().unwrap().iter().all(|event| event["repetitions"] == 2))
    })
    .await
    .unwrap();
    laptop.has_events(count).await;
    assert_eq!(laptop.json(&["show", "invoice", &invoice, "--json"]), before);
    laptop.ends_well(up);
}

#[tokio::test]
async fn the_secret_for_development_outlives_a_restart() {
    let laptop = Laptop::new();
    let up = laptop.up().await;
    let secret = laptop.secret();
    laptop.ends_well(up);
    let up = laptop.up().await;
    assert_eq!(laptop.secret(), secret);
    laptop.ends_well(up);
}

#[test]
fn the_secret_for_development_is_refused_where_others_reach_the_gateway() {
    let laptop = Laptop::new();
    let address = format!("0.0.0.0:{}", laptop.gateway.port());
    let refusal = laptop.refusal(&["up"], &[("GATEWAY_ADDR", &address)], 2);
    assert!(refusal.contains("STRIPE_WEBHOOK_SECRET is not set"), "{refusal}");
    assert!(!laptop.path("data").exists(), "nothing was made");
}

#[test]
fn a_busy_port_is_named_with_the_variable_that_moves_it() {
    let laptop = Laptop::new();
    let _taken = TcpListener::bind(laptop.gateway).unwrap();
    let refusal = laptop.refusal(&["up"], &[], 1);
    assert!(refusal.contains(&laptop.gateway.to_string()) && refusal.contains("GATEWAY_ADDR"), "{refusal}");
    assert_eq!(refusal.lines().count(), 1, "one sentence: {refusal}");
}

#[test]
fn a_file_in_the_place_of_the_folder_is_explained() {
    let laptop = Laptop::new();
    fs::write(laptop.path("data"), "").unwrap();
    let refusal = laptop.refusal(&["up"], &[], 1);
    assert!(refusal.contains("data is a file"), "{refusal}");
}

#[test]
fn samples_stay_away_from_other_machines_and_from_deployments() {
    let laptop = Laptop::new();
    let secret = ("STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdefGHIJ");
    let remote = laptop.refusal(&["send", "--url", "http://192.0.2.1/webhooks/stripe"], &[secret], 2);
    assert!(remote.contains("--yes-i-know"), "{remote}");
    let deployed = laptop.refusal(&["send"], &[secret, ("GATEWAY_ADDR", "0.0.0.0:8080")], 2);
    assert!(deployed.contains("looks like a deployment"), "{deployed}");
}

#[test]
fn to_look_makes_nothing() {
    let laptop = Laptop::new();
    for look in [&["events", "list"][..], &["trace", "evt_1"], &["show", "invoice", "in_1"], &["queue"]] {
        let refusal = laptop.refusal(look, &[], 1);
        assert!(refusal.contains("there is no") && refusal.contains("up"), "{refusal}");
    }
    assert!(!laptop.path("data").exists());
}

#[test]
fn what_is_not_there_is_said_with_where_and_what_to_try() {
    let laptop = Laptop::new();
    assert!(laptop.said(&["migrate"]).contains("applied"));
    assert!(laptop.said(&["migrate"]).contains("up to date"), "a second time there is nothing to do");
    for look in [&["trace", "evt_1"][..], &["events", "show", "evt_1"], &["show", "payment", "pi_1"]] {
        let refusal = laptop.refusal(look, &[], 1);
        assert!(refusal.contains("sqlite:data/ledger.db") && refusal.contains("events list"), "{refusal}");
    }
    let swapped = laptop.refusal(&["show", "payment", "in_1"], &[], 1);
    assert!(swapped.contains("show invoice in_1"), "{swapped}");
}

#[test]
fn configuration_is_shown_without_secrets_and_bad_values_are_not_echoed() {
    let laptop = Laptop::new();
    let set = [
        ("STRIPE_WEBHOOK_SECRET", "whsec_0123456789abcdefGHIJ"),
        ("DATABASE_URL", "postgres://user:hunter2@127.0.0.1/ledger"),
    ];
    for arguments in [&["env"][..], &["env", "--json"]] {
        let output = laptop.run_with(arguments, &set);
        let shown = text(&output.stdout);
        assert!(shown.contains("STRIPE_WEBHOOK_SECRET") && shown.contains("postgres://127.0.0.1/ledger"));
        assert!(!shown.contains("whsec_0123") && !shown.contains("hunter2"), "{shown}");
    }
    let refusal = laptop.refusal(&["up"], &[("WORKER_BATCH_EVENTS", "hunter2")], 2);
    assert!(refusal.contains("WORKER_BATCH_EVENTS") && !refusal.contains("hunter2"), "{refusal}");
}

#[test]
fn the_configuration_page_has_the_tables_that_the_program_prints() {
    let page = fs::read_to_string(workspace().join("docs/configuration.md")).unwrap();
    let tables = Laptop::new().said(&["env", "--markdown"]);
    assert!(page.ends_with(&tables), "docs/configuration.md does not end with:\n{tables}");
}

#[test]
fn help_is_given_and_nonsense_refused_with_two() {
    let laptop = Laptop::new();
    let help = laptop.said(&["--help"]);
    for part in ["Run\n", "Look\n", "Try\n", "Examples\n", "tidegate env"] {
        assert!(help.contains(part), "{part} is not in\n{help}");
    }
    for nonsense in [&["bogus"][..], &["send", "bogus"], &["events", "list", "--since", "x"], &["show"]] {
        laptop.refusal(nonsense, &[], 2);
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let laptop = Laptop::new();
    for arguments in [&["env"][..], &["send", "--list"], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = laptop.command(arguments, &[]).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        let said = text(&output.stderr);
        assert!(output.status.success() && !said.contains("panicked"), "{arguments:?}: {said}");
    }
}
