//! Leases, for work that one worker does at a time. A lease expires when its holder dies.

use chrono::{DateTime, Utc};

use crate::engine::query::query;
use crate::{Ledger, LedgerError, Transaction};

impl Transaction {
    /// Until when somebody holds a lease, or held it.
    #[shared::built_once]
    pub async fn lease_until(&mut self, name: &str) -> Result<Option<DateTime<Utc>>, LedgerError> {
        let found: Option<(DateTime<Utc>,)> =
            query("SELECT until_at FROM leases WHERE name = $1").bind(name).optional(self).await?;
        Ok(found.map(|(until,)| until))
    }
}

impl Ledger {
    /// Takes a lease that is free, or prolongs one's own; `false` when another has it. One that ends after `latest`
    /// was written by a clock that ran ahead, and is free.
    #[shared::built_once]
    pub async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        latest: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        let mut tx = self.begin().await?;
        let taken = {
            query(
                "INSERT INTO leases (name, holder, until_at) VALUES ($1, $2, $3) ON CONFLICT (name) \
                 DO UPDATE SET holder = excluded.holder, until_at = excluded.until_at \
                 WHERE leases.until_at <= $4 OR leases.until_at > $5 OR leases.holder = excluded.holder",
            )
            .bind(name)
            .bind(holder)
            .bind(until)
            .bind(now)
            .bind(latest)
            .run(&mut tx)
            .await?
        };
        tx.commit().await?;
        Ok(taken == 1)
    }

    /// Gives a lease back, so that nobody takes it before its time; nothing to do when another has it by now.
    #[shared::built_once]
    pub async fn end_lease(&self, name: &str, holder: &str, next: DateTime<Utc>) -> Result<(), LedgerError> {
        let mut tx = self.begin().await?;
        {
            query("UPDATE leases SET holder = '', until_at = $3 WHERE name = $1 AND holder = $2")
                .bind(name)
                .bind(holder)
                .bind(next)
                .run(&mut tx)
                .await?;
        };
        tx.commit().await
    }
}
