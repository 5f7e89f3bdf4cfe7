//! Our own worker, a real process, drains a queue that was filled before. The clock runs from the beginning
//! of the first batch, which the ledger has noted, until all events are seen in the ledger.

use std::time::Duration;

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use harness::process::Process;
use shared::clock;
use shared::envelope::Envelope;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, PgConnection, SqliteConnection};

use super::ground::{Database, Ground, Kind};
use crate::measure::sample::{Sample, to_float};

const GLANCE: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_mins(10);

/// One run of the worker with these settings, on a new ledger.
pub async fn run(
    ground: &Ground,
    kind: Kind,
    events: &[Envelope],
    settings: &[(&str, &str)],
) -> anyhow::Result<Sample> {
    let ledger = ground.ledger(kind).await?;
    ground.fill(events).await?;
    ground.calm_down().await?;
    let sample = drain(ground, &ledger, events.len(), settings).await?;
    ledger.drop(ground).await?;
    Ok(sample)
}

/// Drains what waits into a ledger that is there.
pub async fn drain(
    ground: &Ground,
    ledger: &Database,
    events: usize,
    settings: &[(&str, &str)],
) -> anyhow::Result<Sample> {
    let mut eye = Eye::on(ledger).await?;
    let (known, commits) = (eye.events().await?, eye.commits().await?);
    let mut all = vec![
        ("QUEUE_URL".to_owned(), ground.queue_url.clone()),
        ("DATABASE_URL".to_owned(), ledger.url.clone()),
        ("RUST_LOG".to_owned(), "warn".to_owned()),
    ];
    all.extend(settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())));
    let mut worker = Process::new("worker-1", ground.folder(), all);
    let (parts, begun) = (ground.parts()?, clock::now());
    let before = parts.cpu();
    worker.spawn(ground.guardian())?;
    let parts = parts.with("worker", worker.id().context("the worker was started")?);

    let goal = known + i64::try_from(events)?;
    loop {
        ensure!(!worker.has_ended(), "the worker ended: {}", worker.log());
        ensure!((clock::now() - begun).to_std()? < PATIENCE, "the worker is too slow: {}", worker.log());
        if ground.waiting().await? == 0 && eye.events().await? >= goal {
            break;
        }
        tokio::time::sleep(GLANCE).await;
    }
    let (ended, cpu, peak) = (clock::now(), parts.cpu_since(&before), parts.peak());
    worker.stop()?;
    let first = eye.first_batch(begun).await?;
    let mut sample = Sample::of(u64::try_from(goal - known)?, (ended - first).to_std()?);
    (sample.cpu, sample.peak) = (cpu, peak);
    if let (Some(before), Some(after)) = (commits, eye.commits().await?) {
        sample.notes.insert("transactions", to_float(u64::try_from(after - before)?));
    }
    eye.close().await?;
    Ok(sample)
}

/// Looks at a ledger over a connection of its own.
enum Eye {
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
    async fn on(ledger: &Database) -> anyhow::Result<Self> {
        Ok(match ledger.file() {
            Some(file) => {
                let options =
                    SqliteConnectOptions::new().filename(file).busy_timeout(Duration::from_secs(10));
                Self::Sqlite(SqliteConnection::connect_with(&options).await?)
            }
            None => Self::Postgres(PgConnection::connect(&ledger.url).await?),
        })
    }

    async fn events(&mut self) -> anyhow::Result<i64> {
        const COUNT: &str = "SELECT COUNT(*) FROM events";
        Ok(see!(self, |connection| sqlx::query_scalar(COUNT).fetch_one(connection).await?))
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

    async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Postgres(connection) => connection.close().await?,
            Self::Sqlite(connection) => connection.close().await?,
        }
        Ok(())
    }
}
