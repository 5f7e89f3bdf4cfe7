//! Its requester says that they mean it. What then becomes of it is decided anew.

use chrono::{DateTime, Utc};
use domain::operations::{DecisionKind, Operation, OperationState};
use domain::permissions::Permission;
use ledger::{Ledger, Transaction};

use super::{NotDone, decide, lock, record};
use crate::actor::Actor;

/// Confirms an operation, and gives it as it stands then.
#[shared::built_once]
pub async fn confirm(
    ledger: &Ledger,
    id: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    let (tx, operation) = lock::begin(ledger, id).await?;
    confirmed(ledger, tx, operation, actor, now).await
}

/// The same in a transaction that holds all its locks.
pub(super) async fn confirmed(
    ledger: &Ledger,
    mut tx: Transaction,
    mut operation: Operation,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    if operation.is_expired(now) {
        return lock::lapse(tx, &mut operation, now).await;
    }
    if let Err(refused) = may_confirm(&operation, actor, now) {
        return lock::deny(tx, &mut operation, "confirm", refused, actor, now).await;
    }
    operation.confirm();
    let requester = record::requester(actor);
    let (verdict, _) = decide::now(ledger, &mut tx, &operation, &requester, now).await?;
    let change = operation.decide_again(&verdict, now)?;
    record::step(&mut tx, &mut operation, change, &actor.in_audit(), now).await?;
    let by = (requester.name.as_str(), requester.known_by.as_str());
    record::decided(&mut tx, &operation, DecisionKind::Confirm, by, None, now).await?;
    record::approved(&mut tx, &operation, by, now).await?;
    tx.commit().await?;
    Ok(operation)
}

fn may_confirm(operation: &Operation, actor: &Actor, now: DateTime<Utc>) -> Result<(), NotDone> {
    actor.may(Permission::Request)?;
    if !lock::is_requester(operation, actor) {
        return Err(NotDone::OthersRequest { who: operation.requested_by.clone() });
    }
    lock::in_time(operation, OperationState::NeedsConfirmation, "confirmed", now)
}
