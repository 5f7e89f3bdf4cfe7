//! What must add up, as the tables have it: every event with its outcome and its bytes, the audit's numbers, and
//! bodies without an event.

use serde::Serialize;

use super::archive::Archived;
use super::{LedgerError, Transaction, on};
use crate::rules::event::EventKey;

/// One event, with all that verifying it takes.
#[derive(Debug, sqlx::FromRow)]
pub struct Stored {
    #[sqlx(flatten)]
    pub archived: Archived,
    pub source: String,
    pub repetitions: i64,
    pub has_retry: bool,
    pub has_reason: bool,
}

/// An object whose audit has a hole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Broken {
    pub subject_kind: String,
    pub subject_id: String,
    pub lines: i64,
    pub last: i64,
}

impl Transaction {
    /// All events by key, after the given one.
    pub async fn stored(&mut self, after: &EventKey, limit: i64) -> Result<Vec<Stored>, LedgerError> {
        Ok(on!(self, |connection| {
            sqlx::query_as(
                "SELECT e.id, e.account, e.livemode, e.content_hash, e.type, e.created_at, e.api_version, \
                 e.endpoint, e.unwanted, e.outcome, e.source, e.repetitions, e.retry_at IS NOT NULL AS has_retry, \
                 e.reason IS NOT NULL AS has_reason, b.body FROM events e LEFT JOIN bodies b ON b.id = e.id \
                 AND b.account = e.account AND b.livemode = e.livemode AND b.content_hash = e.content_hash \
                 WHERE (e.id, e.account, e.livemode, e.content_hash) > ($1, $2, $3, $4) \
                 ORDER BY e.id, e.account, e.livemode, e.content_hash LIMIT $5",
            )
            .bind(&after.id)
            .bind(&after.account)
            .bind(after.livemode)
            .bind(&after.content_hash)
            .bind(limit)
            .fetch_all(connection)
            .await?
        }))
    }

    /// Audits with a number missing: a line was removed, or written past its transaction.
    pub async fn broken_audits(&mut self, limit: i64) -> Result<Vec<Broken>, LedgerError> {
        Ok(on!(self, |connection| {
            sqlx::query_as(
                "SELECT subject_kind, subject_id, COUNT(*) AS lines, MAX(revision) AS last FROM audit \
                 GROUP BY subject_id, account, livemode, subject_kind \
                 HAVING COUNT(*) <> MAX(revision) LIMIT $1",
            )
            .bind(limit)
            .fetch_all(connection)
            .await?
        }))
    }

    /// Bodies whose event is not there.
    pub async fn orphaned_bodies(&mut self) -> Result<i64, LedgerError> {
        Ok(on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT COUNT(*) FROM bodies b WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.id = b.id \
                 AND e.account = b.account AND e.livemode = b.livemode AND e.content_hash = b.content_hash)",
            )
            .fetch_one(connection)
            .await?
        }))
    }
}
