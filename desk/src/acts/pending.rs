//! Changes that wait for a second administrator are written down by whoever asks for them.

use chrono::{DateTime, TimeDelta, Utc};
use domain::pending_changes::{ChangeKind, ChangeState};
use domain::{AuditChange, Severity};
use ledger::Transaction;
use ledger::tables::pending_changes::PendingChange;
use shared::trace::random_hex;

use super::Refusal;
use super::administrators::StaffRefusal;
use crate::actor::Actor;
use crate::audit_line::{Subject, append};

/// The audit's name for them.
pub const KIND: &str = "change";
/// So long a change waits.
const WAITS_FOR: TimeDelta = TimeDelta::days(7);

/// A change before it is written down.
pub(super) struct Asked<'a> {
    pub kind: ChangeKind,
    pub subject: &'a str,
    pub before: Option<String>,
    pub after: String,
    pub reason: &'a str,
}

/// Writes down what waits, in the transaction of whoever asks. At most one change of a subject waits.
pub(super) async fn ask(
    tx: &mut Transaction,
    asked: &Asked<'_>,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<PendingChange, Refusal> {
    for waiting in tx.waiting_changes().await? {
        if waiting.kind != asked.kind || waiting.subject != asked.subject {
            continue;
        }
        if waiting.ends_at > now {
            return Err(StaffRefusal::WaitsAlready(asked.subject.to_owned()).into());
        }
        tx.decide_change(&waiting.id, ChangeState::Lapsed, "tidegate", None, now).await?;
    }
    let change = PendingChange {
        id: format!("chg_{}", random_hex::<8>()),
        kind: asked.kind,
        subject: asked.subject.to_owned(),
        before: asked.before.clone(),
        after: asked.after.clone(),
        reason: asked.reason.to_owned(),
        asked_by: by.staff().to_owned(),
        asked_at: now,
        ends_at: now + WAITS_FOR,
        state: ChangeState::Waiting,
        decided_by: None,
        decided_at: None,
        decision_reason: None,
    };
    tx.add_change(&change).await?;
    let after = Some(format!("{} {}: {}", change.kind, change.subject, change.after));
    note(tx, &change.id, "asked", change.before.clone(), after, by, now).await?;
    Ok(change)
}

pub(super) async fn note(
    tx: &mut Transaction,
    id: &str,
    what: &'static str,
    before: Option<String>,
    after: Option<String>,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let change = AuditChange { what, before, after, severity: Severity::Critical };
    Ok(append(tx, Subject { kind: KIND, id }, change, &by.in_audit(), now).await?)
}
