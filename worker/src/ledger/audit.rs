//! The table `audit`: every transition and every act of staff, append-only.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::rows::{Rows, Statement, by_key};
use super::{Ledger, LedgerError, Transaction, on};
use crate::rules::{Key, Transition};

/// One line of the audit.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
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
}

/// How many lines an object has.
#[derive(sqlx::FromRow)]
struct Told {
    #[sqlx(flatten)]
    key: Key,
    revision: i64,
}

/// One line in the story of an object, with the time at which Stripe says that it happened.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub struct Line {
    /// The `created` of the event, where an event did it.
    pub happened_at: Option<DateTime<Utc>>,
    #[sqlx(flatten)]
    #[serde(flatten)]
    pub row: AuditRow,
}

/// The statement that appends what moved, and who moved it. Two writers of one revision would be a lost update; the
/// key refuses the second.
pub(crate) fn appending<'a>(moved: &'a [Transition], actor: &'a str, now: DateTime<Utc>) -> Statement<'a> {
    Rows::of(moved)
        .text("subject_id", |t| &t.key.id)
        .text("account", |t| &t.key.account)
        .flag("livemode", |t| t.key.livemode)
        .text("subject_kind", |t| t.kind)
        .int("revision", |t| t.revision)
        .time("at", |_| Some(now))
        .text("actor", |_| actor)
        .maybe_text("event_id", |t| t.event_id.as_deref())
        .text("what", |t| t.told.what)
        .maybe_text("before", |t| t.told.before.as_deref())
        .maybe_text("after", |t| t.told.after.as_deref())
        .text("severity", |t| t.told.severity.as_str())
        .into_statement(
            "INSERT INTO audit (subject_id, account, livemode, subject_kind, revision, at, actor, event_id, what, \
             before, after, severity) SELECT subject_id, account, livemode, subject_kind, revision, at, actor, \
             event_id, what, before, after, severity FROM input",
        )
}

impl Transaction {
    /// Appends what moved, and who moved it.
    pub async fn append_audit(
        &mut self,
        moved: &[Transition],
        actor: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        self.run_together(vec![appending(moved, actor, now)]).await
    }
}

impl Transaction {
    /// The number of an object's last line; 0 where it has none.
    pub async fn last_revision(&mut self, kind: &str, key: &Key) -> Result<i64, LedgerError> {
        Ok(on!(self, |connection| {
            sqlx::query_scalar(
                "SELECT COALESCE(MAX(revision), 0) FROM audit WHERE subject_id = $1 AND account = $2 \
                 AND livemode = $3 AND subject_kind = $4",
            )
            .bind(&key.id)
            .bind(&key.account)
            .bind(key.livemode)
            .bind(kind)
            .fetch_one(connection)
            .await?
        }))
    }

    /// The same of several objects of one kind; those without a line are left out.
    pub async fn last_revisions(
        &mut self,
        kind: &'static str,
        keys: &[Key],
    ) -> Result<HashMap<Key, i64>, LedgerError> {
        let found: Vec<Told> = by_key(keys)
            .text("kind", |_| kind)
            .fetch(
                self,
                "SELECT input.id, input.account, input.livemode, MAX(audit.revision) AS revision FROM audit \
                 JOIN input ON subject_id = input.id AND audit.account = input.account \
                 AND audit.livemode = input.livemode AND subject_kind = input.kind \
                 GROUP BY input.id, input.account, input.livemode",
            )
            .await?;
        Ok(found.into_iter().map(|told| (told.key, told.revision)).collect())
    }

    /// The story of several objects, in no order. Each may be named once.
    pub async fn lines_of(&mut self, subjects: &[(&'static str, Key)]) -> Result<Vec<Line>, LedgerError> {
        Rows::of(subjects)
            .text("of_kind", |(kind, _)| kind)
            .text("of_id", |(_, key)| &key.id)
            .text("of_account", |(_, key)| &key.account)
            .flag("of_livemode", |(_, key)| key.livemode)
            .fetch(
                self,
                "SELECT audit.*, (SELECT MIN(created_at) FROM events WHERE events.id = audit.event_id \
                 AND events.account = audit.account AND events.livemode = audit.livemode) AS happened_at \
                 FROM audit JOIN input ON subject_id = of_id AND audit.account = of_account \
                 AND audit.livemode = of_livemode AND subject_kind = of_kind",
            )
            .await
    }
}

impl Ledger {
    /// What one event moved.
    pub async fn audit_of_event(&self, event_id: &str) -> Result<Vec<AuditRow>, LedgerError> {
        let mut tx = self.read().await?;
        Ok(on!(&mut tx, |connection| {
            sqlx::query_as("SELECT * FROM audit WHERE event_id = $1 ORDER BY at, subject_kind DESC, revision")
                .bind(event_id)
                .fetch_all(connection)
                .await?
        }))
    }

    /// The story of one object, oldest first.
    pub async fn audit_of(&self, kind: &str, key: &Key) -> Result<Vec<AuditRow>, LedgerError> {
        let mut tx = self.read().await?;
        Ok(on!(&mut tx, |connection| {
            sqlx::query_as(
                "SELECT * FROM audit WHERE subject_id = $1 AND account = $2 AND livemode = $3 AND subject_kind = $4 \
                 ORDER BY revision",
            )
            .bind(&key.id)
            .bind(&key.account)
            .bind(key.livemode)
            .bind(kind)
            .fetch_all(connection)
            .await?
        }))
    }
}
