//! The surroundings of invoices: which payments pay them, by which links, their shares, and what collects them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::ObjectGraph;
use crate::Key;
use crate::index::Link;
use crate::invoice_payments::InvoicePayment;
use crate::invoices::{Invoice, NoRetry, Part, Parts, shares};
use crate::payments::Payment;
use crate::subscriptions::Subscription;

impl ObjectGraph {
    /// When an invoice's payment is tried again, as planned here, or why it is not.
    pub fn retry_of_invoice(&self, key: &Key) -> Result<DateTime<Utc>, NoRetry> {
        let invoice = self.invoices.get(key).ok_or(NoRetry::NotFailed)?;
        invoice.plan_retry(&self.parts_of_invoice(key), &self.policy)
    }

    /// Everything that an invoice derives from.
    pub fn parts_of_invoice(&self, key: &Key) -> Parts<'_> {
        let payments = self.payments_paying(key);
        let attempts = payments.iter().flat_map(|payment| self.links.of(Link::FailureOfPayment, payment));
        let attempts = attempts.filter_map(|attempt| self.failures.get(attempt)).collect();
        let subscription = self.invoices.get(key).and_then(Invoice::subscribed);
        let subscription = subscription.and_then(|subscription| self.subscriptions.get(&subscription));
        Parts {
            payments: self.payments.among(payments.iter()).map(|payment| self.part(payment, key)).collect(),
            attempts,
            reports: self.failures.among(self.links.of(Link::FailureOfInvoice, key)).collect(),
            paid_in_parts: self.paid_in_parts(key),
            is_subscription_over: subscription.is_some_and(Subscription::is_over),
        }
    }

    fn paid_in_parts(&self, invoice: &Key) -> i64 {
        let rows = self.invoice_payments.among(self.links.of(Link::InvoicePaymentOfInvoice, invoice));
        rows.filter(|row| row.is_paid()).map(|row| row.state.amount_paid).fold(0, i64::saturating_add)
    }

    fn part<'a>(&self, payment: &'a Payment, invoice: &Key) -> Part<'a> {
        let rows = self.invoice_payments.among(self.links.of(Link::InvoicePaymentOfPayment, &payment.key));
        let weights = shares::weights(payment, rows);
        let share = |amount| shares::share(amount, &weights, invoice);
        Part {
            payment,
            refunded: share(payment.amount_refunded),
            charged_back: share(payment.amount_charged_back),
            bears: weights.get(invoice).is_some_and(|weight| *weight > 0),
        }
    }

    /// The payments of an invoice: those that count for it, and those that Stripe's own objects link.
    fn payments_paying(&self, invoice: &Key) -> BTreeSet<Key> {
        let rows = self.invoice_payments.among(self.links.of(Link::InvoicePaymentOfInvoice, invoice));
        let linked = rows.filter_map(InvoicePayment::paid_by);
        self.links.of(Link::PaymentOfInvoice, invoice).cloned().chain(linked).collect()
    }

    /// Every invoice that a payment may count for, or whose share depends on it.
    pub(super) fn invoices_of_payment(&self, payment: &Key) -> BTreeSet<Key> {
        let rows = self.invoice_payments.among(self.links.of(Link::InvoicePaymentOfPayment, payment));
        let linked = rows.filter_map(InvoicePayment::owner);
        let named = self.payments.get(payment).into_iter().flat_map(Payment::invoices);
        named.chain(linked).collect()
    }

    /// Decides for which invoice a payment counts.
    pub(super) fn count_payment(&mut self, key: &Key) {
        let Some(referenced) = self.payments.get(key).map(Payment::referenced) else { return };
        let is_reported = referenced.as_ref().and_then(|invoice| self.invoices.get(invoice));
        let is_reported = is_reported.is_some_and(|invoice| invoice.seen.is_reported());
        self.payments.change(key, |row| row.count_for(is_reported));
        self.relink::<Payment>(key);
    }

    /// The same for all that count for this invoice once Stripe reports it.
    pub(super) fn count_awaiting_payments(&mut self, invoice: &Key) {
        let awaiting: Vec<Key> = self.payments_awaiting(invoice).cloned().collect();
        for payment in awaiting {
            self.count_payment(&payment);
        }
    }

    /// The payments that count for this invoice as soon as Stripe reports it, and not yet. A report of it has
    /// locked them; of others that refer to it nothing may change.
    pub(super) fn payments_awaiting<'a>(&'a self, invoice: &'a Key) -> impl Iterator<Item = &'a Key> {
        let awaits =
            |payment: &Payment| payment.owner().as_ref() != Some(invoice) && payment.counts_by_reference();
        let referring = self.links.of(Link::PaymentByReference, invoice);
        referring.filter(move |payment| self.payments.get(payment).is_some_and(awaits))
    }
}
