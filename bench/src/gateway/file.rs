//! SQLite and nothing else: the same rows into the same table under the same settings, so many in a transaction.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use harness::process_guard::ProcessGuard;
use rustix::process::Signal;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqlSafeStr, SqliteConnection};

use super::raw;
use crate::events::Requests;
use crate::measure::process::Parts;
use crate::measure::sample::Sample;

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/queue");

/// Headers and bodies as the queue keeps them.
pub struct Rows<'r>(Vec<(String, &'r [u8])>);

impl<'r> Rows<'r> {
    pub fn of(requests: &'r Requests) -> anyhow::Result<Self> {
        let rows = (0..requests.len()).map(|number| {
            let body = requests.body(number).context("there is a body for every number")?;
            Ok((serde_json::to_string(&raw::header(body)?)?, body))
        });
        Ok(Self(rows.collect::<anyhow::Result<_>>()?))
    }
}

/// A new file with the queue's schema and settings.
pub struct File {
    pub conn: SqliteConnection,
    _guard: ProcessGuard,
}

impl File {
    pub async fn new() -> anyhow::Result<Self> {
        let guard = ProcessGuard::new("bench-file", Signal::KILL)?;
        let options = SqliteConnectOptions::new()
            .filename(guard.folder().join("raw.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", "250")
            .pragma("cache_size", "-16384")
            .foreign_keys(true)
            .disable_statement_logging();
        let mut conn = options.connect().await?;
        Migrator::new(Path::new(SCHEMA)).await?.run(&mut conn).await?;
        Ok(Self { conn, _guard: guard })
    }

    /// Inserts the rows in transactions of one statement each, until the time is over or all are in.
    pub async fn fill(&mut self, rows: &Rows<'_>, group: usize, time: Duration) -> anyhow::Result<Sample> {
        let values = vec!["(?, ?, ?)"; group].join(", ");
        let text = format!("INSERT INTO messages (header, body, enqueued_at_ms) VALUES {values}");
        let text = AssertSqlSafe(std::sync::Arc::<str>::from(text)).into_sql_str();
        let mut sample = Sample::default();
        let began = Instant::now();
        for rows in rows.0.chunks_exact(group) {
            if began.elapsed() >= time {
                break;
            }
            let asked = Instant::now();
            let now_ms = shared::clock::now().timestamp_millis();
            sqlx::query("BEGIN IMMEDIATE").execute(&mut self.conn).await?;
            let mut query = sqlx::query(text.clone());
            for (header, body) in rows {
                query = query.bind(header).bind(*body).bind(now_ms);
            }
            query.execute(&mut self.conn).await?;
            sqlx::query("COMMIT").execute(&mut self.conn).await?;
            sample.latencies.note(asked.elapsed());
            sample.events += rows.len() as u64;
        }
        sample.seconds = began.elapsed().as_secs_f64();
        Ok(sample)
    }

    pub async fn close(self) -> anyhow::Result<()> {
        Ok(self.conn.close().await?)
    }
}

/// One run on its own file.
pub async fn insert(rows: &Rows<'_>, group: usize, time: Duration) -> anyhow::Result<Sample> {
    let mut file = File::new().await?;
    let parts = Parts::default().with("client", std::process::id());
    let before = parts.cpu();
    let mut sample = file.fill(rows, group, time).await?;
    sample.cpu = parts.cpu_since(&before);
    file.close().await?;
    Ok(sample)
}
