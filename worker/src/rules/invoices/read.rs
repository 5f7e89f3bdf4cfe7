//! Reads what Stripe reports of an invoice, and of the payments that it names.

use chrono::{DateTime, Utc};

use crate::rules::event::Circumstances;
use crate::rules::fields::Fields;
use crate::rules::freshness::{Freshness, rank};
use crate::rules::row::row;
use crate::rules::{Key, Observation, Permanent, charges, observation, payments};

/// In the order in which they follow each other inside one second.
const TYPES: &[&str] = &[
    "invoice.created",
    "invoice.updated",
    "invoice.will_be_due",
    "invoice.sent",
    "invoice.finalized",
    "invoice.finalization_failed",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "invoice.overdue",
    "invoice.marked_uncollectible",
    "invoice.voided",
    "invoice.payment_succeeded",
    "invoice.overpaid",
    "invoice.paid",
    "invoice.deleted",
];
pub(crate) const STATUSES: &[&str] = &["draft", "open", "uncollectible", "void", "paid", "deleted"];
const FINAL: &[&str] = &["void", "paid", "deleted"];

/// What one event says about one invoice.
pub type Report = observation::Report<State, Links>;

row! {
    pub struct State {
        /// Stripe's own, as reported.
        pub stripe_status: Option<String>,
        pub number: Option<String>,
        pub amount_due: i64,
        pub amount_remaining: i64,
        pub stripe_amount_paid: i64,
        pub currency: String,
        pub collection_method: Option<String>,
        pub billing_reason: Option<String>,
        pub due_at: Option<DateTime<Utc>>,
        /// Stripe's own plan.
        pub next_payment_attempt_at: Option<DateTime<Utc>>,
        pub created_at: Option<DateTime<Utc>>,
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// Stripe reported it or links to it.
    pub is_stripes: bool,
    pub customer: Option<String>,
    pub subscription: Option<String>,
    pub attempt_count: i64,
    pub shows: Shows,
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
    let state = State {
        stripe_status: Some(status.to_owned()),
        number: owned(object.maybe_text(&["number"])?),
        amount_due: object.amount("amount_due")?,
        amount_remaining: object.maybe_amount(&["amount_remaining"])?.unwrap_or(0),
        stripe_amount_paid: object.maybe_amount(&["amount_paid"])?.unwrap_or(0),
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
    let links = Links {
        is_stripes: true,
        customer: owned(object.link(&["customer"])?),
        subscription: owned(subscription),
        attempt_count: object.count("attempt_count"),
        shows: shows(event.kind, status),
    };
    let class = u8::from(FINAL.contains(&status));
    let (type_rank, status_rank) = (rank(TYPES, event.kind), rank(STATUSES, status));
    let freshness = event.freshness(class, type_rank, status_rank, &state);

    let report = event.report(key.clone(), freshness, Some(state), links);
    let mut observations = vec![Observation::Invoice(report)];
    for payment in payments_of(object)? {
        observations.push(link(event, payment, &key, freshness));
    }
    // Up to 2025-02-24 an invoice has one charge, and names it.
    if let Some(charge) = object.link(&["charge"])? {
        let payment = object.link(&["payment_intent"])?;
        observations.push(charges::named(event, event.subject(charge), freshness, payment));
    }
    Ok(observations)
}

/// Reads `invoice_payment.paid`, which since 2025-03-31 is how a payment learns of its invoice.
pub fn read_payment(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let invoice = object.link(&["invoice"])?.ok_or_else(|| object.refuse("invoice", "is missing"))?;
    let key = event.subject(invoice);
    let freshness = event.freshness(0, 0, 0, &());
    let mut observations = vec![named(event, key.clone(), freshness, true)];
    // A record of money from elsewhere is neither intent nor charge; it has nothing to link.
    for place in ["payment_intent", "charge"] {
        if let Some(payment) = object.link(&["payment", place])? {
            observations.push(link(event, payment, &key, freshness));
        }
    }
    Ok(observations)
}

/// An invoice that another object names: by Stripe's link, or in the merchant's metadata.
pub fn named(event: Circumstances<'_>, key: Key, freshness: Freshness, is_stripes: bool) -> Observation {
    let links =
        Links { is_stripes, customer: None, subscription: None, attempt_count: 0, shows: Shows::Nothing };
    Observation::Invoice(event.report(key, freshness, None, links))
}

fn shows(kind: &str, status: &str) -> Shows {
    match kind {
        "invoice.finalized" => Shows::Finalized,
        "invoice.sent" => Shows::Sent,
        "invoice.payment_failed" => Shows::PaymentFailed,
        "invoice.overdue" => Shows::Overdue,
        _ if status == "paid" => Shows::Paid,
        _ => Shows::Nothing,
    }
}

/// By intent, or by charge where there is no intent: such a charge is its own payment.
fn payments_of<'a>(object: &Fields<'a>) -> Result<Vec<&'a str>, Permanent> {
    let mut payments: Vec<&str> = object.link(&["payment_intent"])?.into_iter().collect();
    for entry in object.list(&["payments"]) {
        payments.extend(entry.link(&["payment", "payment_intent"])?);
        payments.extend(entry.link(&["payment", "charge"])?);
    }
    if payments.is_empty() {
        payments.extend(object.link(&["charge"])?);
    }
    payments.sort_unstable();
    payments.dedup();
    Ok(payments)
}

fn link(event: Circumstances<'_>, payment: &str, invoice: &Key, freshness: Freshness) -> Observation {
    let links = payments::Links { invoice_stripe: Some(invoice.id.clone()), ..payments::Links::default() };
    payments::named(event, event.subject(payment), freshness, links)
}
