//! Asking for an operation. It is decided under the lock of the payment and stored whatever the decision: a refused one
//! is kept with its reason, and nothing is ever sent for it.

use chrono::{DateTime, Utc};
use domain::fields::is_object_id;
use domain::operations::{Approval, Refused};
use domain::operations::{
    Decision, DecisionKind, Operation, OperationState, POLICY, Parameters, Reason, Request, Requester,
    Verdict, parameters,
};
use domain::payments::Payment;
use domain::permissions::Permission;
use domain::{Key, Object};
use ledger::{Ledger, Transaction};
use shared::trace::random_hex;

use super::gather::{self, PaymentRows};
use super::{NotDone, confirm, decide, lock, record};
use crate::actor::Actor;
use crate::acts;

/// What somebody wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Gives money back. Without an amount all that is left; without a currency the payment's own.
    Refund { payment: Key, amount: Option<i64>, currency: Option<String> },
}

/// A request, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub wanted: Wanted,
    pub reason: Reason,
    pub note: Option<String>,
    /// Whether they confirm it in the same breath, having seen what it does.
    pub confirmed: bool,
}

/// Asks for an operation, and gives it as it stands then: refused, waiting for somebody, or approved.
pub async fn request(
    ledger: &Ledger,
    ask: &Ask,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    let note = ask.note.as_deref().map(acts::reason).transpose()?;
    let Wanted::Refund { payment, .. } = &ask.wanted;
    if !is_object_id(&payment.id) {
        return Err(NotDone::NoId { id: payment.id.clone() });
    }
    let mut tx = ledger.begin().await?;
    let locked = tx.lock_object::<Payment>(payment).await?;
    let rows = match locked {
        Some(_) => gather::payment_rows(&mut tx, payment).await?,
        None => None,
    };
    let wanted = wanted(&mut tx, &ask.wanted, rows.as_ref(), ask.reason).await?;
    let request = Request { note, reason: ask.reason, confirmed: ask.confirmed, ..wanted };
    place(tx, &request, actor, now).await
}

/// What a request comes to, given what it is about.
async fn wanted(
    tx: &mut Transaction,
    wanted: &Wanted,
    rows: Option<&PaymentRows>,
    reason: Reason,
) -> Result<Request, NotDone> {
    let Wanted::Refund { payment, amount, currency } = wanted;
    let own = rows.map(|rows| rows.payment.state.currency.clone()).unwrap_or_default();
    let currency = currency.as_ref().map_or(own, |currency| currency.to_ascii_lowercase());
    let amount = match (amount, rows) {
        (Some(amount), _) => (*amount).max(0),
        (None, Some(rows)) => {
            let (facts, others) = (rows.refund_facts(), tx.reserving_operations(payment).await?);
            match facts.left(&others) {
                // Others hold all of it: the refusal says so.
                0 => (facts.captured - facts.refunded).max(0),
                left => left,
            }
        }
        (None, None) => 0,
    };
    let id = payment.id.clone();
    let (payment_intent, charge) = if id.starts_with("pi_") { (Some(id), None) } else { (None, Some(id)) };
    let parameters = Parameters::Refund(parameters::Refund {
        payment_intent,
        charge,
        amount,
        currency: currency.clone(),
        reason: reason.at_stripe().map(str::to_owned),
    });
    Ok(Request {
        subject_kind: Payment::NAME,
        subject: payment.clone(),
        payment: Some(payment.id.clone()),
        customer: rows.and_then(|rows| rows.payment.customer.id().map(str::to_owned)),
        amount,
        currency,
        parameters,
        reason,
        note: None,
        confirmed: false,
        retry_of: None,
    })
}

/// Decides about a request and stores it. The caller has locked the payment.
pub(super) async fn place(
    mut tx: Transaction,
    request: &Request,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    let requester = requester(actor);
    let mut operation = Operation::asked(&format!("op_{}", random_hex::<12>()), request, &requester, now);
    if let Err(forbidden) = actor.may(Permission::Request) {
        let refused = Refused::Invalid(forbidden.to_string());
        let verdict = Verdict { decision: Decision::Refused(refused), warning: None };
        let limits = gather::limits(&mut tx).await?;
        let change = operation.open(&verdict, &limits, now);
        record::store(&mut tx, &mut operation, change, &requester.name, now).await?;
        tx.commit().await?;
        return Err(forbidden.into());
    }
    let subject = &request.subject;
    let customer = request.customer.as_deref().map(|customer| subject.sibling(customer));
    lock::grounds(&mut tx, None, customer.as_ref(), &subject.sibling(&requester.name), requester.is_program)
        .await?;
    let others = gather::others(&mut tx, &operation).await?;
    if let Some(waiting) = others.into_iter().find(|other| is_confirmed_by(&operation, other)) {
        let waiting = tx.lock_operation(waiting.id()).await?;
        let missing = || NotDone::NoSuchOperation { id: operation.id().to_owned() };
        return confirm::confirmed(tx, waiting.ok_or_else(missing)?, actor, now).await;
    }
    let (verdict, limits) = decide::now(&mut tx, &operation, &requester, now).await?;
    let change = operation.open(&verdict, &limits, now);
    record::store(&mut tx, &mut operation, change, &requester.name, now).await?;
    let by = (requester.name.as_str(), requester.known_by.as_str());
    let note = operation.note.clone();
    record::decided(&mut tx, &operation, DecisionKind::Request, by, note.as_deref(), now).await?;
    approved(&mut tx, &operation, by, now).await?;
    tx.commit().await?;
    Ok(operation)
}

/// Keeps on whose word an operation is approved, where no second person was needed.
pub(super) async fn approved(
    tx: &mut Transaction,
    operation: &Operation,
    by: (&str, &str),
    now: DateTime<Utc>,
) -> Result<(), NotDone> {
    if operation.state != OperationState::Approved {
        return Ok(());
    }
    let by = if operation.approval == Approval::Policy { (POLICY, "policy") } else { by };
    record::decided(tx, operation, DecisionKind::Approve, by, None, now).await?;
    Ok(())
}

/// The same request once more, now confirmed, is the confirmation of the first.
fn is_confirmed_by(asked: &Operation, waiting: &Operation) -> bool {
    asked.confirmed
        && waiting.state == OperationState::NeedsConfirmation
        && waiting.parameters_hash == asked.parameters_hash
        && (waiting.requested_by == asked.requested_by, waiting.reason) == (true, asked.reason)
        && waiting.retry_of == asked.retry_of
        && !waiting.is_expired(asked.requested_at)
}

/// Somebody as the rules judge them.
pub(super) fn requester(actor: &Actor) -> Requester {
    Requester {
        name: actor.name(),
        known_by: record::known_by(actor),
        is_program: actor.is_program(),
        may_manage: actor.has(Permission::Manage),
    }
}
