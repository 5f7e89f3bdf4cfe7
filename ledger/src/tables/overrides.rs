//! The tables `ban_overrides` and `dispute_notes`: decisions and notes of staff, append-only, because no event
//! could restore them. Numbered under the lock of the object's row.

use chrono::{DateTime, Utc};
use domain::readable;
use serde::Serialize;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};
use domain::Key;
use domain::bans::Act;

readable! {
    /// One decision of staff about a user.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Override {
        pub number: i64,
        pub act: Act,
        pub until: Option<DateTime<Utc>>,
        pub reason: String,
        pub decided_by: String,
        pub decided_at: DateTime<Utc>,
    }
}

readable! {
    /// One note of staff on a dispute.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Note {
        pub number: i64,
        /// Whether it says why the dispute is done with.
        pub resolves: bool,
        /// Whether it takes that back.
        pub reopens: bool,
        pub note: String,
        pub written_by: String,
        pub written_at: DateTime<Utc>,
        /// How Stripe had the dispute then, and by when it wanted an answer.
        pub stripe_status: Option<String>,
        pub respond_by: Option<DateTime<Utc>>,
    }
}

impl Transaction {
    /// Every decision about a user, oldest first.
    pub async fn overrides_of(&mut self, user: &Key) -> Result<Vec<Override>, LedgerError> {
        query(
            "SELECT number, act, until, reason, decided_by, decided_at FROM ban_overrides \
                 WHERE id = $1 AND account = $2 AND livemode = $3 ORDER BY number",
        )
        .bind(&user.id)
        .bind(&user.account)
        .bind(user.livemode)
        .all(self)
        .await
    }

    pub async fn append_override(&mut self, user: &Key, decision: &Override) -> Result<(), LedgerError> {
        {
            query(
                "INSERT INTO ban_overrides (id, account, livemode, number, act, until, reason, decided_by, decided_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(&user.id)
            .bind(&user.account)
            .bind(user.livemode)
            .bind(decision.number)
            .bind(decision.act.as_str())
            .bind(decision.until)
            .bind(&decision.reason)
            .bind(&decision.decided_by)
            .bind(decision.decided_at)
            .run(self)
            .await?;
        };
        Ok(())
    }

    /// Every note on a dispute, oldest first.
    pub async fn notes_of(&mut self, dispute: &Key) -> Result<Vec<Note>, LedgerError> {
        query(
                "SELECT number, resolves, reopens, note, written_by, written_at, stripe_status, respond_by FROM dispute_notes \
                 WHERE id = $1 AND account = $2 AND livemode = $3 ORDER BY number",
            )
            .bind(&dispute.id)
            .bind(&dispute.account)
            .bind(dispute.livemode)
            .all(self)
            .await
    }

    pub async fn append_note(&mut self, dispute: &Key, note: &Note) -> Result<(), LedgerError> {
        {
            query(
                "INSERT INTO dispute_notes (id, account, livemode, number, resolves, reopens, note, written_by, \
                 written_at, stripe_status, respond_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            )
            .bind(&dispute.id)
            .bind(&dispute.account)
            .bind(dispute.livemode)
            .bind(note.number)
            .bind(note.resolves)
            .bind(note.reopens)
            .bind(&note.note)
            .bind(&note.written_by)
            .bind(note.written_at)
            .bind(note.stripe_status.clone())
            .bind(note.respond_by)
            .run(self)
            .await?;
        };
        Ok(())
    }
}
