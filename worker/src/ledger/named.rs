//! Objects that others only name: customers and subscriptions get rows of their own when they are reported, or
//! where a dispute concerns them, for many events would want the one row.

use sqlx::AssertSqlSafe;

use super::objects::Stored;
use super::{LedgerError, Transaction, on};
use crate::rules::customers::Customer;
use crate::rules::subscriptions::Subscription;
use crate::rules::{Key, Object};

/// One id is in few accounts; whoever has more is told of the first.
const KEYS_LIMIT: i64 = 1_000;

impl Transaction {
    /// The objects of this id: one an account and mode, those too that are only named so far.
    pub async fn find_or_named<T: Stored>(&mut self, id: &str) -> Result<Vec<T>, LedgerError> {
        let mut found: Vec<T> = self.find(id).await?;
        for (table, column) in naming(T::KIND) {
            let sql = format!(
                "SELECT DISTINCT {column} AS id, account, livemode FROM {table} WHERE {column} = $1 LIMIT {KEYS_LIMIT}"
            );
            let keys: Vec<Key> = on!(self, |connection| {
                sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_all(connection).await?
            });
            for key in keys {
                if !found.iter().any(|row| *row.key() == key) {
                    found.push(T::placeholder(key));
                }
            }
        }
        Ok(found)
    }
}

/// The indexed columns that name objects of a kind which may have no row.
fn naming(kind: &str) -> &'static [(&'static str, &'static str)] {
    match kind {
        Customer::KIND => {
            &[("payments", "customer"), ("invoices", "customer"), ("subscriptions", "customer")]
        }
        Subscription::KIND => &[("invoices", "subscription")],
        _ => &[],
    }
}
