//! One operation as people read it: how it stands, what comes next, who decided what, and what was said to Stripe.

use chrono::{DateTime, Utc};
use domain::invoices::Invoice;
use domain::notices::Notice;
use domain::operations::ladder::Direction;
use domain::operations::{
    Approval, Call, Decided, NAME, Operation, OperationKind, OperationState, Parameters,
};
use domain::refunds::Refund;
use domain::{Object, declines};
use ledger::tables::audit::Line;
use ledger::tables::notes::{Assignment, Note};
use ledger::{LedgerError, Transaction};
use serde::Serialize;

use super::sending::why_not_sent;
use super::story::{Happening, story};
use super::timeline::timeline;
use crate::{money, wording};

/// So many operations about one subject are looked at for those that try this one again.
const ABOUT_LIMIT: i64 = 1_000;
/// So many notices about one are told.
const NOTICES_LIMIT: i64 = 1_000;

/// One operation with all that is kept of it.
#[derive(Debug, Serialize)]
pub struct OperationView {
    pub operation: Operation,
    #[serde(flatten)]
    pub words: OperationWords,
    /// What is sent; `None` where it was changed after it was stored.
    pub parameters: Option<Parameters>,
    /// The status of the refund that it made, as far as Stripe has reported it.
    pub refund_status: Option<String>,
    /// The batch with which it was asked for, and in which it may be decided.
    pub batch: Option<String>,
    /// Those that tried it again.
    pub retried_by: Vec<String>,
    pub decisions: Vec<Decided>,
    pub calls: Vec<Call>,
    /// What staff wrote about it, oldest first.
    pub notes: Vec<Note>,
    /// Who takes care of it, since when, by whose word.
    pub assignment: Option<Assignment>,
    pub timeline: Vec<Line>,
    /// What people and programs were told of it.
    pub notices: Vec<Notice>,
}

/// What is said of an operation, on its page and in lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperationWords {
    /// What it does: `refund 150.00 USD of payment pi_1`.
    pub does: String,
    /// How it stands, in a sentence.
    pub says: String,
    /// What has to happen next, and who does it.
    pub next: Option<String>,
    /// What may be said to the customer of a payment that failed: never why a bank distrusts them.
    pub tell_customer: Option<&'static str>,
}

impl OperationView {
    /// The operation of this id; `None` where there is none.
    #[shared::built_once]
    pub async fn read(
        tx: &mut Transaction,
        id: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>, LedgerError> {
        let Some(operation) = tx.operation(id).await? else { return Ok(None) };
        let about = tx.operations_about(&operation.subject_kind, &operation.subject(), ABOUT_LIMIT).await?;
        let again = about.into_iter().filter(|other| other.retry_of.as_deref() == Some(id));
        let retried_by: Vec<String> = again.map(|other| other.key.id).collect();
        let mut refund_status = None;
        if let (OperationKind::Refund, Some(made)) = (operation.kind, &operation.stripe_id) {
            let made = operation.key.sibling(made);
            let refund = tx.look_up::<Refund>(std::slice::from_ref(&made)).await?.pop();
            refund_status = refund.map(|refund| refund.state.status);
        }
        let mut words = OperationWords::of(&operation, now);
        if let Some(why) = why_not_sent(tx, &operation, now).await? {
            words.next = Some(why);
        }
        // What was tried again is not tried again from here.
        if operation.state == OperationState::Failed && !retried_by.is_empty() {
            words.next = None;
        }
        Ok(Some(Self {
            words,
            parameters: operation.parameters().ok(),
            batch: tx.batch_of(id).await?,
            refund_status,
            retried_by,
            decisions: tx.decisions_of(id).await?,
            calls: tx.calls_of(id).await?,
            notes: tx.notes_of(NAME, &operation.key).await?,
            assignment: tx.last_assignment(NAME, &operation.key).await?,
            timeline: timeline(tx, [(NAME, operation.key.clone())]).await?,
            notices: tx.notices_about(&[(NAME, operation.key.clone())], NOTICES_LIMIT).await?,
            operation,
        }))
    }

    /// All that happened, the oldest first.
    pub fn story(&self) -> Vec<Happening<'_>> {
        let calls = self.calls.iter().map(|call| (self.operation.id(), call));
        story(&self.timeline, calls, &self.notices)
    }
}

impl OperationWords {
    pub fn of(operation: &Operation, now: DateTime<Utc>) -> Self {
        Self {
            does: does(operation),
            says: says(operation, now),
            next: next(operation),
            tell_customer: tell_customer(operation),
        }
    }
}

fn tell_customer(operation: &Operation) -> Option<&'static str> {
    let takes_money = operation.kind.direction() == Direction::In && operation.kind != OperationKind::Capture;
    let code = operation.error_code.as_deref().filter(|_| operation.state == OperationState::Failed)?;
    takes_money.then(|| declines::for_customers(code))
}

/// Why it stands as it does, where its state alone does not say it.
pub fn why(operation: &Operation) -> Option<&str> {
    let is_said = match operation.state {
        OperationState::Succeeded => true,
        OperationState::Approved => operation.look_again_at.is_none(),
        OperationState::Executing => operation.sent_again_at().is_none(),
        _ => false,
    };
    operation.message.as_deref().filter(|_| !is_said)
}

/// What it does, in a few words.
pub fn does(operation: &Operation) -> String {
    let (kind, id) = (&operation.subject_kind, &operation.subject_id);
    let amount = money::shown(operation.amount, &operation.currency);
    match operation.kind {
        // How much, nobody knows of what is not in the ledger.
        OperationKind::Refund if operation.currency.is_empty() => format!("refund {kind} {id}"),
        OperationKind::Refund if operation.asks_for_the_rest() => {
            format!("refund what is left of {kind} {id}")
        }
        OperationKind::Refund => format!("refund {amount} of {kind} {id}"),
        OperationKind::Charge => match (&operation.customer, kind.as_str()) {
            (Some(customer), Invoice::NAME) => {
                format!("charge {amount} to customer {customer} for invoice {id}")
            }
            _ => format!("charge {amount} to {kind} {id}"),
        },
        OperationKind::Capture if operation.currency.is_empty() => format!("capture {kind} {id}"),
        OperationKind::Capture if operation.asks_for_the_rest() => {
            format!("capture what is held of {kind} {id}")
        }
        OperationKind::Capture => format!("capture {amount} of {kind} {id}"),
        OperationKind::Cancel => format!("cancel {kind} {id}"),
        OperationKind::Subscribe => format!("subscribe {kind} {id}"),
        OperationKind::Unsubscribe => match operation.parameters() {
            Ok(Parameters::Unsubscribe(unsubscribe)) if unsubscribe.at_period_end => {
                format!("end {kind} {id} with its period")
            }
            _ => format!("end {kind} {id} at once"),
        },
        OperationKind::InvoiceRetry if operation.currency.is_empty() => {
            format!("try to collect {kind} {id} again")
        }
        OperationKind::InvoiceRetry => format!("try to collect {amount} of {kind} {id} again"),
        OperationKind::Credit => format!("credit {amount} to {kind} {id}"),
        OperationKind::EvidenceStage => format!("store evidence for {kind} {id}"),
        OperationKind::EvidenceSubmit => format!("submit the evidence for {kind} {id}"),
        OperationKind::DisputeAccept if operation.currency.is_empty() => format!("accept {kind} {id}"),
        OperationKind::DisputeAccept => format!("accept {kind} {id}, which loses {amount}"),
    }
}

fn says(operation: &Operation, now: DateTime<Utc>) -> String {
    let message = operation.message.as_deref().unwrap_or("no reason is kept");
    let approved = match (operation.approval, &operation.approved_by) {
        (Approval::Person, Some(by)) => format!("approved by {by}"),
        (Approval::Policy, _) => "approved by the rules".to_owned(),
        _ => format!("approved on the word of {}, who asked for it", operation.requested_by),
    };
    match operation.state {
        OperationState::NeedsConfirmation | OperationState::NeedsApproval if operation.is_expired(now) => {
            "Nobody decided in time: it lapses.".to_owned()
        }
        OperationState::NeedsConfirmation | OperationState::NeedsApproval => {
            format!("Nothing was sent: {message}.")
        }
        OperationState::Approved if operation.planned_for().is_some() && operation.message.is_none() => {
            let at = operation.planned_for().map(wording::moment).unwrap_or_default();
            format!("It is planned for {at}, and nothing was sent.")
        }
        OperationState::Approved => match &operation.look_again_at {
            Some(_) => format!("It is {approved}, and not sent yet: {message}."),
            None => format!("It is {approved}, and not sent yet."),
        },
        OperationState::Executing if operation.sent_again_at().is_some() => {
            format!("Stripe did not take it yet: {message}.")
        }
        OperationState::Executing => "It is being sent to Stripe.".to_owned(),
        OperationState::Succeeded => {
            // Evidence is stored in what is there already.
            let made = operation.stripe_id.as_ref().filter(|made| **made != operation.subject_id);
            let made = made.map(|made| format!(": it made {made}")).unwrap_or_default();
            format!("Stripe did it{made}.")
        }
        OperationState::Failed => format!("It was not done: {message}."),
        OperationState::Unknown => {
            format!(
                "Nobody knows whether it was done: {message}. Other operations on the same payment are refused until that is settled."
            )
        }
        OperationState::Refused => format!("It was refused, and nothing was sent: {message}."),
        OperationState::Lapsed => format!("It lapsed, and nothing was sent: {message}."),
        OperationState::Rejected => format!("It was rejected, and nothing was sent: {message}."),
        OperationState::Canceled => format!("It was canceled, and nothing was sent: {message}."),
    }
}

fn at(moment: Option<DateTime<Utc>>) -> String {
    moment.map(wording::moment).unwrap_or_default()
}

fn next(operation: &Operation) -> Option<String> {
    let id = operation.id();
    Some(match operation.state {
        OperationState::NeedsConfirmation => {
            format!("{} confirms it: tidegate operations confirm {id}", operation.requested_by)
        }
        OperationState::NeedsApproval => format!(
            "Somebody other than {} who has billing:manage decides: tidegate approvals approve {id}",
            operation.caused_by.as_ref().unwrap_or(&operation.requested_by)
        ),
        OperationState::Approved if operation.is_planned() => {
            format!("A worker sends it then. To stop it: tidegate operations cancel {id}")
        }
        OperationState::Approved if operation.look_again_at.is_some() => {
            format!("A worker tries again to send it at {}.", at(operation.look_again_at))
        }
        OperationState::Approved => {
            "A worker that has STRIPE_SECRET_KEY sends it, usually within seconds.".to_owned()
        }
        OperationState::Executing if operation.sent_again_at().is_some() => {
            format!("A worker sends the same again at {}.", at(operation.look_again_at))
        }
        OperationState::Executing => "The worker stores what Stripe answers.".to_owned(),
        OperationState::Unknown if operation.look_again_at.is_some() => {
            format!("A worker asks Stripe again at {}.", at(operation.look_again_at))
        }
        OperationState::Unknown => format!(
            "Look at Stripe's dashboard, then say what is there: tidegate operations settle {id} --made ID, or --not-done"
        ),
        OperationState::Failed => format!("To try it again: tidegate operations retry {id}"),
        _ => return None,
    })
}
