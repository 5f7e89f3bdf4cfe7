//! The tables of the domain as SQL shows them, whole and column by column, in one form for both databases.

use chrono::{DateTime, Utc};
use envelope::hex::hex;
use serde_json::{Value, json};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Column, Row as _, TypeInfo, ValueRef};

use crate::histories::{Row, Rows, Subject};
use crate::ledger::{Ledger, ask};
use domain::Kind;

impl Ledger {
    /// Every object of the accounts whose name begins so.
    pub async fn rows(&self, accounts: &str) -> anyhow::Result<Rows> {
        let mut rows = Rows::new();
        for kind in Kind::ALL {
            rows.extend(self.rows_of(kind.as_str(), accounts).await?);
        }
        Ok(rows)
    }

    /// Every object of one kind, in the accounts whose name begins so.
    pub async fn rows_of(&self, kind: &'static str, accounts: &str) -> anyhow::Result<Rows> {
        let table = Kind::named(kind).expect("a kind has its table").table();
        let statement = format!("SELECT * FROM {table} WHERE account LIKE $1");
        let pattern = format!("{accounts}%");
        let found: Vec<Row> = ask!(self, |connection| {
            let query = sqlx::query(AssertSqlSafe(statement)).bind(pattern);
            query.fetch_all(connection).await.map(|rows| rows.iter().map(Columns::as_row).collect())
        })?;
        Ok(found.into_iter().map(|row| (subject(kind, &row), row)).collect())
    }
}

/// The last line of the audit, by its hash: it hangs on the clock.
const CHAIN: &str = "audit_hash";

/// How a database's row becomes ours.
trait Columns {
    fn as_row(&self) -> Row;
}

impl Columns for PgRow {
    fn as_row(&self) -> Row {
        let value = |place: usize, kind: &str| match kind {
            "BOOL" => json!(self.get::<Option<bool>, _>(place)),
            "INT8" => json!(self.get::<Option<i64>, _>(place)),
            "TIMESTAMPTZ" => json!(self.get::<Option<DateTime<Utc>>, _>(place)),
            "BYTEA" => json!(hex(self.get(place))),
            _ => json!(self.get::<Option<String>, _>(place)),
        };
        let columns = self.columns().iter().filter(|column| column.name() != CHAIN);
        columns
            .map(|column| (column.name().to_owned(), value(column.ordinal(), column.type_info().name())))
            .collect()
    }
}

impl Columns for SqliteRow {
    fn as_row(&self) -> Row {
        let value = |place: usize, declared: &str| {
            let raw = self.try_get_raw(place).expect("the place comes from the row itself");
            let stored = raw.type_info().name().to_owned();
            match stored.as_str() {
                _ if raw.is_null() => Value::Null,
                _ if declared == "BOOLEAN" => json!(self.get::<bool, _>(place)),
                "TEXT" => moment_or_text(&self.get::<String, _>(place)),
                "BLOB" => json!(hex(self.get(place))),
                _ => json!(self.get::<i64, _>(place)),
            }
        };
        let columns = self.columns().iter().filter(|column| column.name() != CHAIN);
        columns
            .map(|column| (column.name().to_owned(), value(column.ordinal(), column.type_info().name())))
            .collect()
    }
}

/// SQLite keeps moments as text; nothing else looks like one.
fn moment_or_text(text: &str) -> Value {
    match DateTime::parse_from_rfc3339(text) {
        Ok(moment) => json!(moment.to_utc()),
        Err(_) => json!(text),
    }
}

fn subject(kind: &'static str, row: &Row) -> Subject {
    let text = |column: &str| row[column].as_str().expect("keys are text").to_owned();
    let livemode = row["livemode"].as_bool().expect("a mode is a truth value");
    Subject { kind, id: text("id"), account: text("account"), livemode }
}
