//! Reads everything, page by page: stored events with their bodies, whole tables, and staff decisions.

use chrono::{DateTime, Utc};
use domain::readable;
use envelope::{Envelope, Header, Source, Unwanted};
use sqlx::AssertSqlSafe;

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::tables::bodies::{BODY, Body, HasBody, WITH_BODIES};
use crate::{LedgerError, Transaction};
use domain::Key;
use domain::Object;
use domain::bans::{Act, Ban};
use domain::event::{EventKey, NO_RULE};
use domain::identity::Identity;

readable! {
    /// An event that counts, and its body while that is kept.
    #[derive(Debug)]
    pub struct Archived {
        pub place: Identity,
        pub key: EventKey,
        pub kind: String = "type",
        pub api_version: Option<String>,
        pub source: String,
        pub endpoint: String,
        pub unwanted: Option<String>,
        /// As stored: whoever looks for damage must be able to read it.
        pub outcome: String,
        /// Whether the ledger must have its body.
        pub is_owed: bool,
        pub body: Body,
    }
}

/// The chore that removes bodies: by its row in `chores`, everything in segments that was recorded up to then is gone.
pub(crate) const RETENTION: &str = "retention";

/// Whether the ledger must have the body of `events e`: nobody had it erased, and retention has not come to it.
pub(crate) fn owed() -> String {
    format!(
        "(e.segment IS NOT NULL AND e.erased_at IS NULL AND NOT EXISTS \
         (SELECT 1 FROM chores c WHERE c.name = '{RETENTION}' AND c.done_until >= e.recorded_at))"
    )
}

/// The columns that an `Archived` is read from, of `events e` with its body.
pub(crate) fn archived() -> String {
    format!(
        "e.id_hash, e.rest_hash, e.created_at, e.id, e.account, e.livemode, e.content_hash, e.type, e.api_version, e.source, \
         e.endpoint, e.unwanted, e.outcome, {} AS is_owed, {BODY}",
        owed()
    )
}

readable! {
    /// An event of a rebuild, and the segment that has its body.
    #[derive(Debug)]
    pub struct ArchivedKey {
        pub place: Identity,
        pub key: EventKey,
        pub segment: Option<i64>,
    }
}

impl HasBody for Archived {
    fn key(&self) -> EventKey {
        self.key.clone()
    }

    fn body(&mut self) -> &mut Body {
        &mut self.body
    }
}

impl Archived {
    /// As much of the envelope as the rules look at; `None` where the body cannot be read.
    pub fn envelope(&self) -> Option<Envelope> {
        let body = self.body.bytes()?.clone();
        let header = Header {
            id: self.key.id.clone(),
            kind: self.kind.clone(),
            created: self.key.created_at.timestamp(),
            account: self.key.account.clone(),
            livemode: self.key.livemode,
            api_version: self.api_version.clone(),
            received_at: self.key.created_at,
            trace_parent: envelope::UNTRACED.to_owned(),
            source: Source::named(&self.source),
            endpoint: self.endpoint.clone(),
            unwanted: self.unwanted.as_deref().and_then(Unwanted::named),
            replay: None,
        };
        Some(Envelope { header, body })
    }
}

impl Transaction {
    /// The events that were applied, and those that were ignored for want of a rule, which there may be now.
    /// By identity, after the given one.
    #[shared::built_once]
    pub async fn archived_keys(
        &mut self,
        after: Identity,
        limit: i64,
    ) -> Result<Vec<ArchivedKey>, LedgerError> {
        query(
            "SELECT id_hash, rest_hash, created_at, id, account, livemode, content_hash, segment FROM events \
                 WHERE (id_hash, rest_hash, created_at) > ($1, $2, $3) \
                 AND (outcome = 'applied' OR (outcome = 'ignored' AND reason = $4)) \
                 ORDER BY id_hash, rest_hash, created_at LIMIT $5",
        )
        .at(after)
        .bind(NO_RULE)
        .bind(limit)
        .all(self)
        .await
    }

    /// Events with their bodies. Those of one segment should be asked for together: it is unpacked once.
    #[shared::built_once]
    pub async fn archived(&mut self, keys: &[EventKey]) -> Result<Vec<Archived>, LedgerError> {
        let sql = format!(
            "SELECT {} FROM events e JOIN input ON e.id_hash = input.id_hash AND e.rest_hash = input.rest_hash \
             AND e.created_at = input.created_at {WITH_BODIES} WHERE TRUE",
            archived()
        );
        let mut found: Vec<Archived> =
            Rows::of(keys).identities(EventKey::identity).fetch(self, &sql).await?;
        self.unpack(&mut found).await?;
        Ok(found)
    }

    /// The events of segments, with their bodies where these are.
    pub(crate) async fn archived_in(&mut self, segments: &[i64]) -> Result<Vec<Archived>, LedgerError> {
        // They were recorded at one moment, so the index of times finds them.
        let sql = format!(
            "SELECT {} FROM input JOIN segments s ON s.number = input.wanted \
             JOIN events e ON e.recorded_at = s.recorded_at AND e.segment = s.number {WITH_BODIES}",
            archived()
        );
        Rows::of(segments).int("wanted", |number| *number).fetch(self, &sql).await
    }

    /// Rows of one table by key, after the given one.
    pub async fn page<T: Object>(&mut self, after: &Key, limit: i64) -> Result<Vec<T>, LedgerError> {
        let sql = format!(
            "SELECT * FROM {} WHERE (id, account, livemode) > ($1, $2, $3) \
             ORDER BY id, account, livemode LIMIT $4",
            T::TABLE
        );
        query(AssertSqlSafe(sql))
            .bind(&after.id)
            .bind(&after.account)
            .bind(after.livemode)
            .bind(limit)
            .all(self)
            .await
    }

    /// What staff decided last about each user, as the rows of bans that this alone would make.
    #[shared::built_once]
    pub async fn last_overrides(&mut self) -> Result<Vec<Ban>, LedgerError> {
        let rows: Vec<Override> = {
            query(
                "SELECT id, account, livemode, act, until, reason, decided_by, decided_at FROM ban_overrides o \
                 WHERE number = (SELECT MAX(number) FROM ban_overrides n WHERE n.id = o.id \
                 AND n.account = o.account AND n.livemode = o.livemode)",
            )
            .all(self)
            .await?
        };
        Ok(rows.into_iter().map(Override::ban).collect())
    }

    /// The objects part of whose events' bytes retention has removed.
    #[shared::built_once]
    pub async fn retired(&mut self) -> Result<Vec<(String, Key)>, LedgerError> {
        let rows: Vec<Retired> =
            { query("SELECT subject_kind, id, account, livemode FROM retired_subjects").all(self).await? };
        Ok(rows.into_iter().map(|row| (row.subject_kind, row.key)).collect())
    }
}

readable! {
    struct Retired {
        subject_kind: String,
        key: Key,
    }
}

readable! {
    struct Override {
        key: Key,
        act: Act,
        until: Option<DateTime<Utc>>,
        reason: String,
        decided_by: String,
        decided_at: DateTime<Utc>,
    }
}

impl Override {
    fn ban(self) -> Ban {
        Ban {
            key: self.key,
            override_act: self.act,
            override_until: self.until,
            override_reason: Some(self.reason),
            override_by: Some(self.decided_by),
            override_at: Some(self.decided_at),
            ..Ban::default()
        }
    }
}
