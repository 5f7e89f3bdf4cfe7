//! The page of a refund: whether the money was returned, and of which charge.

use chrono::{DateTime, Utc};
use domain::charges::Charge;
use domain::invoices::Invoice;
use domain::operations::Operation;
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::{Key, Object, UNKNOWN};
use ledger::graph::related::read_above_charges;
use ledger::tables::audit::Line;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::detail::{Detail, Details, USER};
use super::object::ObjectView;
use super::sums::{self, Sum};
use super::timeline::timeline;
use crate::money;

#[derive(Debug, Serialize)]
pub struct RefundView {
    pub refund: Refund,
    /// The payment that it gives back, by way of the charge or named by itself.
    pub of_payment: Option<String>,
    /// What that payment received, in minor units of `payment_currency`.
    pub payment_received: Option<i64>,
    pub payment_currency: Option<String>,
    /// What the payment received, less this refund and the others.
    #[serde(skip)]
    pub sum: Option<Sum>,
    pub invoice: Option<String>,
    pub user: Option<String>,
    /// The operation that made it; `None` where it was made elsewhere, as in Stripe's dashboard.
    pub operation: Option<String>,
    #[serde(skip)]
    pub made_by: Option<Operation>,
    pub why: String,
    pub timeline: Vec<Line>,
}

impl ObjectView for RefundView {
    type Object = Refund;

    async fn read(
        ledger: &Ledger,
        tx: &mut Transaction,
        refund: Refund,
        _: DateTime<Utc>,
    ) -> Result<Self, LedgerError> {
        let mut graph = ledger.object_graph();
        let charges: Vec<Key> = refund.owner().into_iter().collect();
        read_above_charges(tx, &charges, &mut graph).await?;
        let by_charge = charges.first().and_then(|charge| graph.charges.get(charge)?.owner());
        let named = refund.payment.id().map(|id| refund.key.sibling(id));
        let key = by_charge.or(named);
        if let Some(key) = &key {
            for row in tx.look_up::<Payment>(std::slice::from_ref(key)).await? {
                graph.load(row);
            }
        }
        let payment = key.as_ref().and_then(|key| graph.payments.get(key));
        let charge = charges.first().and_then(|charge| graph.charges.get(charge));
        let is_release = charge.map_or_else(|| refund.is_release(), |charge| charge.has_released(&refund));
        let timeline = timeline(tx, [(Refund::NAME, refund.key.clone())]).await?;
        let made_by = tx.operation_that_made(&refund.key).await?;
        Ok(Self {
            sum: payment.filter(|_| !is_release).and_then(|payment| sums::of_refund(&refund, payment)),
            payment_received: payment.map(|payment| payment.state.amount_received),
            payment_currency: payment.map(|payment| payment.state.currency.clone()),
            invoice: payment.and_then(|payment| payment.invoice.clone()),
            user: key.as_ref().and_then(|key| graph.user_of(key)).map(|user| user.id),
            of_payment: key.map(|key| key.id),
            operation: made_by.as_ref().map(|made| made.key.id.clone()),
            made_by,
            why: why(&refund, is_release),
            timeline,
            refund,
        })
    }

    fn key(&self) -> &Key {
        &self.refund.key
    }

    fn status(&self, _: DateTime<Utc>) -> String {
        self.refund.state.status.clone()
    }

    fn why(&self) -> &str {
        &self.why
    }

    fn details(&self, _: DateTime<Utc>) -> Vec<Detail> {
        let refund = &self.refund;
        let received = self.payment_received.zip(self.payment_currency.as_deref());
        let received =
            received.map(|(amount, currency)| format!("{} received", money::shown(amount, currency)));
        let mut details = Details::in_currency(&refund.state.currency);
        details.money("amount", refund.state.amount);
        details.text("of", received);
        details.words("reason", refund.state.reason.as_deref());
        details.words("failed because", refund.state.failure_reason.as_deref());
        details.object("charge", Charge::NAME, refund.charge.id());
        details.object("payment", Payment::NAME, self.of_payment.as_deref());
        details.object("invoice", Invoice::NAME, self.invoice.as_deref());
        details.object("user", USER, self.user.as_deref());
        details.text("made by", self.operation.as_ref().map(|id| format!("operation {id}")));
        details.time("created", refund.state.created_at);
        details.moment("succeeded", refund.succeeded_at);
        details.moment("failed", refund.failed_at);
        details.uncertain(refund.seen.needs_refetch);
        details.list()
    }

    fn sum(&self) -> Option<Sum> {
        self.sum.clone()
    }

    fn timeline(&self) -> &[Line] {
        &self.timeline
    }

    fn operations(&self) -> &[Operation] {
        self.made_by.as_slice()
    }
}

/// When a refund was made: as Stripe says, else by the first event about it.
pub fn created_at(refund: &Refund) -> Option<DateTime<Utc>> {
    refund.state.created_at.or(refund.seen.first_event_at)
}

fn why(refund: &Refund, is_release: bool) -> String {
    if is_release && !refund.has_failed() {
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
        "failed" if refund.succeeded_at.at().is_some() => {
            "It succeeded first and failed later: the money is not refunded."
        }
        "failed" => "It failed: the money is not refunded.",
        "canceled" => "It was canceled: the money is not refunded.",
        _ => "This is what Stripe reported last; its amount counts as refunded.",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use domain::moments::Moment;

    use super::*;

    /// What the sentence says of the sum is what the rule does with it.
    #[test]
    fn only_what_failed_is_said_not_to_be_refunded() {
        for status in ["succeeded", "pending", "requires_action", "failed", "canceled", "invented"] {
            let mut refund = Refund::placeholder(Key::default());
            refund.state.status = status.to_owned();
            let says = why(&refund, refund.is_release());
            assert_eq!(says.contains("is not refunded"), refund.has_failed(), "{status}: {says}");
        }
    }

    #[test]
    fn a_late_failure_and_a_release_are_told_apart() {
        let mut refund = Refund {
            succeeded_at: Moment::told(DateTime::UNIX_EPOCH),
            ..Refund::placeholder(Key::default())
        };
        refund.state.status = "failed".to_owned();
        assert!(why(&refund, refund.is_release()).contains("succeeded first and failed later"));
        refund.state.reason = Some("expired_uncaptured_charge".to_owned());
        assert!(!why(&refund, refund.is_release()).contains("released"), "it failed");
        refund.state.status = "succeeded".to_owned();
        assert!(why(&refund, refund.is_release()).contains("released reserved money"));
    }
}
