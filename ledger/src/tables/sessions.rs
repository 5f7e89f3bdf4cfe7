//! The table `sessions`: who is logged in. Only a hash of the cookie is kept.

use chrono::{DateTime, Utc};
use domain::readable;
use serde::Serialize;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};

readable! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Session {
        pub id: String,
        pub staff: String,
        #[serde(skip)]
        pub hash: Vec<u8>,
        pub address: String,
        pub begun_at: DateTime<Utc>,
        pub seen_at: DateTime<Utc>,
        pub ends_at: DateTime<Utc>,
        /// Whether a second factor was asked for, and right.
        pub second_factor: bool,
        pub ended_by: Option<String>,
        pub ended_at: Option<DateTime<Utc>>,
    }
}

impl Transaction {
    #[shared::built_once]
    pub async fn session_by_hash(&mut self, hash: &[u8]) -> Result<Option<Session>, LedgerError> {
        query("SELECT * FROM sessions WHERE hash = $1").bind(hash).optional(self).await
    }

    #[shared::built_once]
    pub async fn session(&mut self, id: &str) -> Result<Option<Session>, LedgerError> {
        query("SELECT * FROM sessions WHERE id = $1").bind(id).optional(self).await
    }

    /// Those that have not ended, of everybody, the newest first.
    #[shared::built_once]
    pub async fn open_sessions(&mut self) -> Result<Vec<Session>, LedgerError> {
        query("SELECT * FROM sessions WHERE ended_at IS NULL ORDER BY begun_at DESC, id").all(self).await
    }

    #[shared::built_once]
    pub async fn add_session(&mut self, session: &Session) -> Result<(), LedgerError> {
        query(
            "INSERT INTO sessions (id, staff, hash, address, begun_at, seen_at, ends_at, second_factor) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&session.id)
        .bind(&session.staff)
        .bind(session.hash.as_slice())
        .bind(&session.address)
        .bind(session.begun_at)
        .bind(session.seen_at)
        .bind(session.ends_at)
        .bind(session.second_factor)
        .run(self)
        .await?;
        Ok(())
    }

    #[shared::built_once]
    pub async fn note_session_use(&mut self, id: &str, now: DateTime<Utc>) -> Result<(), LedgerError> {
        query("UPDATE sessions SET seen_at = $2 WHERE id = $1 AND ended_at IS NULL")
            .bind(id)
            .bind(now)
            .run(self)
            .await?;
        Ok(())
    }

    /// Ends a session for good; `false` where it had ended before.
    #[shared::built_once]
    pub async fn end_session(&mut self, id: &str, by: &str, now: DateTime<Utc>) -> Result<bool, LedgerError> {
        let ended =
            query("UPDATE sessions SET ended_by = $2, ended_at = $3 WHERE id = $1 AND ended_at IS NULL")
                .bind(id)
                .bind(by)
                .bind(now)
                .run(self)
                .await?;
        Ok(ended == 1)
    }

    /// Ends all sessions of a person.
    #[shared::built_once]
    pub async fn end_sessions_of(
        &mut self,
        staff: &str,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<u64, LedgerError> {
        query("UPDATE sessions SET ended_by = $2, ended_at = $3 WHERE staff = $1 AND ended_at IS NULL")
            .bind(staff)
            .bind(by)
            .bind(now)
            .run(self)
            .await
    }
    /// Removes those that ended, or should have, before this moment.
    #[shared::built_once]
    pub async fn remove_sessions_before(&mut self, end: DateTime<Utc>) -> Result<u64, LedgerError> {
        query("DELETE FROM sessions WHERE ends_at < $1 OR ended_at < $1").bind(end).run(self).await
    }
}
