//! The page of a payment: its charges with their cards, refunds, disputes and failures.

use chrono::{DateTime, Utc};
use desk::views::timeline::timeline;
use domain::charges::Charge;
use domain::failures::PaymentFailure;
use domain::payments::{Disputed, Payment, Refunded};
use domain::refunds::Refund;
use domain::warnings::Warning;
use domain::{Object, UNKNOWN};
use ledger::graph::family::{audited, read_payments};
use ledger::tables::audit::Line;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::invoice::placed;
use super::page::{Facts, heading, history};
use super::sections::by_time;
use super::why::Fact;
use super::{sections, why};
use crate::disputes::Placed;
use crate::money;

/// The form of `--json`: an array of these.
#[derive(Serialize)]
pub struct Shown {
    payment: Payment,
    /// As the rules tell who it is.
    user: Option<String>,
    why: String,
    because: Vec<Fact>,
    charges: Vec<Charge>,
    failures: Vec<PaymentFailure>,
    refunds: Vec<Refund>,
    disputes: Vec<Placed>,
    warnings: Vec<Warning>,
    timeline: Vec<Line>,
}

pub async fn tell(ledger: &Ledger, tx: &mut Transaction, payment: Payment) -> Result<Shown, LedgerError> {
    let mut world = ledger.world();
    read_payments(tx, vec![payment.clone()], &mut world).await?;
    let below = audited(&world).into_iter().filter(|(kind, _)| *kind != "invoice");
    let timeline = timeline(tx, below).await?;
    let mut because = why::refunds(&world, &timeline);
    because.extend(why::all_disputes(&world, &timeline));
    Ok(Shown {
        user: world.user_of(&payment.key).map(|user| user.id),
        why: why(&payment),
        because,
        charges: by_time(world.charges.rows(), |row| row.state.created_at),
        failures: by_time(world.failures.rows(), |row| row.failed_at),
        refunds: by_time(world.refunds.rows(), |row| row.state.created_at),
        disputes: placed(tx, &world).await?,
        warnings: world.warnings.rows().cloned().collect(),
        timeline,
        payment,
    })
}

pub fn page(shown: &Shown, now: DateTime<Utc>) -> String {
    let payment = &shown.payment;
    let mut text = heading("payment", &payment.key, &payment.state.status, &shown.why, &shown.because);
    text.push_str(&facts(shown));
    text.push_str(&sections::charges(&shown.charges));
    text.push_str(&sections::failures(&shown.failures));
    text.push_str(&sections::refunds(&shown.refunds));
    text.push_str(&sections::disputes(&shown.disputes, &["INVOICE", "USER"], now));
    text.push_str(&sections::warnings(&shown.warnings));
    text.push_str(&history((Payment::NAME, &payment.key), &shown.timeline));
    text
}

fn facts(shown: &Shown) -> String {
    let payment = &shown.payment;
    let amount = |minor_units| money::shown(minor_units, &payment.state.currency);
    let amount_if_any = |minor_units| (minor_units != 0).then(|| amount(minor_units));
    let word = |word: &str| (word != "none").then(|| word.to_owned());
    let mut facts = Facts::new();
    facts.add("amount", amount(payment.state.amount));
    facts.add("received", payment.received().map_or_else(|| "not known".to_owned(), amount));
    facts.add("capturable", amount_if_any(payment.state.amount_capturable));
    facts.add(
        "refunded",
        word(payment.refunded.as_str()).map(|word| format!("{}  ({word})", amount(payment.amount_refunded))),
    );
    facts.add("disputed", word(payment.disputed.as_str()));
    facts.add("charged back", amount_if_any(payment.amount_charged_back));
    facts.add("failed attempts", (payment.failed_attempts > 0).then(|| payment.failed_attempts.to_string()));
    facts.add("last failure", failure(payment));
    facts.add("invoice", invoice(payment));
    facts.add("invoice asks for", payment.purpose.invoice_amount.map(amount));
    facts.add("customer", payment.customer.customer.clone());
    facts.add("user", shown.user.clone());
    facts.add("listing", payment.purpose.listing_id.clone());
    facts.add("category", payment.purpose.category_id.clone());
    facts.add("type", payment.purpose.payment_type.clone());
    facts.time("created", payment.created_at);
    facts.time("succeeded", payment.succeeded_at);
    facts.time("canceled", payment.canceled_at);
    facts.add("anomaly", payment.anomaly.clone());
    facts.uncertain(payment.seen.needs_refetch);
    facts.render()
}

/// Why the last attempt failed, while it counts.
fn failure(payment: &Payment) -> Option<String> {
    let current = payment.state.failure_code.as_deref();
    let (code, bank) = match current {
        Some(code) => (Some(code), payment.state.decline_code.as_deref()),
        None => (payment.last_failure_code.as_deref(), payment.last_decline_code.as_deref()),
    };
    let known = code.is_some() || payment.failed_attempts > 0;
    known.then(|| sections::code(code, bank))
}

/// The invoice that counts, and by which link.
fn invoice(payment: &Payment) -> Option<String> {
    let invoice = payment.invoice.as_deref()?;
    let by = match (payment.invoice_stripe.id(), payment.invoice_metadata.id()) {
        (Some(stripe), Some(metadata)) if stripe != metadata => {
            format!("by Stripe's link; the metadata names {metadata}")
        }
        (Some(_), _) => "by Stripe's link".to_owned(),
        (None, _) if payment.invoice_reference.id() == Some(invoice) => "by its order reference".to_owned(),
        (None, _) => "by the payment's metadata".to_owned(),
    };
    Some(format!("{invoice}  ({by})"))
}

fn why(payment: &Payment) -> String {
    let status = match payment.state.status.as_str() {
        UNKNOWN => "Another object named it, but nothing has been reported about it yet.",
        "succeeded" => "Stripe reported that the money was received, which is final.",
        "canceled" => "Stripe reported it canceled, which is final.",
        "requires_payment_method" if payment.has_failed() => {
            "The last attempt failed; the customer may try again."
        }
        "requires_action" => "The customer must authenticate or take another action.",
        "requires_capture" => "The money is reserved; it waits to be captured.",
        "processing" => "The bank has not decided yet.",
        _ => "This is what Stripe reported last.",
    };
    let refunded = match payment.refunded {
        Refunded::None => "",
        Refunded::Partial if payment.received().is_none_or(|received| received == 0) => {
            " Money was refunded; how much had been received is not known."
        }
        Refunded::Partial => " A part of it was refunded.",
        Refunded::Full => " All of it was refunded.",
    };
    let disputed = match payment.disputed {
        Disputed::None => "",
        Disputed::Open => " It is disputed.",
        Disputed::Lost => " A dispute about it was lost.",
        Disputed::Won => " A dispute about it was won.",
        Disputed::Closed => " A dispute about it was closed without effect.",
    };
    format!("{status}{refunded}{disputed}")
}
