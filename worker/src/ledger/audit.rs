//! The table `audit`: every transition and every act of staff, append-only.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::rows::Rows;
use super::{Ledger, LedgerError, Transaction, on};
use crate::rules::{Key, Told, Transition};

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

/// One line in the story of an object, with the time at which Stripe says that it happened.
#[derive(Clone, Debug, Serialize, sqlx::FromRow)]
pub struct Line {
    /// The `created` of the event, where an event did it.
    pub happened_at: Option<DateTime<Utc>>,
    #[sqlx(flatten)]
    #[serde(flatten)]
    pub row: AuditRow,
}

/// What a person did to an object.
#[derive(Clone, Debug)]
pub struct Act<'a> {
    pub kind: &'static str,
    pub key: &'a Key,
    pub revision: i64,
    pub by: &'a str,
    pub told: Told,
}

/// A line that is to be appended.
struct Entry<'a> {
    kind: &'static str,
    key: &'a Key,
    revision: i64,
    actor: &'a str,
    event_id: Option<&'a str>,
    told: &'a Told,
}

impl Transaction {
    /// Appends what moved. Two writers of one revision would be a lost update; the key refuses the second.
    pub async fn append_audit(
        &mut self,
        moved: &[Transition],
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        let entries = moved.iter().map(|t| Entry {
            kind: t.kind,
            key: &t.key,
            revision: t.revision,
            actor: "stripe",
            event_id: Some(&t.event_id),
            told: &t.told,
        });
        self.append(&entries.collect::<Vec<_>>(), now).await
    }

    /// Appends what a person did.
    pub async fn append_act(&mut self, act: &Act<'_>, now: DateTime<Utc>) -> Result<(), LedgerError> {
        let Act { kind, key, revision, by, told } = act;
        let (kind, revision) = (*kind, *revision);
        self.append(&[Entry { kind, key, revision, actor: by, event_id: None, told }], now).await
    }

    async fn append(&mut self, entries: &[Entry<'_>], now: DateTime<Utc>) -> Result<(), LedgerError> {
        let rows = Rows::of(entries)
            .text("subject_id", |entry| &entry.key.id)
            .text("account", |entry| &entry.key.account)
            .flag("livemode", |entry| entry.key.livemode)
            .text("subject_kind", |entry| entry.kind)
            .int("revision", |entry| entry.revision)
            .time("at", |_| Some(now))
            .text("actor", |entry| entry.actor)
            .maybe_text("event_id", |entry| entry.event_id)
            .text("what", |entry| entry.told.what)
            .maybe_text("before", |entry| entry.told.before.as_deref())
            .maybe_text("after", |entry| entry.told.after.as_deref())
            .text("severity", |entry| entry.told.severity.as_str());
        rows.run(
            self,
            "INSERT INTO audit (subject_id, account, livemode, subject_kind, revision, at, actor, event_id, what, \
             before, after, severity) SELECT subject_id, account, livemode, subject_kind, revision, at, actor, \
             event_id, what, before, after, severity FROM input",
        )
        .await?;
        Ok(())
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
