//! The page of an invoice: its status, and the payments, refunds, disputes and attempts behind it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::charges::Charge;
use domain::customers::Customer;
use domain::invoice_payments::InvoicePayment;
use domain::invoices::{Invoice, Part};
use domain::object_graph::ObjectGraph;
use domain::operations::Operation;
use domain::payment_failures::PaymentFailure;
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::subscriptions::Subscription;
use domain::{Key, Object};
use ledger::graph::related::{audited, read_invoice};
use ledger::tables::audit::Line;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::cards::Cards;
use super::detail::{Detail, Details};
use super::dispute_item::{DisputeItem, read_items_of};
use super::invoice_reasons::{explain, retry_plan};
use super::object::{ObjectView, by_time};
use super::operations_about::about;
use super::reason::Reason;
use super::sums::{self, Sum};
use super::timeline::timeline;

#[derive(Debug, Serialize)]
pub struct InvoiceView {
    pub invoice: Invoice,
    pub why: String,
    pub because: Vec<Reason>,
    pub retry_plan: Option<String>,
    pub payments: Vec<Payment>,
    /// How much of it each payment paid, as Stripe's own objects say, and what it bears of what went back.
    pub shares: Vec<InvoiceShare>,
    pub charges: Vec<Charge>,
    pub failures: Vec<PaymentFailure>,
    pub refunds: Vec<Refund>,
    pub disputes: Vec<DisputeItem>,
    /// Retries of it and charges for it, planned ones too.
    pub operations: Vec<Operation>,
    pub timeline: Vec<Line>,
}

/// What one payment did for this invoice.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct InvoiceShare {
    pub payment: String,
    /// Of how many invoices it is one.
    pub of_invoices: usize,
    pub amount_paid: i64,
    pub amount_refunded: i64,
    pub amount_charged_back: i64,
}

impl ObjectView for InvoiceView {
    type Object = Invoice;

    async fn read(
        ledger: &Ledger,
        tx: &mut Transaction,
        invoice: Invoice,
        _: DateTime<Utc>,
    ) -> Result<Self, LedgerError> {
        let mut graph = ledger.object_graph();
        read_invoice(tx, invoice.clone(), &mut graph).await?;
        let timeline = timeline(tx, audited(&graph)).await?;
        let (why, because) = explain(&invoice, &graph, &timeline);
        Ok(Self {
            retry_plan: retry_plan(&invoice, &graph, ledger.policy()),
            why,
            because,
            shares: shares(&invoice, &graph),
            payments: by_time(graph.payments.rows(), |row| row.created_at),
            charges: by_time(graph.charges.rows(), |row| row.state.created_at),
            failures: graph.parts_of_invoice(&invoice.key).failures().into_iter().cloned().collect(),
            refunds: by_time(graph.refunds.rows(), |row| row.state.created_at),
            disputes: read_items_of(tx, &graph).await?,
            operations: about(tx, &invoice.key).await?,
            timeline,
            invoice,
        })
    }

    fn key(&self) -> &Key {
        &self.invoice.key
    }

    fn status(&self, _: DateTime<Utc>) -> String {
        self.invoice.status.as_str().to_owned()
    }

    fn why(&self) -> &str {
        &self.why
    }

    fn because(&self) -> &[Reason] {
        &self.because
    }

    fn details(&self, _: DateTime<Utc>) -> Vec<Detail> {
        let invoice = &self.invoice;
        let mut details = Details::in_currency(&invoice.state.currency);
        details.money("due", invoice.state.amount_due);
        details.money("paid", invoice.amount_paid);
        details.money_if_any("refunded", invoice.amount_refunded);
        details.money_if_any("charged back", invoice.amount_charged_back);
        if invoice.state.stripe_status.is_some() {
            details.money("remaining", invoice.remaining());
            details.text("Stripe says", invoice.state.stripe_status.clone());
        }
        details.text("number", invoice.state.number.clone());
        details.words("collection", invoice.state.collection_method.as_deref());
        details.words("billed for", invoice.state.billing_reason.as_deref());
        details.object("customer", Customer::NAME, invoice.customer.id());
        details.object("subscription", Subscription::NAME, invoice.subscription.id());
        details.time("created", invoice.state.created_at);
        details.time("finalized", invoice.finalized_at);
        details.time("sent", invoice.sent_at);
        details.time("to be paid by", invoice.state.due_at);
        details.time("overdue since", invoice.overdue_at);
        details.time("paid at", invoice.paid_at);
        details.text("settled", invoice.state.paid_out_of_band.then(|| "outside of Stripe".to_owned()));
        details.time("voided", invoice.voided_at);
        if invoice.attempt_count > 0 {
            details.text("attempts", format!("{} by Stripe's count", invoice.attempt_count));
        }
        if invoice.payment_retry_count > 0 {
            self.add_failures(&mut details);
        }
        details.time("last failure", invoice.payment_failed_at);
        details.text("next retry", self.retry_plan.clone());
        details.text("anomaly", invoice.anomaly.clone());
        details.uncertain(invoice.seen.needs_refetch);
        details.list()
    }

    fn sum(&self) -> Option<Sum> {
        sums::of_invoice(&self.invoice)
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

impl InvoiceView {
    /// Only where a payment pays several invoices is its part in this one worth a table.
    pub fn is_shared(&self) -> bool {
        self.shares.iter().any(|share| share.of_invoices > 1)
    }

    /// How many failures there were, and how many of them only the invoice tells of.
    fn add_failures(&self, details: &mut Details<'_>) {
        details.text("failures", self.failures.len().to_string());
        let alone = self.failures.iter().filter(|failure| failure.invoice.is_some()).count();
        if alone > 0 {
            details.note(
                "failures",
                format!("{alone} of them reported by the invoice alone, which gives no reason"),
            );
        }
    }
}

/// What a list says of an invoice beside its own fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InvoiceLabels {
    /// As Stripe says, else by the first event about it.
    pub created_at: Option<DateTime<Utc>>,
    /// When it is tried again: by our plan, else by Stripe's.
    pub next_retry_at: Option<DateTime<Utc>>,
}

impl InvoiceLabels {
    pub fn of(invoice: &Invoice) -> Self {
        Self {
            created_at: invoice.state.created_at.or(invoice.seen.first_event_at),
            next_retry_at: invoice.next_payment_retry_at.or(invoice.state.next_payment_attempt_at),
        }
    }
}

fn shares(invoice: &Invoice, graph: &ObjectGraph) -> Vec<InvoiceShare> {
    let own = |row: &&InvoicePayment| row.owner().as_ref() == Some(&invoice.key);
    let share = |part: &Part<'_>| {
        let rows =
            || graph.invoice_payments.rows().filter(|row| row.paid_by().as_ref() == Some(&part.payment.key));
        let invoices: BTreeSet<Key> = rows().filter_map(InvoicePayment::owner).collect();
        InvoiceShare {
            payment: part.payment.key.id.clone(),
            of_invoices: invoices.len().max(1),
            amount_paid: rows().filter(own).map(|row| row.state.amount_paid).fold(0, i64::saturating_add),
            amount_refunded: part.refunded,
            amount_charged_back: part.charged_back,
        }
    };
    graph.parts_of_invoice(&invoice.key).payments.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use domain::invoice_payments::{self, InvoicePayment};

    use super::*;

    fn key(id: &str) -> Key {
        Key { id: id.to_owned(), ..Key::default() }
    }

    fn linked(id: &str, invoice: &str, amount_paid: i64) -> InvoicePayment {
        let mut row = InvoicePayment::placeholder(key(id));
        row.invoice =
            invoice_payments::InvoiceLink { invoice: Some(invoice.to_owned()), ..Default::default() };
        row.payment =
            invoice_payments::PaymentLink { payment: Some("pi_1".to_owned()), ..Default::default() };
        row.state.amount_paid = amount_paid;
        row
    }

    #[test]
    fn a_payment_of_two_invoices_shows_its_part_in_each() {
        let mut graph = ObjectGraph::default();
        let invoice = Invoice::placeholder(key("in_1"));
        graph.load(invoice.clone());
        graph.load(Payment::placeholder(key("pi_1")));
        graph.load(linked("inpay_1", "in_1", 400));
        graph.load(linked("inpay_2", "in_2", 600));
        let shares = shares(&invoice, &graph);
        let [share] = &shares[..] else { panic!("{shares:?}") };
        assert_eq!((share.payment.as_str(), share.of_invoices, share.amount_paid), ("pi_1", 2, 400));
    }
}
