//! Figures that must add up: every event with its outcome and its body, the numbers of the audit, and bodies
//! without an event.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::readable;
use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::engine::query::query;
use crate::tables::archive::owed;
use crate::tables::archive::{Archived, archived};
use crate::tables::audit::AuditRow;
use crate::tables::bodies::{self, Body, STORED};
use crate::{Fault, LedgerError, Transaction};
use domain::Key;
use domain::event::EventKey;
use domain::identity::Identity;

readable! {
    /// One event, with all that verifying it takes except its body.
    #[derive(Debug)]
    pub struct Stored {
        pub place: Identity,
        pub key: EventKey,
        /// As stored: whoever looks for damage must be able to read it.
        pub outcome: String,
        pub source: String,
        pub repetitions: i64,
        pub has_retry: bool,
        pub has_reason: bool,
        pub is_erased: bool,
        pub recorded_at: DateTime<Utc>,
    }
}

/// One segment, unpacked.
#[derive(Debug)]
pub struct UnpackedSegment {
    pub number: i64,
    pub fault: Option<Fault>,
    pub events: Vec<Archived>,
    /// Bodies in it that belong to no event.
    pub orphaned: usize,
}

readable! {
    /// What names an event, and when it was recorded.
    #[derive(Debug)]
    pub struct Recorded {
        pub place: Identity,
        pub key: EventKey,
        pub recorded_at: DateTime<Utc>,
    }
}

/// A line's place among all, in the order of its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPosition {
    key: Key,
    kind: String,
    revision: i64,
}

impl AuditPosition {
    pub fn of(row: &AuditRow) -> Self {
        let key = Key { id: row.subject_id.clone(), account: row.account.clone(), livemode: row.livemode };
        Self { key, kind: row.subject_kind.clone(), revision: row.revision }
    }

    pub fn is_about_the_same(&self, other: &Self) -> bool {
        (&self.key, &self.kind) == (&other.key, &other.kind)
    }
}

readable! {
    /// An object whose audit has a hole.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct AuditGap {
        pub subject_kind: String,
        pub subject_id: String,
        pub lines: i64,
        pub last: i64,
    }
}

readable! {
    /// Where an object and its lines part.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct End {
        pub subject_kind: String,
        pub subject_id: String,
        /// How many lines the object counts; `None` where it is not there.
        pub counted: Option<i64>,
        #[serde(skip)]
        pub last_word: Option<String>,
    }
}

impl Transaction {
    /// All events by identity, after the given one.
    #[shared::built_once]
    pub async fn stored(&mut self, after: Identity, limit: i64) -> Result<Vec<Stored>, LedgerError> {
        query(
            "SELECT id_hash, rest_hash, created_at, id, account, livemode, content_hash, outcome, source, repetitions, \
             retry_at IS NOT NULL AS has_retry, reason IS NOT NULL AS has_reason, erased_at IS NOT NULL AS is_erased, recorded_at FROM events \
             WHERE (id_hash, rest_hash, created_at) > ($1, $2, $3) \
             ORDER BY id_hash, rest_hash, created_at LIMIT $4",
        )
        .at(after)
        .bind(limit)
        .all(self)
        .await
    }

    /// Segments by number after the given one, with their events and what of these is in them.
    #[shared::built_once]
    pub async fn segments_after(
        &mut self,
        after: i64,
        limit: i64,
    ) -> Result<Vec<UnpackedSegment>, LedgerError> {
        let sql = format!("SELECT {STORED} FROM segments WHERE number > $1 ORDER BY number LIMIT $2");
        let stored: Vec<bodies::Stored> = query(AssertSqlSafe(sql)).bind(after).bind(limit).all(self).await?;
        let numbers: Vec<i64> = stored.iter().map(|stored| stored.number).collect();
        let mut events: BTreeMap<i64, Vec<Archived>> = BTreeMap::new();
        for archived in self.archived_in(&numbers).await? {
            if let Body::Packed { segment, .. } = archived.body {
                events.entry(segment).or_default().push(archived);
            }
        }
        let mut unpacked = Vec::new();
        for stored in stored {
            let (segment, number) = (stored.unpack(self.body_keys())?, stored.number);
            let mut events = events.remove(&number).unwrap_or_default();
            for archived in &mut events {
                archived.body.take_from(&segment);
            }
            let found = events.iter().filter(|archived| archived.body.bytes().is_some()).count();
            let orphaned = segment.as_ref().map_or(0, |segment| segment.occupied().saturating_sub(found));
            unpacked.push(UnpackedSegment { number, fault: segment.err(), events, orphaned });
        }
        Ok(unpacked)
    }

    /// Events whose body has its own row, by identity after the given one.
    #[shared::built_once]
    pub async fn with_own_bodies(
        &mut self,
        after: Identity,
        limit: i64,
    ) -> Result<Vec<Archived>, LedgerError> {
        let sql = format!(
            "SELECT {} FROM bodies b JOIN events e ON e.id_hash = b.id_hash AND e.rest_hash = b.rest_hash \
             AND e.created_at = b.created_at WHERE (b.id_hash, b.rest_hash, b.created_at) > ($1, $2, $3) \
             ORDER BY b.id_hash, b.rest_hash, b.created_at LIMIT $4",
            archived()
        );
        let mut found: Vec<Archived> = query(AssertSqlSafe(sql)).at(after).bind(limit).all(self).await?;
        self.unpack(&mut found).await?;
        Ok(found)
    }

    /// Events whose body is nowhere, though retention has not come to them: their segment was lost.
    #[shared::built_once]
    pub async fn without_their_segment(&mut self, limit: i64) -> Result<Vec<EventKey>, LedgerError> {
        let sql = format!(
            "SELECT e.id, e.account, e.livemode, e.created_at, e.content_hash FROM events e WHERE {} \
             AND NOT EXISTS (SELECT 1 FROM segments s WHERE s.number = e.segment) \
             AND NOT EXISTS (SELECT 1 FROM bodies b WHERE b.id_hash = e.id_hash AND b.rest_hash = e.rest_hash \
             AND b.created_at = e.created_at) ORDER BY e.id LIMIT $1",
            owed()
        );
        query(AssertSqlSafe(sql)).bind(limit).all(self).await
    }

    /// What names all events, by identity after the given one.
    #[shared::built_once]
    pub async fn recorded(&mut self, after: Identity, limit: i64) -> Result<Vec<Recorded>, LedgerError> {
        query(
            "SELECT id_hash, rest_hash, created_at, id, account, livemode, content_hash, recorded_at FROM events \
                 WHERE (id_hash, rest_hash, created_at) > ($1, $2, $3) \
                 ORDER BY id_hash, rest_hash, created_at LIMIT $4",
        )
        .at(after)
        .bind(limit)
        .all(self)
        .await
    }

    /// All lines of the audit, subject by subject in the order of revisions, after the given place.
    #[shared::built_once]
    pub async fn lines_after(
        &mut self,
        after: &AuditPosition,
        limit: i64,
    ) -> Result<Vec<AuditRow>, LedgerError> {
        query(
                "SELECT * FROM audit WHERE (subject_id, account, livemode, subject_kind, revision) \
                 > ($1, $2, $3, $4, $5) ORDER BY subject_id, account, livemode, subject_kind, revision LIMIT $6",
            )
            .bind(&after.key.id)
            .bind(&after.key.account)
            .bind(after.key.livemode)
            .bind(&after.kind)
            .bind(after.revision)
            .bind(limit)
            .all(self)
            .await
    }

    /// Objects that count lines of which the last is not there, or is not the one whose hash they have.
    #[shared::built_once]
    pub async fn objects_without_their_last_line(
        &mut self,
        (kind, table): (&str, &str),
        limit: i64,
    ) -> Result<Vec<End>, LedgerError> {
        const LINE: &str = "SELECT 1 FROM audit a WHERE a.subject_id = t.id AND a.account = t.account \
                            AND a.livemode = t.livemode AND a.subject_kind = $1";
        let sql = format!(
            "SELECT $1 AS subject_kind, t.id AS subject_id, t.revision AS counted, NULL AS last_word FROM {table} t WHERE t.revision > 0 \
             AND (NOT EXISTS ({LINE} AND a.revision = t.revision) OR (LENGTH(t.audit_hash) > 0 \
             AND NOT EXISTS ({LINE} AND a.hash = t.audit_hash))) ORDER BY t.id LIMIT $2"
        );
        query(AssertSqlSafe(sql)).bind(kind).bind(limit).all(self).await
    }

    /// Lines about objects that are not there, or that count fewer.
    #[shared::built_once]
    pub async fn lines_without_their_object(
        &mut self,
        (kind, table): (&str, &str),
        limit: i64,
    ) -> Result<Vec<End>, LedgerError> {
        let sql = format!(
            "SELECT a.subject_kind, a.subject_id, t.revision AS counted, a.after AS last_word FROM audit a \
             LEFT JOIN {table} t ON t.id = a.subject_id AND t.account = a.account AND t.livemode = a.livemode \
             WHERE a.subject_kind = $1 AND (t.id IS NULL OR t.revision < a.revision) \
             AND NOT EXISTS (SELECT 1 FROM audit l WHERE l.subject_id = a.subject_id AND l.account = a.account \
             AND l.livemode = a.livemode AND l.subject_kind = a.subject_kind AND l.revision > a.revision) \
             ORDER BY a.subject_id LIMIT $2"
        );
        query(AssertSqlSafe(sql)).bind(kind).bind(limit).all(self).await
    }

    /// Audits with a number missing: a line was removed, or written past its transaction.
    #[shared::built_once]
    pub async fn broken_audits(&mut self, limit: i64) -> Result<Vec<AuditGap>, LedgerError> {
        query(
            "SELECT subject_kind, subject_id, COUNT(*) AS lines, MAX(revision) AS last FROM audit \
                 GROUP BY subject_id, account, livemode, subject_kind \
                 HAVING COUNT(*) <> MAX(revision) LIMIT $1",
        )
        .bind(limit)
        .all(self)
        .await
    }

    /// Bodies with their own rows whose event is not there.
    #[shared::built_once]
    pub async fn orphaned_bodies(&mut self) -> Result<i64, LedgerError> {
        query(
            "SELECT COUNT(*) FROM bodies b WHERE NOT EXISTS (SELECT 1 FROM events e \
                 WHERE e.id_hash = b.id_hash AND e.rest_hash = b.rest_hash AND e.created_at = b.created_at)",
        )
        .one(self)
        .await
    }
}
