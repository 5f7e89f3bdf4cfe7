//! Many rows in one statement, and the only file that knows how the two databases differ. A statement reads
//! from a relation `input`: on Postgres arrays unnested, one text for ever; on SQLite a list of VALUES whose
//! length is a power of two, so that each text comes again and stays prepared. What is not bound there is NULL,
//! and no row: the first column of every input is part of a key.

use std::borrow::Cow;
use std::fmt::Write;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, FromRow, Postgres, Sqlite};

use super::{LedgerError, Transaction};
use crate::rules::Key;
use crate::rules::row::{Column, Columns, Field};

/// SQLite's limit on the parameters of one statement.
const SQLITE_PARAMETERS: usize = 32_766;

/// Columns of values, side by side with their names. Rows must be sorted by key and hold each key once: that
/// is the order in which Postgres locks, and it refuses to touch a row twice.
pub(super) struct Rows<'a, T> {
    items: &'a [T],
    columns: Columns<'a>,
}

/// The three columns of an object's key.
pub(super) fn by_key(keys: &[Key]) -> Rows<'_, Key> {
    Rows::of(keys).fields(|key| key)
}

impl<'a, T> Rows<'a, T> {
    pub(super) fn of(items: &'a [T]) -> Self {
        Self { items, columns: Vec::new() }
    }

    /// All fields of a group, under their own names.
    pub(super) fn fields<F: Field + 'a>(mut self, get: impl Fn(&'a T) -> &'a F) -> Self {
        let values: Vec<&F> = self.items.iter().map(get).collect();
        F::columns("", &values, &mut self.columns);
        self
    }

    pub(super) fn text(self, name: &'static str, get: impl Fn(&'a T) -> &'a str) -> Self {
        self.maybe_text(name, |item| Some(get(item)))
    }

    pub(super) fn maybe_text(self, name: &'static str, get: impl Fn(&'a T) -> Option<&'a str>) -> Self {
        let values = self.items.iter().map(|item| get(item).map(Cow::Borrowed)).collect();
        self.with(name, Column::Text(values))
    }

    pub(super) fn int(self, name: &'static str, get: impl Fn(&'a T) -> i64) -> Self {
        self.maybe_int(name, |item| Some(get(item)))
    }

    pub(super) fn maybe_int(self, name: &'static str, get: impl Fn(&'a T) -> Option<i64>) -> Self {
        let values = self.items.iter().map(get).collect();
        self.with(name, Column::Int(values))
    }

    pub(super) fn flag(self, name: &'static str, get: impl Fn(&'a T) -> bool) -> Self {
        let values = self.items.iter().map(get).collect();
        self.with(name, Column::Flag(values))
    }

    pub(super) fn time(self, name: &'static str, get: impl Fn(&'a T) -> Option<DateTime<Utc>>) -> Self {
        let values = self.items.iter().map(get).collect();
        self.with(name, Column::Time(values))
    }

    pub(super) fn bytes(self, name: &'static str, get: impl Fn(&'a T) -> &'a [u8]) -> Self {
        let values = self.items.iter().map(get).collect();
        self.with(name, Column::Bytes(values))
    }

    fn with(mut self, name: &'static str, column: Column<'a>) -> Self {
        self.columns.push((name, column));
        self
    }

    /// Runs a statement that reads from `input`.
    pub(super) async fn run(self, tx: &mut Transaction, statement: &str) -> Result<u64, LedgerError> {
        if self.items.is_empty() {
            return Ok(0);
        }
        match tx {
            Transaction::Postgres(tx) => {
                let sql = AssertSqlSafe(self.postgres_text(statement));
                Ok(self.bind_postgres(sqlx::query(sql)).execute(&mut **tx).await?.rows_affected())
            }
            Transaction::Sqlite(tx) => {
                let mut affected = 0;
                for (from, to) in self.chunks() {
                    let sql = AssertSqlSafe(self.sqlite_text(statement, to - from));
                    let query = self.bind_sqlite(sqlx::query(sql), from, to);
                    affected += query.execute(&mut **tx).await?.rows_affected();
                }
                Ok(affected)
            }
        }
    }

    /// Runs a statement that reads from `input` and gives rows back.
    pub(super) async fn fetch<R>(self, tx: &mut Transaction, statement: &str) -> Result<Vec<R>, LedgerError>
    where
        R: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        if self.items.is_empty() {
            return Ok(Vec::new());
        }
        match tx {
            Transaction::Postgres(tx) => {
                let sql = AssertSqlSafe(self.postgres_text(statement));
                let rows = self.bind_postgres(sqlx::query(sql)).fetch_all(&mut **tx).await?;
                Ok(rows.iter().map(R::from_row).collect::<Result<_, _>>()?)
            }
            Transaction::Sqlite(tx) => {
                let mut found = Vec::new();
                for (from, to) in self.chunks() {
                    let sql = AssertSqlSafe(self.sqlite_text(statement, to - from));
                    let rows = self.bind_sqlite(sqlx::query(sql), from, to).fetch_all(&mut **tx).await?;
                    for row in &rows {
                        found.push(R::from_row(row)?);
                    }
                }
                Ok(found)
            }
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|(name, _)| *name)
    }

    fn name_list(&self) -> String {
        self.names().collect::<Vec<_>>().join(", ")
    }

    fn postgres_text(&self, statement: &str) -> String {
        let arrays = self.columns.iter().enumerate().map(|(place, (_, column))| {
            let kind = match column {
                Column::Text(_) => "text",
                Column::Int(_) => "bigint",
                Column::Flag(_) => "boolean",
                Column::Time(_) => "timestamptz",
                Column::Bytes(_) => "bytea",
            };
            format!("${}::{kind}[]", place + 1)
        });
        let arrays = arrays.collect::<Vec<_>>().join(", ");
        format!("WITH input ({}) AS (SELECT * FROM unnest({arrays})) {statement}", self.name_list())
    }

    fn sqlite_text(&self, statement: &str, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns.len()].join(","));
        let mut text = format!("WITH input ({}) AS (SELECT * FROM (VALUES ", self.name_list());
        for place in 0..rows.next_power_of_two() {
            let separator = if place == 0 { "" } else { "," };
            write!(text, "{separator}{row}").expect("a String takes every write");
        }
        text.push_str(") WHERE column1 IS NOT NULL) ");
        text.push_str(statement);
        text
    }

    fn chunks(&self) -> impl Iterator<Item = (usize, usize)> + use<T> {
        let (rows, most) = (self.items.len(), SQLITE_PARAMETERS / self.columns.len());
        let size = 1 << most.ilog2();
        (0..rows).step_by(size).map(move |from| (from, rows.min(from + size)))
    }

    fn bind_postgres<'q>(self, query: Query<'q, Postgres, PgArguments>) -> Query<'q, Postgres, PgArguments>
    where
        'a: 'q,
    {
        self.columns.into_iter().fold(query, |query, (_, column)| match column {
            Column::Text(values) => query.bind(values),
            Column::Int(values) => query.bind(values),
            Column::Flag(values) => query.bind(values),
            Column::Time(values) => query.bind(values),
            Column::Bytes(values) => query.bind(values),
        })
    }

    fn bind_sqlite<'q>(
        &'q self,
        query: Query<'q, Sqlite, SqliteArguments>,
        from: usize,
        to: usize,
    ) -> Query<'q, Sqlite, SqliteArguments> {
        let mut query = query;
        for row in from..to {
            for (_, column) in &self.columns {
                query = match column {
                    Column::Text(values) => query.bind(values[row].as_deref()),
                    Column::Int(values) => query.bind(values[row]),
                    Column::Flag(values) => query.bind(values[row]),
                    Column::Time(values) => query.bind(values[row]),
                    Column::Bytes(values) => query.bind(values[row]),
                };
            }
        }
        query
    }
}
