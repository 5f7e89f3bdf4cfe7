//! Trying again what failed: a new operation with the same parameters and a key of its own, shown beside the first. A
//! person asks for it, and it is decided like any other.

use chrono::{DateTime, Utc};
use domain::operations::{Operation, OperationState, Request};
use domain::{
    Object, customers::Customer, disputes::Dispute, invoices::Invoice, payments::Payment,
    subscriptions::Subscription,
};
use ledger::Ledger;

use super::{NotDone, lock, record, request};
use crate::actor::Actor;

#[shared::built_once]
pub async fn retry(
    ledger: &Ledger,
    id: &str,
    confirmed: bool,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    let mut tx = ledger.begin().await?;
    let missing = || NotDone::NoSuchOperation { id: id.to_owned() };
    // What failed never changes again: so only the payment is locked, before the sums of whoever asks.
    let failed = tx.operation(id).await?.ok_or_else(missing)?;
    if let Some(payment) = failed.payment() {
        tx.lock_object::<Payment>(&payment).await?;
    }
    // Of two who try again at once the second sees the first, also where there is no payment to lock.
    let (subject, requester) = (failed.subject(), record::requester(actor));
    let customer = failed.customer.as_deref().map(|customer| subject.sibling(customer));
    let named = subject.sibling(&requester.name);
    lock::grounds(&mut tx, &subject, customer.as_ref(), &named, requester.is_program).await?;
    let about = tx.operations_about(&failed.subject_kind, &failed.subject(), i64::MAX).await?;
    let again = about.iter().find(|other| {
        let counts = other.state.is_open() || other.state == OperationState::Succeeded;
        let is_asked_again = other.state == OperationState::NeedsConfirmation && confirmed;
        other.retry_of.as_deref() == Some(id) && counts && !is_asked_again
    });
    let refused = match again {
        _ if actor.is_program() => Some(NotDone::Program { act: "retry" }),
        _ if failed.state != OperationState::Failed => {
            Some(NotDone::State { state: failed.state, wanted: "failed", done: "tried again" })
        }
        Some(again) => Some(NotDone::TriedAgain { by: again.id().to_owned() }),
        None => None,
    };
    if let Some(refused) = refused {
        drop(tx);
        let (tx, mut failed) = lock::begin(ledger, id).await?;
        return lock::deny(tx, &mut failed, "retry", refused, actor, now).await;
    }
    let request = Request {
        subject_kind: subject_kind(&failed.subject_kind),
        subject: failed.subject(),
        payment: failed.payment.clone(),
        customer: failed.customer.clone(),
        amount: failed.amount,
        currency: failed.currency.clone(),
        parameters: failed.parameters()?,
        reason: failed.reason,
        note: failed.note.clone(),
        confirmed,
        retry_of: Some(id.to_owned()),
    };
    request::place(ledger, tx, &request, &request::Asker::now(actor), now).await
}

/// The word that a row keeps.
fn subject_kind(kept: &str) -> &'static str {
    let kinds = [Payment::NAME, Customer::NAME, Invoice::NAME, Dispute::NAME, Subscription::NAME];
    kinds.into_iter().find(|kind| *kind == kept).unwrap_or("object")
}
