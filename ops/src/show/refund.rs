//! The page of a refund: whether the money was returned, and of which charge.

use chrono::{DateTime, Utc};
use desk::views::timeline::timeline;
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::{Key, Object, UNKNOWN};
use ledger::graph::family::read_above_charges;
use ledger::tables::audit::Line;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::page::{Facts, heading, history};
use crate::money;

/// The form of `--json`: an array of these.
#[derive(Serialize)]
pub struct Shown {
    refund: Refund,
    /// The payment that it gives back, by way of the charge or named by itself.
    of_payment: Option<String>,
    /// What that payment received, in minor units of `payment_currency`.
    payment_received: Option<i64>,
    payment_currency: Option<String>,
    invoice: Option<String>,
    user: Option<String>,
    why: String,
    timeline: Vec<Line>,
}

pub async fn tell(ledger: &Ledger, tx: &mut Transaction, refund: Refund) -> Result<Shown, LedgerError> {
    let mut world = ledger.world();
    let charges: Vec<Key> = refund.owner().into_iter().collect();
    read_above_charges(tx, &charges, &mut world).await?;
    let by_charge = charges.first().and_then(|charge| world.charges.get(charge)?.owner());
    let named = refund.payment.id().map(|id| refund.key.sibling(id));
    let key = by_charge.or(named);
    if let Some(key) = &key {
        for row in tx.look_up::<Payment>(std::slice::from_ref(key)).await? {
            world.load(row);
        }
    }
    let payment = key.as_ref().and_then(|key| world.payments.get(key));
    let timeline = timeline(tx, [(Refund::NAME, refund.key.clone())]).await?;
    Ok(Shown {
        payment_received: payment.map(|payment| payment.state.amount_received),
        payment_currency: payment.map(|payment| payment.state.currency.clone()),
        invoice: payment.and_then(|payment| payment.invoice.clone()),
        user: key.as_ref().and_then(|key| world.user_of(key)).map(|user| user.id),
        of_payment: key.map(|key| key.id),
        why: why(&refund),
        timeline,
        refund,
    })
}

pub fn page(shown: &Shown, _: DateTime<Utc>) -> String {
    let refund = &shown.refund;
    let received = shown.payment_received.zip(shown.payment_currency.as_deref());
    let mut facts = Facts::new();
    facts.add("amount", money::shown(refund.state.amount, &refund.state.currency));
    facts.add(
        "of",
        received.map(|(received, currency)| format!("{} received", money::shown(received, currency))),
    );
    facts.add("reason", refund.state.reason.as_deref().map(|reason| reason.replace('_', " ")));
    facts
        .add("failed because", refund.state.failure_reason.as_deref().map(|reason| reason.replace('_', " ")));
    facts.add("charge", refund.charge.charge.clone());
    facts.add("payment", shown.of_payment.clone());
    facts.add("invoice", shown.invoice.clone());
    facts.add("user", shown.user.clone());
    facts.time("created", refund.state.created_at);
    facts.time("succeeded", refund.succeeded_at);
    facts.time("failed", refund.failed_at);
    facts.uncertain(refund.seen.needs_refetch);
    heading("refund", &refund.key, &refund.state.status, &shown.why, &[])
        + &facts.render()
        + &history((Refund::NAME, &refund.key), &shown.timeline)
}

fn why(refund: &Refund) -> String {
    if refund.is_release() && !refund.has_failed() {
        return "It released reserved money that was never captured. That is not a refund and counts in no total."
            .to_owned();
    }
    match refund.state.status.as_str() {
        UNKNOWN => "Another object named it, but nothing has been reported about it yet.",
        "succeeded" => {
            "Stripe returned the money. The bank may still reject it; the refund then fails later."
        }
        "pending" => "It is on its way; its amount counts as refunded.",
        "requires_action" => {
            "The customer must act before the money can go back; its amount counts as refunded."
        }
        "failed" if refund.succeeded_at.is_some() => {
            "It succeeded first and failed later: the money is not refunded."
        }
        "failed" => "It failed: the money is not refunded.",
        "canceled" => "It was canceled: the money is not refunded.",
        _ => "This is what Stripe reported last; its amount counts as refunded.",
    }
    .to_owned()
}
