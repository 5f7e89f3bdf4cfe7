//! The table `pauses`: who paused consumption, when and why. The row without an end is the current pause.

use chrono::{DateTime, Utc};
use domain::readable;
use serde::Serialize;

use crate::engine::query::query;
use crate::{Ledger, LedgerError, Transaction};

readable! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Pause {
        pub number: i64,
        pub reason: String,
        pub paused_by: String,
        pub paused_at: DateTime<Utc>,
    }
}

readable! {
    /// One pause, also one that ended.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct PastPause {
        pub number: i64,
        pub reason: String,
        pub paused_by: String,
        pub paused_at: DateTime<Utc>,
        pub resumed_by: Option<String>,
        pub resumed_at: Option<DateTime<Utc>>,
    }
}

impl Ledger {
    /// The pause that lasts, which every worker asks for again and again.
    #[shared::built_once]
    pub async fn lasting_pause(&self) -> Result<Option<Pause>, LedgerError> {
        self.read().await?.lasting_pause().await
    }
}

impl Transaction {
    #[shared::built_once]
    pub async fn lasting_pause(&mut self) -> Result<Option<Pause>, LedgerError> {
        query("SELECT number, reason, paused_by, paused_at FROM pauses WHERE resumed_at IS NULL")
            .optional(self)
            .await
    }

    /// The last ones, the newest first.
    #[shared::built_once]
    pub async fn last_pauses(&mut self, limit: i64) -> Result<Vec<PastPause>, LedgerError> {
        query(
            "SELECT number, reason, paused_by, paused_at, resumed_by, resumed_at FROM pauses \
             ORDER BY number DESC LIMIT $1",
        )
        .bind(limit)
        .all(self)
        .await
    }

    /// Begins a pause; `None` where one lasts, or where somebody else begins one at this moment.
    #[shared::built_once]
    pub async fn begin_pause(
        &mut self,
        reason: &str,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Pause>, LedgerError> {
        query(
            "INSERT INTO pauses (number, reason, paused_by, paused_at) \
                 SELECT (SELECT COALESCE(MAX(number), 0) + 1 FROM pauses), $1, $2, $3 \
                 WHERE NOT EXISTS (SELECT 1 FROM pauses WHERE resumed_at IS NULL) ON CONFLICT DO NOTHING \
                 RETURNING number, reason, paused_by, paused_at",
        )
        .bind(reason)
        .bind(by)
        .bind(now)
        .optional(self)
        .await
    }

    /// Ends the pause that lasts and gives it back; `None` where none does.
    #[shared::built_once]
    pub async fn end_pause(&mut self, by: &str, now: DateTime<Utc>) -> Result<Option<Pause>, LedgerError> {
        query(
            "UPDATE pauses SET resumed_by = $1, resumed_at = $2 WHERE resumed_at IS NULL \
                 RETURNING number, reason, paused_by, paused_at",
        )
        .bind(by)
        .bind(now)
        .optional(self)
        .await
    }
}
