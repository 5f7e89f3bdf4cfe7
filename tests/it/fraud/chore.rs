//! The fraud desk by a real worker.

use std::time::Duration;

use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use shared::clock;

use super::bounds::run;
use super::{BEGIN, attempt};

const PATIENCE: Duration = Duration::from_mins(1);
const FOUND: &str = "SELECT count(*) FROM findings WHERE found_by = 'fraud_desk' AND kind = 'decline_velocity' \
    AND subject_kind = 'card' AND state = 'open'";
const DUE: &str = "SELECT count(*) FROM fraud_due";

/// One card is declined for three users, just now.
async fn declined(stack: &Stack) {
    let minute = (clock::now().timestamp() - BEGIN) / 60;
    let mut client = stack.client();
    for number in 0..3 {
        for event in attempt(number, minute, "failed", &format!("u{number}"), "4242", 500) {
            assert!(client.send(&event.body).await.accepted());
        }
    }
}

async fn wait(stack: &Stack, what: &str, statement: &'static str, count: i64) {
    let is_so = until(what, PATIENCE, async || Ok(stack.ledger().count(statement).await? == count));
    is_so.await.unwrap_or_else(|error| panic!("{error:#}\n{}", stack.logs()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_finds_what_has_just_happened() {
    let stack = Stack::start(Combination::SqliteSqlite).await;
    declined(&stack).await;
    wait(&stack, "a finding", FOUND, 1).await;
    wait(&stack, "nothing to be left", DUE, 0).await;
    let told = stack.tidegate(&["fraud", "--json"]).await.unwrap();
    assert!(told.contains("3 declines within 10 minutes"), "{told}");
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_cannot_be_looked_at_is_told_and_holds_up_none_before_it() {
    let mut stack = Stack::start(Combination::SqlitePostgres).await;
    // One that nobody can read, and one with an id that Postgres refuses, behind all others.
    let note = "INSERT INTO fraud_due (id, objects, noted_at) VALUES ('0', 'nothing of ours', now()), \
        ('z', '[[\"charge\", true, \"\", \"ch_\\u0000\"]]', '2026-05-28T20:26:40+00:00')";
    run(&stack.ledger_url(), note).await;
    declined(&stack).await;
    wait(&stack, "a finding", FOUND, 1).await;
    wait(&stack, "that one batch to be left", DUE, 1).await;
    let since = format!("tidegate_fraud_due_since_timestamp_seconds {BEGIN}");
    let mut page = String::new();
    let told = until("the gauge", PATIENCE, async || {
        page = stack.metrics("tidegate").await?;
        Ok(page.lines().any(|line| line == since))
    });
    told.await.unwrap_or_else(|error| panic!("{error:#}\n{page}"));
    let logs = stack.logs();
    for line in ["a note of what a batch changed cannot be read", "looking for fraud failed"] {
        assert!(logs.contains(line), "{logs}");
    }
    stack.end().await;
}
