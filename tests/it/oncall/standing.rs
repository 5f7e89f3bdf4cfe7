//! With a key, `doctor` and `status` ask Stripe for the key, its mode, the account and the endpoints, and judge
//! them; without one, `doctor` judges by what has come. And the list of types has one home.

use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use fake_stripe::{FakeStripe, Fault};
use harness::binaries::{binary, workspace};
use harness::ports::free_port;
use harness::stack::{Combination, Stack};
use serde_json::{Value, json};

use super::{json, marks, told};

const PATIENCE: Duration = Duration::from_mins(1);
const URL: &str = "https://hooks.example.com/webhooks/stripe";

type Settings<'s> = &'s [(&'s str, &'s str)];
/// What it is; URL, events and further fields of the endpoint; marks, words and exit code that follow.
type Case<'c> = (&'c str, &'c str, &'c [&'c str], Value, &'c [&'c str], &'c str, i32);

/// The findings of one command with its exit code; no key is in them.
fn asked(stack: &Stack, command: &str, stripe: &FakeStripe, settings: &[(&str, &str)]) -> (Value, i32) {
    let of_stripe = stripe.settings();
    let mut all: Vec<(&str, &str)> = of_stripe.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.extend(settings);
    let output = stack.run(&[command, "--json"], &all);
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains(stripe.key()) && !said.contains("sk_live_0"), "a key is shown: {said}");
    let findings = json(&output)[if command == "doctor" { "checks" } else { "lines" }].clone();
    (findings, output.status.code().unwrap())
}

fn recommended() -> Vec<String> {
    let output = Command::new(binary("tidegate")).args(["events", "types"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)] // one waits for the command, one is Stripe
async fn the_endpoint_that_stripe_has_is_judged() {
    let (stack, stripe) =
        (Stack::start(Combination::SqliteSqlite).await, FakeStripe::start(true).await.unwrap());
    let all = recommended();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let without_refunds: Vec<&str> =
        all.iter().copied().filter(|kind| !kind.starts_with("refund.")).collect();
    let all_sent = format!("all {} recommended types are enabled", all.len());
    let table: [Case<'_>; 7] = [
        ("all events", URL, &["*"], json!({}), &["ok"], &all_sent, 0),
        ("each by its name", URL, &all, json!({}), &["ok"], &all_sent, 0),
        (
            "no refunds",
            URL,
            &without_refunds,
            json!({}),
            &["look", "look"],
            "too few types of each refund are enabled",
            0,
        ),
        ("disabled", URL, &["*"], json!({ "status": "disabled" }), &[], "disabled", 1),
        ("an old version", URL, &["*"], json!({ "api_version": "2015-04-07" }), &["ok"], "API 2015-04-07", 0),
        (
            "another's",
            "https://elsewhere.example/hooks",
            &["*"],
            json!({}),
            &[],
            "none of the 1 in the live mode leads here",
            1,
        ),
        (
            "another host",
            "https://b.example/webhooks/stripe",
            &["*"],
            json!({}),
            &[],
            "leads here: https://b.example",
            1,
        ),
    ];
    for (what, url, events, more, expected, words, code) in table {
        stripe.has_endpoint(url, events, &more);
        for command in ["doctor", "status"] {
            let (findings, ended) =
                asked(&stack, command, &stripe, &[("GATEWAY_PUBLIC_URL", "https://hooks.example.com/")]);
            assert_eq!(ended, code, "{what}: {findings:#}");
            assert_eq!(marks(&findings, "Stripe"), ["ok"], "{what}: the key is good: {findings:#}");
            assert_eq!(marks(&findings, "Stripe events"), *expected, "{what}: {findings:#}");
            let told = told(&findings, "Stripe endpoint") + &told(&findings, "Stripe events");
            assert!(told.contains(words), "{what}: {words} is not in\n{told}");
        }
    }
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)] // one waits for the command, one is Stripe
async fn a_key_of_the_wrong_mode_a_refused_one_and_a_stripe_that_is_away_are_told_apart() {
    let (stack, stripe) =
        (Stack::start(Combination::SqliteSqlite).await, FakeStripe::start(true).await.unwrap());
    stripe.has_endpoint(URL, &["*"], &json!({}));
    let nowhere = format!("http://127.0.0.1:{}/", free_port());
    for command in ["doctor", "status"] {
        let of_test = [("STRIPE_WEBHOOK_MODE", "test")];
        let cases: [(Settings<'_>, &str, i32); 4] = [
            (&[], "live mode of acct_1Fake0Tidegate00, DE", 0),
            (
                &of_test,
                "the key belongs to the live mode, but only events of the test mode are applied here",
                1,
            ),
            (
                &[("STRIPE_SECRET_KEY", "sk_live_0123456789abcdef")],
                "rejects the key (401): it was revoked",
                1,
            ),
            (&[("STRIPE_API_URL", &nowhere)], "is unreachable: Stripe cannot be reached", 1),
        ];
        for (settings, words, code) in cases {
            let (findings, ended) = asked(&stack, command, &stripe, settings);
            let told = told(&findings, "Stripe");
            assert!(told.contains(words), "{command}: {words} is not in\n{findings:#}");
            assert_eq!(ended, code, "{command}: {words}: {findings:#}");
        }
        stripe.fails([Fault::Trouble(500), Fault::Trouble(500)]);
        let (findings, ended) = asked(&stack, command, &stripe, &[]);
        assert_eq!((marks(&findings, "Stripe"), ended), (vec!["act"], 1), "{command}: in trouble, said once");
        stripe.denies(["/account", "/webhook_endpoints"]);
        let (findings, ended) = asked(&stack, command, &stripe, &[]);
        assert_eq!((marks(&findings, "Stripe"), ended), (vec!["look", "look"], 0), "{command}: {findings:#}");
        assert!(
            told(&findings, "Stripe").contains("let the restricted key read Webhook Endpoints"),
            "{findings:#}"
        );
        stripe.denies([]);
    }
    let without = json(&stack.run(&["doctor", "--json"], &[]));
    assert!(told(&without["checks"], "Stripe").contains("STRIPE_SECRET_KEY is not set"), "{without:#}");
    stack.end().await;
}

#[tokio::test]
async fn without_a_key_it_is_judged_by_what_has_come() {
    let stack = Stack::start(Combination::SqliteSqlite).await;
    let send = async |number: usize, kind: &str, object: Value| {
        let created = shared::clock::now().timestamp();
        let body = json!({ "id": format!("evt_{number}"), "object": "event", "api_version": "2024-06-20", "created": created,
            "livemode": true, "type": kind, "data": { "object": object } });
        assert!(stack.client().send(&Bytes::from(body.to_string())).await.accepted());
    };
    let charge = |number: usize, refunded: i64| {
        json!({ "id": format!("ch_{number}"), "object": "charge", "status": "succeeded", "amount": 500, "amount_captured": 500,
            "amount_refunded": refunded, "captured": true, "currency": "usd", "paid": true, "refunded": false,
            "payment_intent": format!("pi_{number}") })
    };
    let findings = || json(&stack.run(&["doctor", "--json"], &[]))["checks"].clone();
    assert_eq!(marks(&findings(), "event types"), ["ok"], "none yet");
    for number in 0..20 {
        send(number, "charge.succeeded", charge(number, 0)).await;
    }
    send(20, "charge.refunded", charge(0, 200)).await;
    stack.ledger().has_handled(21, PATIENCE).await.unwrap();
    let checks = findings();
    assert_eq!(marks(&checks, "event types"), ["look"]);
    let told = told(&checks, "event types");
    for words in [
        "charges arrive, but no payment_intent.*",
        "refunds are known only as totals",
        "tidegate events types",
    ] {
        assert!(told.contains(words), "{words} is not in\n{told}");
    }
    stack.end().await;
}

#[test]
fn the_documented_list_of_types_is_the_codes() {
    let run = |arguments: &[&str]| {
        let output = Command::new(binary("tidegate")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let page = std::fs::read_to_string(workspace().join("docs/events.md")).unwrap();
    for table in run(&["events", "types", "--markdown"]).split("\n\n") {
        assert!(
            page.contains(table.trim_end()),
            "docs/events.md lacks, as `tidegate events types --markdown` prints it:\n{table}"
        );
    }
    let told: Value = serde_json::from_str(&run(&["events", "types", "--json"])).unwrap();
    let listed: Vec<&str> =
        told["enabled_events"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap()).collect();
    assert_eq!(listed, run(&["events", "types"]).lines().collect::<Vec<_>>());
    assert!(
        page.contains(&listed.join(",")),
        "docs/events.md has the list for Stripe's CLI: {}",
        listed.join(",")
    );
}
