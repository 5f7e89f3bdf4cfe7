//! A person settles an operation whose outcome nobody knows: they looked at Stripe, and it was done or it was not.
//! Nothing is sent. Never its requester, who could have it twice that way.

use chrono::{DateTime, Utc};
use domain::fields::is_object_id;
use domain::operations::{Answer, DecisionKind, Fault, Operation, OperationState};
use domain::permissions::Permission;
use ledger::Ledger;

use super::{NotDone, lock, record};
use crate::actor::Actor;
use crate::acts;

/// What somebody found at Stripe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The object that it made.
    Done {
        stripe_id: String,
    },
    NotDone,
}

pub async fn settle(
    ledger: &Ledger,
    id: &str,
    found: &Found,
    reason: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    let reason = acts::reason(reason)?;
    if let Found::Done { stripe_id } = found
        && !is_object_id(stripe_id)
    {
        return Err(NotDone::NoId { id: stripe_id.clone() });
    }
    let (mut tx, mut operation) = lock::begin(ledger, id).await?;
    if let Err(refused) = may_settle(&operation, actor, now) {
        return lock::deny(tx, &mut operation, "settle", refused, actor, now).await;
    }
    let (name, known_by) = (actor.name(), record::known_by(actor));
    let (decision, change) = match found {
        Found::Done { stripe_id } => {
            let answer = Answer { stripe_id: Some(stripe_id.clone()), ..Answer::default() };
            (DecisionKind::Adopt, operation.succeed(answer, now)?)
        }
        Found::NotDone => {
            let text = format!("{name} found at Stripe that it was not done: {reason}");
            let fault = Fault { class: "given_up".to_owned(), text, ..Fault::default() };
            (DecisionKind::GiveUp, operation.fail(fault, now)?)
        }
    };
    record::step(&mut tx, &mut operation, change, &actor.in_audit(), now).await?;
    record::decided(&mut tx, &operation, decision, (&name, &known_by), Some(&reason), now).await?;
    tx.commit().await?;
    Ok(operation)
}

fn may_settle(operation: &Operation, actor: &Actor, now: DateTime<Utc>) -> Result<(), NotDone> {
    const ACT: &str = "settle";
    actor.may(Permission::Manage)?;
    if actor.is_program() {
        return Err(NotDone::Program { act: ACT });
    }
    if lock::is_requester(operation, actor) {
        return Err(NotDone::OwnRequest { who: operation.requested_by.clone(), act: ACT });
    }
    lock::in_time(operation, OperationState::Unknown, "settled", now)?;
    if operation.held_until.is_some_and(|until| until > now) {
        return Err(NotDone::Held);
    }
    Ok(())
}
