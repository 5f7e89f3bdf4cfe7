//! The page of a payment.

use serde::Serialize;
use worker::ledger::Ledger;
use worker::ledger::audit::AuditRow;
use worker::rules::UNKNOWN;
use worker::rules::payments::Payment;

use super::{Facts, heading, history};
use crate::{money, open};

/// The form of `--json`: an array of these.
#[derive(Serialize)]
pub struct Shown {
    payment: Payment,
    why: String,
    audit: Vec<AuditRow>,
}

pub async fn find(ledger: &Ledger, id: &str) -> anyhow::Result<Vec<Shown>> {
    let mut found = Vec::new();
    for payment in open::answer(ledger, ledger.find::<Payment>(id)).await? {
        let audit = open::answer(ledger, ledger.audit_of("payment", &payment.key)).await?;
        found.push(Shown { why: why(&payment), payment, audit });
    }
    Ok(found)
}

pub fn page(shown: &Shown) -> String {
    let Shown { payment, why, audit } = shown;
    let amount = |minor_units| money::shown(minor_units, &payment.state.currency);
    let mut facts = Facts::new();
    facts.add("amount", amount(payment.state.amount));
    facts.add("received", amount(payment.state.amount_received));
    if payment.state.amount_capturable > 0 {
        facts.add("capturable", amount(payment.state.amount_capturable));
    }
    facts.add("last failure", failure(payment));
    facts.add("invoice", invoice(payment));
    facts.add("invoice asks for", payment.state.invoice_amount.map(amount));
    facts.add("customer", payment.customer.customer.clone());
    facts.add("user", payment.user.user_id.clone());
    facts.add("listing", payment.state.listing_id.clone());
    facts.add("category", payment.state.category_id.clone());
    facts.add("type", payment.state.payment_type.clone());
    facts.time("created", payment.state.created_at);
    facts.time("succeeded", payment.succeeded_at);
    facts.time("canceled", payment.canceled_at);
    if payment.seen.needs_refetch {
        facts.add("uncertain", "two reports of one second contradict each other".to_owned());
    }
    heading("payment", &payment.key, &payment.state.status, why) + &facts.render() + &history(audit)
}

/// Why the last attempt failed, while it counts: the code, and the bank's own where it says more.
pub fn failure(payment: &Payment) -> Option<String> {
    let code = payment.state.failure_code.as_deref()?;
    Some(match payment.state.decline_code.as_deref() {
        Some(bank) if bank != code => format!("{code} ({bank})"),
        _ => code.to_owned(),
    })
}

/// The invoice that counts, and by which link.
fn invoice(payment: &Payment) -> Option<String> {
    let invoice = payment.invoice.as_deref()?;
    let by = match (payment.invoice_stripe.id(), payment.invoice_metadata.id()) {
        (Some(stripe), Some(metadata)) if stripe != metadata => {
            format!("by Stripe's link; the metadata name {metadata}")
        }
        (Some(_), _) => "by Stripe's link".to_owned(),
        (None, _) => "by the payment's metadata".to_owned(),
    };
    Some(format!("{invoice}  ({by})"))
}

fn why(payment: &Payment) -> String {
    match payment.state.status.as_str() {
        UNKNOWN => "Another object named it, but nothing has been reported about it yet.".to_owned(),
        "succeeded" => "Stripe reported that the money was received, which is final.".to_owned(),
        "canceled" => "Stripe reported it canceled, which is final.".to_owned(),
        "requires_payment_method" if payment.state.failure_code.is_some() => {
            "The last attempt failed; the customer may try again.".to_owned()
        }
        "requires_action" => "The customer must prove who they are, or act otherwise.".to_owned(),
        _ => "This is what Stripe reported last.".to_owned(),
    }
}
