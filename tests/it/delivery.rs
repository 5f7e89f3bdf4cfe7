//! Events reach the ledger: exactly once, whatever is repeated, unknown, unwanted or broken about them, on
//! every combination of queue and ledger.

use std::time::Duration;

use bytes::Bytes;
use harness::broker::Broker;
use harness::client::Answer;
use harness::ledger::Ledger;
use harness::load::{SendLog, send_all};
use harness::oracle::judge;
use harness::postgres::Postgres;
use harness::process_guard::{ProcessGuard, until};
use harness::stack::{Combination, Stack, each_combination};
use harness::stories::{SampleEvent, Stories, Truth};
use serde_json::json;
use stripe_sim::Random;

use crate::attempts::tamper;

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn one_event_lands() {
    each_combination(async |combination| {
        let stack = Stack::start(combination).await;
        let event = stories().succeeded_payment();
        assert_eq!(stack.client().send(&event.body).await, Answer::Status(200));
        stack.ledger().has_handled(1, PATIENCE).await.unwrap();
        let row = stack.ledger().event(&event.id).await.unwrap();
        assert_eq!((row.outcome.as_str(), row.kind.as_str(), row.repetitions), ("applied", event.kind, 0));
        let payments = stack.ledger().payments().await.unwrap();
        assert_eq!(payments.values().collect::<Vec<_>>(), ["succeeded"]);
        stack.end().await;
    })
    .await;
}

#[tokio::test]
async fn the_same_event_a_hundred_times_lands_once() {
    each_combination(async |combination| {
        let stack = Stack::start(combination).await;
        let (log, event) = (SendLog::default(), stories().succeeded_payment());
        let answers = send_all(&log, vec![event.clone(); 100], 20, || stack.client()).await;
        assert!(answers.iter().all(|answer| answer.accepted()), "{answers:?}");
        stack.ledger().has_seen(100, PATIENCE).await.unwrap();
        let rows = stack.ledger().events().await.unwrap();
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!((rows[0].outcome.as_str(), rows[0].repetitions), ("applied", 99));
        stack.end().await;
    })
    .await;
}

#[tokio::test]
async fn five_thousand_events_from_32_clients_land_exactly() {
    each_combination(async |combination| {
        let seed = Random::new_seed();
        let stack = Stack::start(combination).await;
        let (events, truth) = Stories::of_seed(seed).history(5_000);
        let (log, count) = (SendLog::default(), events.len());
        let answers = send_all(&log, events, 32, || stack.client()).await;
        assert!(answers.iter().all(|answer| answer.accepted()), "seed {seed}: not all were accepted");
        stack.ledger().has_handled(count, PATIENCE).await.unwrap();
        let verdict = judge(stack.ledger(), &log, &truth).await.unwrap();
        assert!(verdict.is_good(), "seed {seed}\n{verdict}");
        stack.end().await;
    })
    .await;
}

#[tokio::test]
async fn what_no_rule_wants_is_stored_without_effect() {
    each_combination(async |combination| {
        let stack = Stack::start(combination).await;
        let (log, unruled, thin) = (SendLog::default(), stories().unruled(), thin_event());
        let answers = send_all(&log, vec![unruled.clone(), thin.clone()], 1, || stack.client()).await;
        assert_eq!(answers, [Answer::Status(200); 2]);
        stack.ledger().has_handled(2, PATIENCE).await.unwrap();
        for event in [unruled, thin] {
            let row = stack.ledger().event(&event.id).await.unwrap();
            assert_eq!((row.outcome.as_str(), row.kind.as_str()), ("ignored", event.kind));
            assert!(row.reason.is_some_and(|reason| !reason.is_empty()), "ignoring has a reason");
        }
        let verdict = judge(stack.ledger(), &log, &Truth::default()).await.unwrap();
        assert!(verdict.is_good(), "{verdict}");
        stack.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_test_event_at_a_live_endpoint_is_stored_without_effect() {
    each_combination(async |combination| {
        let stack = Stack::start_with(combination, &[("STRIPE_WEBHOOK_MODE", "live")]).await;
        let (test, live) = (stories().succeeded_payment(), stories().in_mode(true).succeeded_payment());
        for event in [&test, &live] {
            assert_eq!(stack.client().send(&event.body).await, Answer::Status(200));
        }
        stack.ledger().has_handled(2, PATIENCE).await.unwrap();
        let row = stack.ledger().event(&test.id).await.unwrap();
        assert_eq!((row.outcome.as_str(), row.reason.as_deref()), ("ignored", Some("wrong mode")));
        assert_eq!(stack.ledger().event(&live.id).await.unwrap().outcome, "applied");
        assert_eq!(stack.ledger().payments().await.unwrap().len(), 1);
        stack.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_body_without_what_its_rule_needs_is_accepted_and_buried_with_its_reason() {
    each_combination(async |combination| {
        let stack = Stack::start(combination).await;
        let mut stories = stories();
        let broken = [
            json!({ "id": "pi_1", "object": "payment_intent", "status": "succeeded", "currency": "usd", "amount": "12" }),
            json!({ "id": "pi_2", "object": "payment_intent", "status": "succeeded", "currency": "usd", "amount": -1 }),
            json!({ "id": "pi_3", "object": "payment_intent", "status": "succeeded", "currency": "usd", "amount": 1.5 }),
            json!({ "object": "payment_intent", "status": "succeeded", "currency": "usd", "amount": 1 }),
        ]
        .map(|object| stories.event_of("payment_intent.succeeded", "dead", &object));
        let good = stories.succeeded_payment();
        for event in broken.iter().chain([&good]) {
            assert_eq!(stack.client().send(&event.body).await, Answer::Status(200));
        }
        stack.ledger().has_handled(5, PATIENCE).await.unwrap();
        for event in broken {
            let row = stack.ledger().event(&event.id).await.unwrap();
            assert_eq!(row.outcome, "dead");
            assert!(row.reason.is_some_and(|reason| !reason.is_empty()), "a dead letter has a reason");
        }
        assert_eq!(stack.ledger().event(&good.id).await.unwrap().outcome, "applied");
        assert_eq!(stack.ledger().payments().await.unwrap().len(), 1, "only the good one has an effect");
        stack.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_stop_under_load_loses_nothing() {
    each_combination(async |combination| {
        let mut stack = Stack::start(combination).await;
        let (events, truth) = Stories::of_seed(Random::new_seed()).history(600);
        let log = SendLog::default();
        let load = {
            let (log, events, clients) = (log.clone(), events.clone(), [(); 8].map(|()| stack.client()));
            let clients = std::sync::Mutex::new(Vec::from(clients));
            tokio::spawn(async move {
                send_all(&log, events, 8, || clients.lock().unwrap().pop().expect("eight clients")).await
            })
        };
        stack.ledger().has_handled(20, PATIENCE).await.unwrap();
        for name in stack.names() {
            stack.stop(name).unwrap();
        }
        let answers = load.await.unwrap();
        assert!(answers.iter().any(|answer| answer.accepted()), "the load began before the stop");
        for name in stack.names() {
            stack.spawn(name).unwrap();
        }
        for name in stack.names() {
            stack.wait_until_ready(name).await.unwrap();
        }
        let unaccepted: Vec<SampleEvent> = events
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| !answer.accepted())
            .map(|(e, _)| e.clone())
            .collect();
        let again = send_all(&log, unaccepted, 8, || stack.client()).await;
        assert!(again.iter().all(|answer| answer.accepted()));
        stack.ledger().has_handled(events.len(), PATIENCE).await.unwrap();
        let verdict = judge(stack.ledger(), &log, &truth).await.unwrap();
        assert!(verdict.is_good(), "{verdict}");
        stack.end().await;
    })
    .await;
}

#[tokio::test]
async fn a_worker_refuses_a_schema_that_it_does_not_know_in_plain_words() {
    let (broker, postgres) = (Broker::shared().await, Postgres::shared().await);
    let folder = ProcessGuard::new("bare", rustix::process::Signal::KILL).unwrap();
    let file = format!("sqlite:{}", folder.folder().join("ledger.db").display());
    let database = postgres.database("bare").await.unwrap();
    for (combination, bare, postgres) in
        [(Combination::RabbitSqlite, &file, None), (Combination::RabbitPostgres, &database, Some(postgres))]
    {
        let settings = [("DATABASE_URL", bare.as_str())];
        let mut stack = Stack::prepare(combination, &settings, Some(broker), postgres).await.unwrap();
        stack.tidegate(&["topology", "--no-wait"]).await.unwrap();
        stack.spawn("worker-1").unwrap();
        let refusal = stack.refusal("worker-1").await.unwrap();
        assert!(refusal.contains("tidegate migrate"), "it says what to do: {refusal}");
        stack.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stopped_worker_could_not_write_comes_again() {
    let mut postgres = Postgres::start().await.unwrap();
    let mut stack = Stack::prepare(Combination::SqlitePostgres, &[], None, Some(&postgres)).await.unwrap();
    stack.begin().await.unwrap();
    let name = stack.names()[0];
    postgres.kill().await.unwrap();
    let (mut client, mut stories) = (stack.client(), stories());
    for _ in 0..5 {
        assert_eq!(client.send(&stories.succeeded_payment().body).await, Answer::Status(200));
    }
    stops_with_what_it_cannot_write(&mut stack, name).await;
    postgres.restart().await.unwrap();
    stack.spawn(name).unwrap();
    stack.ledger().has_handled(5, PATIENCE).await.unwrap();
    stack.end().await;
}

/// The same for an event that a killed worker leaves: it is handled alone, and has no batch to go back with.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stopped_worker_had_in_hand_alone_comes_again() {
    let mut postgres = Postgres::start().await.unwrap();
    let settings = [("QUEUE_LEASE_SECS", "3"), ("DATABASE_DEADLINE_SECS", "5")];
    let mut stack =
        Stack::prepare(Combination::SqlitePostgres, &settings, None, Some(&postgres)).await.unwrap();
    stack.begin().await.unwrap();
    let name = stack.names()[0];
    // The ledger keeps the worker waiting, so that the event is in its hands when it dies.
    let held = stack.ledger().hold().await.unwrap();
    assert_eq!(stack.client().send(&stories().succeeded_payment().body).await, Answer::Status(200));
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    let taken = until("a worker that has it", PATIENCE, async || Ok(stack.ledger().count(waits).await? > 0));
    taken.await.unwrap();
    stack.kill(name);
    stack.spawn(name).unwrap();
    let again = until("a worker that has it again", PATIENCE, async || {
        let page = stack.metrics(name).await.unwrap_or_default();
        Ok(page.contains("tidegate_events_redelivered_total 1"))
    });
    again.await.unwrap();
    postgres.kill().await.unwrap();
    drop(held);
    stops_with_what_it_cannot_write(&mut stack, name).await;
    postgres.restart().await.unwrap();
    stack.spawn(name).unwrap();
    stack.ledger().has_handled(1, PATIENCE).await.unwrap();
    stack.end().await;
}

async fn stops_with_what_it_cannot_write(stack: &mut Stack, name: &'static str) {
    let is_held = until("a worker that holds what it cannot write", PATIENCE, async || {
        Ok(stack.metrics(name).await?.contains("tidegate_ledger_unavailable 1"))
    });
    is_held.await.unwrap();
    stack.terminate(name);
    until("the process to end", PATIENCE, async || Ok(stack.has_ended(name))).await.unwrap();
    stack.bury(name);
}

fn stories() -> Stories {
    Stories::of_seed(Random::new_seed())
}

/// A notification without the object: Stripe's newer kind of event.
fn thin_event() -> SampleEvent {
    let id = Random::of_seed(Random::new_seed()).id("evt");
    let body = json!({
        "id": id, "object": "v2.core.event", "type": "v1.billing.meter.error_report_triggered",
        "created": shared::clock::now().to_rfc3339(), "livemode": false, "context": null, "reason": null,
        "related_object": { "id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1" },
    });
    let kind = "v1.billing.meter.error_report_triggered";
    SampleEvent { id, kind, outcome: "ignored", body: Bytes::from(body.to_string()) }
}

/// A line of the log says what is committed: here the ledger refuses at the last moment, when all is written.
#[tokio::test]
async fn what_the_ledger_refuses_at_its_commit_is_not_logged_as_applied() {
    let mut stack = Stack::start(Combination::SqlitePostgres).await;
    let Ledger::Postgres(url) = stack.ledger() else { panic!("a ledger on Postgres") };
    for statement in [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE EXCEPTION 'not this one' USING ERRCODE = '23514'; END $$",
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON events DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW WHEN (NEW.outcome = 'applied') EXECUTE FUNCTION refuse()",
    ] {
        tamper(url, statement).await;
    }
    let event = stories().succeeded_payment();
    assert_eq!(stack.client().send(&event.body).await, Answer::Status(200));
    stack.ledger().has_handled(1, PATIENCE).await.unwrap();
    assert_eq!(stack.ledger().event(&event.id).await.unwrap().outcome, "dead");
    let of_it = |line: &&str| line.contains("\"event handled\"") && line.contains(&event.id);
    let logs = stack.logs();
    let lines: Vec<&str> = logs.lines().filter(of_it).collect();
    assert!(lines.iter().all(|line| !line.contains("\"outcome\":\"applied\"")), "{lines:?}");
    stack.abandon(); // its log tells of the refusal
}
