//! Reads Stripe's report of a charge, and of the payment and refunds in it.

use chrono::{DateTime, Utc};

use crate::event::Circumstances;
use crate::fields::Fields;
use crate::freshness::{Freshness, rank};
use crate::moments::Moment;
use crate::payments::Teller;
use crate::row::{row, words};
use crate::{Key, Observation, Permanent, disputes, observation, payment_failures, payments, refunds};

/// In the order in which they follow each other inside one second.
pub const TYPES: &[&str] = &[
    "charge.pending",
    "charge.failed",
    "charge.expired",
    "charge.succeeded",
    "charge.captured",
    "charge.updated",
    "charge.refunded",
];

words! {
    /// Whether what is released of an authorisation counts in the sum that a charge reports as refunded: what shows
    /// it most clearly comes last.
    pub enum Releases {
        Unknown = "unknown",
        ApartByVersion = "apart_by_version",
        Counted = "counted",
        Apart = "apart",
    }
}

/// Versions begin with their date.
const RELEASES_APART_SINCE: &str = "2025-03-31";

/// What one event says about one charge.
pub type Report = observation::Report<State, Links>;

row! {
    pub struct State {
        /// Stripe's own, as reported; `unknown` while only others have named the charge.
        pub status: String,
        pub amount: i64,
        pub amount_captured: i64,
        /// What Stripe says was given back, authorised money that was released included.
        pub amount_refunded_reported: i64,
        pub currency: String,
        pub created_at: Option<DateTime<Utc>>,
        pub failure_code: Option<String>,
    }
}

impl State {
    /// What of the sum that is reported as refunded is a release.
    pub(super) fn released(&self, releases: Releases) -> i64 {
        match releases {
            // Nothing came in that a refund could give back.
            _ if self.amount_captured == 0 => self.amount_refunded_reported,
            Releases::Apart | Releases::ApartByVersion => 0,
            // Less than all of the rest was given back by refunds: the rest may still be captured.
            _ if self.amount_refunded_reported < self.uncaptured() => 0,
            Releases::Unknown | Releases::Counted => self.uncaptured(),
        }
    }

    /// What was authorised and not captured.
    fn uncaptured(&self) -> i64 {
        (self.amount - self.amount_captured).max(0)
    }
}

row! {
    /// What staff may see of a card: enough to recognise it, not to use it.
    #[derive(PartialOrd, Ord)]
    pub struct Card {
        pub card_brand: Option<String>,
        pub card_last4: Option<String>,
        pub card_exp_month: Option<i64>,
        pub card_exp_year: Option<i64>,
    }
}

/// Events that show what happened long before them.
const LATER: &[&str] = &["charge.refunded", "charge.updated"];

/// What its payment says of the money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OfPayment {
    #[default]
    Nothing,
    /// It was canceled before anything was captured.
    GaveUp,
    Received,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    pub of_payment: OfPayment,
    pub captured: Moment,
    pub releases: Releases,
    pub payment: Option<String>,
    pub customer: Option<String>,
    pub card: Option<Card>,
}

/// Reads `charge.*`.
pub fn read(event: Circumstances<'_>, object: &Fields<'_>) -> Result<Vec<Observation>, Permanent> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let status = status(object)?;
    let amount = object.amount("amount")?;
    let state = State {
        status: status.to_owned(),
        amount,
        amount_captured: match object.maybe_amount(&["amount_captured"])? {
            // Of a bank debit that is on its way Stripe says so, too: nothing has come in.
            _ if status != "succeeded" => 0,
            Some(captured) => captured,
            None if is_captured(object) => amount,
            None => 0,
        },
        amount_refunded_reported: object.maybe_amount(&["amount_refunded"])?.unwrap_or(0),
        currency: object.currency()?.to_owned(),
        created_at: object.maybe_time(&["created"])?,
        failure_code: owned(object.maybe_text(&["failure_code"])?),
    };
    // A refund, or a change of its words, comes days or months after the money came in, or was refused.
    let since = event.since.or(state.created_at.filter(|_| LATER.contains(&event.kind)));
    let before = Circumstances { since, ..event };
    let key = event.subject(object.id()?);
    let class = u8::from(["succeeded", "failed"].contains(&status));
    let freshness = event
        .freshness(class, rank(TYPES, event.kind), 0, &state)
        .grown(state.amount_captured, state.amount_refunded_reported);
    let payment = object.link(&["payment_intent"])?;
    let links = Links {
        of_payment: OfPayment::Nothing,
        captured: if state.amount_captured > 0 { before.moment() } else { Moment::NONE },
        releases: releases(event.kind, object, &state),
        payment: owned(payment),
        customer: owned(object.customer()?),
        card: card(object)?,
    };

    let mut observations = paid_by(before, object, &key, freshness, &state)?;
    if status == "failed" {
        observations.push(failure(before, object, &key, freshness, payment)?);
    }
    // Present up to 2022-08-01; later the refunds are told by themselves.
    // Before 2014 they had no ids: then the charge's sum is all that is known.
    for refund in object.list(&["refunds"]).filter(|refund| refund.at(&["id"]).is_some()) {
        observations.extend(refunds::read_within(event, &refund, &key, payment)?);
    }
    if let Some(dispute) = object.link(&["dispute"])? {
        observations.push(disputes::named(event, event.subject(dispute), freshness, &key.id));
    }
    observations.insert(0, Observation::Charge(event.report(key, freshness, Some(state), links)));
    Ok(observations)
}

/// Up to 2025-02-24 what a capture leaves of an authorisation, and all of one that is canceled, counts as refunded at
/// once, and a refund is made of it; since 2025-03-31 neither. The version of the call that captured decides, which
/// may be another than the event's: so what the report shows stands before its version.
fn releases(kind: &str, object: &Fields<'_>, state: &State) -> Releases {
    let (uncaptured, captured, sum) =
        (state.uncaptured(), state.amount_captured, state.amount_refunded_reported);
    if state.status != "succeeded" || uncaptured == 0 || captured + sum == 0 {
        return Releases::Unknown;
    }
    let is_all_that_came = object.flag(&["refunded"]) && sum < state.amount;
    match () {
        // Captured in parts, and not to the end: nothing is released yet, and then it is in no sum.
        () if captured > 0 && !is_captured(object) => Releases::Apart,
        () if sum > captured || (kind == "charge.captured" && sum >= uncaptured) => Releases::Counted,
        () if sum < uncaptured || is_all_that_came => Releases::Apart,
        () if sum > uncaptured && is_since(object.version(), RELEASES_APART_SINCE) => {
            Releases::ApartByVersion
        }
        () => Releases::Unknown,
    }
}

fn is_since(version: &str, date: &str) -> bool {
    version.starts_with(|first: char| first.is_ascii_digit()) && version >= date
}

/// Before 2015-02-18 a charge that went through was called paid; in 2013 it had no status at all.
fn status<'a>(object: &Fields<'a>) -> Result<&'a str, Permanent> {
    match object.maybe_text(&["status"])? {
        Some("paid") => Ok("succeeded"),
        Some(status) => Ok(status),
        None if object.at(&["paid"]).is_none() => {
            Err(object.refuse("status", "is missing, and so is `paid`"))
        }
        None if object.flag(&["paid"]) => Ok("succeeded"),
        None => Ok("failed"),
    }
}

/// Where nothing says otherwise: before there were authorisations, every charge was.
fn is_captured(object: &Fields<'_>) -> bool {
    object.at(&["captured"]).is_none() || object.flag(&["captured"])
}

/// The latest charge of a payment.
pub fn latest(
    event: Circumstances<'_>,
    key: Key,
    freshness: Freshness,
    payment: &Key,
    of_payment: OfPayment,
) -> Observation {
    let links = Links { of_payment, payment: Some(payment.id.clone()), ..Links::default() };
    Observation::Charge(event.report(key, freshness, None, links))
}

/// A charge that another object names, perhaps with its payment.
pub fn named(event: Circumstances<'_>, key: Key, freshness: Freshness, payment: Option<&str>) -> Observation {
    let links = Links { payment: payment.map(str::to_owned), ..Links::default() };
    Observation::Charge(event.report(key, freshness, None, links))
}

/// What it tells of its payment, which it is itself where it has no payment intent; with the invoice that only
/// older versions name here.
fn paid_by(
    event: Circumstances<'_>,
    object: &Fields<'_>,
    charge: &Key,
    freshness: Freshness,
    state: &State,
) -> Result<Vec<Observation>, Permanent> {
    let told = as_payment(event.kind, object, state)?;
    // What else changed about the charge does not make two reports of the payment contradict each other.
    let intent = object.link(&["payment_intent"])?;
    // Of a charge by itself, what is held comes before what it ends in: once a hold has run out, no report of it says so.
    let is_held = intent.is_none() && told.status == "requires_capture";
    let class = if is_held { 0 } else { freshness.class().unwrap_or(0) };
    let freshness = event.freshness(class, rank(TYPES, event.kind), 0, &told).grown(state.amount_captured, 0);
    let (payment, teller) = match intent {
        Some(intent) => {
            let settles = matches!(told.status.as_str(), "succeeded" | "canceled");
            (event.subject(intent), Teller::Charge { settles })
        }
        None => (charge.clone(), Teller::Itself),
    };
    let links = payments::links(object, teller, object.link(&["invoice"])?)?;
    let invoices = payments::named_invoices(event, freshness, &links);
    let payment = Observation::Payment(event.report(payment, freshness, Some(told), links));
    Ok(std::iter::once(payment).chain(invoices).collect())
}

/// The charge in the words of payments.
fn as_payment(kind: &str, object: &Fields<'_>, state: &State) -> Result<payments::State, Permanent> {
    let is_released = state.amount_refunded_reported > 0 || kind == "charge.expired";
    let is_partly_captured = state.amount_captured > 0 && !is_captured(object);
    let status = match state.status.as_str() {
        "pending" => "processing",
        "failed" => "requires_payment_method",
        // Captured in parts: the rest is still held, until a capture is the last one or the time is over.
        "succeeded" if is_partly_captured => "requires_capture",
        "succeeded" if state.amount_captured > 0 => "succeeded",
        // An authorisation that was given back was never captured, and never will be.
        "succeeded" if is_released => "canceled",
        "succeeded" => "requires_capture",
        other => other,
    };
    Ok(payments::State {
        status: status.to_owned(),
        amount: state.amount,
        amount_capturable: if status == "requires_capture" { state.uncaptured() } else { 0 },
        amount_received: if state.status == "succeeded" { state.amount_captured } else { 0 },
        currency: state.currency.clone(),
        failure_code: state.failure_code.clone(),
        decline_code: decline_code(object)?.map(str::to_owned),
    })
}

fn failure(
    event: Circumstances<'_>,
    object: &Fields<'_>,
    charge: &Key,
    freshness: Freshness,
    payment: Option<&str>,
) -> Result<Observation, Permanent> {
    let links = payment_failures::Links {
        payment: Some(payment.unwrap_or(&charge.id).to_owned()),
        charge: Some(charge.id.clone()),
        code: object.maybe_text(&["failure_code"])?.map(str::to_owned),
        decline_code: decline_code(object)?.map(str::to_owned),
        outcome_reason: object.maybe_text(&["outcome", "reason"])?.map(str::to_owned),
        ..payment_failures::Links::default()
    };
    Ok(Observation::Failure(event.report(charge.clone(), freshness, None, links)))
}

/// The bank's word stands in the outcome, where it gave one.
fn decline_code<'a>(object: &Fields<'a>) -> Result<Option<&'a str>, Permanent> {
    match object.maybe_text(&["outcome", "type"])? {
        Some("issuer_declined") => object.maybe_text(&["outcome", "reason"]),
        _ => Ok(None),
    }
}

fn card(object: &Fields<'_>) -> Result<Option<Card>, Permanent> {
    // A source may be of another kind than a card, with digits of its own. Before 2015-02-18 it was called card.
    for place in [&["payment_method_details", "card"][..], &["source", "card"], &["source"], &["card"]] {
        let Some(card) = object.at(place).map(|value| object.within(value)) else { continue };
        if card.maybe_text(&["object"])?.is_some_and(|kind| kind != "card") {
            continue;
        }
        let text = |name| Ok(card.maybe_text(&[name])?.map(str::to_owned));
        let number = |name| Some(card.count(name)).filter(|number| *number > 0);
        let card = Card {
            card_brand: text("brand")?.or(text("type")?),
            card_last4: text("last4")?,
            card_exp_month: number("exp_month"),
            card_exp_year: number("exp_year"),
        };
        if card.card_last4.is_some() {
            return Ok(Some(card));
        }
    }
    Ok(None)
}
