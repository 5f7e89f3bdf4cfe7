//! Asking for an operation. It is decided under the lock of the payment and stored whatever the decision: a refused one
//! is kept with its reason, and nothing is ever sent for it.

use chrono::{DateTime, Utc};
use domain::operations::{
    Decision, DecisionKind, Operation, OperationState, Reason, Refused, Request, Verdict,
};
use domain::payments::Payment;
use domain::permissions::Permission;
use ledger::{Ledger, Transaction};
use shared::trace::random_hex;

pub use super::wanted::Wanted;
use super::{NotDone, confirm, decide, gather, lock, record};
use crate::actor::Actor;
use crate::acts;

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
#[shared::built_once]
pub async fn request(
    ledger: &Ledger,
    ask: &Ask,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    ask_for(ledger, ask, &Asker::now(actor), now).await
}

/// The same for what the clock asks for because of somebody's act.
#[shared::built_once]
pub async fn request_because_of(
    ledger: &Ledger,
    ask: &Ask,
    caused_by: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    let clock = Actor::clock();
    ask_for(ledger, ask, &Asker { caused_by, ..Asker::now(&clock) }, now).await
}

/// The same for what a plan asks for: approved, it is sent at that time and not before.
#[shared::built_once]
pub async fn schedule(
    ledger: &Ledger,
    ask: &Ask,
    send_at: DateTime<Utc>,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    ask_for(ledger, ask, &Asker { send_at: Some(send_at), ..Asker::now(actor) }, now).await
}

async fn ask_for(
    ledger: &Ledger,
    ask: &Ask,
    asker: &Asker<'_>,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    let mut tx = ledger.begin().await?;
    if let Some(payment) = ask.wanted.payment(&mut tx).await? {
        tx.lock_object::<Payment>(&payment).await?;
    }
    let request = read(&mut tx, ask).await?;
    place(ledger, tx, &request, asker, now).await
}

/// What is asked for, as it is now.
pub(super) async fn read(tx: &mut Transaction, ask: &Ask) -> Result<Request, NotDone> {
    let note = ask.note.as_deref().map(acts::reason).transpose()?;
    let wanted = ask.wanted.request(tx, ask.reason).await?;
    Ok(Request { note, confirmed: ask.confirmed, ..wanted })
}

/// On whose word something is asked for.
pub(super) struct Asker<'a> {
    actor: &'a Actor,
    /// Where it is planned: not before then.
    send_at: Option<DateTime<Utc>>,
    /// Whose act made the clock ask.
    caused_by: Option<&'a str>,
}

impl<'a> Asker<'a> {
    /// Somebody who asks by themselves, for now.
    pub(super) fn now(actor: &'a Actor) -> Self {
        Self { actor, send_at: None, caused_by: None }
    }
}

/// Decides about a request and stores it. The caller has locked the payment.
pub(super) async fn place(
    ledger: &Ledger,
    mut tx: Transaction,
    request: &Request,
    asker: &Asker<'_>,
    now: DateTime<Utc>,
) -> Result<Operation, NotDone> {
    let Asker { actor, send_at, caused_by } = *asker;
    let requester = record::requester(actor);
    let mut operation = Operation::asked(&format!("op_{}", random_hex::<12>()), request, &requester, now);
    operation.caused_by = caused_by.map(str::to_owned);
    if let Err(forbidden) = actor.may(Permission::Request) {
        let refused = Refused::Invalid(forbidden.to_string());
        let verdict = Verdict { decision: Decision::Refused(refused), warning: None };
        let limits = gather::limits(&mut tx).await?;
        let change = operation.open(&verdict, &limits, now);
        record::store(&mut tx, &mut operation, change, &actor.in_audit(), now).await?;
        tx.commit().await?;
        return Err(forbidden.into());
    }
    let subject = &request.subject;
    let customer = request.customer.as_deref().map(|customer| subject.sibling(customer));
    let named = subject.sibling(&requester.name);
    lock::grounds(&mut tx, subject, customer.as_ref(), &named, requester.is_program).await?;
    let others = gather::others(&mut tx, &operation).await?;
    if let Some(waiting) = others.into_iter().find(|other| is_confirmed_by(&operation, other)) {
        let waiting = tx.lock_operation(waiting.id()).await?;
        let missing = || NotDone::NoSuchOperation { id: operation.id().to_owned() };
        return confirm::confirmed(ledger, tx, waiting.ok_or_else(missing)?, actor, now).await;
    }
    let (verdict, limits) = decide::now(ledger, &mut tx, &operation, &requester, now).await?;
    let change = operation.open(&verdict, &limits, now);
    operation.hold_back_until(send_at);
    record::store(&mut tx, &mut operation, change, &actor.in_audit(), now).await?;
    let by = (requester.name.as_str(), requester.known_by.as_str());
    let note = operation.note.clone();
    record::decided(&mut tx, &operation, DecisionKind::Request, by, note.as_deref(), now).await?;
    record::approved(&mut tx, &operation, by, now).await?;
    tx.commit().await?;
    Ok(operation)
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
