//! Deletes raw bodies after their retention. Ids, hashes and outcomes are kept for ever, and so are the bodies
//! of waiting and dead events.

use chrono::{DateTime, Utc};
use domain::readable;

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::tables::archive::Archived;
use crate::tables::events::keyed;
use crate::{LedgerError, Transaction};
use domain::Key;
use domain::event::EventKey;

/// Its row in `chores`.
const NAME: &str = "retention";

readable! {
    /// An expired event, and when it was recorded.
    #[derive(Debug)]
    pub struct Expired {
        pub archived: Archived,
        pub recorded_at: DateTime<Utc>,
    }
}

impl Transaction {
    /// The oldest events recorded up to a moment whose bytes are still here.
    pub async fn expired(&mut self, until: DateTime<Utc>, limit: i64) -> Result<Vec<Expired>, LedgerError> {
        query(
                "SELECT e.id, e.account, e.livemode, e.content_hash, e.type, e.created_at, e.api_version, \
                 e.endpoint, e.unwanted, e.outcome, e.recorded_at, b.body FROM events e JOIN bodies b ON b.id = e.id \
                 AND b.account = e.account AND b.livemode = e.livemode AND b.content_hash = e.content_hash \
                 WHERE e.outcome IN ('applied', 'ignored') AND e.recorded_at <= $1 AND e.recorded_at >= \
                 COALESCE((SELECT done_until FROM chores WHERE name = $2), e.recorded_at) \
                 ORDER BY e.recorded_at LIMIT $3",
            )
            .bind(until)
            .bind(NAME)
            .bind(limit)
            .all(self)
            .await
    }

    /// Notes the objects that can no longer be made again from their events alone.
    pub async fn retire(&mut self, subjects: &[(&'static str, Key)]) -> Result<(), LedgerError> {
        Rows::of(subjects)
            .text("subject_kind", |(kind, _)| kind)
            .fields(|(_, key)| key)
            .run(
                self,
                "INSERT INTO retired_subjects (subject_kind, id, account, livemode) \
                 SELECT subject_kind, id, account, livemode FROM input WHERE TRUE \
                 ON CONFLICT (id, account, livemode, subject_kind) DO NOTHING",
            )
            .await?;
        Ok(())
    }

    /// Removes the bytes of these events, and remembers how far this has come.
    pub async fn remove_bodies(
        &mut self,
        keys: &[EventKey],
        done_until: DateTime<Utc>,
    ) -> Result<u64, LedgerError> {
        let removed = keyed(Rows::of(keys), |key| key)
            .run(
                self,
                "DELETE FROM bodies WHERE (id, account, livemode, content_hash) IN \
                 (SELECT id, account, livemode, content_hash FROM input)",
            )
            .await?;
        {
            query(
                "INSERT INTO chores (name, done_until) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET \
                 done_until = excluded.done_until WHERE chores.done_until < excluded.done_until",
            )
            .bind(NAME)
            .bind(done_until)
            .run(self)
            .await?;
        };
        Ok(removed)
    }
}
