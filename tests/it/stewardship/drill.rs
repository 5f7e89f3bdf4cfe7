//! The drill of docs/backup.md: a backup under load, restored elsewhere; what is newer comes back from Stripe.

use std::path::Path;
use std::time::{Duration, Instant};

use domain::event::has_rule;
use fake_stripe::FakeStripe;
use harness::broker::Broker;
use harness::empty_ledger;
use harness::ledger::Held;
use harness::load::{SendLog, send_all};
use harness::postgres::Postgres;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use serde_json::Value;

use crate::completeness::happened;

const PATIENCE: Duration = Duration::from_mins(2);
const EVENTS: usize = 900;
const KEY: &str = "dev-envelope-key";

fn printed(stack: &Stack, arguments: &[&str], settings: &[(&str, &str)]) -> Value {
    let output = stack.run(arguments, settings);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A stack whose ledger and queue are what the backup has, and whose keys are those of the one before.
async fn restored(combination: Combination, folder: &Path, before: &Stack) -> Stack {
    let broker = if combination.has_broker() { Some(Broker::shared().await) } else { None };
    let postgres = if combination.has_postgres() { Some(Postgres::shared().await) } else { None };
    let mut stack = Stack::prepare(combination, &[], broker, postgres).await.unwrap();
    empty_ledger::remove(&stack.ledger_url()).await.unwrap();
    let path = folder.to_str().unwrap();
    let first = stack.run(&["restore", path], &[]);
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    if !combination.has_broker() {
        let remark = String::from_utf8_lossy(&first.stderr).into_owned();
        assert!(remark.contains("no envelope key here"), "{remark}");
        std::fs::copy(before.folder().join(KEY), stack.folder().join(KEY)).unwrap();
    }
    let again = stack.run(&["restore", path], &[]);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && said.contains("Nothing is overwritten"), "{said}");
    stack.begin().await.unwrap();
    stack
}

/// Holds the ledger, and waits until events wait for it.
async fn hold(stack: &Stack) -> Held {
    let held = stack.ledger().hold().await.unwrap();
    until("events to wait", PATIENCE, async || Ok(stack.waiting().await? > 100)).await.unwrap();
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_restored_and_stripe_tells_the_rest() {
    for combination in [Combination::SqliteSqlite, Combination::RabbitPostgres] {
        let stripe = FakeStripe::start(false).await.unwrap();
        let stack = Stack::start(combination).await;
        let mut events = happened(23, EVENTS);
        // A type without a rule is brought back only where it has come before.
        events.retain(|event| has_rule(event.kind));
        let all = events.len();
        stripe.tell(&events);
        let sent = events.clone();
        let log = SendLog::default();
        let sending = send_all(&log, sent, 8, || stack.client());
        let backing_up = async {
            stack.ledger().has_handled(100, PATIENCE).await.unwrap();
            // Somebody holds the ledger, so that the queue has events when it is copied.
            let held = if combination.has_postgres() { None } else { Some(hold(&stack).await) };
            let to = stack.folder().join("backups");
            let begun = Instant::now();
            let made = tokio::task::block_in_place(|| {
                printed(&stack, &["backup", "--to", to.to_str().unwrap(), "--verify", "--json"], &[])
            });
            if let Some(held) = held {
                held.release().await.unwrap();
            }
            (made, begun.elapsed())
        };
        let (_, (made, took)) = tokio::join!(sending, backing_up);
        assert_eq!(made["verified"]["faults"], Value::Array(Vec::new()), "{made}");
        let saved = made["verified"]["events"].as_u64().unwrap();
        assert!(saved >= 100, "{made}");
        stack.ledger().has_handled(all, PATIENCE).await.unwrap();

        let folder = stack.folder().join(made["folder"].as_str().unwrap());
        let begun = Instant::now();
        let again = restored(combination, &folder, &stack).await;
        assert!(again.tidegate(&["audit", "verify"]).await.is_ok());
        let settings = stripe.settings();
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let told = printed(&again, &["backfill", "--since", "5d", "--json"], &settings);
        again.ledger().has_handled(all, PATIENCE).await.unwrap();
        eprintln!(
            "{combination:?}: {saved} of {all} events in the backup, made and verified in {took:.1?}; \
             {} came from Stripe; whole again after {:.1?}",
            told["missing"],
            begun.elapsed()
        );
        assert!(again.tidegate(&["audit", "verify"]).await.is_ok());
        let rows = async |stack: &Stack| {
            let mut rows = stack.ledger().rows("").await.unwrap();
            for row in rows.values_mut() {
                row.remove("revision");
            }
            rows
        };
        assert!(rows(&again).await == rows(&stack).await, "the restored ledger differs");
        // What the backup's queue had, Stripe told as well.
        until("the queue to be empty", PATIENCE, async || Ok(again.waiting().await? == 0)).await.unwrap();
        again.end().await;

        let copy = folder.join(if combination.has_postgres() { "ledger.pgdump" } else { "ledger.db" });
        let mut bytes = std::fs::read(&copy).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&copy, bytes).unwrap();
        let checked = stack.run(&["restore", folder.to_str().unwrap(), "--check"], &[]);
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(!checked.status.success() && said.contains("has other content"), "{said}");
        stack.end().await;
    }
}
