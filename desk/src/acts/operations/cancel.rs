//! Taking an operation back before it is sent: its requester may, and who manages money. What it held is free again.

use chrono::{DateTime, Utc};
use domain::operations::{DecisionKind, Operation};
use domain::permissions::Permission;
use ledger::Ledger;

use super::{NotDone, lock, record};
use crate::actor::Actor;
use crate::acts;

#[shared::built_once]
pub async fn cancel(
    ledger: &Ledger,
    id: &str,
    reason: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    let reason = acts::reason(reason)?;
    let (mut tx, mut operation) = lock::begin(ledger, id).await?;
    if let Err(refused) = may_cancel(&operation, actor) {
        return lock::deny(tx, &mut operation, "cancel", refused, actor, now).await;
    }
    let (name, known_by) = (actor.name(), record::known_by(actor));
    let change = operation.cancel(format!("canceled by {name}: {reason}"), now)?;
    record::step(&mut tx, &mut operation, change, &actor.in_audit(), now).await?;
    record::decided(&mut tx, &operation, DecisionKind::Cancel, (&name, &known_by), Some(&reason), now)
        .await?;
    tx.commit().await?;
    Ok(operation)
}

fn may_cancel(operation: &Operation, actor: &Actor) -> Result<(), NotDone> {
    let wanted = if lock::is_requester(operation, actor) { Permission::Request } else { Permission::Manage };
    actor.may(wanted)?;
    if operation.state.is_waiting() {
        return Ok(());
    }
    Err(NotDone::State { state: operation.state, wanted: "not sent yet", done: "canceled" })
}
