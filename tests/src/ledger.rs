//! What the tests know of the ledger: the rows that SQL shows, read from outside on a connection of their
//! own. Nothing here goes through the product's code.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ColumnIndex, Connection, Decode, FromRow, PgConnection, Row, SqliteConnection, Type};

use crate::process_guard::until;

/// Where the ledger is. Each question opens a connection, so that a killed server is no special case.
#[derive(Clone, Debug)]
pub enum Ledger {
    Postgres(String),
    Sqlite(PathBuf),
}

/// A transaction that others wait for.
pub enum Held {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Held {
    pub async fn release(self) -> anyhow::Result<()> {
        match self {
            Self::Postgres(open) => open.close().await?,
            Self::Sqlite(open) => open.close().await?,
        }
        Ok(())
    }
}

/// One row of `events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    pub id: String,
    pub account: String,
    pub livemode: bool,
    pub kind: String,
    pub outcome: String,
    pub reason: Option<String>,
    pub attempts: i64,
    pub repetitions: i64,
}

/// One row of `audit`: what changed about a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    pub subject_kind: String,
    pub subject_id: String,
    pub revision: i64,
    pub event_id: Option<String>,
    pub what: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// Reads each field from the column of this name, on either database.
macro_rules! from_row {
    ($row:ident { $($field:ident: $column:literal,)+ }) => {
        impl<'r, R: Row> FromRow<'r, R> for $row
        where
            &'static str: ColumnIndex<R>,
            String: Decode<'r, R::Database> + Type<R::Database>,
            Option<String>: Decode<'r, R::Database> + Type<R::Database>,
            bool: Decode<'r, R::Database> + Type<R::Database>,
            i64: Decode<'r, R::Database> + Type<R::Database>,
        {
            fn from_row(row: &'r R) -> sqlx::Result<Self> {
                Ok(Self { $($field: row.try_get($column)?,)+ })
            }
        }
    };
}

from_row!(EventRow {
    id: "id",
    account: "account",
    livemode: "livemode",
    kind: "type",
    outcome: "outcome",
    reason: "reason",
    attempts: "attempts",
    repetitions: "repetitions",
});
from_row!(Transition {
    subject_kind: "subject_kind",
    subject_id: "subject_id",
    revision: "revision",
    event_id: "event_id",
    what: "what",
    before: "before",
    after: "after",
});

/// One statement, in the SQL that both databases share, on whichever of them it is.
macro_rules! ask {
    ($ledger:expr, |$connection:ident| $question:expr) => {
        match $ledger {
            $crate::ledger::Ledger::Postgres(url) => {
                let mut open = <sqlx::PgConnection as sqlx::Connection>::connect(url).await?;
                let $connection = &mut open;
                let answer = $question?;
                sqlx::Connection::close(open).await?;
                anyhow::Ok(answer)
            }
            $crate::ledger::Ledger::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).read_only(true);
                let options = options.busy_timeout($crate::ledger::PATIENCE);
                let mut open = <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await?;
                let $connection = &mut open;
                let answer = $question?;
                sqlx::Connection::close(open).await?;
                anyhow::Ok(answer)
            }
        }
    };
}

pub(crate) use ask;

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

impl Ledger {
    /// From the value of `DATABASE_URL`.
    pub fn at(url: &str) -> Self {
        url.strip_prefix("sqlite:")
            .map_or_else(|| Self::Postgres(url.to_owned()), |path| Self::Sqlite(path.into()))
    }

    pub async fn events(&self) -> anyhow::Result<Vec<EventRow>> {
        const ALL: &str =
            "SELECT id, account, livemode, type, outcome, reason, attempts, repetitions FROM events";
        ask!(self, |connection| sqlx::query_as(ALL).fetch_all(connection).await)
    }

    /// The one row of an event that has one row.
    pub async fn event(&self, id: &str) -> anyhow::Result<EventRow> {
        let mut rows: Vec<EventRow> = self.events().await?.into_iter().filter(|row| row.id == id).collect();
        anyhow::ensure!(rows.len() == 1, "{id} has {} rows", rows.len());
        rows.pop().context("just counted")
    }

    /// Ids and statuses of all payments.
    pub async fn payments(&self) -> anyhow::Result<BTreeMap<String, String>> {
        const ALL: &str = "SELECT id, status FROM payments";
        let rows: Vec<(String, String)> =
            ask!(self, |connection| sqlx::query_as(ALL).fetch_all(connection).await)?;
        Ok(rows.into_iter().collect())
    }

    /// The audit, subject by subject in the order of revisions.
    pub async fn transitions(&self) -> anyhow::Result<Vec<Transition>> {
        const ALL: &str = "SELECT subject_kind, subject_id, revision, event_id, what, before, after FROM audit \
                           ORDER BY subject_kind, subject_id, account, livemode, revision";
        ask!(self, |connection| sqlx::query_as(ALL).fetch_all(connection).await)
    }

    /// The single number that a statement selects.
    pub async fn count(&self, statement: &'static str) -> anyhow::Result<i64> {
        ask!(self, |connection| sqlx::query_scalar(statement).fetch_one(connection).await)
    }

    /// Keeps everybody from writing events until this is dropped.
    pub async fn hold(&self) -> anyhow::Result<Held> {
        match self {
            Self::Postgres(url) => {
                let mut open = PgConnection::connect(url).await?;
                sqlx::query("BEGIN").execute(&mut open).await?;
                sqlx::query("LOCK TABLE events IN EXCLUSIVE MODE").execute(&mut open).await?;
                Ok(Held::Postgres(open))
            }
            Self::Sqlite(path) => {
                let options = SqliteConnectOptions::new().filename(path).busy_timeout(PATIENCE);
                let mut open = SqliteConnection::connect_with(&options).await?;
                sqlx::query("BEGIN IMMEDIATE").execute(&mut open).await?;
                Ok(Held::Sqlite(open))
            }
        }
    }

    /// The bytes in the single cell that a statement selects.
    pub async fn bytes(&self, statement: &'static str) -> anyhow::Result<Vec<u8>> {
        ask!(self, |connection| sqlx::query_scalar(statement).fetch_one(connection).await)
    }

    /// Waits until so many deliveries, repetitions included, are counted.
    pub async fn has_seen(&self, deliveries: usize, patience: Duration) -> anyhow::Result<()> {
        const SEEN: &str = "SELECT count(*) + CAST(coalesce(sum(repetitions), 0) AS BIGINT) FROM events";
        self.reaches(SEEN, deliveries, patience).await
    }

    /// Waits until so many different events have an outcome other than `waiting`.
    pub async fn has_handled(&self, events: usize, patience: Duration) -> anyhow::Result<()> {
        const HANDLED: &str = "SELECT count(*) FROM events WHERE outcome <> 'waiting'";
        self.reaches(HANDLED, events, patience).await
    }

    /// A server that is away for the moment has not reached it yet.
    async fn reaches(&self, statement: &'static str, goal: usize, patience: Duration) -> anyhow::Result<()> {
        let goal = i64::try_from(goal)?;
        let mut last = Ok(0);
        let reached = until("the ledger to reach a count", patience, async || {
            last = self.count(statement).await;
            Ok(last.as_ref().is_ok_and(|count| *count >= goal))
        });
        reached.await.with_context(|| format!("{statement}: {last:?}, not {goal}"))
    }
}
