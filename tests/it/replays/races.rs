//! What a person does to a dead letter at the moment when a worker applies it for a replay: the worker was first.

use std::time::Duration;

use desk::acts::Person;
use desk::acts::dead_letters::discard;
use desk::acts::erasure::erase;
use domain::outcome::Outcome;
use domain::risk::Risk;
use harness::ledger::Ledger as Rows;
use harness::process_guard::until;
use ledger::Ledger;
use ledger::tables::events::Concluded;
use ledger::views::stored_events::StoredEvent;
use shared::clock;

use crate::attempts::tamper;
use crate::ledgers::{each_ledger, payment, the_event, together};

const PATIENCE: Duration = Duration::from_secs(20);
const WAITING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// A dead letter that can be read by now.
async fn dead_letter(ledger: &Ledger, url: &str) -> StoredEvent {
    let event = payment("pi_1", 0, "succeeded", "own_1");
    together(ledger, &[&event]).await;
    tamper(url, "UPDATE events SET outcome = 'dead', reason = 'unreadable'").await;
    the_event(ledger, &event.header.id).await
}

/// Does it while a worker's transaction has applied the letter and is not committed; gives what came of it.
async fn meanwhile<T: Send + 'static>(
    ledger: &Ledger,
    url: &str,
    letter: &StoredEvent,
    act: impl Future<Output = T> + Send + 'static,
) -> T {
    let mut worker = ledger.begin().await.unwrap();
    let (key, risk) = (letter.key(), Risk::default());
    let applied = Concluded { key, outcome: Outcome::Applied, attempts: 2, risk };
    worker.conclude(&[applied], clock::now()).await.unwrap();
    let act = tokio::spawn(act);
    let outside = Rows::at(url);
    until("the act to wait for the worker", PATIENCE, async || Ok(outside.count(WAITING).await? == 1))
        .await
        .unwrap();
    worker.commit().await.unwrap();
    act.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_at_this_moment_is_not_discarded() {
    each_ledger("discarded_meanwhile", async |ledger, url| {
        if url.starts_with("sqlite") {
            return; // there, whoever writes is alone
        }
        let letter = dead_letter(&ledger, &url).await;
        let discarding = {
            let (ledger, letters) = (ledger.clone(), vec![letter.clone()]);
            let jane = Person::named("jane").unwrap();
            async move { discard(&ledger, &letters, "worthless", &jane, clock::now()).await.unwrap() }
        };
        assert_eq!(meanwhile(&ledger, &url, &letter, discarding).await, 0);
        let event = the_event(&ledger, &letter.id).await;
        assert_eq!((event.outcome.as_str(), event.reason), ("applied", None));
        let audit = ledger.audit_of_event(&letter.id).await.unwrap();
        assert!(audit.iter().all(|line| line.what != "discarded"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_at_this_moment_is_erased_as_what_was_applied() {
    each_ledger("erased_meanwhile", async |ledger, url| {
        if url.starts_with("sqlite") {
            return; // there, whoever writes is alone
        }
        let letter = dead_letter(&ledger, &url).await;
        let erasing = {
            let (ledger, letters) = (ledger.clone(), vec![letter.clone()]);
            let jane = Person::named("jane").unwrap();
            async move { erase(&ledger, &letters, "ticket 4711", &jane, clock::now()).await.unwrap() }
        };
        assert_eq!(meanwhile(&ledger, &url, &letter, erasing).await, 1);
        let retired = ledger.read().await.unwrap().retired().await.unwrap();
        assert!(retired.iter().any(|(kind, key)| kind == "payment" && key.id == "pi_1"), "{retired:?}");
    })
    .await;
}
