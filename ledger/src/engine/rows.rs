//! Many rows in one statement, and the only file that knows how the two databases differ. A statement reads
//! from a relation `input`: on Postgres arrays unnested, one text for ever; on SQLite a list of VALUES whose
//! length is a power of two, so that each text comes again and stays prepared. What is not bound there is NULL,
//! and no row: the first column of every input is part of a key.

use std::borrow::Cow;
use std::fmt::Write;

use chrono::{DateTime, Utc};
use shared::simulated;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Postgres, Row, Sqlite};

use crate::{LedgerError, Transaction};
use domain::Key;
use domain::identity::Identity;
use domain::row::{Column, Columns, Field, Read};

use crate::engine::query::Rows as Found;

/// SQLite's limit on the parameters of one statement.
const SQLITE_PARAMETERS: usize = 32_766;

/// Columns of values, side by side with their names. Rows must be sorted by key and hold each key once: that
/// is the order in which Postgres locks, and it refuses to touch a row twice.
pub(crate) struct Rows<'a, T> {
    items: &'a [T],
    columns: Columns<'a>,
    span: Option<Span>,
}

/// The first and the last `created_at` of events that are asked for.
#[derive(Clone, Copy, Debug)]
struct Span(DateTime<Utc>, DateTime<Utc>);

/// The three columns of an object's key.
pub(crate) fn by_key(keys: &[Key]) -> Rows<'_, Key> {
    Rows::of(keys).fields(|key| key)
}

/// The same, of those whose children are asked for.
pub(crate) fn by_parent(keys: &[Key]) -> Rows<'_, Key> {
    Rows::of(keys)
        .text("parent", |key| &key.id)
        .text("parent_account", |key| &key.account)
        .flag("parent_livemode", |key| key.livemode)
}

impl<'a, T> Rows<'a, T> {
    pub(crate) fn of(items: &'a [T]) -> Self {
        Self { items, columns: Vec::new(), span: None }
    }

    /// All fields of a group, under their own names.
    pub(crate) fn fields<F: Field + 'a>(mut self, get: impl Fn(&'a T) -> &'a F) -> Self {
        let values: Vec<&F> = self.items.iter().map(get).collect();
        F::columns("", &values, &mut self.columns);
        self
    }

    /// The identities of events. The statement must end in conditions of a WHERE, and call the table `e`: on Postgres
    /// one more is added, so that it looks only into the months that these events are of.
    pub(crate) fn identities(mut self, get: impl Fn(&'a T) -> Identity) -> Self {
        self = self.new_identities(get);
        let Some((_, Column::Time(times))) = self.columns.last() else {
            unreachable!("`created_at` is the last")
        };
        let (first, last) = (times.iter().flatten().min(), times.iter().flatten().max());
        self.span = first.zip(last).map(|(first, last)| Span(*first, *last));
        self
    }

    /// The same where rows are written that are of no month yet, or that stand in another table.
    pub(crate) fn new_identities(mut self, get: impl Fn(&'a T) -> Identity) -> Self {
        let identities: Vec<Identity> = self.items.iter().map(get).collect();
        Identity::columns(&identities, &mut self.columns);
        self
    }

    pub(crate) fn text(self, name: &'static str, get: impl Fn(&'a T) -> &'a str) -> Self {
        self.maybe_text(name, |item| Some(get(item)))
    }

    pub(crate) fn maybe_text(self, name: &'static str, get: impl Fn(&'a T) -> Option<&'a str>) -> Self {
        let values = self.items.iter().map(|item| get(item).map(Cow::Borrowed)).collect();
        self.with(name, Column::Text(values))
    }

    pub(crate) fn int(self, name: &'static str, get: impl Fn(&'a T) -> i64) -> Self {
        self.maybe_int(name, |item| Some(get(item)))
    }

    pub(crate) fn maybe_int(self, name: &'static str, get: impl Fn(&'a T) -> Option<i64>) -> Self {
        let values = self.items.iter().map(get).collect();
        self.with(name, Column::Int(values))
    }

    pub(crate) fn flag(self, name: &'static str, get: impl Fn(&'a T) -> bool) -> Self {
        let values = self.items.iter().map(get).collect();
        self.with(name, Column::Flag(values))
    }

    pub(crate) fn time(self, name: &'static str, get: impl Fn(&'a T) -> Option<DateTime<Utc>>) -> Self {
        let values = self.items.iter().map(get).collect();
        self.with(name, Column::Time(values))
    }

    pub(crate) fn bytes(self, name: &'static str, get: impl Fn(&'a T) -> &'a [u8]) -> Self {
        let values = self.items.iter().map(get).collect();
        self.with(name, Column::Bytes(values))
    }

    fn with(mut self, name: &'static str, column: Column<'a>) -> Self {
        self.columns.push((name, column));
        self
    }

    /// Together with the statement that reads it.
    pub(crate) fn into_statement(self, text: impl Into<Cow<'a, str>>) -> Statement<'a> {
        Statement { text: text.into(), rows: self.items.len(), columns: self.columns, span: self.span }
    }

    /// Runs a statement that reads from `input`.
    pub(crate) async fn run(self, tx: &mut Transaction, statement: &str) -> Result<u64, LedgerError> {
        self.into_statement(statement).run(tx).await
    }

    /// Runs a statement that reads from `input` and gives rows back.
    pub(crate) async fn fetch<R: Read>(
        self,
        tx: &mut Transaction,
        statement: &str,
    ) -> Result<Vec<R>, LedgerError> {
        self.into_statement(statement).fetch(tx).await?.read()
    }
}

/// A statement with the rows that it reads from `input`.
pub(crate) struct Statement<'a> {
    text: Cow<'a, str>,
    rows: usize,
    columns: Columns<'a>,
    span: Option<Span>,
}

impl<'a> Statement<'a> {
    /// Of the fields of rows that live longer than the list of them.
    pub(crate) fn of_fields<F: Field>(rows: &[&'a F], text: String) -> Self {
        let mut columns = Columns::new();
        F::columns("", rows, &mut columns);
        Self { text: text.into(), rows: rows.len(), columns, span: None }
    }

    /// Gives how many rows it wrote.
    async fn run(self, tx: &mut Transaction) -> Result<u64, LedgerError> {
        simulated::point().await;
        if self.rows == 0 {
            return Ok(0);
        }
        match tx {
            Transaction::Postgres(tx, patience, _) => {
                let sql = AssertSqlSafe(self.postgres_text(0));
                let query = sqlx::query(sql).persistent(self.span.is_none());
                let written = patience.wait(self.bind_postgres(query).execute(&mut **tx)).await?;
                Ok(written.rows_affected())
            }
            Transaction::Sqlite(tx, file, _) => {
                let mut affected = 0;
                for (from, to) in self.chunks() {
                    let sql = AssertSqlSafe(self.sqlite_text(to - from));
                    let query = self.bind_sqlite(sqlx::query(sql), from, to);
                    let written = query.execute(&mut **tx).await.map_err(|error| file.note(error))?;
                    affected += written.rows_affected();
                }
                Ok(affected)
            }
        }
    }

    async fn fetch(self, tx: &mut Transaction) -> Result<Found, LedgerError> {
        simulated::point().await;
        Ok(match tx {
            Transaction::Postgres(tx, patience, _) if self.rows > 0 => {
                let sql = AssertSqlSafe(self.postgres_text(0));
                let query = sqlx::query(sql).persistent(self.span.is_none());
                Found::Postgres(patience.wait(self.bind_postgres(query).fetch_all(&mut **tx)).await?)
            }
            Transaction::Postgres(..) => Found::Postgres(Vec::new()),
            Transaction::Sqlite(tx, file, _) => {
                let mut found = Vec::new();
                for (from, to) in self.chunks() {
                    let sql = AssertSqlSafe(self.sqlite_text(to - from));
                    let rows = self.bind_sqlite(sqlx::query(sql), from, to).fetch_all(&mut **tx).await;
                    found.extend(rows.map_err(|error| file.note(error))?);
                }
                Found::Sqlite(found)
            }
        })
    }

    fn name_list(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// Its parameters are numbered after so many others.
    fn postgres_text(&self, others: usize) -> String {
        let arrays = self.columns.iter().enumerate().map(|(place, (_, column))| {
            let kind = match column {
                Column::Text(_) => "text",
                Column::Int(_) => "bigint",
                Column::Flag(_) => "boolean",
                Column::Time(_) => "timestamptz",
                Column::Bytes(_) | Column::Packed(_) => "bytea",
            };
            format!("${}::{kind}[]", others + place + 1)
        });
        let arrays = arrays.collect::<Vec<_>>().join(", ");
        let mut text =
            format!("WITH input ({}) AS (SELECT * FROM unnest({arrays})) {}", self.name_list(), self.text);
        // As constants: a plan for any moment would lock every month there is. Such a text does not come again, so it is
        // not kept either; what comes for the first time needs none of it.
        if let Some(Span(first, last)) = self.span {
            let [first, last] = [first, last].map(|at| at.format("%Y-%m-%d %H:%M:%S%.6f+00"));
            write!(text, " AND e.created_at BETWEEN '{first}' AND '{last}'")
                .expect("a String takes every write");
        }
        text
    }

    fn sqlite_text(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns.len()].join(","));
        let mut text = format!("WITH input ({}) AS (SELECT * FROM (VALUES ", self.name_list());
        for place in 0..rows.next_power_of_two() {
            let separator = if place == 0 { "" } else { "," };
            write!(text, "{separator}{row}").expect("a String takes every write");
        }
        text.push_str(") WHERE column1 IS NOT NULL) ");
        text.push_str(&self.text);
        text
    }

    fn chunks(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (rows, most) = (self.rows, SQLITE_PARAMETERS / self.columns.len());
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
            Column::Packed(values) => query.bind(values),
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
                    Column::Packed(values) => query.bind(values[row].as_slice()),
                };
            }
        }
        query
    }
}

impl Transaction {
    /// Runs statements that write different tables, each one row for each that it reads. Postgres takes those that have
    /// rows as one: it would open all indexes of a table that it has nothing to write to. A few dozen texts come of
    /// that, each of which stays prepared.
    pub(crate) async fn run_together(
        &mut self,
        mut statements: Vec<Statement<'_>>,
    ) -> Result<(), LedgerError> {
        statements.retain(|statement| statement.rows > 0);
        let expected: usize = statements.iter().map(|statement| statement.rows).sum();
        if expected == 0 {
            return Ok(());
        }
        let written = match self {
            Self::Postgres(tx, patience, _) => {
                let sql = AssertSqlSafe(one_postgres_text(&statements));
                let query =
                    statements.into_iter().fold(sqlx::query(sql), |query, one| one.bind_postgres(query));
                let counted = patience.wait(query.fetch_one(&mut **tx)).await?;
                u64::try_from(counted.try_get::<i64, _>(0)?).unwrap_or_default()
            }
            Self::Sqlite(..) => {
                let mut written = 0;
                for statement in statements {
                    written += statement.run(self).await?;
                }
                written
            }
        };
        debug_assert_eq!(written, expected as u64, "a row was written without having been touched");
        if written < expected as u64 {
            return Err(LedgerError::Data(sqlx::Error::RowNotFound)); // whatever the reason, not in silence
        }
        Ok(())
    }
}

/// All of them, and how many rows they wrote together.
fn one_postgres_text(statements: &[Statement<'_>]) -> String {
    let (mut parts, mut counts, mut parameters) = (Vec::new(), Vec::new(), 0);
    for (place, statement) in statements.iter().enumerate() {
        parts.push(format!("written_{place} AS ({} RETURNING 1)", statement.postgres_text(parameters)));
        counts.push(format!("(SELECT COUNT(*) FROM written_{place})"));
        parameters += statement.columns.len();
    }
    format!("WITH {} SELECT {}", parts.join(", "), counts.join(" + "))
}
