//! A ledger of an older version that has rows is brought up to this build's schema, and keeps them.

use std::path::Path;

use harness::ledger::Ledger;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, PgConnection, SqliteConnection};

use crate::ledgers::{each_database, open};

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
        ledger.close().await;
    })
    .await;
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
        connection.close().await.unwrap();
    } else {
        let mut connection = PgConnection::connect(url).await.unwrap();
        all.run_to(OLDER, &mut connection).await.unwrap();
        for statement in ROWS {
            sqlx::query(*statement).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    }
}
