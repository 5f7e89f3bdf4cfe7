//! The page of a charge: its card, refunds and disputes.

use chrono::{DateTime, Utc};
use desk::views::timeline::timeline;
use domain::charges::Charge;
use domain::refunds::Refund;
use domain::warnings::Warning;
use domain::{Object, UNKNOWN};
use ledger::graph::family::{audited, read_above_charges, read_below_charges};
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
    charge: Charge,
    /// The payment that it belongs to, which may be itself.
    belongs_to: Option<String>,
    invoice: Option<String>,
    user: Option<String>,
    why: String,
    because: Vec<Fact>,
    refunds: Vec<Refund>,
    disputes: Vec<Placed>,
    warnings: Vec<Warning>,
    timeline: Vec<Line>,
}

pub async fn tell(ledger: &Ledger, tx: &mut Transaction, charge: Charge) -> Result<Shown, LedgerError> {
    let mut world = ledger.world();
    let keys = std::slice::from_ref(&charge.key);
    read_above_charges(tx, keys, &mut world).await?;
    read_below_charges(tx, keys, &mut world).await?;
    let payment = charge.owner();
    // A charge has no lines of its own; its payment has, and what hangs on it.
    let told = audited(&world).into_iter().filter(|(kind, _)| *kind != "invoice");
    let timeline = timeline(tx, told).await?;
    let mut because = why::refunds(&world, &timeline);
    because.extend(why::all_disputes(&world, &timeline));
    Ok(Shown {
        invoice: payment.as_ref().and_then(|key| world.payments.get(key)?.invoice.clone()),
        user: payment.as_ref().and_then(|key| world.user_of(key)).map(|user| user.id),
        belongs_to: payment.map(|key| key.id),
        why: why(&charge),
        because,
        refunds: by_time(world.refunds.rows(), |row| row.state.created_at),
        disputes: placed(tx, &world).await?,
        warnings: world.warnings.rows().cloned().collect(),
        timeline,
        charge,
    })
}

pub fn page(shown: &Shown, now: DateTime<Utc>) -> String {
    let charge = &shown.charge;
    let mut text = heading("charge", &charge.key, &charge.state.status, &shown.why, &shown.because);
    text.push_str(&facts(shown));
    text.push_str(&sections::refunds(&shown.refunds));
    text.push_str(&sections::disputes(&shown.disputes, &["INVOICE", "USER"], now));
    text.push_str(&sections::warnings(&shown.warnings));
    text.push_str(&history((Charge::NAME, &charge.key), &shown.timeline));
    text
}

fn facts(shown: &Shown) -> String {
    let charge = &shown.charge;
    let amount = |minor_units| money::shown(minor_units, &charge.state.currency);
    let amount_if_any = |minor_units| (minor_units != 0).then(|| amount(minor_units));
    let itself = shown.belongs_to.as_deref() == Some(charge.key.id.as_str());
    let expiry = charge.card.card_exp_month.zip(charge.card.card_exp_year);
    let mut facts = Facts::new();
    facts.add("amount", amount(charge.state.amount));
    facts.add("captured", amount(charge.state.amount_captured));
    facts.add("released", amount_if_any(charge.amount_released));
    facts.add("refunded", refunded(charge));
    facts.add("charged back", amount_if_any(charge.amount_charged_back));
    facts.add("card", sections::card(charge));
    facts.add("card expires", expiry.map(|(month, year)| format!("{month:02}/{year}")));
    facts.add("failure", charge.state.failure_code.clone());
    facts.add("payment", if itself { Some("itself".to_owned()) } else { shown.belongs_to.clone() });
    facts.add("invoice", shown.invoice.clone());
    facts.add("customer", charge.customer.customer.clone());
    facts.add("user", shown.user.clone());
    facts.time("created", charge.state.created_at);
    facts.time("captured at", charge.captured_at);
    facts.add("anomaly", charge.anomaly.clone());
    facts.uncertain(charge.seen.needs_refetch);
    facts.render()
}

fn refunded(charge: &Charge) -> Option<String> {
    let amount = |minor_units| money::shown(minor_units, &charge.state.currency);
    match (charge.amount_refunded, charge.amount_unitemised) {
        (0, _) => None,
        (refunded, 0) => Some(amount(refunded)),
        (refunded, part) => {
            Some(format!("{}  ({} of it known only from the charge)", amount(refunded), amount(part)))
        }
    }
}

fn why(charge: &Charge) -> String {
    match charge.state.status.as_str() {
        UNKNOWN => "Another object named it, but nothing has been reported about it yet.",
        "succeeded" if charge.state.amount_captured == 0 && charge.amount_released > 0 => {
            "The reserved money was released without being captured: nothing was received."
        }
        "succeeded" if charge.state.amount_captured == 0 => "The money is reserved, and not captured.",
        "succeeded" if charge.amount_released > 0 => {
            "Stripe reported that part of the reserved money was received; the rest was released."
        }
        "succeeded" => "Stripe reported that the money was received.",
        "failed" => "The attempt failed.",
        "pending" => "The bank has not decided yet.",
        _ => "This is what Stripe reported last.",
    }
    .to_owned()
}
