//! The page of a payment: its charges with their cards, refunds, disputes and failures.

use chrono::{DateTime, Utc};
use domain::charges::Charge;
use domain::customers::Customer;
use domain::fraud_warnings::Warning;
use domain::invoices::Invoice;
use domain::operations::Operation;
use domain::operations::refund::RefundFacts;
use domain::payment_failures::PaymentFailure;
use domain::payments::{Disputed, Payment, Refunded};
use domain::refunds::Refund;
use domain::{Key, Object, UNKNOWN};
use ledger::graph::related::{audited, read_payments};
use ledger::tables::audit::Line;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::cards::Cards;
use super::detail::{Detail, Details, USER};
use super::dispute_item::{DisputeItem, read_items_of};
use super::failure_text;
use super::object::{ObjectView, by_time};
use super::reason::{self, Reason};
use super::sums::{self, Sum};
use super::timeline::timeline;

/// So many operations of a payment are on its page.
const OPERATIONS_LIMIT: i64 = 1_000;

#[derive(Debug, Serialize)]
pub struct PaymentView {
    pub payment: Payment,
    /// As the rules tell who it is.
    pub user: Option<String>,
    pub why: String,
    pub because: Vec<Reason>,
    pub charges: Vec<Charge>,
    pub failures: Vec<PaymentFailure>,
    pub refunds: Vec<Refund>,
    pub disputes: Vec<DisputeItem>,
    pub warnings: Vec<Warning>,
    /// What Stripe was asked to do with it, oldest first.
    pub operations: Vec<Operation>,
    /// What refunds that are under way hold of it, in the currency's minor unit.
    pub reserved: i64,
    pub timeline: Vec<Line>,
}

impl ObjectView for PaymentView {
    type Object = Payment;

    async fn read(
        ledger: &Ledger,
        tx: &mut Transaction,
        payment: Payment,
        _: DateTime<Utc>,
    ) -> Result<Self, LedgerError> {
        let mut graph = ledger.object_graph();
        read_payments(tx, vec![payment.clone()], &mut graph).await?;
        let below = audited(&graph).into_iter().filter(|(kind, _)| *kind != Invoice::NAME);
        let timeline = timeline(tx, below).await?;
        let mut because = reason::refunds(&graph, &timeline);
        because.extend(reason::all_disputes(&graph, &timeline));
        let charges = by_time(graph.charges.rows(), |row| row.state.created_at);
        let refunds = by_time(graph.refunds.rows(), |row| row.state.created_at);
        let operations = tx.operations_of_payment(&payment.key, OPERATIONS_LIMIT).await?;
        let reserved = RefundFacts::of_rows(&payment, &charges, &refunds, &[]).reserved(&operations);
        Ok(Self {
            user: graph.user_of(&payment.key).map(|user| user.id),
            why: why(&payment),
            because,
            charges,
            failures: by_time(graph.failures.rows(), |row| row.failed_at.at()),
            refunds,
            disputes: read_items_of(tx, &graph).await?,
            warnings: graph.warnings.rows().cloned().collect(),
            operations,
            reserved,
            timeline,
            payment,
        })
    }

    fn key(&self) -> &Key {
        &self.payment.key
    }

    fn status(&self, _: DateTime<Utc>) -> String {
        self.payment.state.status.clone()
    }

    fn why(&self) -> &str {
        &self.why
    }

    fn because(&self) -> &[Reason] {
        &self.because
    }

    fn details(&self, _: DateTime<Utc>) -> Vec<Detail> {
        let payment = &self.payment;
        let mut details = Details::in_currency(&payment.state.currency);
        details.money("amount", payment.state.amount);
        match payment.received() {
            Some(received) => details.money("received", received),
            None => details.text("received", "not known".to_owned()),
        }
        details.money_if_any("capturable", payment.state.amount_capturable);
        if payment.refunded != Refunded::None {
            details.money("refunded", payment.amount_refunded);
            details.note("refunded", payment.refunded.as_str());
        }
        details.text("disputed", disputed(payment).map(str::to_owned));
        details.money_if_any("charged back", payment.amount_charged_back);
        let attempts = (payment.failed_attempts > 0).then(|| payment.failed_attempts.to_string());
        details.text("failed attempts", attempts);
        details.text("last failure", current_failure(payment));
        details.object("invoice", Invoice::NAME, payment.invoice.as_deref());
        details.note("invoice", invoice_link(payment));
        details.money("invoice asks for", payment.purpose.invoice_amount);
        details.object("customer", Customer::NAME, payment.customer.id());
        details.object("user", USER, self.user.as_deref());
        details.text("listing", payment.purpose.listing_id.clone());
        details.text("category", payment.purpose.category_id.clone());
        details.text("type", payment.purpose.payment_type.clone());
        details.time("created", payment.created_at);
        details.moment("succeeded", payment.succeeded_at);
        details.moment("canceled", payment.canceled_at);
        details.text("anomaly", payment.anomaly.clone());
        details.uncertain(payment.seen.needs_refetch);
        details.list()
    }

    fn sum(&self) -> Option<Sum> {
        sums::of_payment(&self.payment, self.reserved)
    }

    fn timeline(&self) -> &[Line] {
        &self.timeline
    }

    fn operations(&self) -> &[Operation] {
        &self.operations
    }

    fn hide_cards(&mut self) {
        Cards::Hidden.hide(&mut self.charges);
    }
}

/// What a list says of a payment beside its own fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PaymentLabels {
    /// As Stripe says, else by the first event about it.
    pub created_at: Option<DateTime<Utc>>,
    /// Whom the payment itself names: the user, else the customer.
    pub payer: Option<String>,
    pub refunded: Option<&'static str>,
    pub disputed: Option<&'static str>,
    /// Why the last attempt failed, if any did.
    pub last_failure: Option<String>,
}

impl PaymentLabels {
    pub fn of(payment: &Payment) -> Self {
        let (code, bank) = (payment.last_failure_code.as_deref(), payment.last_decline_code.as_deref());
        Self {
            created_at: payment.created_at.or(payment.seen.first_event_at),
            payer: payment.user.id().or_else(|| payment.customer.id()).map(str::to_owned),
            refunded: (payment.refunded != Refunded::None).then(|| payment.refunded.as_str()),
            disputed: disputed(payment),
            last_failure: payment.last_failed_at.map(|_| failure_text::code(code, bank)),
        }
    }
}

fn disputed(payment: &Payment) -> Option<&'static str> {
    (payment.disputed != Disputed::None).then(|| payment.disputed.as_str())
}

/// Why the last attempt failed, while it counts.
fn current_failure(payment: &Payment) -> Option<String> {
    let (code, bank) = failure_codes(payment);
    let known = code.is_some() || payment.failed_attempts > 0;
    known.then(|| failure_text::code(code, bank))
}

/// Stripe's code and the bank's: of the failure that counts, else of the last one.
fn failure_codes(payment: &Payment) -> (Option<&str>, Option<&str>) {
    match payment.state.failure_code.as_deref() {
        Some(code) => (Some(code), payment.state.decline_code.as_deref()),
        None => (payment.last_failure_code.as_deref(), payment.last_decline_code.as_deref()),
    }
}

/// Why the last attempt failed, as a sentence.
fn last_failure(payment: &Payment) -> String {
    let plain = |code: &str| code.replace('_', " ");
    match failure_codes(payment) {
        (_, Some(bank)) => format!("The bank declined the last attempt: {}.", plain(bank)),
        (Some(code), None) => format!("The last attempt failed: {}.", plain(code)),
        (None, None) => "The last attempt failed.".to_owned(),
    }
}

/// By which link the invoice that counts is its invoice.
fn invoice_link(payment: &Payment) -> String {
    let reference = payment.invoice_reference.id();
    match (payment.invoice_stripe.id(), payment.invoice_metadata.id()) {
        (Some(stripe), Some(metadata)) if stripe != metadata => {
            format!("by Stripe's link; the metadata names {metadata}")
        }
        (Some(_), _) => "by Stripe's link".to_owned(),
        (None, _) if reference.is_some() && reference == payment.invoice.as_deref() => {
            "by its order reference".to_owned()
        }
        (None, _) => "by the payment's metadata".to_owned(),
    }
}

fn why(payment: &Payment) -> String {
    let failed;
    let status = match payment.state.status.as_str() {
        UNKNOWN => "Another object named it, but nothing has been reported about it yet.",
        "succeeded" => "Stripe reported that the money was received, which is final.",
        "canceled" => "Stripe reported it canceled, which is final.",
        "requires_payment_method" if payment.has_failed() => {
            failed = format!("{} Nothing was received; the customer may try again.", last_failure(payment));
            &failed
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

#[cfg(test)]
mod tests {
    use domain::payments::{OwnInvoice, ReferencedInvoice, StripesInvoice};

    use super::*;

    fn payment() -> Payment {
        Payment::placeholder(Key { id: "pi_1".to_owned(), ..Key::default() })
    }

    fn owned(id: Option<&str>) -> Option<String> {
        id.map(str::to_owned)
    }

    #[test]
    fn the_link_that_counts_is_named() {
        for (stripe, reference, metadata, counts, says) in [
            (Some("in_a"), None, None, "in_a", "by Stripe's link"),
            (Some("in_a"), Some("in_b"), Some("in_a"), "in_a", "by Stripe's link"),
            (Some("in_a"), None, Some("in_c"), "in_a", "by Stripe's link; the metadata names in_c"),
            (None, Some("in_b"), Some("in_c"), "in_b", "by its order reference"),
            (None, Some("in_b"), Some("in_c"), "in_c", "by the payment's metadata"),
            (None, None, Some("in_c"), "in_c", "by the payment's metadata"),
        ] {
            let payment = Payment {
                invoice: owned(Some(counts)),
                invoice_stripe: StripesInvoice { invoice_stripe: owned(stripe), ..Default::default() },
                invoice_reference: ReferencedInvoice {
                    invoice_reference: owned(reference),
                    ..Default::default()
                },
                invoice_metadata: OwnInvoice { invoice_metadata: owned(metadata), ..Default::default() },
                ..payment()
            };
            assert_eq!(invoice_link(&payment), says);
        }
    }

    #[test]
    fn the_sentence_says_what_became_of_the_money() {
        for (status, received, refunded, disputed, says) in [
            ("succeeded", 500, Refunded::None, Disputed::None, "which is final."),
            ("succeeded", 500, Refunded::Partial, Disputed::None, "final. A part of it was refunded."),
            ("succeeded", 500, Refunded::Full, Disputed::None, "final. All of it was refunded."),
            (UNKNOWN, 0, Refunded::Partial, Disputed::None, "how much had been received is not known."),
            ("succeeded", 500, Refunded::None, Disputed::Open, "final. It is disputed."),
            ("succeeded", 500, Refunded::None, Disputed::Lost, "A dispute about it was lost."),
            ("processing", 0, Refunded::None, Disputed::None, "The bank has not decided yet."),
        ] {
            let mut payment = Payment { refunded, disputed, ..payment() };
            payment.state.status = status.to_owned();
            payment.state.amount_received = received;
            assert!(why(&payment).ends_with(says), "{status}: {}", why(&payment));
        }
    }

    #[test]
    fn a_failure_is_told_while_it_counts_and_the_last_one_as_long_as_there_were_any() {
        assert_eq!(current_failure(&payment()), None);
        let mut failed = Payment { last_failure_code: owned(Some("expired_card")), ..payment() };
        failed.failed_attempts = 1;
        assert_eq!(current_failure(&failed).as_deref(), Some("expired_card"));
        failed.state.failure_code = owned(Some("card_declined"));
        failed.state.decline_code = owned(Some("do_not_honor"));
        assert_eq!(current_failure(&failed).as_deref(), Some("card_declined (do_not_honor)"));
        failed.state.status = "requires_payment_method".to_owned();
        let says = "The bank declined the last attempt: do not honor. Nothing was received; the customer may try again.";
        assert_eq!(why(&failed), says);
        (failed.state.failure_code, failed.state.decline_code) = (None, None);
        assert!(why(&failed).starts_with("The last attempt failed: expired card."), "{}", why(&failed));
    }
}
