//! The second administrator approves or rejects what waits. Whoever asked never approves.

use chrono::{DateTime, Utc};
use domain::pending_changes::{ChangeKind, ChangeState};
use domain::permissions::Roles;
use domain::{AuditChange, Severity};
use ledger::tables::pending_changes::PendingChange;
use ledger::{Ledger, Transaction};

use super::administrators::{Administrators, StaffRefusal, noting_refusals};
use super::pending::{KIND, note};
use super::staff::{give_roles, known, let_act_again};
use super::{Refusal, policies, reason, terms};
use crate::actor::Actor;
use crate::audit_line::{Subject, append};

/// Does what waited, as the second administrator.
#[shared::built_once]
pub async fn approve(
    ledger: &Ledger,
    id: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<PendingChange, Refusal> {
    decide(ledger, id, Decision::Approve, by, now).await
}

/// Ends what waited. Whoever asked may take it back, too.
#[shared::built_once]
pub async fn reject(
    ledger: &Ledger,
    id: &str,
    why: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<PendingChange, Refusal> {
    decide(ledger, id, Decision::Reject(reason(why)?), by, now).await
}

enum Decision {
    Approve,
    Reject(String),
}

async fn decide(
    ledger: &Ledger,
    id: &str,
    decision: Decision,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<PendingChange, Refusal> {
    let id = id.trim();
    let act = if matches!(decision, Decision::Approve) { "approve" } else { "reject" };
    let done = try_decide(ledger, id, decision, by, now).await;
    if matches!(done, Err(Refusal::Staff(StaffRefusal::NoSuchChange(_)))) {
        return done;
    }
    noting_refusals(ledger, done, Subject { kind: KIND, id }, act, by, now).await
}

async fn try_decide(
    ledger: &Ledger,
    id: &str,
    decision: Decision,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<PendingChange, Refusal> {
    let mut tx = ledger.begin().await?;
    let administrators = Administrators::lock(&mut tx, now).await?;
    let change = tx.change(id).await?.ok_or_else(|| StaffRefusal::NoSuchChange(id.to_owned()))?;
    administrators.admit(by)?;
    if change.state != ChangeState::Waiting {
        return Err(StaffRefusal::NotWaiting(id.to_owned()).into());
    }
    let (state, why) = match decision {
        Decision::Approve if change.asked_by == by.staff() => {
            return Err(StaffRefusal::OwnChange(change.asked_by).into());
        }
        Decision::Approve if by.is_program() => return Err(StaffRefusal::Program.into()),
        Decision::Approve if change.ends_at <= now => {
            return Err(StaffRefusal::HasLapsed(id.to_owned()).into());
        }
        Decision::Approve => {
            carry_out(&mut tx, &change, by, now).await?;
            (ChangeState::Approved, None)
        }
        Decision::Reject(why) => (ChangeState::Rejected, Some(why)),
    };
    let (decided_by, decided_at) = (by.in_audit(), now);
    tx.decide_change(id, state, &decided_by, why.as_deref(), now).await?;
    note(&mut tx, id, state.as_str(), None, why.clone(), by, now).await?;
    tx.commit().await?;
    Ok(PendingChange {
        state,
        decided_by: Some(decided_by),
        decided_at: Some(decided_at),
        decision_reason: why,
        ..change
    })
}

/// Only where all is still as it was when the change was asked for.
async fn carry_out(
    tx: &mut Transaction,
    change: &PendingChange,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let moved = || StaffRefusal::HasMoved(change.subject.clone());
    match change.kind {
        ChangeKind::Roles => {
            let mut member = known(tx, &change.subject).await?;
            if change.before.as_deref() != Some(member.roles.to_string().as_str()) {
                return Err(moved().into());
            }
            let roles = Roles::try_from(change.after.clone()).map_err(|_| moved())?;
            give_roles(tx, &mut member, roles, by, now).await
        }
        ChangeKind::Enable => {
            let mut member = known(tx, &change.subject).await?;
            if member.disabled_at.is_none() || member.roles.to_string() != change.after {
                return Err(moved().into());
            }
            let_act_again(tx, &mut member, &change.reason, by, now).await
        }
        ChangeKind::Token => {
            let token = tx.token(&change.subject).await?.ok_or_else(moved)?;
            if token.ended_at.is_some() {
                return Err(moved().into());
            }
            tx.approve_token(&token.id, now).await?;
            let change =
                AuditChange { what: "approved", before: None, after: None, severity: Severity::Critical };
            let subject = Subject { kind: super::tokens::KIND, id: &token.id };
            Ok(append(tx, subject, change, &by.in_audit(), now).await?)
        }
        ChangeKind::Invitation => {
            let invitation = tx.invitation(&change.subject).await?.ok_or_else(moved)?;
            if invitation.ended_at.is_some() || invitation.ends_at <= now {
                return Err(moved().into());
            }
            Ok(tx.approve_invitation(&invitation.id, now).await?)
        }
        ChangeKind::Policy => policies::carry_out(tx, change, by, now).await,
        ChangeKind::Term => terms::carry_out(tx, change, by, now).await,
    }
}
