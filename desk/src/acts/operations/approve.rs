//! A second person says yes or no. Never the requester, however either of them is known; never a program. The word is
//! about exactly the parameters that are stored, and whether it may still be done is decided anew.

use chrono::{DateTime, Utc};
use domain::operations::{Approval, Decision, DecisionKind, Operation, OperationState};
use domain::permissions::Permission;
use ledger::{Ledger, Transaction};

use super::{NotDone, decide, lock, record};
use crate::actor::Actor;
use crate::acts;

/// What an approver says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word {
    pub reason: Option<String>,
    /// The hash of the parameters that they have seen, where they say it.
    pub parameters_hash: Option<String>,
}

/// Approves an operation, or finds that it must be refused by now; gives it as it stands then.
#[shared::built_once]
pub async fn approve(
    ledger: &Ledger,
    id: &str,
    word: &Word,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    let reason = word.reason.as_deref().map(acts::reason).transpose()?;
    let (mut tx, mut operation) = lock::begin(ledger, id).await?;
    if operation.is_expired(now) {
        return lock::lapse(tx, &mut operation, now).await;
    }
    let may = may_judge(&operation, actor, "approve", "approved", now)
        .and_then(|()| lock::not_caused_by(&operation, actor, "approve"))
        .and_then(|()| unchanged(&operation, word));
    if let Err(refused) = may {
        return lock::deny(tx, &mut operation, "approve", refused, actor, now).await;
    }
    approved(ledger, &mut tx, &mut operation, reason.as_deref(), actor, now).await?;
    tx.commit().await?;
    Ok(operation)
}

/// Approves one that this actor may judge, or refuses what a rule refuses by now, in the caller's transaction.
pub(super) async fn approved(
    ledger: &Ledger,
    tx: &mut Transaction,
    operation: &mut Operation,
    reason: Option<&str>,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(), NotDone> {
    let standing = Operation { approval: Approval::Person, ..operation.clone() };
    let (verdict, limits) = decide::now(ledger, tx, &standing, &operation.requester(), now).await?;
    let (name, known_by) = (actor.name(), record::known_by(actor));
    if matches!(verdict.decision, Decision::Refused(_)) {
        let change = operation.decide_again(&verdict, now)?;
        record::step(tx, operation, change, &actor.in_audit(), now).await?;
        return Ok(());
    }
    operation.warning.clone_from(&verdict.warning);
    operation.expires_at = Some(now + limits.waits());
    let change = operation.approve(Approval::Person, &name, now)?;
    record::step(tx, operation, change, &actor.in_audit(), now).await?;
    let by = (name.as_str(), known_by.as_str());
    Ok(record::decided(tx, operation, DecisionKind::Approve, by, reason, now).await?)
}

/// Rejects an operation for good.
#[shared::built_once]
pub async fn reject(
    ledger: &Ledger,
    id: &str,
    reason: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    let reason = acts::reason(reason)?;
    let (mut tx, mut operation) = lock::begin(ledger, id).await?;
    if operation.is_expired(now) {
        return lock::lapse(tx, &mut operation, now).await;
    }
    if let Err(refused) = may_judge(&operation, actor, "reject", "rejected", now) {
        return lock::deny(tx, &mut operation, "reject", refused, actor, now).await;
    }
    rejected(&mut tx, &mut operation, &reason, actor, now).await?;
    tx.commit().await?;
    Ok(operation)
}

/// Rejects one that this actor may judge, in the caller's transaction.
pub(super) async fn rejected(
    tx: &mut Transaction,
    operation: &mut Operation,
    reason: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(), NotDone> {
    let (name, known_by) = (actor.name(), record::known_by(actor));
    let change = operation.reject(format!("rejected by {name}: {reason}"), now)?;
    record::step(tx, operation, change, &actor.in_audit(), now).await?;
    let by = (name.as_str(), known_by.as_str());
    Ok(record::decided(tx, operation, DecisionKind::Reject, by, Some(reason), now).await?)
}

pub(super) fn may_judge(
    operation: &Operation,
    actor: &Actor,
    act: &'static str,
    done: &'static str,
    now: DateTime<Utc>,
) -> Result<(), NotDone> {
    actor.may(Permission::Manage)?;
    if actor.is_program() {
        return Err(NotDone::Program { act });
    }
    lock::not_asked_by(operation, actor, act)?;
    lock::in_time(operation, OperationState::NeedsApproval, done, now)
}

fn unchanged(operation: &Operation, word: &Word) -> Result<(), NotDone> {
    operation.parameters()?;
    match &word.parameters_hash {
        Some(seen) if *seen != operation.parameters_hash => {
            Err(NotDone::OtherParameters { id: operation.id().to_owned() })
        }
        _ => Ok(()),
    }
}
