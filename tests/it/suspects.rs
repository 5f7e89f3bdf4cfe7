//! Events that make their worker panic, abort or hang, as the debug build's failpoints do: each is found out
//! and buried alone, and its neighbours are applied, whatever has to be restarted meanwhile.

use std::time::Duration;

use anyhow::Context;
use harness::client::{Answer, Client};
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use harness::stories::{SampleEvent, Stories};
use serde_json::json;

const NEIGHBOURS: i64 = 50;
const PATIENCE: Duration = Duration::from_mins(2);
const EVENTS: i64 = 64;
const HANDLED: &str = "SELECT count(*) FROM events WHERE outcome IN ('applied', 'dead')";
/// One retry, and little patience with what hangs.
const SETTINGS: &[(&str, &str)] =
    &[("WORKER_RETRY_SECS", "1"), ("WORKER_EVENT_DEADLINE_SECS", "2"), ("QUEUE_LEASE_SECS", "3")];
const SUSPECTS: [(&str, &str); 3] = [
    ("tidegate.failpoint.panic", "a rule panicked, 2 times"),
    ("tidegate.failpoint.abort", "the process ended or hung while it handled this event alone, 2 times"),
    ("tidegate.failpoint.hang", "the process ended or hung while it handled this event alone, 2 times"),
];

#[tokio::test(flavor = "multi_thread")]
async fn in_one_process_each_suspect_is_buried_alone_and_its_neighbours_are_applied() {
    buries_suspects_alone(Combination::SqliteSqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_two_workers_each_suspect_is_buried_alone_and_its_neighbours_are_applied() {
    buries_suspects_alone(Combination::RabbitPostgres).await;
}

/// Handled one by one, 64 events cost 64 transactions because of one of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_batch_that_fails_is_halved_and_few_events_are_handled_alone() {
    let mut stack = one_batch_with("tidegate.failpoint.panic").await;
    until(
        "an outcome for every event",
        PATIENCE,
        async || Ok(stack.ledger().count(HANDLED).await? == EVENTS),
    )
    .await
    .unwrap();
    let in_batches = series(&mut stack, "batch_events_sum").await.unwrap();
    let failed = series(&mut stack, "batch_fallbacks_total").await.unwrap();
    assert!((56.0..64.0).contains(&in_batches), "{in_batches} of {EVENTS} in batches");
    assert!((1.0..=4.0).contains(&failed), "64, 32, 16 and 8 events: {failed} batches failed");
    stack.abandon(); // its log tells of the panic
}

/// One event of 64 ends its process. Nobody can tell which, so all are begun together once more; then each alone.
#[tokio::test(flavor = "multi_thread")]
async fn what_ends_its_worker_in_a_batch_is_found_after_the_batch_was_tried_once_more() {
    let mut stack = one_batch_with("tidegate.failpoint.abort").await;
    let mut ends = 0;
    until("an outcome for every event", PATIENCE, async || {
        ends += revive(&mut stack);
        Ok(stack.ledger().count(HANDLED).await.is_ok_and(|count| count == EVENTS))
    })
    .await
    .unwrap_or_else(|error| panic!("{error:#}\n{}", stack.logs()));
    assert_eq!(ends, 4, "with all others, with them once more, and twice alone");
    let dead = "SELECT count(*) FROM events WHERE outcome = 'dead' AND attempts = 2";
    assert_eq!(stack.ledger().count(dead).await.unwrap(), 1, "only what happened alone is an attempt");
    assert_eq!(stack.ledger().count("SELECT count(*) FROM started").await.unwrap(), 0, "no mark is left");
    stack.abandon();
}

/// A worker that is killed leaves a batch to the next one, which handles it as a batch.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_leaves_is_handled_together() {
    for combination in [Combination::RabbitSqlite, Combination::RabbitPostgres] {
        let mut stack = Stack::start_with(combination, SETTINGS).await;
        let (mut stories, mut client) = (Stories::of_seed(13), stack.client());
        // The ledger keeps its worker waiting, so that events gather in its hands.
        let held = stack.ledger().hold().await.unwrap();
        for _ in 0..EVENTS {
            assert!(client.send(&stories.succeeded_payment().body).await.accepted());
        }
        let workers: Vec<&str> = stack.names().into_iter().filter(|name| *name != "gateway").collect();
        tokio::time::sleep(Duration::from_secs(1)).await;
        for name in &workers {
            stack.kill(name);
        }
        held.release().await.unwrap();
        for name in &workers {
            stack.spawn(name).unwrap();
        }
        until("all to be applied", PATIENCE, async || Ok(stack.ledger().count(HANDLED).await? == EVENTS))
            .await
            .unwrap();
        let (mut again, mut batches, mut in_batches) = (0.0, 0.0, 0.0);
        for name in &workers {
            again += series_of(&mut stack, name, "events_redelivered_total").await.unwrap();
            batches += series_of(&mut stack, name, "batch_events_count").await.unwrap();
            in_batches += series_of(&mut stack, name, "batch_events_sum").await.unwrap();
        }
        assert!(again > 40.0 && batches < 20.0, "{again} came again, {in_batches} in {batches} batches");
        assert!(in_batches > 60.0, "{in_batches} of {EVENTS} in batches, {again} came again");
        stack.end().await;
    }
}

/// The ledger is slow for longer than a rule may be: that is no rule's fault, and no attempt of an event.
#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_the_ledger_does_not_hang() {
    for combination in [Combination::SqliteSqlite, Combination::RabbitPostgres] {
        let mut stack = Stack::start_with(combination, SETTINGS).await;
        let (mut stories, mut client) = (Stories::of_seed(14), stack.client());
        let held = stack.ledger().hold().await.unwrap();
        for _ in 0..NEIGHBOURS {
            assert!(client.send(&stories.succeeded_payment().body).await.accepted());
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        held.release().await.unwrap();
        until("all to be applied", PATIENCE, async || Ok(stack.ledger().count(HANDLED).await? == NEIGHBOURS))
            .await
            .unwrap();
        let workers: Vec<&str> = stack.names().into_iter().filter(|name| *name != "gateway").collect();
        for name in workers {
            let again = series_of(&mut stack, name, "events_redelivered_total").await.unwrap();
            assert!(again < 1.0, "{name} gave up {again} events");
        }
        stack.end().await;
    }
}

/// A stack whose worker gets 64 events at once, one of them of this type.
async fn one_batch_with(kind: &'static str) -> Stack {
    let mut stack = Stack::start_with(Combination::SqliteSqlite, SETTINGS).await;
    stack.tidegate(&["worker", "pause", "--reason", "they are to wait", "--by", "jane"]).await.unwrap();
    until("the pause", PATIENCE, async || Ok(series(&mut stack, "consumption_paused").await? > 0.0))
        .await
        .unwrap();
    let mut stories = Stories::of_seed(12);
    let mut client = stack.client();
    for number in 0..EVENTS {
        let event = match number {
            40 => stories.event_of(kind, "dead", &json!({})),
            _ => stories.succeeded_payment(),
        };
        assert!(client.send(&event.body).await.accepted());
    }
    stack.tidegate(&["worker", "resume", "--by", "jane"]).await.unwrap();
    stack
}

/// The value of a metric without labels.
async fn series(stack: &mut Stack, name: &str) -> anyhow::Result<f64> {
    series_of(stack, "tidegate", name).await
}

async fn series_of(stack: &mut Stack, process: &str, name: &str) -> anyhow::Result<f64> {
    let page = stack.metrics(process).await?;
    let line =
        page.lines().find_map(|line| line.strip_prefix("tidegate_")?.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.with_context(|| format!("tidegate_{name} is shown"))?.parse()?)
}

async fn buries_suspects_alone(combination: Combination) {
    let mut stack = Stack::start_with(combination, SETTINGS).await;
    let mut stories = Stories::of_seed(11);
    let mut events: Vec<SampleEvent> = (0..NEIGHBOURS).map(|_| stories.succeeded_payment()).collect();
    for (place, (kind, _)) in SUSPECTS.into_iter().enumerate() {
        events.insert(10 * (place + 1), stories.event_of(kind, "dead", &json!({})));
    }
    let mut client = stack.client();
    for event in &events {
        send(&mut stack, &mut client, event).await;
    }
    until("an outcome for every event", PATIENCE, async || {
        revive(&mut stack);
        let applied = stack.ledger().count("SELECT count(*) FROM events WHERE outcome = 'applied'").await;
        let dead = stack.ledger().count("SELECT count(*) FROM events WHERE outcome = 'dead'").await;
        Ok(applied.is_ok_and(|count| count == NEIGHBOURS) && dead.is_ok_and(|count| count == 3))
    })
    .await
    .unwrap_or_else(|error| panic!("{error:#}\n{}", stack.logs()));
    for event in stack.ledger().events().await.unwrap().iter().filter(|event| event.outcome == "dead") {
        let (_, reason) = SUSPECTS.iter().find(|(kind, _)| *kind == event.kind).expect("only suspects die");
        assert_eq!((event.reason.as_deref(), event.attempts), (Some(*reason), 2), "{}", event.kind);
    }
    stack.abandon(); // its logs tell of the panics that this test is about
}

/// Sends until it is accepted: with a queue in a file, what kills the worker kills the gateway beside it.
async fn send(stack: &mut Stack, client: &mut Client, event: &SampleEvent) {
    until("an event to be accepted", PATIENCE, async || {
        revive(stack);
        Ok(client.send(&event.body).await == Answer::Status(200))
    })
    .await
    .unwrap();
}

/// Starts again what has ended, as a supervisor does, and counts it.
fn revive(stack: &mut Stack) -> usize {
    let mut ended = 0;
    for name in stack.names() {
        if stack.has_ended(name) {
            stack.spawn(name).unwrap();
            ended += 1;
        }
    }
    ended
}
