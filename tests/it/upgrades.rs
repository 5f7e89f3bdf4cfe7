//! A ledger of an older version that has rows is brought up to this build's schema, and keeps them.

use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::event::Content;
use envelope::Envelope;
use harness::ledger::Ledger;
use harness::postgres::Postgres;
use ledger::LedgerConfig;
use ledger::views::stored_events::EventFilter;
use serde_json::json;
use shared::env::Env;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use crate::ledgers::{each_database, envelope, open, payment, the_event, together};

/// The last migration of the older version.
const OLDER: i64 = 31;

/// What an older version had: goods with and without a change that waits, a change of each state, an event begun alone.
const ROWS: &[&str] = &[
    "INSERT INTO goods (id, account, livemode, kind, user_id, label, record, created_at, state, derived, told_state, \
     revision, audit_hash) VALUES \
     ('lst_1', '', TRUE, 'listing', 'user_1', 'a', '{}', '2026-10-01T00:00:00Z', 'active', '{}', 'active', 1, ''), \
     ('lst_2', '', TRUE, 'listing', 'user_1', 'b', '{}', '2026-10-02T00:00:00Z', 'deleted', '{}', 'deleted', 2, '')",
    "INSERT INTO goods_changes (id, account, livemode, changes) VALUES ('lst_1', '', TRUE, 3)",
    "INSERT INTO pending_changes (id, kind, subject, after, reason, asked_by, asked_at, ends_at, state, decided_by) VALUES \
     ('chg_1', 'policy', 'bans.chargebacks', '5', 'why', 'ada', '2026-10-01T00:00:00Z', '2026-10-08T00:00:00Z', 'waiting', NULL), \
     ('chg_2', 'roles', 'ben', 'refunds', 'why', 'ada', '2026-10-01T00:00:00Z', '2026-10-08T00:00:00Z', 'approved', 'root')",
    "INSERT INTO started (id, account, livemode, content_hash, started_at) VALUES \
     ('evt_1', '', TRUE, '00', '2026-10-01T00:00:00Z')",
];

/// What of it must be there afterwards, and how often.
const KEPT: &[(&str, i64)] = &[
    ("SELECT count(*) FROM goods WHERE testimony = ''", 2),
    ("SELECT count(*) FROM goods_changes WHERE id = 'lst_1' AND changes = 3", 1),
    ("SELECT count(*) FROM goods_changes WHERE id = 'lst_2' AND changes = 1 AND look_at IS NULL", 1),
    ("SELECT count(*) FROM pending_changes WHERE id = 'chg_1' AND state = 'waiting' AND after = '5'", 1),
    ("SELECT count(*) FROM pending_changes WHERE id = 'chg_2' AND decided_by = 'root' AND kind = 'roles'", 1),
    ("SELECT count(*) FROM started WHERE id = 'evt_1' AND alone", 1),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_an_older_version_keeps_its_rows() {
    each_database("upgraded", async |url| {
        make(&url).await;
        let rows = url
            .strip_prefix("sqlite:")
            .map_or_else(|| Ledger::Postgres(url.clone()), |path| Ledger::Sqlite(path.into()));
        let ledger = open(&url).await;
        let refusal = ledger.check_schema().await.unwrap_err().to_string();
        assert!(refusal.contains("tidegate migrate"), "{refusal}");
        let new = ledger.migrate().await.unwrap();
        assert!(new.first().is_some_and(|first| first.starts_with("0032")), "{new:?}");
        ledger.check_schema().await.unwrap();
        for (statement, number) in KEPT {
            assert_eq!(rows.count(statement).await.unwrap(), *number, "{url}: {statement}");
        }
        keeps_its_events(&ledger, &rows).await;
        assert!(ledger.migrate().await.unwrap().is_empty(), "to migrate again changes nothing");
        ledger.close().await;
    })
    .await;
}

/// On Postgres each statement of a ledger has a deadline. To write a large table anew takes longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_may_take_longer_than_any_other_statement() {
    let url = slow_to_upgrade("upgraded_slowly").await;
    let ledger = hasty(&url).await;
    let begun = Instant::now();
    ledger.migrate().await.unwrap();
    assert!(begun.elapsed() > SLOW, "nothing took its time");
    ledger.check_schema().await.unwrap();
    ledger.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_migrates_second_waits_for_the_first_however_long_that_takes() {
    let url = slow_to_upgrade("upgraded_twice").await;
    let (one, other) = (hasty(&url).await, hasty(&url).await);
    let begun = Instant::now();
    let (by_one, by_other) = tokio::join!(one.migrate(), other.migrate());
    assert!(begun.elapsed() > SLOW, "nothing took its time");
    let applied = [by_one.unwrap(), by_other.unwrap()];
    assert_eq!(applied.iter().filter(|new| new.is_empty()).count(), 1, "{applied:?}");
    for ledger in [one, other] {
        ledger.check_schema().await.unwrap();
        ledger.close().await;
    }
}

/// Longer than a hasty ledger waits for a statement or a lock.
const SLOW: Duration = Duration::from_millis(1_500);

async fn hasty(url: &str) -> ledger::Ledger {
    let env = Env::of(&[("DATABASE_URL", url), ("DATABASE_DEADLINE_SECS", "1")]);
    ledger::Ledger::open(&LedgerConfig::from_env(&env).unwrap()).await.unwrap()
}

/// A ledger of the older version on Postgres, one of whose migrations takes its time.
async fn slow_to_upgrade(name: &str) -> String {
    let url = Postgres::shared().await.database(name).await.unwrap();
    make(&url).await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let slow = format!(
        "CREATE FUNCTION take_time() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity LIKE '%.payments_earned') \
         THEN PERFORM pg_sleep({}); END IF; END $$; \
         CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION take_time()",
        SLOW.as_secs_f64()
    );
    sqlx::raw_sql(AssertSqlSafe(slow)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    url
}

/// An event that was applied, and one that is a dead letter and names a payment.
fn events() -> [Envelope; 2] {
    let malformed = json!({"id": "pi_2", "status": "succeeded", "amount": "x", "currency": "usd"});
    [payment("pi_1", 0, "succeeded", "in_1"), envelope("evt_dead", "payment_intent.succeeded", 0, &malformed)]
}

/// They are found with their bodies, by what they moved and named, and are recognised when they come again.
async fn keeps_its_events(ledger: &ledger::Ledger, rows: &Ledger) {
    let [applied, dead] = events();
    for event in [&applied, &dead] {
        let stored = the_event(ledger, &event.header.id).await;
        assert_eq!(stored.key(), Content::of(event).key);
        assert_eq!((stored.repetitions, stored.attempts), (2, 1));
        assert_eq!(ledger.body(&stored.key()).await.unwrap().as_deref(), Some(&event.body[..]));
    }
    for (object, event) in [("pi_1", &applied), ("pi_2", &dead)] {
        let filter = EventFilter { object: Some(object.to_owned()), limit: 10, ..EventFilter::default() };
        let found = ledger.events(&filter).await.unwrap();
        assert_eq!(found.iter().map(|found| &found.id).collect::<Vec<_>>(), [&event.header.id]);
    }
    let [letter] = &ledger.read().await.unwrap().dead_about("pi_2").await.unwrap()[..] else { panic!("one") };
    assert_eq!(letter.id, dead.header.id);
    assert_eq!(ledger.audit_of_event(&applied.header.id).await.unwrap().len(), 1);
    let [item] = &ledger.read().await.unwrap().next_items("replay_1", 10).await.unwrap()[..] else {
        panic!("one")
    };
    assert_eq!(item.key, Content::of(&dead).key);
    let handled = together(ledger, &[&applied, &dead]).await;
    assert_eq!((handled.applied, handled.repeated, handled.transitions), (0, 2, 0));
    assert_eq!(rows.count("SELECT count(*) FROM events").await.unwrap(), 2);
    assert_eq!(rows.count("SELECT count(*) FROM bodies").await.unwrap(), 3, "one of an event that is gone");
}

/// The rows that an older version had of these events.
fn rows_of_events() -> Vec<(String, Option<Bytes>)> {
    let mut rows = Vec::new();
    for (event, outcome) in events().iter().zip(["'applied', NULL", "'dead', 'unreadable'"]) {
        let key = Content::of(event).key;
        let columns = format!("'{}', '{}', {}, '{}'", key.id, key.account, key.livemode, key.content_hash);
        let at = key.created_at.format("%Y-%m-%dT%H:%M:%S+00:00");
        rows.push((
            format!(
                "INSERT INTO events (id, account, livemode, content_hash, type, api_version, created_at, received_at, \
                 recorded_at, source, endpoint, trace_parent, outcome, reason, attempts, repetitions, handler_version) \
                 VALUES ({columns}, '{}', '2025-04-30.basil', '{at}', '{at}', '{at}', 'stripe', 'default', '{}', \
                 {outcome}, 1, 2, 1)",
                event.header.kind, event.header.trace_parent
            ),
            None,
        ));
        let body =
            format!("INSERT INTO bodies (id, account, livemode, content_hash, body) VALUES ({columns}, $1)");
        rows.push((body, Some(event.body.clone())));
        if key.id == "evt_dead" {
            rows.push((format!("INSERT INTO dead_letter_names VALUES ('pi_2', {columns})"), None));
            let item = "INSERT INTO replay_items (replay, number, id, account, livemode, content_hash)";
            rows.push((format!("{item} VALUES ('replay_1', 1, {columns})"), None));
        } else {
            rows.push((
                format!(
                    "INSERT INTO audit (subject_id, account, livemode, subject_kind, revision, at, actor, event_id, what, \
                     severity) VALUES ('pi_1', '', TRUE, 'payment', 1, '{at}', 'stripe', '{}', 'status', 'info')",
                    key.id
                ),
                None,
            ));
        }
    }
    let orphan = "INSERT INTO bodies (id, account, livemode, content_hash, body) VALUES ('evt_gone', '', TRUE, '00', $1)";
    rows.push((orphan.to_owned(), Some(Bytes::from_static(b"{}"))));
    rows
}

/// A ledger as the older version had it.
async fn make(url: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations/ledger");
    let all = Migrator::new(folder.as_path()).await.unwrap();
    if let Some(path) = url.strip_prefix("sqlite:") {
        let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        all.run_to(OLDER, &mut connection).await.unwrap();
        for statement in ROWS {
            sqlx::query(*statement).execute(&mut connection).await.unwrap();
        }
        for (statement, body) in rows_of_events() {
            let query = sqlx::query(AssertSqlSafe(statement));
            let query = if let Some(body) = body { query.bind(body.to_vec()) } else { query };
            query.execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    } else {
        let mut connection = PgConnection::connect(url).await.unwrap();
        all.run_to(OLDER, &mut connection).await.unwrap();
        for statement in ROWS {
            sqlx::query(*statement).execute(&mut connection).await.unwrap();
        }
        for (statement, body) in rows_of_events() {
            let query = sqlx::query(AssertSqlSafe(statement));
            let query = if let Some(body) = body { query.bind(body.to_vec()) } else { query };
            query.execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    }
}
