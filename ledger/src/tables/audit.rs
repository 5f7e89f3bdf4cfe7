//! The table `audit`: every transition and every act of staff, append-only.

use domain::readable;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::engine::query::query;
use crate::engine::rows::{Rows, Statement, by_key};
use crate::tables::seals::commit_of;
use crate::tables::seals::committing;
use crate::{Ledger, LedgerError, Transaction};
use domain::Key;
use domain::audit_chain::{Chained, Said};
use domain::identity::id_hash;

readable! {
    /// One line of the audit.
    #[derive(Clone, Debug, Serialize)]
    pub struct AuditRow {
        pub at: DateTime<Utc>,
        pub actor: String,
        pub event_id: Option<String>,
        pub subject_kind: String,
        pub subject_id: String,
        pub account: String,
        pub livemode: bool,
        pub revision: i64,
        pub what: String,
        pub before: Option<String>,
        pub after: Option<String>,
        pub severity: String,
        /// Over all of this and the line before; `None` where it was written before the chain began.
        #[serde(skip)]
        pub hash: Option<Vec<u8>>,
    }
}

impl AuditRow {
    /// What its hash is over.
    pub fn said(&self) -> Said<'_> {
        Said {
            kind: &self.subject_kind,
            id: &self.subject_id,
            account: &self.account,
            livemode: self.livemode,
            revision: self.revision,
            at: self.at,
            actor: &self.actor,
            event_id: self.event_id.as_deref(),
            what: &self.what,
            before: self.before.as_deref(),
            after: self.after.as_deref(),
            severity: &self.severity,
        }
    }
}

readable! {
    /// The last line about one of several objects.
    struct KeyedLastLine {
        key: Key,
        last: LastLine,
    }
}

readable! {
    /// One line in the story of an object, with the time at which Stripe says that it happened.
    #[derive(Clone, Debug, Serialize)]
    pub struct Line {
        /// The `created` of the event, where an event did it.
        pub happened_at: Option<DateTime<Utc>>,
        #[serde(flatten)]
        pub row: AuditRow,
    }
}

/// The statement that appends what moved, and who moved it. Two writers of one revision would be a lost update; the
/// key refuses the second.
pub(crate) fn appending<'a>(lines: &'a [Chained<'a>]) -> Statement<'a> {
    Rows::of(lines)
        .text("subject_id", |line| &line.moved.key.id)
        .text("account", |line| &line.moved.key.account)
        .flag("livemode", |line| line.moved.key.livemode)
        .text("subject_kind", |line| line.moved.kind)
        .int("revision", |line| line.moved.revision)
        .time("at", |line| Some(line.at))
        .text("actor", |line| line.actor)
        .maybe_text("event_id", |line| line.moved.event_id.as_deref())
        .maybe_int("event_hash", |line| line.moved.event_id.as_deref().map(id_hash))
        .text("what", |line| line.moved.change.what)
        .maybe_text("before", |line| line.moved.change.before.as_deref())
        .maybe_text("after", |line| line.moved.change.after.as_deref())
        .text("severity", |line| line.moved.change.severity.as_str())
        .bytes("hash", |line| &line.hash)
        .into_statement(
            "INSERT INTO audit (subject_id, account, livemode, subject_kind, revision, at, actor, event_id, \
             event_hash, what, before, after, severity, hash) SELECT subject_id, account, livemode, subject_kind, revision, \
             at, actor, event_id, event_hash, what, before, after, severity, hash FROM input",
        )
}

readable! {
    /// The end of an object's story: the number and the hash of its last line; 0 and nothing where it has none.
    #[derive(Debug, Default)]
    pub struct LastLine {
        pub revision: i64,
        pub hash: Option<Vec<u8>>,
    }
}

impl LastLine {
    pub fn hash(self) -> Vec<u8> {
        self.hash.unwrap_or_default()
    }
}

impl Transaction {
    /// Appends lines, and notes that this transaction commits them.
    #[shared::built_once]
    pub async fn append_audit(&mut self, lines: &[Chained<'_>]) -> Result<(), LedgerError> {
        let Some(at) = lines.first().map(|line| line.at) else { return Ok(()) };
        let commit = commit_of(&[], lines, None, at);
        self.run_together(vec![appending(lines), committing(commit.as_ref())]).await
    }
}

impl Transaction {
    /// The last line about an object.
    #[shared::built_once]
    pub async fn last_line(&mut self, kind: &str, key: &Key) -> Result<LastLine, LedgerError> {
        let last: Option<LastLine> = {
            query(
                "SELECT revision, hash FROM audit WHERE subject_id = $1 AND account = $2 AND livemode = $3 \
                 AND subject_kind = $4 ORDER BY revision DESC LIMIT 1",
            )
            .bind(&key.id)
            .bind(&key.account)
            .bind(key.livemode)
            .bind(kind)
            .optional(self)
            .await?
        };
        Ok(last.unwrap_or_default())
    }

    /// The same of several objects of one kind; those without a line are left out.
    #[shared::built_once]
    pub async fn last_lines(
        &mut self,
        kind: &'static str,
        keys: &[Key],
    ) -> Result<HashMap<Key, LastLine>, LedgerError> {
        let found: Vec<KeyedLastLine> = by_key(keys)
            .text("kind", |_| kind)
            .fetch(
                self,
                "SELECT input.id, input.account, input.livemode, a.revision, a.hash FROM audit a \
                 JOIN input ON a.subject_id = input.id AND a.account = input.account \
                 AND a.livemode = input.livemode AND a.subject_kind = input.kind \
                 WHERE NOT EXISTS (SELECT 1 FROM audit l WHERE l.subject_id = a.subject_id AND l.account = a.account \
                 AND l.livemode = a.livemode AND l.subject_kind = a.subject_kind AND l.revision > a.revision)",
            )
            .await?;
        Ok(found.into_iter().map(|told| (told.key, told.last)).collect())
    }

    /// The story of several objects, in no order. Each may be named once.
    #[shared::built_once]
    pub async fn lines_of(&mut self, subjects: &[(&'static str, Key)]) -> Result<Vec<Line>, LedgerError> {
        Rows::of(subjects)
            .text("of_kind", |(kind, _)| kind)
            .text("of_id", |(_, key)| &key.id)
            .text("of_account", |(_, key)| &key.account)
            .flag("of_livemode", |(_, key)| key.livemode)
            .fetch(
                self,
                "SELECT audit.*, (SELECT MIN(created_at) FROM events WHERE events.id_hash = audit.event_hash \
                 AND events.id = audit.event_id \
                 AND events.account = audit.account AND events.livemode = audit.livemode) AS happened_at \
                 FROM audit JOIN input ON subject_id = of_id AND audit.account = of_account \
                 AND audit.livemode = of_livemode AND subject_kind = of_kind",
            )
            .await
    }
}

impl Ledger {
    /// What one event moved.
    #[shared::built_once]
    pub async fn audit_of_event(&self, event_id: &str) -> Result<Vec<AuditRow>, LedgerError> {
        let mut tx = self.read().await?;
        query(
            "SELECT * FROM audit WHERE event_hash = $1 AND event_id = $2 ORDER BY at, subject_kind DESC, revision",
        )
        .bind(id_hash(event_id))
        .bind(event_id)
        .all(&mut tx)
        .await
    }

    /// The story of one object, oldest first.
    #[shared::built_once]
    pub async fn audit_of(&self, kind: &str, key: &Key) -> Result<Vec<AuditRow>, LedgerError> {
        let mut tx = self.read().await?;
        query(
                "SELECT * FROM audit WHERE subject_id = $1 AND account = $2 AND livemode = $3 AND subject_kind = $4 \
                 ORDER BY revision",
            )
            .bind(&key.id)
            .bind(&key.account)
            .bind(key.livemode)
            .bind(kind)
            .all(&mut tx)
            .await
    }
}
