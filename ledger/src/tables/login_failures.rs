//! The table `login_failures`: attempts in a row that did not succeed, of a name and of an address.

use chrono::{DateTime, Utc};
use domain::lockout::{Failures, Scope};

use crate::engine::query::query;
use crate::{LedgerError, Transaction};

impl Transaction {
    #[shared::built_once]
    pub async fn login_failures(
        &mut self,
        scope: Scope,
        name: &str,
    ) -> Result<Option<Failures>, LedgerError> {
        query("SELECT failures, last_at, locked_until FROM login_failures WHERE scope = $1 AND name = $2")
            .bind(scope.as_str())
            .bind(name)
            .optional(self)
            .await
    }

    #[shared::built_once]
    pub async fn note_login_attempt(
        &mut self,
        scope: Scope,
        name: &str,
        failures: &Failures,
    ) -> Result<(), LedgerError> {
        query(
            "INSERT INTO login_failures (scope, name, failures, last_at, locked_until) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (scope, name) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at, \
             locked_until = excluded.locked_until",
        )
        .bind(scope.as_str())
        .bind(name)
        .bind(failures.failures)
        .bind(failures.last_at)
        .bind(failures.locked_until)
        .run(self)
        .await?;
        Ok(())
    }

    /// After a login that succeeded nothing is held against it.
    #[shared::built_once]
    pub async fn forget_login_failures(&mut self, scope: Scope, name: &str) -> Result<(), LedgerError> {
        query("DELETE FROM login_failures WHERE scope = $1 AND name = $2")
            .bind(scope.as_str())
            .bind(name)
            .run(self)
            .await?;
        Ok(())
    }

    /// Takes back the attempt that was counted at this moment, and the wait that it brought, unless another followed.
    #[shared::built_once]
    pub async fn take_back_login_attempt(
        &mut self,
        scope: Scope,
        name: &str,
        at: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        for statement in [
            "DELETE FROM login_failures WHERE scope = $1 AND name = $2 AND last_at = $3 AND failures = 1",
            "UPDATE login_failures SET failures = failures - 1, locked_until = NULL \
             WHERE scope = $1 AND name = $2 AND last_at = $3",
        ] {
            query(statement).bind(scope.as_str()).bind(name).bind(at).run(self).await?;
        }
        Ok(())
    }

    /// Removes what is held against nobody any more.
    #[shared::built_once]
    pub async fn remove_login_failures_before(&mut self, last: DateTime<Utc>) -> Result<u64, LedgerError> {
        query("DELETE FROM login_failures WHERE last_at < $1").bind(last).run(self).await
    }
}
