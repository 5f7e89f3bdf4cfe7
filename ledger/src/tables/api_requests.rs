//! The table `api_requests`: what was answered to a request with an Idempotency-Key, so that its repetition is
//! answered alike and does nothing.

use chrono::{DateTime, Utc};
use domain::readable;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};

readable! {
    /// A request that was begun before.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct BegunRequest {
        pub request_hash: String,
        pub begun_at: DateTime<Utc>,
        /// `None` while it runs, or where its process ended before it had an answer.
        pub status: Option<i64>,
        pub answer: Option<String>,
    }
}

impl Transaction {
    /// Takes a key. Says whether it was free.
    #[shared::built_once]
    pub async fn begin_request(
        &mut self,
        owner: &str,
        key: &str,
        request_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        let written = query(
            "INSERT INTO api_requests (owner, key, request_hash, begun_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (owner, key) DO NOTHING",
        )
        .bind(owner)
        .bind(key)
        .bind(request_hash)
        .bind(now)
        .run(self)
        .await?;
        Ok(written == 1)
    }

    #[shared::built_once]
    pub async fn begun_request(
        &mut self,
        owner: &str,
        key: &str,
    ) -> Result<Option<BegunRequest>, LedgerError> {
        query("SELECT request_hash, begun_at, status, answer FROM api_requests WHERE owner = $1 AND key = $2")
            .bind(owner)
            .bind(key)
            .optional(self)
            .await
    }

    #[shared::built_once]
    pub async fn keep_answer(
        &mut self,
        owner: &str,
        key: &str,
        status: i64,
        answer: &str,
    ) -> Result<(), LedgerError> {
        query("UPDATE api_requests SET status = $1, answer = $2 WHERE owner = $3 AND key = $4")
            .bind(status)
            .bind(answer)
            .bind(owner)
            .bind(key)
            .run(self)
            .await?;
        Ok(())
    }

    /// Frees a key whose request did nothing.
    #[shared::built_once]
    pub async fn free_request(&mut self, owner: &str, key: &str) -> Result<(), LedgerError> {
        query("DELETE FROM api_requests WHERE owner = $1 AND key = $2 AND status IS NULL")
            .bind(owner)
            .bind(key)
            .run(self)
            .await?;
        Ok(())
    }

    /// Forgets what was begun before. Says how many.
    #[shared::built_once]
    pub async fn forget_requests(&mut self, before: DateTime<Utc>) -> Result<u64, LedgerError> {
        query("DELETE FROM api_requests WHERE begun_at < $1").bind(before).run(self).await
    }
}
