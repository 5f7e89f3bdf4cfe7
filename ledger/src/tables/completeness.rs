//! Which of the events that Stripe lists the ledger has, and how far they were compared.

use domain::readable;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::engine::query::query;
use crate::engine::rows::{Rows, by_key};
use crate::{Ledger, LedgerError, Transaction};
use domain::Key;
use domain::identity::id_hash;

/// Its row in `chores`.
const NAME: &str = "completeness";
/// The row that says when it was compared for the first time, also where an account could not be.
const BEGUN: &str = "completeness_begun";

readable! {
    /// A request to bring back events that was cut off.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Unfinished {
        pub since_at: DateTime<Utc>,
        pub until_at: Option<DateTime<Utc>>,
        /// Everything up to this one is in the queue or in the ledger.
        pub last_event_id: String,
        pub updated_at: DateTime<Utc>,
    }
}

impl Ledger {
    /// Up to which stamp of Stripe's the ledger was found complete.
    #[shared::built_once]
    pub async fn complete_until(&self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        let mut tx = self.read().await?;
        query("SELECT done_until FROM chores WHERE name = $1").bind(NAME).optional(&mut tx).await
    }

    /// The request of these words, where it was cut off.
    #[shared::built_once]
    pub async fn unfinished_backfill(&self, scope: &str) -> Result<Option<Unfinished>, LedgerError> {
        let mut tx = self.read().await?;
        query("SELECT since_at, until_at, last_event_id, updated_at FROM backfills WHERE scope = $1")
            .bind(scope)
            .optional(&mut tx)
            .await
    }
}

impl Transaction {
    /// Those of these events that are stored, with whatever content.
    #[shared::built_once]
    pub async fn stored_events(&mut self, events: &[Key]) -> Result<BTreeSet<Key>, LedgerError> {
        let known: Vec<Key> = by_key(events)
            .int("id_hash", |event| id_hash(&event.id))
            .fetch(
                self,
                "SELECT DISTINCT e.id, e.account, e.livemode FROM events e \
                 JOIN input USING (id_hash, id, account, livemode)",
            )
            .await?;
        Ok(known.into_iter().collect())
    }

    /// Those of these types without a rule that have come by webhook.
    #[shared::built_once]
    pub async fn types_taken_in(&mut self, kinds: &[String]) -> Result<Vec<String>, LedgerError> {
        let taken: Vec<(String,)> = Rows::of(kinds)
            .text("kind", |kind| kind)
            .fetch(
                self,
                "SELECT kind FROM input WHERE EXISTS (SELECT 1 FROM events e WHERE e.type = input.kind \
                 AND e.source = 'stripe' AND e.outcome = 'ignored')",
            )
            .await?;
        Ok(taken.into_iter().map(|(kind,)| kind).collect())
    }

    #[shared::built_once]
    pub async fn set_complete_until(&mut self, until: DateTime<Utc>) -> Result<(), LedgerError> {
        {
            query(
                "INSERT INTO chores (name, done_until) VALUES ($1, $2) \
                 ON CONFLICT (name) DO UPDATE SET done_until = excluded.done_until",
            )
            .bind(NAME)
            .bind(until)
            .run(self)
            .await?;
        };
        Ok(())
    }

    /// Remembers that somebody has compared; `true` for the first one who does.
    #[shared::built_once]
    pub async fn begin_comparing(&mut self, now: DateTime<Utc>) -> Result<bool, LedgerError> {
        let text = "INSERT INTO chores (name, done_until) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        Ok(query(text).bind(BEGUN).bind(now).run(self).await? == 1)
    }

    /// Remembers how far a request has come.
    #[shared::built_once]
    pub async fn note_backfill(&mut self, scope: &str, so_far: &Unfinished) -> Result<(), LedgerError> {
        {
            query(
                "INSERT INTO backfills (scope, since_at, until_at, last_event_id, updated_at) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (scope) DO UPDATE SET since_at = excluded.since_at, \
                 until_at = excluded.until_at, last_event_id = excluded.last_event_id, \
                 updated_at = excluded.updated_at",
            )
            .bind(scope)
            .bind(so_far.since_at)
            .bind(so_far.until_at)
            .bind(&so_far.last_event_id)
            .bind(so_far.updated_at)
            .run(self)
            .await?;
        };
        Ok(())
    }

    /// Forgets a request: it came to its end, or is begun anew.
    #[shared::built_once]
    pub async fn end_backfill(&mut self, scope: &str) -> Result<(), LedgerError> {
        {
            query("DELETE FROM backfills WHERE scope = $1").bind(scope).run(self).await?;
        };
        Ok(())
    }
}
