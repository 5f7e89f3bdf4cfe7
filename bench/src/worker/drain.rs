//! A consumer, a real process, drains a queue that was filled before. The clock runs from the beginning of the
//! first batch, which the ledger has noted, until all events are seen in the ledger.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use chrono::{DateTime, Utc};
use envelope::Envelope;
use shared::clock;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, PgConnection, SqliteConnection};

use super::servers::{Database, Kind, Servers};
use crate::gateway::started::Launch;
use crate::measure::sample::{Sample, to_float};

const GLANCE: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_mins(3);

/// Names of what a sample notes besides its speed and its CPU.
pub const EVENTS_IN_TRANSACTION: &str = "events in a transaction";
pub const WAL_BYTES: &str = "WAL bytes an event";
pub const DISK_BYTES: &str = "bytes on disk an event, after vacuum";
/// Of the tables that are updated most: which part of their updates touches no index.
pub const IN_PLACE: [(&str, &str); 3] = [
    ("payments", "payments updated in place"),
    ("charges", "charges updated in place"),
    ("invoices", "invoices updated in place"),
];

/// Who drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumer<'a> {
    /// Our worker, from the folder of another build where there is one, with so many events in a batch where
    /// it is not to decide that itself.
    Worker { folder: Option<&'a Path>, batch: Option<&'static str> },
    /// What many would write: see `naive.rs`.
    Toy,
}

/// One run on a new, empty ledger.
pub async fn run(
    servers: &Servers,
    kind: Kind,
    events: &[Envelope],
    consumer: Consumer<'_>,
) -> anyhow::Result<Sample> {
    let ledger = match consumer {
        Consumer::Worker { .. } => servers.ledger(kind).await?,
        Consumer::Toy => servers.database(kind).await?,
    };
    if consumer == Consumer::Toy {
        super::naive::create_tables(&ledger.url).await?;
    }
    servers.fill(events).await?;
    servers.calm_down().await?;
    let sample = drain(servers, &ledger, events.len(), consumer).await?;
    ledger.drop(servers).await?;
    Ok(sample)
}

/// Drains what waits, which is so much, into a ledger that is there.
pub async fn drain(
    servers: &Servers,
    ledger: &Database,
    events: usize,
    consumer: Consumer<'_>,
) -> anyhow::Result<Sample> {
    let mut eye = Eye::on(ledger).await?;
    let (commits, wal) = (eye.commits().await?, eye.wal_bytes().await?);
    let (parts, begun) = (servers.parts()?, clock::now());
    let before = parts.cpu();
    let internal: &[&'static str] = if consumer == Consumer::Toy { &[] } else { &["WORKER_INTERNAL_ADDR"] };
    let worker = launch(servers, &ledger.url, consumer)?.start(internal).await?;
    let parts = parts.with("worker", worker.id());
    loop {
        ensure!((clock::now() - begun).to_std()? < PATIENCE, "the worker is too slow, or gone");
        if servers.waiting().await? == 0 && eye.events_since(begun).await? >= u64::try_from(events)? {
            break;
        }
        tokio::time::sleep(GLANCE).await;
    }
    let (ended, cpu, peak) = (clock::now(), parts.cpu_since(&before), parts.peak());
    if consumer != Consumer::Toy {
        worker.stop().await?;
    }
    let first = eye.first_batch(begun).await?;
    let mut sample = Sample::of(u64::try_from(events)?, (ended - first).to_std()?);
    (sample.cpu, sample.peak) = (cpu, peak);
    sample.peak.retain(|part, _| *part == "worker");
    if let (Some(before), Some(after)) = (commits, eye.commits().await?) {
        let transactions = to_float(u64::try_from(after - before)?);
        sample.notes.insert(EVENTS_IN_TRANSACTION, to_float(sample.events) / transactions);
    }
    if let (Some(before), Some(after)) = (wal, eye.wal_bytes().await?) {
        sample.notes.insert(WAL_BYTES, to_float(u64::try_from(after - before)?) / to_float(sample.events));
    }
    for (what, share) in eye.in_place_updates().await? {
        sample.notes.insert(what, share);
    }
    let bytes = to_float(u64::try_from(eye.bytes_after_vacuum().await?)?);
    sample.notes.insert(DISK_BYTES, bytes / to_float(sample.events));
    eye.close().await?;
    Ok(sample)
}

/// Since the server began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wal {
    pub bytes: i64,
    pub full_pages: i64,
}

impl std::ops::Sub for Wal {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { bytes: self.bytes - earlier.bytes, full_pages: self.full_pages - earlier.full_pages }
    }
}

/// A consumer's process on the queue of this ground and a ledger.
pub fn launch(servers: &Servers, ledger_url: &str, consumer: Consumer<'_>) -> anyhow::Result<Launch> {
    let launch = match consumer {
        Consumer::Worker { folder, batch } => {
            let launch = Launch::of_build(folder, &["tidegate-worker"])?;
            batch.into_iter().fold(launch, |launch, batch| launch.with("WORKER_BATCH_EVENTS", batch))
        }
        Consumer::Toy => Launch::new(&["bench", "toy", "consumer"])?,
    };
    Ok(launch.with("QUEUE_URL", &servers.queue_url).with("DATABASE_URL", ledger_url))
}

/// Looks at a ledger over its own connection.
pub enum Eye {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

macro_rules! see {
    ($eye:expr, |$connection:ident| $body:expr) => {
        match $eye {
            Self::Postgres($connection) => $body,
            Self::Sqlite($connection) => $body,
        }
    };
}

impl Eye {
    pub async fn on(ledger: &Database) -> anyhow::Result<Self> {
        Ok(match ledger.file() {
            Some(file) => {
                let options =
                    SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_secs(10));
                Self::Sqlite(SqliteConnection::connect_with(&options).await?)
            }
            None => Self::Postgres(PgConnection::connect(&ledger.url).await?),
        })
    }

    /// How many were recorded since; from an index, however large the ledger is.
    pub async fn events_since(&mut self, since: DateTime<Utc>) -> anyhow::Result<u64> {
        const COUNT: &str = "SELECT COUNT(*) FROM events WHERE recorded_at >= $1";
        let count: i64 =
            see!(self, |connection| sqlx::query_scalar(COUNT).bind(since).fetch_one(connection).await?);
        Ok(u64::try_from(count)?)
    }

    async fn first_batch(&mut self, since: DateTime<Utc>) -> anyhow::Result<DateTime<Utc>> {
        const FIRST: &str =
            "SELECT recorded_at FROM events WHERE recorded_at >= $1 ORDER BY recorded_at LIMIT 1";
        Ok(see!(self, |connection| sqlx::query_scalar(FIRST).bind(since).fetch_one(connection).await?))
    }

    /// What Postgres counts when a connection ends.
    async fn commits(&mut self) -> anyhow::Result<Option<i64>> {
        const COMMITS: &str = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()";
        Ok(match self {
            Self::Postgres(connection) => Some(sqlx::query_scalar(COMMITS).fetch_one(connection).await?),
            Self::Sqlite(_) => None,
        })
    }

    /// How much Postgres has ever written to its log.
    async fn wal_bytes(&mut self) -> anyhow::Result<Option<i64>> {
        const BYTES: &str = "SELECT (pg_current_wal_lsn() - '0/0')::bigint";
        Ok(match self {
            Self::Postgres(connection) => Some(sqlx::query_scalar(BYTES).fetch_one(connection).await?),
            Self::Sqlite(_) => None,
        })
    }

    /// What Postgres wrote to its log, and how often a whole page of it; after the processes that wrote it have ended.
    pub async fn wal(&mut self) -> anyhow::Result<Wal> {
        const WAL: &str = "SELECT wal_bytes::bigint, wal_fpi FROM pg_stat_wal";
        let Self::Postgres(connection) = self else { return Ok(Wal::default()) };
        let (bytes, full_pages) = sqlx::query_as(WAL).fetch_one(connection).await?;
        Ok(Wal { bytes, full_pages })
    }

    /// What the tables, their indexes and their dead rows take.
    pub async fn bytes(&mut self) -> anyhow::Result<i64> {
        const DATABASE: &str = "SELECT pg_database_size(current_database())";
        let Self::Postgres(connection) = self else { return Ok(0) };
        Ok(sqlx::query_scalar(DATABASE).fetch_one(connection).await?)
    }

    /// Which part of the updates of each table touched no index (HOT); nothing of tables that a contestant lacks.
    async fn in_place_updates(&mut self) -> anyhow::Result<Vec<(&'static str, f64)>> {
        const SHARE: &str = "SELECT n_tup_hot_upd::float8 / GREATEST(n_tup_upd, 1) FROM pg_stat_user_tables \
            WHERE relname = $1";
        let Self::Postgres(connection) = self else { return Ok(Vec::new()) };
        let mut shares = Vec::new();
        for (table, what) in IN_PLACE {
            let share: Option<f64> =
                sqlx::query_scalar(SHARE).bind(table).fetch_optional(&mut *connection).await?;
            shares.extend(share.map(|share| (what, share)));
        }
        Ok(shares)
    }

    /// What the tables and their indexes take once nothing in them is dead.
    async fn bytes_after_vacuum(&mut self) -> anyhow::Result<i64> {
        const TABLES: &str = "SELECT SUM(pg_total_relation_size(relid))::bigint FROM pg_stat_user_tables";
        const PAGES: &str = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        Ok(match self {
            Self::Postgres(connection) => {
                sqlx::query("VACUUM").execute(&mut *connection).await?;
                sqlx::query_scalar(TABLES).fetch_one(connection).await?
            }
            Self::Sqlite(connection) => {
                sqlx::query("VACUUM").execute(&mut *connection).await?;
                sqlx::query_scalar(PAGES).fetch_one(connection).await?
            }
        })
    }

    pub async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Postgres(connection) => connection.close().await?,
            Self::Sqlite(connection) => connection.close().await?,
        }
        Ok(())
    }
}
