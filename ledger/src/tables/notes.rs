//! The tables `notes` and `assignments`: what staff wrote about an object or an operation, and who takes care of it.
//! Append-only, because no event could restore them. Numbered under the lock of the object's row.

use chrono::{DateTime, Utc};
use domain::{Key, readable};
use serde::Serialize;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};

readable! {
    /// One note of staff.
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

readable! {
    /// Who takes care of something, from then on.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Assignment {
        pub number: i64,
        /// `None`: nobody any more.
        pub assignee: Option<String>,
        pub assigned_by: String,
        pub assigned_at: DateTime<Utc>,
    }
}

impl Transaction {
    /// Every note about an object, oldest first.
    #[shared::built_once]
    pub async fn notes_of(&mut self, kind: &str, key: &Key) -> Result<Vec<Note>, LedgerError> {
        query(
            "SELECT number, resolves, reopens, note, written_by, written_at, stripe_status, respond_by FROM notes \
             WHERE kind = $1 AND id = $2 AND account = $3 AND livemode = $4 ORDER BY number",
        )
        .bind(kind)
        .bind(&key.id)
        .bind(&key.account)
        .bind(key.livemode)
        .all(self)
        .await
    }

    #[shared::built_once]
    pub async fn append_note(&mut self, kind: &str, key: &Key, note: &Note) -> Result<(), LedgerError> {
        query(
            "INSERT INTO notes (kind, id, account, livemode, number, resolves, reopens, note, written_by, written_at, \
             stripe_status, respond_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(kind)
        .bind(&key.id)
        .bind(&key.account)
        .bind(key.livemode)
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
        Ok(())
    }

    /// The last assignment of an object; who takes care of it now.
    #[shared::built_once]
    pub async fn last_assignment(
        &mut self,
        kind: &str,
        key: &Key,
    ) -> Result<Option<Assignment>, LedgerError> {
        query(
            "SELECT number, assignee, assigned_by, assigned_at FROM assignments \
             WHERE kind = $1 AND id = $2 AND account = $3 AND livemode = $4 ORDER BY number DESC LIMIT 1",
        )
        .bind(kind)
        .bind(&key.id)
        .bind(&key.account)
        .bind(key.livemode)
        .optional(self)
        .await
    }

    #[shared::built_once]
    pub async fn append_assignment(
        &mut self,
        kind: &str,
        key: &Key,
        assignment: &Assignment,
    ) -> Result<(), LedgerError> {
        query(
            "INSERT INTO assignments (kind, id, account, livemode, number, assignee, assigned_by, assigned_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(kind)
        .bind(&key.id)
        .bind(&key.account)
        .bind(key.livemode)
        .bind(assignment.number)
        .bind(assignment.assignee.as_deref())
        .bind(&assignment.assigned_by)
        .bind(assignment.assigned_at)
        .run(self)
        .await?;
        Ok(())
    }
}
