//! The page of an invoice: its status, and the payments, refunds, disputes and attempts behind it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use desk::views::timeline::timeline;
use domain::charges::Charge;
use domain::disputes::Dispute;
use domain::failures::PaymentFailure;
use domain::invoice_payments::InvoicePayment;
use domain::invoices::{Invoice, NoRetry, Part, Status};
use domain::payments::Payment;
use domain::policy::Policy;
use domain::refunds::Refund;
use domain::world::World;
use domain::{Key, Object};
use ledger::graph::family::{audited, read_invoice};
use ledger::tables::audit::Line;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::page::{Facts, heading, history};
use super::sections::by_time;
use super::why::Fact;
use super::{sections, why};
use crate::disputes::{Placed, place};
use crate::table::Table;
use crate::{money, span};

/// The form of `--json`: an array of these.
#[derive(Serialize)]
pub struct Shown {
    invoice: Invoice,
    why: String,
    because: Vec<Fact>,
    retry_plan: Option<String>,
    payments: Vec<Payment>,
    /// How much of it each payment paid, as Stripe's own objects say, and what it bears of what went back.
    shares: Vec<Share>,
    charges: Vec<Charge>,
    failures: Vec<PaymentFailure>,
    refunds: Vec<Refund>,
    disputes: Vec<Placed>,
    timeline: Vec<Line>,
}

/// What one payment did for this invoice.
#[derive(Serialize)]
pub struct Share {
    payment: String,
    /// Of how many invoices it is one.
    of_invoices: usize,
    amount_paid: i64,
    amount_refunded: i64,
    amount_charged_back: i64,
}

pub async fn tell(ledger: &Ledger, tx: &mut Transaction, invoice: Invoice) -> Result<Shown, LedgerError> {
    let mut world = ledger.world();
    read_invoice(tx, invoice.clone(), &mut world).await?;
    let timeline = timeline(tx, audited(&world)).await?;
    let (why, because) = explain(&invoice, &world, &timeline);
    Ok(Shown {
        retry_plan: retry_plan(&invoice, &world, ledger.policy()),
        why,
        because,
        shares: shares(&invoice, &world),
        payments: by_time(world.payments.rows(), |row| row.created_at),
        charges: by_time(world.charges.rows(), |row| row.state.created_at),
        failures: world.parts_of_invoice(&invoice.key).failures().into_iter().cloned().collect(),
        refunds: by_time(world.refunds.rows(), |row| row.state.created_at),
        disputes: placed(tx, &world).await?,
        timeline,
        invoice,
    })
}

/// The disputes of a world, with where they belong.
pub async fn placed(tx: &mut Transaction, world: &World) -> Result<Vec<Placed>, LedgerError> {
    let disputes: Vec<Dispute> = by_time(world.disputes.rows(), |row| row.state.opened_at);
    place(tx, disputes, world).await
}

pub fn page(shown: &Shown, now: DateTime<Utc>) -> String {
    let invoice = &shown.invoice;
    let mut text = heading("invoice", &invoice.key, invoice.status.as_str(), &shown.why, &shown.because);
    text.push_str(&facts(shown));
    if shown.payments.is_empty() {
        text.push_str("\nNo payment is linked to it.\n");
    }
    text.push_str(&sections::payments(&shown.payments, &["INVOICE"]));
    text.push_str(&shares_table(shown));
    text.push_str(&sections::failures(&shown.failures));
    text.push_str(&sections::refunds(&shown.refunds));
    text.push_str(&sections::disputes(&shown.disputes, &["INVOICE"], now));
    text.push_str(&history((Invoice::NAME, &invoice.key), &shown.timeline));
    text
}

fn facts(shown: &Shown) -> String {
    let invoice = &shown.invoice;
    let amount = |minor_units| money::shown(minor_units, &invoice.state.currency);
    let amount_if_any = |minor_units| (minor_units != 0).then(|| amount(minor_units));
    let words = |text: &Option<String>| text.as_deref().map(|text| text.replace('_', " "));
    let mut facts = Facts::new();
    facts.add("due", amount(invoice.state.amount_due));
    facts.add("paid", amount(invoice.amount_paid));
    facts.add("refunded", amount_if_any(invoice.amount_refunded));
    facts.add("charged back", amount_if_any(invoice.amount_charged_back));
    if invoice.state.stripe_status.is_some() {
        facts.add("remaining", amount(invoice.state.amount_remaining));
        facts.add("Stripe says", invoice.state.stripe_status.clone());
    }
    facts.add("number", invoice.state.number.clone());
    facts.add("collection", words(&invoice.state.collection_method));
    facts.add("billed for", words(&invoice.state.billing_reason));
    facts.add("customer", invoice.customer.customer.clone());
    facts.add("subscription", invoice.subscription.subscription.clone());
    facts.time("created", invoice.state.created_at);
    facts.time("finalized", invoice.finalized_at);
    facts.time("sent", invoice.sent_at);
    facts.time("to be paid by", invoice.state.due_at);
    facts.time("overdue since", invoice.overdue_at);
    facts.time("paid at", invoice.paid_at);
    facts.add("settled", invoice.state.paid_out_of_band.then(|| "outside of Stripe".to_owned()));
    facts.time("voided", invoice.voided_at);
    if invoice.attempt_count > 0 {
        facts.add("attempts", format!("{} by Stripe's count", invoice.attempt_count));
    }
    facts.add("failures", (invoice.payment_retry_count > 0).then(|| failures(shown)));
    facts.time("last failure", invoice.payment_failed_at);
    facts.add("next retry", shown.retry_plan.clone());
    facts.add("anomaly", invoice.anomaly.clone());
    facts.uncertain(invoice.seen.needs_refetch);
    facts.render()
}

/// The derivation in words; the rule itself is `Invoice::derive`.
fn explain(invoice: &Invoice, world: &World, timeline: &[Line]) -> (String, Vec<Fact>) {
    let amount = |minor_units| money::shown(minor_units, &invoice.state.currency);
    let (received, none) = (amount(received(invoice, world)), Vec::new());
    let failures = world.parts_of_invoice(&invoice.key).failures();
    let (refunded, charged_back) = (amount(invoice.amount_refunded), amount(invoice.amount_charged_back));
    match invoice.status {
        Status::Unknown => ("It was named, but nothing has been reported about it yet.".to_owned(), none),
        Status::Draft => ("Stripe has not finalized it.".to_owned(), none),
        Status::Sent if invoice.is_stripes => {
            ("It is finalized and open; no payment attempt is known to have failed.".to_owned(), none)
        }
        Status::Sent => (
            format!(
                "It is the merchant's own invoice, named by its payments; they received {received} so far."
            ),
            why::received(world, timeline),
        ),
        Status::Failed => {
            let at = invoice.payment_failed_at.map(|at| format!(", last at {}", span::whole(at)));
            let at = at.unwrap_or_default();
            (format!("It is open, and a payment attempt failed{at}."), why::failures(&failures))
        }
        Status::Overdue => match invoice.overdue_at {
            Some(at) => (
                format!("It is open, and Stripe reported it overdue at {}.", span::whole(at)),
                why::failures(&failures),
            ),
            None => ("It is open, and every planned retry has failed.".to_owned(), why::failures(&failures)),
        },
        Status::Uncollectible => ("It was written off; a payment would still settle it.".to_owned(), none),
        Status::Paid if invoice.is_stripes => {
            ("Stripe reported it paid, which is final.".to_owned(), why::received(world, timeline))
        }
        Status::Paid => (
            format!("It is the merchant's own invoice; its payments received {received}, which is enough."),
            why::received(world, timeline),
        ),
        Status::PartiallyRefunded => (
            format!("It was paid, and {refunded} of the {received} received was refunded."),
            why::refunds(world, timeline),
        ),
        Status::Refunded => (
            format!("It was paid, and all of the {received} received was refunded."),
            why::refunds(world, timeline),
        ),
        Status::PartiallyChargedBack => (
            format!("It was paid, and lost disputes took back {charged_back} of the {received} received."),
            why::lost(world, timeline),
        ),
        Status::ChargedBack => (
            format!(
                "It was paid, and nothing is left: lost disputes took back {charged_back} of the {received} received{}.",
                if invoice.amount_refunded > 0 { format!(", and refunds {refunded}") } else { String::new() }
            ),
            why::lost(world, timeline),
        ),
        Status::Disputed => {
            let facts = why::open(world, timeline);
            let which = if facts.len() == 1 { "a dispute" } else { "disputes" };
            (format!("Its payment is under {which} that is not decided yet."), facts)
        }
        Status::Void => ("It was voided, which is final.".to_owned(), none),
        Status::Deleted => ("It was deleted, which is final.".to_owned(), none),
    }
}

/// What came in before any of it went back.
fn received(invoice: &Invoice, world: &World) -> i64 {
    if invoice.is_stripes {
        return invoice.received();
    }
    let payments = world.payments.rows().filter(|payment| payment.state.currency == invoice.state.currency);
    payments.map(|payment| payment.state.amount_received).fold(0, i64::saturating_add)
}

/// When the payment is tried again, or why it is not; nothing where nothing failed.
fn retry_plan(invoice: &Invoice, world: &World, policy: &Policy) -> Option<String> {
    let retries = policy.retry_days.len();
    let failures = invoice.payment_retry_count;
    if invoice.status == Status::Overdue && failures > 0 {
        let gave_up = format!("{failures} attempts failed; {retries} retries are planned at most");
        let reported = "Stripe reported it overdue, which ends retries";
        let is_given_up = policy.is_last(usize::try_from(failures).unwrap_or(usize::MAX));
        return Some(format!("none: {}", if is_given_up { gave_up.as_str() } else { reported }));
    }
    match world.retry_of_invoice(&invoice.key) {
        Ok(at) => Some(format!("{}  (retry {failures} of {retries}, planned here)", span::whole(at))),
        Err(NoRetry::NotFailed) => None,
        Err(NoRetry::PlannedByStripe(at)) => Some(format!("{}  (planned by Stripe)", span::whole(at))),
        Err(why) => Some(format!("none: {}", no_retry(&why))),
    }
}

fn no_retry(why: &NoRetry) -> String {
    match why {
        NoRetry::NotFailed => "nothing failed".to_owned(),
        NoRetry::NoFailureKnown => "the failed attempt is not known".to_owned(),
        NoRetry::SentByMail => "it is sent to the customer; nothing is charged automatically".to_owned(),
        NoRetry::PlannedByStripe(_) => "Stripe plans the retries".to_owned(),
        NoRetry::SubscriptionOver => "its subscription has ended".to_owned(),
        NoRetry::Underway(payment) => format!("{payment} is in progress, and may still succeed"),
        NoRetry::Succeeded(payment) => {
            format!("{payment} succeeded since; Stripe has not reported it paid yet")
        }
        NoRetry::AllCanceled => "all of its unpaid payments are canceled".to_owned(),
        NoRetry::Forbidden(code) => format!("a retry after {code} cannot succeed"),
        NoRetry::GivenUp => "every planned retry has failed".to_owned(),
    }
}

/// How many failures there were, and how many of them only the invoice tells of.
fn failures(shown: &Shown) -> String {
    let count = shown.failures.len();
    match shown.failures.iter().filter(|failure| failure.invoice.is_some()).count() {
        0 => count.to_string(),
        alone => format!("{count}  ({alone} of them reported by the invoice alone, which gives no reason)"),
    }
}

fn shares(invoice: &Invoice, world: &World) -> Vec<Share> {
    let own = |row: &&InvoicePayment| row.owner().as_ref() == Some(&invoice.key);
    let share = |part: &Part<'_>| {
        let rows =
            || world.invoice_payments.rows().filter(|row| row.paid_by().as_ref() == Some(&part.payment.key));
        let invoices: BTreeSet<Key> = rows().filter_map(InvoicePayment::owner).collect();
        Share {
            payment: part.payment.key.id.clone(),
            of_invoices: invoices.len().max(1),
            amount_paid: rows().filter(own).map(|row| row.state.amount_paid).fold(0, i64::saturating_add),
            amount_refunded: part.refunded,
            amount_charged_back: part.charged_back,
        }
    };
    world.parts_of_invoice(&invoice.key).payments.iter().map(share).collect()
}

/// Only where a payment pays several invoices is its part in this one worth a table.
fn shares_table(shown: &Shown) -> String {
    if shown.shares.iter().all(|share| share.of_invoices < 2) {
        return String::new();
    }
    let mut table = Table::default()
        .text("PAYMENT")
        .number("INVOICES")
        .number("PAID OF THIS")
        .number("ITS SHARE REFUNDED")
        .number("ITS SHARE LOST");
    for share in &shown.shares {
        let amount = |minor_units| money::shown(minor_units, &shown.invoice.state.currency);
        table.row([
            share.payment.clone(),
            share.of_invoices.to_string(),
            amount(share.amount_paid),
            amount(share.amount_refunded),
            amount(share.amount_charged_back),
        ]);
    }
    format!("\n{}", table.render())
}
