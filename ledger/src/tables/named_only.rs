//! Objects that others only name. Customers and subscriptions get rows when they are reported or a dispute
//! concerns them, because many events would contend for the same row.

use sqlx::AssertSqlSafe;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};
use domain::customers::Customer;
use domain::subscriptions::Subscription;
use domain::{Key, Object};

/// One id is in few accounts; of more, the first are shown.
const KEYS_LIMIT: i64 = 1_000;

impl Transaction {
    /// The objects of this id: one an account and mode, those too that are only named so far.
    pub async fn find_or_named<T: Object>(&mut self, id: &str) -> Result<Vec<T>, LedgerError> {
        let mut found: Vec<T> = self.find(id).await?;
        for (table, column) in naming(T::NAME) {
            let sql = format!(
                "SELECT DISTINCT {column} AS id, account, livemode FROM {table} WHERE {column} = $1 LIMIT {KEYS_LIMIT}"
            );
            let keys: Vec<Key> = { query(AssertSqlSafe(sql)).bind(id).all(self).await? };
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
        Customer::NAME => {
            &[("payments", "customer"), ("invoices", "customer"), ("subscriptions", "customer")]
        }
        Subscription::NAME => &[("invoices", "subscription")],
        _ => &[],
    }
}
