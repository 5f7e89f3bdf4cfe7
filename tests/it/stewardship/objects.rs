//! An empty ledger that is filled from Stripe's objects is the ledger that the events made, but for what objects do
//! not tell.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use fake_stripe::FakeStripe;
use harness::process::Process;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use serde_json::Value;
use shared::clock;

use super::life::live;

const PATIENCE: Duration = Duration::from_mins(2);
/// Of the reports, and not of the object: which they were, when they came, how many changed something.
const OF_REPORTS: [&str; 5] = ["merge_state", "first_event_at", "last_event_at", "revision", "needs_refetch"];
/// What objects do not tell: when some things happened to them, how a bank declined, and what was reported in between.
/// docs/completeness.md says so, too.
const UNTOLD: [&str; 10] = [
    "charge.amount_refunded_reported",
    "charge.refund_reported_at",
    "dispute.closed_at",
    "dispute.evidence_submitted_at",
    "dispute.lost_at",
    "dispute.won_at",
    "failure.decline_code",
    "payment.last_decline_code",
    "refund.failed_at",
    "refund.succeeded_at",
];

async fn succeeds(tool: &mut Process) -> String {
    until("a command of tidegate", PATIENCE, async || Ok(tool.has_ended())).await.unwrap();
    assert!(tool.succeeded(), "{}", tool.log());
    tool.output()
}

async fn backfill(stack: &Stack, stripe: &FakeStripe, arguments: &[&str]) -> Value {
    let arguments = [&["backfill", "--json", "--since", "2020-01-01T00:00:00Z"], arguments].concat();
    let mut tool = stack.begin_tool_with(&arguments, &stripe.settings()).unwrap();
    serde_json::from_str(&succeeds(&mut tool).await).unwrap()
}

async fn applies(stack: &Stack, told: &Value) {
    let count = usize::try_from(told["missing"].as_u64().unwrap()).unwrap();
    stack.ledger().has_handled(count, PATIENCE).await.unwrap();
    let dead = stack
        .ledger()
        .count("SELECT count(*) FROM events WHERE outcome <> 'applied' AND type NOT LIKE 'p%'")
        .await;
    assert_eq!(dead.unwrap(), 0);
}

/// Which columns of which kind differ, with an example; and the objects that only the events told of.
async fn differences(by_events: &Stack, by_objects: &Stack) -> BTreeMap<String, String> {
    let (one, other) =
        (by_events.ledger().rows("").await.unwrap(), by_objects.ledger().rows("").await.unwrap());
    let mut differing = BTreeMap::new();
    for (subject, row) in &one {
        let Some(twin) = other.get(subject) else {
            differing.insert(format!("{}: missing", subject.kind), format!("{subject:?}"));
            continue;
        };
        for (column, value) in row.iter().filter(|(column, _)| !OF_REPORTS.contains(&column.as_str())) {
            if twin[column] != *value {
                let example = format!("{}: {value} by events, {} by objects", subject.id, twin[column]);
                differing.insert(format!("{}.{column}", subject.kind), example);
            }
        }
    }
    for subject in other.keys().filter(|subject| !one.contains_key(*subject)) {
        differing.insert(format!("{}: only by objects", subject.kind), format!("{subject:?}"));
    }
    differing
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_gone_on_with_tells_the_span_that_it_compared() {
    let stripe = FakeStripe::start(false).await.unwrap();
    live(&stripe);
    let stack = Stack::start(Combination::SqliteSqlite).await;
    let request = ["backfill", "--objects", "--json", "--since", "2020-01-01T00:00:00Z"];
    let slowly = [&request[..], &["--rate", "1"]].concat();
    let mut tool = stack.begin_tool_with(&slowly, &stripe.settings()).unwrap();
    until("some kinds", PATIENCE, async || {
        Ok(stack.ledger().count("SELECT count(*) FROM backfills WHERE until_at IS NOT NULL").await? == 1)
    })
    .await
    .unwrap();
    tool.kill();
    let begun = clock::now();
    let mut again = stack.begin_tool_with(&request, &stripe.settings()).unwrap();
    let told: Value = serde_json::from_str(&succeeds(&mut again).await).unwrap();
    let until = |told: &Value| told["until"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    assert!(told["resumed"] == true && until(&told) < begun, "{told}");
    assert!(again.log().contains("what was created later was not compared: --since"), "{}", again.log());
    let told = backfill(&stack, &stripe, &["--objects"]).await;
    assert!(told["resumed"] == false && until(&told) > begun, "{told}");
    stack.end().await;
}

/// A rebuild and a replay take the moments of objects for estimates, too.
async fn comes_out_the_same_again(stack: &Stack) {
    let json = async |arguments: &[&str]| -> Value {
        serde_json::from_str(&stack.tidegate(arguments).await.unwrap()).unwrap()
    };
    let rebuilt = json(&["rebuild", "--json"]).await;
    assert_eq!(rebuilt["identical"], true, "{rebuilt}");
    let before = stack.ledger().rows("").await.unwrap();
    let planned = json(&["replay", "plan", "--any", "--by", "jane", "--json"]).await;
    assert_eq!(planned["look_ahead"]["changes"], Value::Array(Vec::new()));
    let ran = json(&["replay", "run", planned["plan"].as_str().unwrap(), "--by", "jane", "--json"]).await;
    assert_eq!(ran["queued"], planned["events"], "{ran}");
    assert!(stack.ledger().rows("").await.unwrap() == before, "a replay changed a row");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_filled_from_objects_is_the_one_that_the_events_made() {
    let stripe = FakeStripe::start(false).await.unwrap();
    live(&stripe);
    let by_events = Stack::start(Combination::SqliteSqlite).await;
    applies(&by_events, &backfill(&by_events, &stripe, &[]).await).await;
    for combination in [Combination::SqliteSqlite, Combination::RabbitPostgres] {
        let by_objects = Stack::start(combination).await;
        let dry = backfill(&by_objects, &stripe, &["--objects", "--dry-run"]).await;
        stripe.fails([fake_stripe::Fault::Busy(1), fake_stripe::Fault::CutAfter]);
        let told = backfill(&by_objects, &stripe, &["--objects"]).await;
        assert_eq!((&told["missing"], &told["by_kind"]), (&dry["missing"], &dry["by_kind"]));
        applies(&by_objects, &told).await;
        let mut found = differences(&by_events, &by_objects).await;
        found.retain(|name, _| !UNTOLD.contains(&name.as_str()));
        assert!(found.is_empty(), "{found:#?}");
        comes_out_the_same_again(&by_objects).await;

        let again = backfill(&by_objects, &stripe, &["--objects"]).await;
        assert_eq!((&again["missing"], &again["listed"]), (&0.into(), &told["listed"]), "{again}");
        by_objects.end().await;
    }
    by_events.end().await;
}
