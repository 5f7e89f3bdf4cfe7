//! Reads what Stripe reports of an invoice, and of the payments that it names.

use chrono::{DateTime, Utc};

use crate::rules::event::Circumstances;
use crate::rules::fields::{Fields, moment};
use crate::rules::freshness::{Freshness, rank};
use crate::rules::{Key, Observation, Permanent, payments};

/// In the order in which they follow each other inside one second.
const TYPES: &[&str] = &[
    "invoice.created",
    "invoice.updated",
    "invoice.sent",
    "invoice.finalized",
    "invoice.finalization_failed",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.overdue",
    "invoice.marked_uncollectible",
    "invoice.voided",
    "invoice.payment_succeeded",
    "invoice.paid",
    "invoice.deleted",
];
const STATUSES: &[&str] = &["draft", "open", "uncollectible", "void", "paid", "deleted"];
const FINAL: &[&str] = &["void", "paid", "deleted"];

/// What one event says about one invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub key: Key,
    pub freshness: Freshness,
    pub event_at: Option<DateTime<Utc>>,
    /// `None` where the event only names the invoice.
    pub state: Option<State>,
    pub customer: Option<String>,
    pub subscription: Option<String>,
    pub attempt_count: i64,
    pub shows: Shows,
}

/// The invoice's own fields, which the freshest report replaces together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub status: String,
    pub number: Option<String>,
    pub amount_due: i64,
    pub amount_remaining: i64,
    pub amount_paid: i64,
    pub currency: String,
    pub collection_method: Option<String>,
    pub billing_reason: Option<String>,
    pub due_at: Option<DateTime<Utc>>,
    pub next_payment_attempt_at: Option<DateTime<Utc>>,
    pub created_at: Option<DateTime<Utc>>,
}

/// A step in the invoice's life that the event's type tells, beside the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    Nothing,
    Finalized,
    Sent,
    PaymentFailed,
    Overdue,
    Paid,
}

/// Reads `invoice.*`. The invoice also names its payments.
pub fn read(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let key = event.subject(object.id()?);
    let status = match event.kind {
        "invoice.deleted" => "deleted",
        _ => object.text("status")?,
    };
    let class = u8::from(FINAL.contains(&status));
    let (type_rank, status_rank) = (rank(TYPES, event.kind), rank(STATUSES, status));
    let freshness = Freshness::of(class, event.created, type_rank, status_rank, event.object_hash);
    let shows = match event.kind {
        "invoice.finalized" => Shows::Finalized,
        "invoice.sent" => Shows::Sent,
        "invoice.payment_failed" => Shows::PaymentFailed,
        "invoice.overdue" => Shows::Overdue,
        _ if status == "paid" => Shows::Paid,
        _ => Shows::Nothing,
    };
    let state = State {
        status: status.to_owned(),
        number: owned(object.maybe_text(&["number"])?),
        amount_due: object.amount("amount_due")?,
        amount_remaining: object.maybe_amount(&["amount_remaining"])?.unwrap_or(0),
        amount_paid: object.maybe_amount(&["amount_paid"])?.unwrap_or(0),
        currency: object.currency()?.to_owned(),
        collection_method: owned(object.maybe_text(&["collection_method"])?),
        billing_reason: owned(object.maybe_text(&["billing_reason"])?),
        due_at: object.maybe_time(&["due_date"])?,
        next_payment_attempt_at: object.maybe_time(&["next_payment_attempt"])?,
        created_at: object.maybe_time(&["created"])?,
    };
    // Moved in 2025-04-30.basil.
    let subscription = match object.link(&["subscription"])? {
        None => object.link(&["parent", "subscription_details", "subscription"])?,
        found => found,
    };
    let report = Report {
        key: key.clone(),
        freshness,
        event_at: moment(event.created),
        state: Some(state),
        customer: owned(object.link(&["customer"])?),
        subscription: owned(subscription),
        attempt_count: object.count("attempt_count"),
        shows,
    };
    let mut observations = vec![Observation::Invoice(report)];
    for payment in payments_of(object)? {
        observations.push(link(event, payment, &key, freshness));
    }
    Ok(observations)
}

/// Reads `invoice_payment.paid`, which since 2025-03-31 is how a payment learns of its invoice.
pub fn read_payment(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let invoice = object.link(&["invoice"])?.ok_or_else(|| object.refuse("invoice", "is missing"))?;
    let key = event.subject(invoice);
    let freshness = Freshness::of(0, event.created, 0, 0, event.object_hash);
    let named = Report {
        key: key.clone(),
        freshness,
        event_at: moment(event.created),
        state: None,
        customer: None,
        subscription: None,
        attempt_count: 0,
        shows: Shows::Nothing,
    };
    let mut observations = vec![Observation::Invoice(named)];
    // A charge or a record of money from elsewhere is no payment intent; it has nothing to link.
    if let Some(payment) = object.link(&["payment", "payment_intent"])? {
        observations.push(link(event, payment, &key, freshness));
    }
    Ok(observations)
}

fn payments_of<'a>(object: &Fields<'a>) -> Result<Vec<&'a str>, Permanent> {
    let mut payments: Vec<&str> = object.link(&["payment_intent"])?.into_iter().collect();
    let listed = object.at(&["payments", "data"]).and_then(serde_json::Value::as_array);
    for entry in listed.into_iter().flatten() {
        let entry = object.within(entry);
        payments.extend(entry.link(&["payment", "payment_intent"])?);
    }
    payments.sort_unstable();
    payments.dedup();
    Ok(payments)
}

fn link(event: Circumstances<'_>, payment: &str, invoice: &Key, freshness: Freshness) -> Observation {
    Observation::Payment(payments::Report {
        key: event.subject(payment),
        freshness,
        event_at: None,
        state: None,
        customer: None,
        user_id: None,
        invoice_stripe: Some(invoice.id.clone()),
        invoice_metadata: None,
    })
}
