//! The table `pending_changes`: what loosens a rule, and waits for a second administrator.

use chrono::{DateTime, Utc};
use domain::pending_changes::{ChangeKind, ChangeState};
use domain::readable;
use serde::Serialize;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};

readable! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct PendingChange {
        pub id: String,
        pub kind: ChangeKind,
        pub subject: String,
        pub before: Option<String>,
        pub after: String,
        pub reason: String,
        pub asked_by: String,
        pub asked_at: DateTime<Utc>,
        pub ends_at: DateTime<Utc>,
        pub state: ChangeState,
        pub decided_by: Option<String>,
        pub decided_at: Option<DateTime<Utc>>,
        pub decision_reason: Option<String>,
    }
}

impl Transaction {
    #[shared::built_once]
    pub async fn change(&mut self, id: &str) -> Result<Option<PendingChange>, LedgerError> {
        query("SELECT * FROM pending_changes WHERE id = $1").bind(id).optional(self).await
    }

    #[shared::built_once]
    pub async fn waiting_changes(&mut self) -> Result<Vec<PendingChange>, LedgerError> {
        query("SELECT * FROM pending_changes WHERE state = 'waiting' ORDER BY asked_at, id").all(self).await
    }

    #[shared::built_once]
    pub async fn add_change(&mut self, change: &PendingChange) -> Result<(), LedgerError> {
        query(
            "INSERT INTO pending_changes (id, kind, subject, before, after, reason, asked_by, asked_at, ends_at, \
             state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'waiting')",
        )
        .bind(&change.id)
        .bind(change.kind.as_str())
        .bind(&change.subject)
        .bind(change.before.as_deref())
        .bind(&change.after)
        .bind(&change.reason)
        .bind(&change.asked_by)
        .bind(change.asked_at)
        .bind(change.ends_at)
        .run(self)
        .await?;
        Ok(())
    }

    /// `false` where it was decided before.
    #[shared::built_once]
    pub async fn decide_change(
        &mut self,
        id: &str,
        state: ChangeState,
        by: &str,
        reason: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<bool, LedgerError> {
        let decided = query(
            "UPDATE pending_changes SET state = $2, decided_by = $3, decided_at = $4, decision_reason = $5 \
             WHERE id = $1 AND state = 'waiting'",
        )
        .bind(id)
        .bind(state.as_str())
        .bind(by)
        .bind(now)
        .bind(reason)
        .run(self)
        .await?;
        Ok(decided == 1)
    }
}
