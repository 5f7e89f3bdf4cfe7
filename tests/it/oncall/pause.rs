//! A pause under load: every worker stops, webhooks are still accepted, restarts change nothing, and what
//! waited is applied when somebody resumes.

use std::time::Duration;

use harness::client::get;
use harness::load::{SendLog, send_all};
use harness::oracle::judge;
use harness::postgres::Postgres;
use harness::process_guard::until;
use harness::stack::{Combination, Stack, each_combination};
use harness::stories::Stories;
use serde_json::Value;
use stripe_sim::Random;

use super::json;
use crate::ledgers::each_ledger;

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_under_load_stops_every_worker_and_the_resumption_drains() {
    each_combination(async |combination| {
        let seed = Random::new_seed();
        let mut stack = Stack::start(combination).await;
        let (mut events, truth) = Stories::of_seed(seed).history(900);
        let later = events.split_off(events.len() / 2);
        let (log, count) = (SendLog::default(), events.len() + later.len());

        let load = send_all(&log, events, 8, || stack.client());
        let pause =
            async { stack.tidegate(&["worker", "pause", "--reason", "a drill", "--by", "jane"]).await };
        let (answers, paused) = tokio::join!(load, pause);
        assert!(answers.iter().all(|answer| answer.accepted()), "seed {seed}: all are accepted");
        assert!(paused.unwrap().contains("receives nothing more"));
        all_are_paused(&stack).await;
        let answers = send_all(&log, later, 8, || stack.client()).await;
        assert!(answers.iter().all(|answer| answer.accepted()), "seed {seed}: a pause refuses nobody");
        everything_waits_that_is_not_recorded(&stack, count).await;
        let recorded = stack.ledger().events().await.unwrap().len();

        for name in stack.names() {
            stack.kill(name);
            stack.spawn(name).unwrap();
        }
        for name in stack.names() {
            stack.wait_until_ready(name).await.unwrap();
        }
        all_are_paused(&stack).await;
        everything_waits_that_is_not_recorded(&stack, count).await;
        assert_eq!(
            stack.ledger().events().await.unwrap().len(),
            recorded,
            "seed {seed}: nothing was handled"
        );
        let status = json(&stack.run(&["status", "--json"], &[]));
        assert_eq!(status["ledger"]["pause"]["paused_by"], "cli:jane");
        // What a worker had fetched ahead goes back to the queue meanwhile.
        until("status to tell what waits", PATIENCE, async || {
            let messages = stack.waiting().await?;
            let status = json(&stack.run(&["status", "--json"], &[]));
            Ok(status["queue"]["ready_messages"].as_u64() == Some(messages))
        })
        .await
        .unwrap();

        let resumed = stack.tidegate(&["worker", "resume", "--by", "joe"]).await.unwrap();
        assert!(resumed.contains("a drill"), "{resumed}");
        stack.ledger().has_handled(count, PATIENCE).await.unwrap();
        let verdict = judge(stack.ledger(), &log, &truth).await.unwrap();
        assert!(verdict.is_good(), "seed {seed}\n{verdict}");
        stack.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_outlives_a_crash_of_the_ledger() {
    let mut postgres = Postgres::start().await.unwrap();
    let combination = Combination::SqlitePostgres;
    let mut stack = Stack::prepare(combination, &[], None, Some(&postgres)).await.unwrap();
    stack.begin().await.unwrap();
    stack.tidegate(&["worker", "pause", "--reason", "a move", "--by", "jane"]).await.unwrap();
    all_are_paused(&stack).await;
    postgres.kill().await.unwrap();
    let event = Stories::of_seed(Random::new_seed()).succeeded_payment();
    assert!(stack.client().send(&event.body).await.accepted());
    let worker = stack.listeners()[1];
    until(
        "the idle worker to miss its ledger",
        PATIENCE,
        async || Ok(get(worker, "/readyz").await?.0 == 503),
    )
    .await
    .unwrap();
    assert_eq!(metric(&stack, "tidegate_consumption_paused").await, ["1"], "what was known still counts");
    postgres.restart().await.unwrap();
    let status = json(&stack.run(&["status", "--json"], &[]));
    assert_eq!(
        (&status["ledger"]["pause"]["reason"], &status["queue"]["ready_messages"]),
        (&"a move".into(), &1.into())
    );
    stack.tidegate(&["worker", "resume", "--by", "jane"]).await.unwrap();
    stack.ledger().has_handled(1, PATIENCE).await.unwrap();
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_pauses_first_pauses_and_the_audit_tells_who() {
    each_ledger("pauses", async |ledger, _| {
        let now = shared::clock::now();
        let asked: Vec<_> = (0..8)
            .map(|number| {
                let ledger = ledger.clone();
                tokio::spawn(async move {
                    desk::acts::pause::pause(&ledger, "a storm", &format!("p{number}"), now).await.unwrap()
                })
            })
            .collect();
        let mut began = Vec::new();
        for asked in asked {
            if let desk::acts::pause::Paused::Now(pause) = asked.await.unwrap() {
                began.push(pause);
            }
        }
        assert_eq!(began.len(), 1, "of many who pause at once, one does");
        assert_eq!(ledger.lasting_pause().await.unwrap().as_ref(), began.first());
        assert_eq!(desk::acts::pause::resume(&ledger, "joe", now).await.unwrap().as_ref(), began.first());
        assert_eq!(desk::acts::pause::resume(&ledger, "joe", now).await.unwrap(), None);
        assert_eq!(ledger.lasting_pause().await.unwrap(), None);
        desk::acts::pause::pause(&ledger, "again", "joe", now).await.unwrap();

        let key = domain::Key { id: "consumption".to_owned(), account: String::new(), livemode: true };
        let audit = ledger.audit_of("worker", &key).await.unwrap();
        let told: Vec<_> =
            audit.iter().map(|row| (row.actor.as_str(), row.after.as_deref().unwrap())).collect();
        assert_eq!(told, [(began[0].paused_by.as_str(), "paused"), ("joe", "running"), ("joe", "paused")]);
    })
    .await;
}

#[tokio::test]
async fn nobody_pauses_without_a_name_or_a_reason() {
    let stack = Stack::start(Combination::SqliteSqlite).await;
    for arguments in [
        &["worker", "pause", "--by", " ", "--reason", "x"][..],
        &["worker", "pause", "--by", "jane"],
        &["worker", "pause", "--by", "jane", "--reason", " "],
        &["worker", "resume", "--by", ""],
    ] {
        assert_eq!(stack.run(arguments, &[]).status.code(), Some(2), "{arguments:?}");
    }
    let again = ["worker", "pause", "--by", "jane", "--reason", "x", "--json"];
    let answers: Vec<Value> = (0..2).map(|_| json(&stack.run(&again, &[]))).collect();
    assert_eq!((&answers[0]["paused"], &answers[1]["paused"]), (&"now".into(), &"before".into()));
    assert_eq!(answers[0]["number"], answers[1]["number"]);
    let ended = json(&stack.run(&["worker", "resume", "--by", "jane", "--json"], &[]));
    assert_eq!(ended["ended"]["reason"], "x");
    // Without a login name it is the user id that acts.
    let unnamed = json(&stack.run(&["worker", "pause", "--reason", "y", "--json"], &[]));
    assert!(unnamed["paused_by"].as_str().unwrap().starts_with("cli:uid "), "{unnamed}");
    assert_eq!(stack.run(&["worker", "resume"], &[]).status.code(), Some(0));
    stack.end().await;
}

/// Every worker knows, and none is sick for it.
async fn all_are_paused(stack: &Stack) {
    until("every worker to be paused", PATIENCE, async || {
        let told = metric(stack, "tidegate_consumption_paused").await;
        Ok(!told.is_empty() && told.iter().all(|value| value == "1"))
    })
    .await
    .unwrap();
    for listener in stack.listeners() {
        assert_eq!(get(listener, "/readyz").await.unwrap().0, 200, "a paused worker is ready");
    }
}

/// Whatever was prefetched was requeued, too: while paused a broker has it all.
async fn everything_waits_that_is_not_recorded(stack: &Stack, count: usize) {
    until("the queue to have all that is not recorded", PATIENCE, async || {
        let recorded = stack.ledger().events().await?;
        let mut all = stack.queue.ids().await?;
        all.extend(recorded.into_iter().map(|event| event.id));
        Ok(all.len() == count)
    })
    .await
    .unwrap();
}

/// The values of a series, one of each process that has it.
async fn metric(stack: &Stack, series: &str) -> Vec<String> {
    let mut values = Vec::new();
    for listener in stack.listeners() {
        let (_, page) = get(listener, "/metrics").await.unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        values.extend(line.map(str::to_owned));
    }
    values
}
