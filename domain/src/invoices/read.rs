//! Reads Stripe's report of an invoice, and of the payments that it names.

use chrono::{DateTime, Utc};

use crate::event::Circumstances;
use crate::fields::Fields;
use crate::freshness::{Freshness, rank};
use crate::row::row;
use crate::{
    Key, Observation, Permanent, charges, invoice_payments, observation, payment_failures, payments,
    subscriptions,
};

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
        /// Settled without Stripe; only older versions say so.
        pub paid_out_of_band: bool,
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
    pub transitions: Transitions,
}

/// When Stripe says that it came to a status; a late report or a refetch does not move it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transitions {
    pub finalized: Option<DateTime<Utc>>,
    pub paid: Option<DateTime<Utc>>,
    pub voided: Option<DateTime<Utc>>,
}

/// A step in the invoice's life that the event's type tells, beside the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    Nothing,
    Finalized,
    Sent,
    Overdue,
    Paid,
    Voided,
}

/// Reads `invoice.*`. The invoice also names its payments.
pub fn read(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let key = event.subject(object.id()?);
    let status = match event.kind {
        "invoice.deleted" => "deleted",
        _ => status(object)?,
    };
    let amount_due = object.amount("amount_due")?;
    let state = State {
        stripe_status: Some(status.to_owned()),
        number: owned(object.maybe_text(&["number"])?),
        amount_due,
        amount_remaining: match object.maybe_amount(&["amount_remaining"])? {
            Some(remaining) => remaining,
            None if status == "paid" => 0,
            None => amount_due,
        },
        stripe_amount_paid: match object.maybe_amount(&["amount_paid"])? {
            Some(paid) => paid,
            // Before 2018 an invoice was paid in one piece, and did not say how much.
            None if status == "paid" => amount_due,
            None => 0,
        },
        paid_out_of_band: object.flag(&["paid_out_of_band"]),
        currency: object.currency()?.to_owned(),
        collection_method: collection_method(object)?,
        billing_reason: owned(object.maybe_text(&["billing_reason"])?),
        due_at: object.maybe_time(&["due_date"])?,
        next_payment_attempt_at: object.maybe_time(&["next_payment_attempt"])?,
        created_at: first(object, &[&["created"], &["date"]], Fields::maybe_time)?,
    };
    // Moved in 2025-03-31.basil.
    let subscription = first(
        object,
        &[&["subscription"], &["parent", "subscription_details", "subscription"]],
        Fields::link,
    )?;
    let links = Links {
        is_stripes: true,
        customer: owned(object.customer()?),
        subscription: owned(subscription),
        attempt_count: object.count("attempt_count"),
        shows: shows(event.kind, status),
        transitions: transitions(object)?,
    };
    let class = u8::from(FINAL.contains(&status));
    let (type_rank, status_rank) = (rank(TYPES, event.kind), rank(STATUSES, status));
    let freshness = event.freshness(class, type_rank, status_rank, &state);

    let report = event.report(key.clone(), freshness, Some(state), links);
    let mut observations = vec![Observation::Invoice(report)];
    if let Some(subscription) = subscription {
        observations.push(subscriptions::named(event, event.subject(subscription), freshness));
    }
    if event.kind == "invoice.payment_failed" {
        observations.push(payment_failures::reported(event, &key, freshness));
    }
    observations.extend(payments_of(event, object, &key, freshness)?);
    // Up to 2025-02-24 an invoice has one charge, and names it.
    if let Some(charge) = object.link(&["charge"])? {
        let payment = object.link(&["payment_intent"])?;
        observations.push(charges::named(event, event.subject(charge), freshness, payment));
    }
    Ok(observations)
}

/// Before 2018-11-08 an invoice had no status, but booleans. `forgiven` became `uncollectible`; `closed` only said
/// that Stripe collects no more, as `auto_advance: false` does now, and may be taken back: such an invoice is open.
fn status<'a>(object: &Fields<'a>) -> Result<&'a str, Permanent> {
    let says = |name| object.flag(&[name]);
    match object.maybe_text(&["status"])? {
        Some(status) => Ok(status),
        None if object.at(&["paid"]).is_none() => {
            Err(object.refuse("status", "is missing, and so is `paid`"))
        }
        None if says("paid") => Ok("paid"),
        None if says("forgiven") => Ok("uncollectible"),
        None if says("closed") || says("attempted") || object.count("attempt_count") > 0 => Ok("open"),
        None => Ok("draft"),
    }
}

/// Called `billing` before 2019-10-17.
fn collection_method(object: &Fields<'_>) -> Result<Option<String>, Permanent> {
    let found = first(object, &[&["collection_method"], &["billing"]], Fields::maybe_text)?;
    Ok(found.map(str::to_owned))
}

fn transitions(object: &Fields<'_>) -> Result<Transitions, Permanent> {
    let at = |name| object.maybe_time(&["status_transitions", name]);
    Ok(Transitions {
        // It stood in the invoice itself before 2019-03-14.
        finalized: match at("finalized_at")? {
            None => object.maybe_time(&["finalized_at"])?,
            found => found,
        },
        paid: at("paid_at")?,
        voided: at("voided_at")?,
    })
}

/// The first of several places that has a value.
fn first<'a, 'o, T>(
    object: &'o Fields<'a>,
    places: &[&[&str]],
    read: impl Fn(&'o Fields<'a>, &[&str]) -> Result<Option<T>, Permanent>,
) -> Result<Option<T>, Permanent> {
    for place in places {
        if let Some(found) = read(object, place)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// An invoice that another object names: by Stripe's link, or in the merchant's metadata.
pub fn named(event: Circumstances<'_>, key: Key, freshness: Freshness, is_stripes: bool) -> Observation {
    let links = Links {
        is_stripes,
        customer: None,
        subscription: None,
        attempt_count: 0,
        shows: Shows::Nothing,
        transitions: Transitions::default(),
    };
    Observation::Invoice(event.report(key, freshness, None, links))
}

fn shows(kind: &str, status: &str) -> Shows {
    match kind {
        "invoice.finalized" => Shows::Finalized,
        "invoice.sent" => Shows::Sent,
        "invoice.overdue" => Shows::Overdue,
        _ if status == "paid" => Shows::Paid,
        _ if status == "void" => Shows::Voided,
        _ => Shows::Nothing,
    }
}

/// By intent, or by charge where there is no intent: such a charge is its own payment.
fn payments_of(
    event: Circumstances<'_>,
    object: &Fields<'_>,
    invoice: &Key,
    freshness: Freshness,
) -> Result<Vec<Observation>, Permanent> {
    let mut observations = Vec::new();
    for entry in object.list(&["payments"]) {
        observations.extend(invoice_payments::read_within(event, &entry, invoice, freshness)?);
    }
    let names_one = |observation: &Observation| matches!(observation, Observation::Payment(_));
    let payment = match object.link(&["payment_intent"])? {
        None if !observations.iter().any(names_one) => object.link(&["charge"])?,
        found => found,
    };
    observations.extend(payment.map(|payment| link(event, payment, invoice, freshness)));
    Ok(observations)
}

fn link(event: Circumstances<'_>, payment: &str, invoice: &Key, freshness: Freshness) -> Observation {
    let links = payments::Links { invoice_stripe: Some(invoice.id.clone()), ..payments::Links::default() };
    payments::named(event, event.subject(payment), freshness, links)
}
