//! The table `policies`: every value that a policy ever had. Rows are only ever added.

use chrono::{DateTime, Utc};
use domain::policies::Policies;
use domain::policy_rehearsal::Sized;
use domain::readable;
use serde::Serialize;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};

/// How many operations a rehearsal looks at.
const REHEARSED: i64 = 10_000;

readable! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct PolicyRow {
        pub key: String,
        pub currency: String,
        pub version: i64,
        pub value: String,
        pub reason: String,
        pub set_by: String,
        pub set_at: DateTime<Utc>,
    }
}

impl Transaction {
    /// All policies as they stand in this transaction.
    #[shared::built_once]
    pub async fn policies(&mut self) -> Result<Policies, LedgerError> {
        let rows = self.current_policies().await?;
        Ok(Policies::of(rows.iter().map(|row| (row.key.as_str(), row.currency.as_str(), row.value.as_str()))))
    }

    /// The highest version of each that was ever set.
    #[shared::built_once]
    pub async fn current_policies(&mut self) -> Result<Vec<PolicyRow>, LedgerError> {
        query(
            "SELECT * FROM policies WHERE NOT EXISTS (SELECT 1 FROM policies later WHERE later.key = policies.key \
             AND later.currency = policies.currency AND later.version > policies.version) ORDER BY key, currency",
        )
        .all(self)
        .await
    }

    /// Every value of one key, or of all, the newest first.
    #[shared::built_once]
    pub async fn policy_history(&mut self, key: Option<&str>) -> Result<Vec<PolicyRow>, LedgerError> {
        let all = query("SELECT * FROM policies ORDER BY set_at DESC, key, currency, version DESC");
        let one = "SELECT * FROM policies WHERE key = $1 ORDER BY set_at DESC, currency, version DESC";
        match key {
            Some(key) => query(one).bind(key).all(self).await,
            None => all.all(self).await,
        }
    }

    #[shared::built_once]
    pub async fn append_policy(&mut self, row: &PolicyRow) -> Result<(), LedgerError> {
        query(
            "INSERT INTO policies (key, currency, version, value, reason, set_by, set_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&row.key)
        .bind(&row.currency)
        .bind(row.version)
        .bind(&row.value)
        .bind(&row.reason)
        .bind(&row.set_by)
        .bind(row.set_at)
        .run(self)
        .await?;
        Ok(())
    }

    /// Operations since a moment, the newest first: what a change of policy is rehearsed on.
    #[shared::built_once]
    pub async fn operations_to_rehearse(&mut self, since: DateTime<Utc>) -> Result<Vec<Sized>, LedgerError> {
        query(
            "SELECT id, kind, state, amount, currency FROM operations WHERE requested_at > $1 \
             ORDER BY requested_at DESC, id LIMIT $2",
        )
        .bind(since)
        .bind(REHEARSED)
        .all(self)
        .await
    }
}
