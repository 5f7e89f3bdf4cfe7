//! The locks under which an operation is decided: the payment's row, the sums of the last day, the operation's row. In
//! this order, so that two who decide about one payment, customer or requester see each other.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::operations::{Operation, OperationState};
use domain::payments::Payment;
use domain::{AuditChange, Key, Severity};
use ledger::{Ledger, LedgerError, Transaction};

use super::NotDone;
use super::record;
use crate::actor::Actor;

/// How far the clocks of two machines may be apart.
const CLOCKS: TimeDelta = TimeDelta::minutes(5);

/// Locks what a decision about an operation rests on, but for the payment, which is locked before.
pub(super) async fn grounds(
    tx: &mut Transaction,
    subject: &Key,
    customer: Option<&Key>,
    requested_by: &Key,
    is_program: bool,
) -> Result<(), LedgerError> {
    // A name that no customer has, for the sum of all programs together.
    let named = |kind: &str, key: &Key| key.sibling(&format!("{kind} {}", key.id));
    let mut sums = vec![named("requester", requested_by), named("subject", subject)];
    sums.extend(customer.map(|customer| named("customer", customer)));
    sums.extend(is_program.then(|| named("programs", &requested_by.sibling(""))));
    tx.lock_sums(&sums).await
}

/// The same for several, whose payments are locked: each name once, so that nobody waits in a circle.
pub(super) async fn grounds_of(tx: &mut Transaction, operations: &[Operation]) -> Result<(), LedgerError> {
    let mut sums = BTreeSet::new();
    for operation in operations {
        let named = |kind: &str, id: &str| operation.key.sibling(&format!("{kind} {id}"));
        sums.insert(named("requester", &operation.requested_by));
        sums.insert(named("subject", &operation.subject_id));
        sums.extend(operation.customer.as_deref().map(|customer| named("customer", customer)));
        sums.extend(operation.is_program.then(|| named("programs", "")));
    }
    let sums: Vec<Key> = sums.into_iter().collect();
    tx.lock_sums(&sums).await
}

/// Begins a transaction that holds an operation and all that a decision about it rests on.
pub(super) async fn begin(ledger: &Ledger, id: &str) -> Result<(Transaction, Operation), NotDone> {
    let missing = || NotDone::NoSuchOperation { id: id.to_owned() };
    let mut tx = ledger.begin().await?;
    let seen = tx.operation(id).await?.ok_or_else(missing)?;
    let customer = seen.customer.as_deref().map(|customer| seen.key.sibling(customer));
    let requester = seen.key.sibling(&seen.requested_by);
    if let Some(payment) = seen.payment() {
        tx.lock_object::<Payment>(&payment).await?;
    }
    grounds(&mut tx, &seen.subject(), customer.as_ref(), &requester, seen.is_program).await?;
    let operation = tx.lock_operation(id).await?.ok_or_else(missing)?;
    Ok((tx, operation))
}

/// Keeps in the audit that an act was refused, and gives the refusal on.
pub(super) async fn deny(
    mut tx: Transaction,
    operation: &mut Operation,
    act: &'static str,
    refused: NotDone,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    let change = AuditChange {
        what: "denied",
        before: Some(act.to_owned()),
        after: Some(refused.to_string()),
        severity: Severity::Warning,
    };
    record::step(&mut tx, operation, change, &actor.in_audit(), now).await?;
    tx.commit().await?;
    Err(refused)
}

/// Lapses an operation whose time is over, in the caller's transaction.
pub(super) async fn lapse(
    mut tx: Transaction,
    operation: &mut Operation,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    let change = operation.lapse(now)?;
    record::step(&mut tx, operation, change, "tidegate", now).await?;
    tx.commit().await?;
    Err(NotDone::Expired)
}

/// Whether the state allows the act, and the clock is not behind what it already wrote.
pub(super) fn in_time(
    operation: &Operation,
    wanted: OperationState,
    done: &'static str,
    now: DateTime<Utc>,
) -> Result<(), NotDone> {
    if operation.state != wanted {
        return Err(NotDone::State { state: operation.state, wanted: wanted.as_str(), done });
    }
    if now < operation.requested_at - CLOCKS {
        return Err(NotDone::ClockBehind);
    }
    Ok(())
}

/// Whether this is the person who asked, however each of them is known.
pub(super) fn is_requester(operation: &Operation, actor: &Actor) -> bool {
    actor.is_named(&operation.requested_by)
}

/// Refuses whoever asked for it.
pub(super) fn not_asked_by(operation: &Operation, actor: &Actor, act: &'static str) -> Result<(), NotDone> {
    if is_requester(operation, actor) {
        return Err(NotDone::OwnRequest { who: operation.requested_by.clone(), act });
    }
    Ok(())
}

/// Refuses whoever made the clock ask for it.
pub(super) fn not_caused_by(operation: &Operation, actor: &Actor, act: &'static str) -> Result<(), NotDone> {
    match &operation.caused_by {
        Some(who) if actor.is_in_audit_as(who) => Err(NotDone::OwnCause { who: who.clone(), act }),
        _ => Ok(()),
    }
}
