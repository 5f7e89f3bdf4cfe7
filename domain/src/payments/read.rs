//! Reads Stripe's report of a payment.

use chrono::{DateTime, Utc};

use super::{CANCELED, SUCCEEDED};
use crate::charges::OfPayment;
use crate::event::Circumstances;
use crate::fields::{AMOUNT_LIMIT, Fields};
use crate::freshness::{Freshness, rank};
use crate::row::row;
use crate::{Key, Observation, Permanent, charges, invoices, observation, payment_failures};

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
pub type Report = observation::Report<State, Links>;

row! {
    pub struct State {
        /// Stripe's own, as reported; `unknown` while only others have named the payment.
        pub status: String,
        pub amount: i64,
        pub amount_capturable: i64,
        pub amount_received: i64,
        pub currency: String,
        /// Why the last attempt failed; empty again once an attempt went through.
        pub failure_code: Option<String>,
        pub decline_code: Option<String>,
    }
}

row! {
    /// What staff need as evidence, from the metadata.
    #[derive(PartialOrd, Ord)]
    pub struct Purpose {
        pub listing_id: Option<String>,
        pub category_id: Option<String>,
        pub payment_type: Option<String>,
        /// What the merchant's own invoice asks for, where the metadata say so.
        pub invoice_amount: Option<i64>,
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    pub teller: Teller,
    pub created_at: Option<DateTime<Utc>>,
    pub customer: Option<String>,
    pub user_id: Option<String>,
    pub purpose: Option<Purpose>,
    pub invoice_stripe: Option<String>,
    pub invoice_metadata: Option<String>,
    /// The order that Stripe says it is for: an invoice, where Stripe has reported one of that id.
    pub invoice_reference: Option<String>,
}

/// Whose report it is that tells of a payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Teller {
    /// The payment's own; a charge without a payment intent is its own payment.
    #[default]
    Itself,
    /// Its charge's, of which endpoints may hear more than of the payment. `settles` where the charge took the
    /// money, or gave it up for good: what the payment reported before that no longer stands.
    Charge { settles: bool },
}

/// Reads `payment_intent.*`.
pub fn read(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let status = object.text("status")?;
    let state = State {
        status: status.to_owned(),
        amount: object.amount("amount")?,
        amount_capturable: object.maybe_amount(&["amount_capturable"])?.unwrap_or(0),
        amount_received: object.maybe_amount(&["amount_received"])?.unwrap_or(0),
        currency: object.currency()?.to_owned(),
        failure_code: owned(object.maybe_text(&["last_payment_error", "code"])?),
        decline_code: owned(object.maybe_text(&["last_payment_error", "decline_code"])?),
    };
    let class = u8::from([SUCCEEDED, CANCELED].contains(&status));
    let freshness =
        event.freshness(class, rank(TYPES, event.kind), 0, &state).grown(state.amount_received, 0);
    let key = event.subject(object.id()?);
    // Gone since 2025-03-31; there the invoice names its payments.
    let links = links(object, Teller::Itself, object.link(&["invoice"])?)?;
    let links = Links { invoice_reference: reference(object).map(str::to_owned), ..links };

    let mut observations = Vec::new();
    if let Some(charge) = last_charge(object)? {
        let of_payment = match status {
            CANCELED if state.amount_received == 0 => OfPayment::GaveUp,
            _ if state.amount_received > 0 => OfPayment::Received,
            _ => OfPayment::Nothing,
        };
        observations.push(charges::latest(event, event.subject(charge), freshness, &key, of_payment));
    }
    if event.kind == "payment_intent.payment_failed" {
        observations.push(failure(event, object, &key, freshness)?);
    }
    observations.insert(0, Observation::Payment(event.report(key, freshness, Some(state), links.clone())));
    observations.extend(named_invoices(event, freshness, &links));
    Ok(observations)
}

/// A payment that another object names: the link to its invoice is all that may be known.
pub fn named(event: Circumstances<'_>, key: Key, freshness: Freshness, links: Links) -> Observation {
    Observation::Payment(event.report(key, freshness, None, links))
}

/// The invoices that a payment names, by either link.
pub fn named_invoices(event: Circumstances<'_>, freshness: Freshness, links: &Links) -> Vec<Observation> {
    let stripes = links.invoice_stripe.iter().map(|id| (id, true));
    let own = links.invoice_metadata.iter().chain(&links.invoice_reference).map(|id| (id, false));
    let named =
        |(id, is_stripes): (&String, _)| invoices::named(event, event.subject(id), freshness, is_stripes);
    stripes.chain(own).map(named).collect()
}

/// What a payment intent, or its charge, says beside the payment's state. A charge has the metadata that the
/// payment had when it was made.
pub fn links(object: &Fields<'_>, teller: Teller, invoice: Option<&str>) -> Result<Links, Permanent> {
    let text = |name| object.metadata(name).map(str::to_owned);
    let amount = object.metadata("invoice_amount").and_then(|text| text.parse().ok());
    let purpose = Purpose {
        listing_id: text("listing_id"),
        category_id: text("category_id"),
        payment_type: text("payment_type"),
        invoice_amount: amount.filter(|amount| (0..=AMOUNT_LIMIT).contains(amount)),
    };
    Ok(Links {
        teller,
        created_at: object.maybe_time(&["created"])?,
        customer: object.customer()?.map(str::to_owned),
        user_id: text("user_id"),
        purpose: Some(purpose),
        invoice_stripe: invoice.map(str::to_owned),
        invoice_metadata: text("invoice_id"),
        invoice_reference: None,
    })
}

/// Since 2025 the order of a payment that Stripe made for an invoice is that invoice. The merchant may write here
/// what he likes, so only what has the form of such an id is looked at.
fn reference<'a>(object: &Fields<'a>) -> Option<&'a str> {
    const LEAST: usize = 14;
    let text = object.at(&["payment_details", "order_reference"])?.as_str()?;
    let rest = text.strip_prefix("in_")?;
    let is_id = rest.len() >= LEAST && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_id && envelope::is_identifier(text)).then_some(text)
}

/// The last charge; up to 2022-08-01 the list of all of them.
fn last_charge<'a>(object: &Fields<'a>) -> Result<Option<&'a str>, Permanent> {
    match object.link(&["latest_charge"])? {
        None => object.list(&["charges"]).next().map(|charge| charge.id()).transpose(),
        found => Ok(found),
    }
}

/// The charge of the attempt that failed. A bank that declines has been given one, though the error may not name
/// it; an attempt that ends before the bank is asked makes none, and the latest charge is another attempt's.
fn failed_charge<'a>(object: &Fields<'a>) -> Result<Option<&'a str>, Permanent> {
    match object.link(&["last_payment_error", "charge"])? {
        None if object.maybe_text(&["last_payment_error", "type"])? == Some("card_error") => {
            last_charge(object)
        }
        named => Ok(named),
    }
}

/// One failed attempt is one row, whichever event reports it: its charge identifies it, if there is one.
fn failure(
    event: Circumstances<'_>,
    object: &Fields<'_>,
    payment: &Key,
    freshness: Freshness,
) -> Result<Observation, Permanent> {
    let code = object.maybe_text(&["last_payment_error", "code"])?;
    let charge = failed_charge(object)?;
    let id = match charge {
        Some(charge) => charge.to_owned(),
        None => format!("{}:{}:{}", payment.id, event.at.timestamp(), code.unwrap_or("none")),
    };
    let links = payment_failures::Links {
        payment: Some(payment.id.clone()),
        charge: charge.map(str::to_owned),
        code: code.map(str::to_owned),
        decline_code: object.maybe_text(&["last_payment_error", "decline_code"])?.map(str::to_owned),
        ..payment_failures::Links::default()
    };
    Ok(Observation::Failure(event.report(event.subject(&id), freshness, None, links)))
}
