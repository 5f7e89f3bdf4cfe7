//! The table `login_challenges`: logins whose password was right and whose second factor is still to come. Only a hash
//! of the cookie is kept.

use chrono::{DateTime, Utc};
use domain::readable;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};

readable! {
    pub struct Challenge {
        pub staff: String,
        pub made_at: DateTime<Utc>,
        pub ends_at: DateTime<Utc>,
    }
}

impl Transaction {
    #[shared::built_once]
    pub async fn login_challenge(&mut self, hash: &[u8]) -> Result<Option<Challenge>, LedgerError> {
        query("SELECT staff, made_at, ends_at FROM login_challenges WHERE hash = $1")
            .bind(hash)
            .optional(self)
            .await
    }

    #[shared::built_once]
    pub async fn add_login_challenge(
        &mut self,
        hash: &[u8],
        challenge: &Challenge,
    ) -> Result<(), LedgerError> {
        query("INSERT INTO login_challenges (hash, staff, made_at, ends_at) VALUES ($1, $2, $3, $4)")
            .bind(hash)
            .bind(&challenge.staff)
            .bind(challenge.made_at)
            .bind(challenge.ends_at)
            .run(self)
            .await?;
        Ok(())
    }

    /// A challenge that was met is no good a second time.
    #[shared::built_once]
    pub async fn remove_login_challenge(&mut self, hash: &[u8]) -> Result<(), LedgerError> {
        query("DELETE FROM login_challenges WHERE hash = $1").bind(hash).run(self).await?;
        Ok(())
    }

    #[shared::built_once]
    pub async fn remove_login_challenges_before(&mut self, end: DateTime<Utc>) -> Result<u64, LedgerError> {
        query("DELETE FROM login_challenges WHERE ends_at < $1").bind(end).run(self).await
    }
}
