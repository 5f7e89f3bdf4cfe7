//! How a step of an operation is stored: the row, its next revision and a line of the audit, in the caller's
//! transaction, under the lock of the operation's row.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::fulfilments::goods_of;
use domain::notices;
use domain::operations::{
    Approval, Decided, DecisionKind, KNOWN_BY_CLOCK, NAME, Operation, OperationKind, OperationState, POLICY,
    Requester,
};
use domain::payments::Payment;
use domain::permissions::Permission;
use domain::{AuditChange, Key, Transition, audit_chain};
use ledger::{LedgerError, Transaction};

use crate::actor::Actor;
use crate::acts::count;

/// Stores a new operation with the first line of its story.
#[shared::built_once]
pub async fn store(
    tx: &mut Transaction,
    operation: &mut Operation,
    change: AuditChange,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let moved = moved(operation, change);
    let line = audit_chain::extend(&mut operation.audit_hash, &moved, by, now);
    tx.insert_operation(operation).await?;
    tx.append_audit(&[line]).await?;
    note_goods(tx, operation).await?;
    tell(tx, operation, &moved.change, now).await
}

/// Stores a step, and tells the audit of it where there is something to tell.
pub async fn step(
    tx: &mut Transaction,
    operation: &mut Operation,
    change: impl Into<Option<AuditChange>>,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let Some(change) = change.into() else { return tx.write_operation(operation).await };
    let moved = moved(operation, change);
    let line = audit_chain::extend(&mut operation.audit_hash, &moved, by, now);
    tx.write_operation(operation).await?;
    tx.append_audit(&[line]).await?;
    note_goods(tx, operation).await?;
    tell(tx, operation, &moved.change, now).await
}

/// Appends a decision about the parameters that the operation has now.
#[shared::built_once]
pub async fn decided(
    tx: &mut Transaction,
    operation: &Operation,
    decision: DecisionKind,
    (by, known_by): (&str, &str),
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let number = count(&tx.decisions_of(operation.id()).await?) + 1;
    let decided = Decided {
        number,
        decision,
        decided_by: by.to_owned(),
        known_by: known_by.to_owned(),
        reason: reason.map(str::to_owned),
        parameters_hash: operation.parameters_hash.clone(),
        decided_at: now,
    };
    tx.append_decision(operation.id(), &decided).await
}

/// Keeps on whose word an operation is approved, where no second person was needed.
#[shared::built_once]
pub async fn approved(
    tx: &mut Transaction,
    operation: &Operation,
    by: (&str, &str),
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    if operation.state != OperationState::Approved {
        return Ok(());
    }
    let by = if operation.approval == Approval::Policy { (POLICY, "policy") } else { by };
    decided(tx, operation, DecisionKind::Approve, by, None, now).await
}

/// Somebody as the rules judge them.
pub fn requester(actor: &Actor) -> Requester {
    Requester {
        name: actor.name(),
        known_by: known_by(actor),
        is_program: actor.is_program(),
        may_manage: actor.has(Permission::Manage),
    }
}

/// How it is known who acts, as the ledger keeps it.
pub fn known_by(actor: &Actor) -> String {
    use crate::actor::KnownBy;
    match actor.known_by() {
        KnownBy::Session => "session".to_owned(),
        KnownBy::SignedOn => "sign-on".to_owned(),
        KnownBy::Token { id } => format!("token {id}"),
        KnownBy::Declared => "declared".to_owned(),
        KnownBy::Clock => KNOWN_BY_CLOCK.to_owned(),
    }
}

/// Whoever keeps goods looks at them again where a refund of their payment has ended: it may have given nothing back.
async fn note_goods(tx: &mut Transaction, operation: &Operation) -> Result<(), LedgerError> {
    let has_ended = operation.kind == OperationKind::Refund && !operation.state.is_open();
    let Some(payment) = operation.payment().filter(|_| has_ended) else { return Ok(()) };
    note_goods_of(tx, [payment].into()).await
}

pub(super) async fn note_goods_of(tx: &mut Transaction, payments: BTreeSet<Key>) -> Result<(), LedgerError> {
    let keys: Vec<Key> = payments.into_iter().collect();
    let payments: Vec<Payment> = tx.look_up(&keys).await?;
    let goods: BTreeSet<Key> = payments.iter().filter_map(goods_of).collect();
    if goods.is_empty() { Ok(()) } else { tx.note_goods(&goods).await }
}

async fn tell(
    tx: &mut Transaction,
    operation: &Operation,
    change: &AuditChange,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    tx.note(notices::of_operation(operation, change, now)).await.map(|_| ())
}

fn moved(operation: &mut Operation, change: AuditChange) -> Transition {
    operation.revision += 1;
    let (key, revision) = (operation.key.clone(), operation.revision);
    Transition { kind: NAME, key, revision, event_id: None, change }
}
