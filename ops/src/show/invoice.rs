//! The page of an invoice.

use serde::Serialize;
use worker::ledger::Ledger;
use worker::ledger::audit::AuditRow;
use worker::rules::invoices::{Invoice, Status};
use worker::rules::payments::Payment;

use super::{Facts, heading, history};
use crate::table::Table;
use crate::{money, open, span};

/// The form of `--json`: an array of these.
#[derive(Serialize)]
pub struct Shown {
    invoice: Invoice,
    why: String,
    payments: Vec<Payment>,
    audit: Vec<AuditRow>,
}

pub async fn find(ledger: &Ledger, id: &str) -> anyhow::Result<Vec<Shown>> {
    let mut found = Vec::new();
    for invoice in open::answer(ledger, ledger.find::<Invoice>(id)).await? {
        let payments = open::answer(ledger, ledger.naming::<Payment>("invoice", &invoice.key)).await?;
        let audit = open::answer(ledger, ledger.audit_of("invoice", &invoice.key)).await?;
        found.push(Shown { why: why(&invoice, payments.len()), invoice, payments, audit });
    }
    Ok(found)
}

pub fn page(shown: &Shown) -> String {
    let Shown { invoice, why, payments, audit } = shown;
    let amount = |minor_units| money::shown(minor_units, &invoice.state.currency);
    let mut facts = Facts::new();
    facts.add("due", amount(invoice.state.amount_due));
    facts.add("paid", amount(invoice.amount_paid));
    if invoice.state.stripe_status.is_some() {
        facts.add("remaining", amount(invoice.state.amount_remaining));
        facts.add("Stripe says", invoice.state.stripe_status.clone());
    }
    facts.add("number", invoice.state.number.clone());
    facts
        .add("collection", invoice.state.collection_method.as_deref().map(|method| method.replace('_', " ")));
    facts.add("billed for", invoice.state.billing_reason.as_deref().map(|reason| reason.replace('_', " ")));
    facts.add("customer", invoice.customer.customer.clone());
    facts.add("subscription", invoice.subscription.subscription.clone());
    facts.time("created", invoice.state.created_at);
    facts.time("finalized", invoice.finalized_at);
    facts.time("sent", invoice.sent_at);
    facts.time("to be paid by", invoice.state.due_at);
    facts.time("overdue since", invoice.overdue_at);
    facts.time("paid at", invoice.paid_at);
    if invoice.attempt_count > 0 {
        facts.add("attempts", invoice.attempt_count.to_string());
    }
    facts.time("last failure", invoice.payment_failed_at);
    facts.time("next attempt", invoice.state.next_payment_attempt_at);
    if invoice.seen.needs_refetch {
        facts.add("uncertain", "two reports of one second contradict each other".to_owned());
    }
    let status = invoice.status.as_str();
    heading("invoice", &invoice.key, status, why) + &facts.render() + &paid_by(payments) + &history(audit)
}

fn paid_by(payments: &[Payment]) -> String {
    if payments.is_empty() {
        return "\nNo payment is linked to it.\n".to_owned();
    }
    let mut table = Table::default()
        .text("PAYMENT")
        .text("STATUS")
        .number("AMOUNT")
        .number("RECEIVED")
        .prose("LAST FAILURE", 40);
    for payment in payments {
        table.row([
            payment.key.id.clone(),
            payment.state.status.clone(),
            money::shown(payment.state.amount, &payment.state.currency),
            money::shown(payment.state.amount_received, &payment.state.currency),
            super::payment::failure(payment).unwrap_or_default(),
        ]);
    }
    format!("\n{}", table.render())
}

/// The derivation in words; the rule itself is `Invoice::derive`.
fn why(invoice: &Invoice, payments: usize) -> String {
    let failed =
        |moment: Option<_>| moment.map_or_else(String::new, |at| format!(", last at {}", span::whole(at)));
    if invoice.state.stripe_status.is_none() {
        let received = money::shown(invoice.amount_paid, &invoice.state.currency);
        let own = "It is the merchant's own invoice, named by its payments";
        return match invoice.status {
            Status::Unknown => "It was named, but nothing has been reported about it yet.".to_owned(),
            Status::Paid => format!("{own}; they received {received}, which is enough."),
            Status::Failed => format!("{own}; an attempt failed, and {received} were received."),
            _ => format!("{own}: {payments} so far, which received {received}."),
        };
    }
    match invoice.status {
        Status::Unknown => "It was named, but nothing has been reported about it yet.".to_owned(),
        Status::Draft => "Stripe has not finalized it.".to_owned(),
        Status::Sent => "It is finalized and open; no attempt to pay it is known to have failed.".to_owned(),
        Status::Failed => {
            format!("It is open, and an attempt to pay it failed{}.", failed(invoice.payment_failed_at))
        }
        Status::Overdue => "It is open, and Stripe reported it overdue.".to_owned(),
        Status::Uncollectible => "It was written off.".to_owned(),
        Status::Paid => "Stripe reported it paid, which is final.".to_owned(),
        Status::PartiallyRefunded | Status::Refunded => String::new(),
        Status::PartiallyChargedBack | Status::Disputed | Status::ChargedBack => String::new(),
        Status::Void => "It was voided, which is final.".to_owned(),
        Status::Deleted => "It was deleted, which is final.".to_owned(),
    }
}
