//! Deletes raw bodies after their retention, by whole segments. Ids, hashes and outcomes are kept for ever, and so
//! are the bodies of waiting and dead events: they get their own rows before.

use chrono::{DateTime, Utc};
use domain::outcome::OutcomeKind;
use domain::readable;
use sqlx::AssertSqlSafe;

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::segment::number_after;
use crate::tables::archive::{Archived, RETENTION};
use crate::{LedgerError, Transaction};
use domain::Key;
use domain::event::EventKey;
use domain::identity::{Identity, id_hash};

readable! {
    /// A segment whose time has come.
    #[derive(Clone, Debug)]
    pub struct ExpiredSegment {
        pub number: i64,
        pub recorded_at: DateTime<Utc>,
        pub events: i64,
    }
}

readable! {
    /// A body with its own row, and what became of its event.
    #[derive(Debug)]
    pub struct OwnBody {
        pub place: Identity,
        pub key: EventKey,
        /// As stored; `None` where there is no such event.
        pub outcome: Option<String>,
        pub recorded_at: Option<DateTime<Utc>>,
    }
}

impl OwnBody {
    /// Whether nobody needs it any more.
    pub fn has_expired(&self, until: DateTime<Utc>) -> bool {
        self.outcome.as_deref().is_some_and(is_settled) && self.recorded_at.is_some_and(|at| at <= until)
    }
}

impl Archived {
    /// Whether nothing more will be done with it of itself.
    pub fn is_settled(&self) -> bool {
        is_settled(&self.outcome)
    }
}

fn is_settled(outcome: &str) -> bool {
    [OutcomeKind::Applied, OutcomeKind::Ignored].iter().any(|settled| settled.as_str() == outcome)
}

impl Transaction {
    /// The oldest segments recorded up to a moment, after the given number. Until this transaction ends nobody erases
    /// from them: what was read of them would bring the body back.
    #[shared::built_once]
    pub async fn expired_segments(
        &mut self,
        after: i64,
        until: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<ExpiredSegment>, LedgerError> {
        let lock = if self.is_alone() { "" } else { "FOR UPDATE" };
        let sql = format!(
            "SELECT number, recorded_at, events FROM segments WHERE number > $1 AND number < $2 \
             AND recorded_at <= $3 ORDER BY number LIMIT $4 {lock}"
        );
        query(AssertSqlSafe(sql))
            .bind(after)
            .bind(number_after(until))
            .bind(until)
            .bind(limit)
            .all(self)
            .await
    }

    /// The events of segments, with their bodies.
    #[shared::built_once]
    pub async fn events_in(&mut self, segments: &[ExpiredSegment]) -> Result<Vec<Archived>, LedgerError> {
        let numbers: Vec<i64> = segments.iter().map(|segment| segment.number).collect();
        let mut found = self.archived_in(&numbers).await?;
        self.unpack(&mut found).await?;
        Ok(found)
    }

    /// Bodies with their own rows by identity, after the given one.
    #[shared::built_once]
    pub async fn own_bodies(&mut self, after: Identity, limit: i64) -> Result<Vec<OwnBody>, LedgerError> {
        const SQL: &str = "SELECT b.*, e.outcome, e.recorded_at FROM \
            (SELECT id_hash, rest_hash, created_at, id, account, livemode, content_hash FROM bodies \
            WHERE (id_hash, rest_hash, created_at) > ($1, $2, $3) \
            ORDER BY id_hash, rest_hash, created_at LIMIT $4) b \
            LEFT JOIN events e ON e.id_hash = b.id_hash AND e.rest_hash = b.rest_hash AND e.created_at = b.created_at \
            ORDER BY b.id_hash, b.rest_hash, b.created_at";
        query(SQL).at(after).bind(limit).all(self).await
    }

    /// Notes the objects that can no longer be made again from their events alone.
    #[shared::built_once]
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

    /// The same of the objects that an event moved, as the audit tells it.
    #[shared::built_once]
    pub async fn retire_what_moved(&mut self, event: &EventKey) -> Result<(), LedgerError> {
        let moved = query(
            "INSERT INTO retired_subjects (subject_kind, id, account, livemode) \
             SELECT DISTINCT subject_kind, subject_id, account, livemode FROM audit WHERE event_hash = $1 AND event_id = $2 \
             AND account = $3 AND livemode = $4 AND subject_kind <> 'event' \
             ON CONFLICT (id, account, livemode, subject_kind) DO NOTHING",
        );
        let moved = moved.bind(id_hash(&event.id)).bind(&event.id).bind(&event.account).bind(event.livemode);
        moved.run(self).await.map(drop)
    }

    /// Removes segments, and remembers how far this has come: a segment that is missing later is a loss.
    #[shared::built_once]
    pub async fn remove_segments(&mut self, segments: &[ExpiredSegment]) -> Result<(), LedgerError> {
        let Some(done_until) = segments.iter().map(|segment| segment.recorded_at).max() else {
            return Ok(());
        };
        Rows::of(segments)
            .int("removed", |segment| segment.number)
            .run(self, "DELETE FROM segments WHERE number IN (SELECT removed FROM input)")
            .await?;
        query(
            "INSERT INTO chores (name, done_until) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET \
             done_until = excluded.done_until WHERE chores.done_until < excluded.done_until",
        )
        .bind(RETENTION)
        .bind(done_until)
        .run(self)
        .await?;
        Ok(())
    }
}
