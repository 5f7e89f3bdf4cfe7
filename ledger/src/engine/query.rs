//! One statement with its values, on whichever database it is, and its rows as plain data. Everything that the
//! ledger asks goes through here or through `rows.rs`; both end in functions that no type of a row multiplies.

use std::pin::Pin;

use chrono::{DateTime, Utc};
use domain::identity::Identity;
use domain::row::{At, Cells, Read, Unreadable};
use shared::simulated;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqlSafeStr, SqlStr};

use crate::{LedgerError, Transaction};

/// What is bound to one `$n`.
#[derive(Debug)]
pub(crate) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Flag(Option<bool>),
    Time(Option<DateTime<Utc>>),
    Bytes(Option<Vec<u8>>),
}

/// A statement and what is bound to it.
#[derive(Debug)]
pub(crate) struct Query {
    text: SqlStr,
    values: Vec<Value>,
}

/// Rows of either database, not read yet.
pub(crate) enum Rows {
    Postgres(Vec<PgRow>),
    Sqlite(Vec<SqliteRow>),
}

type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'a>>;

pub(crate) fn query(text: impl SqlSafeStr) -> Query {
    Query { text: text.into_sql_str(), values: Vec::new() }
}

/// Binds a value to a query of either database.
macro_rules! bind {
    () => {
        |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Int(number) => query.bind(number),
            Value::Flag(flag) => query.bind(flag),
            Value::Time(moment) => query.bind(moment),
            Value::Bytes(bytes) => query.bind(bytes),
        }
    };
}
impl Query {
    /// The value of the next `$n`.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// The values of the next three: the columns of an identity.
    pub(crate) fn at(self, place: Identity) -> Self {
        self.bind(place.id_hash).bind(place.rest_hash).bind(place.created_at)
    }

    pub(crate) async fn all<T: Read>(self, tx: &mut Transaction) -> Result<Vec<T>, LedgerError> {
        self.fetch(tx).await?.read()
    }

    pub(crate) async fn optional<T: Read>(self, tx: &mut Transaction) -> Result<Option<T>, LedgerError> {
        Ok(self.fetch(tx).await?.read()?.into_iter().next())
    }

    pub(crate) async fn one<T: Read>(self, tx: &mut Transaction) -> Result<T, LedgerError> {
        self.optional(tx).await?.ok_or_else(|| LedgerError::from(sqlx::Error::RowNotFound))
    }

    /// Gives how many rows it wrote.
    pub(crate) fn run(self, tx: &mut Transaction) -> Pending<'_, u64> {
        Box::pin(async move {
            simulated::point().await;
            Ok(match tx {
                Transaction::Postgres(tx, patience, _) => {
                    let query = self.values.into_iter().fold(sqlx::query(self.text), bind!());
                    patience.wait(query.execute(&mut **tx)).await?.rows_affected()
                }
                Transaction::Sqlite(tx, file, _) => {
                    let query = self.values.into_iter().fold(sqlx::query(self.text), bind!());
                    query.execute(&mut **tx).await.map_err(|error| file.note(error))?.rows_affected()
                }
            })
        })
    }

    fn fetch(self, tx: &mut Transaction) -> Pending<'_, Rows> {
        Box::pin(async move {
            simulated::point().await;
            Ok(match tx {
                Transaction::Postgres(tx, patience, _) => {
                    let query = self.values.into_iter().fold(sqlx::query(self.text), bind!());
                    Rows::Postgres(patience.wait(query.fetch_all(&mut **tx)).await?)
                }
                Transaction::Sqlite(tx, file, _) => {
                    let query = self.values.into_iter().fold(sqlx::query(self.text), bind!());
                    Rows::Sqlite(query.fetch_all(&mut **tx).await.map_err(|error| file.note(error))?)
                }
            })
        })
    }
}

impl Rows {
    pub(crate) fn read<T: Read>(&self) -> Result<Vec<T>, LedgerError> {
        let read = match self {
            Self::Postgres(rows) => rows.iter().map(|row| T::read(At::Nth(0), &OfPostgres(row))).collect(),
            Self::Sqlite(rows) => rows.iter().map(|row| T::read(At::Nth(0), &OfSqlite(row))).collect(),
        };
        let read: Result<Vec<T>, Unreadable> = read;
        read.map_err(|unreadable| LedgerError::from(sqlx::Error::Decode(unreadable)))
    }
}

struct OfPostgres<'a>(&'a PgRow);
struct OfSqlite<'a>(&'a SqliteRow);

macro_rules! cell {
    ($row:expr, $at:expr) => {
        Ok(match $at {
            At::Named(name) => $row.0.try_get(name)?,
            At::Nth(place) => $row.0.try_get(place)?,
        })
    };
}
/// The same for both databases, each by its own driver's decoding.
macro_rules! cells {
    ($row:ident) => {
        impl Cells for $row<'_> {
            fn text(&self, at: At) -> Result<Option<String>, Unreadable> {
                cell!(self, at)
            }

            fn int(&self, at: At) -> Result<Option<i64>, Unreadable> {
                cell!(self, at)
            }

            fn flag(&self, at: At) -> Result<Option<bool>, Unreadable> {
                cell!(self, at)
            }

            fn time(&self, at: At) -> Result<Option<DateTime<Utc>>, Unreadable> {
                cell!(self, at)
            }

            fn bytes(&self, at: At) -> Result<Option<Vec<u8>>, Unreadable> {
                cell!(self, at)
            }

            fn merge_state(&self) -> Result<&[u8], Unreadable> {
                Ok(self.0.try_get("merge_state")?)
            }
        }
    };
}
cells!(OfPostgres);
cells!(OfSqlite);

macro_rules! value {
    ($type:ty, $kind:ident) => {
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$kind(Some(value.into()))
            }
        }

        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                Self::$kind(value.map(Into::into))
            }
        }
    };
}
value!(&str, Text);
value!(String, Text);
value!(&String, Text);
value!(i64, Int);
value!(bool, Flag);
value!(DateTime<Utc>, Time);
value!(&[u8], Bytes);
value!(Vec<u8>, Bytes);
