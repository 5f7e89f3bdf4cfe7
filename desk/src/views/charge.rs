//! The page of a charge: its card, refunds and disputes.

use chrono::{DateTime, Utc};
use domain::charges::Charge;
use domain::customers::Customer;
use domain::fraud_warnings::Warning;
use domain::invoices::Invoice;
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::{Key, Object, UNKNOWN};
use ledger::graph::related::{audited, read_above_charges, read_below_charges};
use ledger::tables::audit::Line;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::cards::Cards;
use super::detail::{Detail, Details, USER};
use super::dispute_item::{DisputeItem, read_items_of};
use super::object::{ObjectView, by_time};
use super::reason::{self, Reason};
use super::sums::{self, Sum};
use super::timeline::timeline;

#[derive(Debug, Serialize)]
pub struct ChargeView {
    pub charge: Charge,
    /// The payment that it belongs to, which may be itself.
    pub belongs_to: Option<String>,
    pub invoice: Option<String>,
    pub user: Option<String>,
    pub why: String,
    pub because: Vec<Reason>,
    pub refunds: Vec<Refund>,
    pub disputes: Vec<DisputeItem>,
    pub warnings: Vec<Warning>,
    pub timeline: Vec<Line>,
}

impl ObjectView for ChargeView {
    type Object = Charge;

    async fn read(
        ledger: &Ledger,
        tx: &mut Transaction,
        charge: Charge,
        _: DateTime<Utc>,
    ) -> Result<Self, LedgerError> {
        let mut graph = ledger.object_graph();
        let keys = std::slice::from_ref(&charge.key);
        read_above_charges(tx, keys, &mut graph).await?;
        read_below_charges(tx, keys, &mut graph).await?;
        let payment = charge.owner();
        // A charge has no lines of its own; its payment has, and what hangs on it.
        let told = audited(&graph).into_iter().filter(|(kind, _)| *kind != Invoice::NAME);
        let timeline = timeline(tx, told).await?;
        let mut because = reason::refunds(&graph, &timeline);
        because.extend(reason::all_disputes(&graph, &timeline));
        Ok(Self {
            invoice: payment.as_ref().and_then(|key| graph.payments.get(key)?.invoice.clone()),
            user: payment.as_ref().and_then(|key| graph.user_of(key)).map(|user| user.id),
            belongs_to: payment.map(|key| key.id),
            why: why(&charge),
            because,
            refunds: by_time(graph.refunds.rows(), |row| row.state.created_at),
            disputes: read_items_of(tx, &graph).await?,
            warnings: graph.warnings.rows().cloned().collect(),
            timeline,
            charge,
        })
    }

    fn key(&self) -> &Key {
        &self.charge.key
    }

    fn status(&self, _: DateTime<Utc>) -> String {
        self.charge.state.status.clone()
    }

    fn why(&self) -> &str {
        &self.why
    }

    fn because(&self) -> &[Reason] {
        &self.because
    }

    fn details(&self, _: DateTime<Utc>) -> Vec<Detail> {
        let charge = &self.charge;
        let expiry = charge.card.card_exp_month.zip(charge.card.card_exp_year);
        let mut details = Details::in_currency(&charge.state.currency);
        details.money("amount", charge.state.amount);
        details.money("captured", charge.state.amount_captured);
        details.money_if_any("released", charge.amount_released);
        details.money_if_any("refunded", charge.amount_refunded);
        if charge.amount_unitemised != 0 {
            let part = details.amount(charge.amount_unitemised);
            details.note("refunded", format!("{part} of it known only from the charge"));
        }
        details.money_if_any("charged back", charge.amount_charged_back);
        details.text("card", card(charge));
        details.text("card expires", expiry.map(|(month, year)| format!("{month:02}/{year}")));
        details.text("failure", charge.state.failure_code.clone());
        if self.belongs_to.as_ref() == Some(&charge.key.id) {
            details.text("payment", "itself".to_owned());
        } else {
            details.object("payment", Payment::NAME, self.belongs_to.as_deref());
        }
        details.object("invoice", Invoice::NAME, self.invoice.as_deref());
        details.object("customer", Customer::NAME, charge.customer.id());
        details.object("user", USER, self.user.as_deref());
        details.time("created", charge.state.created_at);
        details.moment("captured at", charge.captured_at);
        details.text("anomaly", charge.anomaly.clone());
        details.uncertain(charge.seen.needs_refetch);
        details.list()
    }

    fn sum(&self) -> Option<Sum> {
        sums::of_charge(&self.charge)
    }

    fn timeline(&self) -> &[Line] {
        &self.timeline
    }

    fn hide_cards(&mut self) {
        Cards::Hidden.hide(std::slice::from_mut(&mut self.charge));
    }
}

/// Brand and last digits: enough to recognise a card, not to use it.
pub fn card(charge: &Charge) -> String {
    match (charge.card.card_brand.as_deref(), charge.card.card_last4.as_deref()) {
        (Some(brand), Some(last4)) => format!("{brand} …{last4}"),
        (Some(brand), None) => brand.to_owned(),
        (None, Some(last4)) => format!("…{last4}"),
        (None, None) => String::new(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_that_succeeded_need_not_have_brought_money() {
        for (status, captured, released, says) in [
            ("succeeded", 500, 0, "the money was received"),
            ("succeeded", 0, 0, "reserved, and not captured"),
            ("succeeded", 0, 500, "nothing was received"),
            ("succeeded", 300, 200, "the rest was released"),
            ("failed", 0, 0, "failed"),
            (UNKNOWN, 0, 0, "nothing has been reported"),
        ] {
            let mut charge = Charge { amount_released: released, ..Charge::placeholder(Key::default()) };
            charge.state.status = status.to_owned();
            charge.state.amount_captured = captured;
            assert!(why(&charge).contains(says), "{status} {captured} {released}: {}", why(&charge));
        }
    }
}
