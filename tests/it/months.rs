//! Events are recognised for ever, whichever month they are of; and on Postgres a month is made when its first event comes,
//! by whoever comes first.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use envelope::Envelope;
use harness::ledger::Ledger as Rows;
use harness::postgres::Postgres;
use ledger::Ledger;
use serde_json::json;
use shared::clock;
use sqlx::{Connection, Executor, PgConnection};
use worker::process::{Manner, process};

use crate::attempts::tamper;
use crate::ledgers::{each_ledger, envelope, open, payment, the_event, together};

const MONTHS: &str = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass";
/// Before 2011 and after 2099, what migrations leave there.
const ALWAYS: i64 = 2;

/// The same event with another stamp of Stripe's.
fn of(event: Envelope, created: i64) -> Envelope {
    let (mut event, before) = (event, format!("\"created\":{}", 1_780_000_000));
    let body = String::from_utf8(event.body.to_vec()).unwrap();
    assert!(body.contains(&before));
    event.body = body.replace(&before, &format!("\"created\":{created}")).into();
    event.header.created = created;
    event
}

fn redelivered(event: &Envelope) -> Envelope {
    let mut again = event.clone();
    again.header.trace_parent = shared::trace::child_of(None);
    again
}

fn seconds(text: &str) -> i64 {
    text.parse::<DateTime<Utc>>().unwrap().timestamp()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_whatever_year_lands_once_and_its_redelivery_is_a_repetition() {
    each_ledger("whatever_year", async |ledger, url| {
        let years = [
            "1970-01-01T00:00:00Z",
            "2010-12-31T23:59:59Z",
            "2011-01-01T00:00:00Z",
            "2019-02-28T12:00:00Z",
            "2019-03-01T00:00:00Z",
            "2026-11-29T12:00:00Z",
            "2099-12-31T23:59:59Z",
            "2100-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ];
        let events: Vec<Envelope> = years
            .iter()
            .map(|at| of(payment(&format!("pi_{}", seconds(at)), 0, "succeeded", "in_1"), seconds(at)))
            .collect();
        let handled = together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        assert_eq!((handled.applied, handled.repeated), (years.len(), 0));
        ledger.close().await;
        // Another process, which knows no month.
        let ledger = open(&url).await;
        let lines = Rows::at(&url).count("SELECT count(*) FROM audit").await.unwrap();
        let again: Vec<Envelope> = events.iter().map(redelivered).collect();
        let handled = together(&ledger, &again.iter().collect::<Vec<_>>()).await;
        assert_eq!((handled.applied, handled.repeated, handled.transitions), (0, years.len(), 0));
        assert_eq!(Rows::at(&url).count("SELECT count(*) FROM audit").await.unwrap(), lines);
        for (event, year) in events.iter().zip(years) {
            let stored = the_event(&ledger, &event.header.id).await;
            assert_eq!(stored.repetitions, 1, "{year}");
            assert_eq!(stored.created_at, year.parse::<DateTime<Utc>>().unwrap());
            assert_eq!(ledger.body(&stored.key()).await.unwrap().as_deref(), Some(&event.body[..]));
        }
        if !ledger.is_file() {
            assert_eq!(Rows::at(&url).count(MONTHS).await.unwrap(), ALWAYS + 5);
        }
        ledger.close().await;
    })
    .await;
}

async fn of_postgres(name: &str) -> (String, Ledger) {
    let url = Postgres::shared().await.database(name).await.unwrap();
    let ledger = open(&url).await;
    ledger.migrate().await.unwrap();
    (url, ledger)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn workers_that_meet_a_new_month_at_once_all_go_on() {
    let (url, _ledger) = of_postgres("new_month_at_once").await;
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..6 {
        let ledger = open(&url).await;
        workers.spawn(async move {
            for month in 1..=6 {
                let at = seconds(&format!("2031-{month:02}-01T00:00:00Z"));
                let event = of(payment(&format!("pi_{worker}_{month}"), 0, "succeeded", "in_1"), at);
                process(&ledger, &[&event], Manner::Batch, clock::now()).await.unwrap();
            }
            ledger.close().await;
        });
    }
    workers.join_all().await;
    assert_eq!(Rows::at(&url).count(MONTHS).await.unwrap(), ALWAYS + 6);
    assert_eq!(
        Rows::at(&url).count("SELECT count(*) FROM events WHERE outcome = 'applied'").await.unwrap(),
        36
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_made_while_others_read_and_write_events_and_months_ahead_are_there() {
    let (url, ledger) = of_postgres("month_beside_others").await;
    ledger.prepare_months_ahead("2026-11-29T12:00:00Z".parse().unwrap()).await.unwrap();
    assert_eq!(Rows::at(&url).count(MONTHS).await.unwrap(), ALWAYS + 3, "November to January");
    together(&ledger, &[&payment("pi_1", 0, "succeeded", "in_1")]).await;
    let mut other = PgConnection::connect(&url).await.unwrap();
    other.execute("BEGIN; SELECT * FROM events; UPDATE events SET repetitions = 0").await.unwrap();
    let event = of(payment("pi_2", 0, "succeeded", "in_2"), seconds("2032-01-15T00:00:00Z"));
    let events = [&event];
    let made = process(&ledger, &events, Manner::Batch, clock::now());
    tokio::time::timeout(Duration::from_secs(5), made).await.expect("it waits for nobody").unwrap();
    other.execute("COMMIT").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_that_somebody_dropped_is_made_anew() {
    let (url, ledger) = of_postgres("month_dropped").await;
    let first = of(payment("pi_1", 0, "succeeded", "in_1"), seconds("2020-05-05T00:00:00Z"));
    together(&ledger, &[&first]).await;
    tamper(&url, "ALTER TABLE events DETACH PARTITION events_2020_05").await;
    tamper(&url, "DROP TABLE events_2020_05").await;
    let handled = together(&ledger, &[&redelivered(&first)]).await;
    assert_eq!((handled.applied, handled.repeated), (1, 0), "what the month recognised is forgotten");
    // One that was only taken off comes back with its rows.
    tamper(&url, "ALTER TABLE events DETACH PARTITION events_2020_05").await;
    let handled = together(&ledger, &[&redelivered(&first)]).await;
    assert_eq!((handled.applied, handled.repeated), (0, 1));
}

/// What comes again is looked for in its own months only, whatever the ledger has of others.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_locks_the_months_of_its_own_events_and_no_others() {
    const LOCKED: &str = "SELECT count(DISTINCT relation) FROM pg_locks JOIN pg_class c ON c.oid = relation \
        JOIN pg_inherits ON inhrelid = c.oid AND inhparent = 'events'::regclass WHERE pid <> pg_backend_pid() \
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let (url, ledger) = of_postgres("months_locked").await;
    let start: DateTime<Utc> = "2021-01-15T00:00:00Z".parse().unwrap();
    ledger.prepare_months((0..60).map(|month| start + TimeDelta::days(month * 30))).await.unwrap();
    let event = of(payment("pi_1", 0, "succeeded", "in_1"), start.timestamp());
    together(&ledger, &[&event]).await;
    let key = the_event(&ledger, &event.header.id).await.key();
    let mut tx = ledger.begin().await.unwrap();
    let known = tx.known(std::slice::from_ref(&key)).await.unwrap();
    assert_eq!(known.len(), 1);
    let repeated = ledger::tables::events::Repetitions { key, times: 1, spans: " x".to_owned() };
    tx.count_repetitions(&[repeated]).await.unwrap();
    assert_eq!(Rows::at(&url).count(LOCKED).await.unwrap(), 1);
    tx.commit().await.unwrap();
    assert_eq!(the_event(&ledger, &event.header.id).await.repetitions, 1);
}

/// Without statistics of all months together, a customer's few events are looked for among all events by time.
#[tokio::test(flavor = "multi_thread")]
async fn all_months_are_analyzed_together_when_they_have_doubled() {
    const COUNTED: &str =
        "SELECT CAST(reltuples AS BIGINT) FROM pg_class WHERE relname = 'events' AND relkind = 'p'";
    let (url, ledger) = of_postgres("months_analyzed").await;
    let counted = async |events: std::ops::Range<usize>| {
        let events: Vec<Envelope> =
            events.map(|place| payment(&format!("pi_{place}"), 0, "succeeded", "in_1")).collect();
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        tamper(&url, "ANALYZE events_2026_05").await;
        ledger.prepare_months_ahead(clock::now()).await.unwrap();
        Rows::at(&url).count(COUNTED).await.unwrap()
    };
    assert_eq!(counted(0..20).await, 20);
    assert_eq!(counted(20..35).await, 20);
    assert_eq!(counted(35..50).await, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_not_under_its_own_identity_is_found() {
    each_ledger("misplaced", async |ledger, url| {
        let events =
            [payment("pi_1", 0, "succeeded", "in_1"), envelope("evt_2", "price.created", 0, &json!({}))];
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        assert!(crate::segments::verified(&ledger).await.inconsistent.is_empty());
        tamper(&url, "UPDATE events SET rest_hash = rest_hash + 1 WHERE id = 'evt_2'").await;
        assert_eq!(crate::segments::verified(&ledger).await.inconsistent, ["evt_2"]);
        ledger.close().await;
    })
    .await;
}
