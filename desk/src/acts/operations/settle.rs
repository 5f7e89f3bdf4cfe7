//! A person settles an operation whose outcome nobody knows: they looked at Stripe, and it was done or it was not.
//! Nothing is sent. Never its requester, who could have it twice that way; and what it is said to have made is looked at
//! in the ledger, because a wrong object would hold the money of the operation for ever.

use chrono::{DateTime, Utc};
use domain::charges::Charge;
use domain::disputes::Dispute;
use domain::fields::is_object_id;
use domain::invoices::Invoice;
use domain::operations::adoption::{Candidate, adopt};
use domain::operations::{Answer, AnswerClass, DecisionKind, Fault, KEY_LIFETIME, Operation, OperationState};
use domain::payments::Payment;
use domain::permissions::Permission;
use domain::refunds::Refund;
use domain::subscriptions::Subscription;
use domain::{Key, Kind, Object};
use ledger::{Ledger, LedgerError, Transaction};

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

#[shared::built_once]
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
    if let Err(refused) = may_settle(&operation, found, actor, now) {
        return lock::deny(tx, &mut operation, "settle", refused, actor, now).await;
    }
    if let Found::Done { stripe_id } = found {
        let parameters = operation.parameters()?;
        let object = operation.key.sibling(stripe_id);
        let candidate = candidate(&mut tx, &object, parameters.makes()).await?;
        let taker = tx.other_that_made(&object, operation.id()).await?;
        if let Err(refused) = adopt(&operation, &parameters, stripe_id, candidate.as_ref(), taker.as_ref()) {
            return lock::deny(tx, &mut operation, "settle", refused.into(), actor, now).await;
        }
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

fn may_settle(
    operation: &Operation,
    found: &Found,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(), NotDone> {
    const ACT: &str = "settle";
    actor.may(Permission::Manage)?;
    if actor.is_program() {
        return Err(NotDone::Program { act: ACT });
    }
    lock::not_asked_by(operation, actor, ACT)?;
    lock::not_caused_by(operation, actor, ACT)?;
    lock::in_time(operation, OperationState::Unknown, "settled", now)?;
    if operation.held_until.is_some_and(|until| until > now) {
        return Err(NotDone::Held);
    }
    let last = operation.error_class.as_deref().and_then(AnswerClass::named);
    if *found == Found::NotDone && last == Some(AnswerClass::UnderWay) {
        return Err(NotDone::MayBePaid);
    }
    // A twin runs for no longer than its key lives.
    let lives = operation.first_sent_at.is_some_and(|sent_at| now - sent_at < KEY_LIFETIME);
    if *found == Found::NotDone && last == Some(AnswerClass::TwinRuns) && lives {
        return Err(NotDone::StillRuns);
    }
    Ok(())
}

/// What the ledger knows of an object of this kind.
async fn candidate(
    tx: &mut Transaction,
    key: &Key,
    kind: Option<Kind>,
) -> Result<Option<Candidate>, LedgerError> {
    let own = std::slice::from_ref(key);
    Ok(match kind {
        Some(Kind::Refund) => {
            let Some(refund) = tx.look_up::<Refund>(own).await?.pop() else { return Ok(None) };
            let charge = match refund.owner() {
                Some(charge) => tx.look_up::<Charge>(&[charge]).await?.pop(),
                None => None,
            };
            let payment = charge.and_then(|charge| charge.owner()).or_else(|| refund.paid_by());
            let money = Some((refund.state.amount, refund.state.currency.clone()));
            Some(Candidate { payment: payment.map(|key| key.id), money, ..named(&refund) })
        }
        Some(Kind::Payment) => tx.look_up::<Payment>(own).await?.pop().map(|payment| Candidate {
            customer: payment.customer.id().map(str::to_owned),
            money: Some((payment.state.amount, payment.state.currency.clone())),
            ..named(&payment)
        }),
        Some(Kind::Subscription) => tx.look_up::<Subscription>(own).await?.pop().map(|subscription| {
            Candidate { customer: subscription.customer.id().map(str::to_owned), ..named(&subscription) }
        }),
        Some(Kind::Invoice) => tx.look_up::<Invoice>(own).await?.pop().as_ref().map(named),
        Some(Kind::Dispute) => tx.look_up::<Dispute>(own).await?.pop().as_ref().map(named),
        _ => None,
    })
}

/// With its status, where Stripe has reported it.
fn named<T: Object>(row: &T) -> Candidate {
    let is_reported = row.seen().is_some_and(domain::freshness::Seen::is_reported);
    let status = row.stripe_status().filter(|_| is_reported).map(str::to_owned);
    Candidate { status, ..Candidate::default() }
}
