//! Reads what Stripe reports of a payment.

use chrono::{DateTime, Utc};

use super::{CANCELED, SUCCEEDED};
use crate::rules::event::Circumstances;
use crate::rules::fields::{Fields, moment};
use crate::rules::freshness::{Freshness, rank};
use crate::rules::{Key, Observation, Permanent};

/// In the order in which they follow each other inside one second.
const TYPES: &[&str] = &[
    "payment_intent.created",
    "payment_intent.requires_action",
    "payment_intent.processing",
    "payment_intent.amount_capturable_updated",
    "payment_intent.partially_funded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.succeeded",
];
/// What one event says about one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub key: Key,
    pub freshness: Freshness,
    pub event_at: Option<DateTime<Utc>>,
    /// `None` where the event only names the payment, as an invoice does.
    pub state: Option<State>,
    pub customer: Option<String>,
    pub user_id: Option<String>,
    pub invoice_stripe: Option<String>,
    pub invoice_metadata: Option<String>,
}

/// The payment's own fields, which the freshest report replaces together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub status: String,
    pub amount: i64,
    pub amount_capturable: i64,
    pub amount_received: i64,
    pub currency: String,
    pub created_at: Option<DateTime<Utc>>,
    pub failure_code: Option<String>,
    pub decline_code: Option<String>,
    pub listing_id: Option<String>,
    pub category_id: Option<String>,
    pub payment_type: Option<String>,
    pub invoice_amount: Option<i64>,
}

/// Reads `payment_intent.*`.
pub fn read(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let status = object.text("status")?;
    let amount = object.amount("amount")?;
    let state = State {
        status: status.to_owned(),
        amount,
        amount_capturable: object.maybe_amount(&["amount_capturable"])?.unwrap_or(0),
        amount_received: object.maybe_amount(&["amount_received"])?.unwrap_or(0),
        currency: object.currency()?.to_owned(),
        created_at: object.maybe_time(&["created"])?,
        failure_code: owned(object.maybe_text(&["last_payment_error", "code"])?),
        decline_code: owned(object.maybe_text(&["last_payment_error", "decline_code"])?),
        listing_id: owned(object.metadata("listing_id")),
        category_id: owned(object.metadata("category_id")),
        payment_type: owned(object.metadata("payment_type")),
        invoice_amount: object
            .metadata("invoice_amount")
            .and_then(|text| text.parse().ok())
            .filter(|a| *a >= 0),
    };
    let class = u8::from([SUCCEEDED, CANCELED].contains(&status));
    let report = Report {
        key: event.subject(object.id()?),
        freshness: Freshness::of(class, event.created, rank(TYPES, event.kind), 0, event.object_hash),
        event_at: moment(event.created),
        state: Some(state),
        customer: owned(object.link(&["customer"])?),
        user_id: owned(object.metadata("user_id")),
        // Gone since 2025-03-31; there the invoice names its payments.
        invoice_stripe: owned(object.link(&["invoice"])?),
        invoice_metadata: owned(object.metadata("invoice_id")),
    };
    Ok(vec![Observation::Payment(report)])
}

impl Report {
    /// The invoices that this report names, by either link.
    pub fn invoices(&self) -> impl Iterator<Item = Key> {
        [&self.invoice_stripe, &self.invoice_metadata].into_iter().flatten().map(|id| self.key.sibling(id))
    }
}
