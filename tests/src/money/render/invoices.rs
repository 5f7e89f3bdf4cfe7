//! Invoices, and the objects that say which payment paid how much of which.

use serde_json::Value;
use stripe_sim::{InvoicePayment, Subscription};

use crate::money::account::Account;
use crate::money::facts::{Fact, Report};
use crate::money::objects::{Invoice, Link};

impl Account {
    pub(in crate::money) fn tell_invoice(&mut self, kind: &'static str, place: usize) {
        let invoice = &self.invoices[place];
        let mut facts = vec![Fact::Invoice {
            invoice: invoice.id.clone(),
            report: Report {
                status: invoice.status,
                due: invoice.due,
                paid: invoice.paid(),
                is_overdue: invoice.is_overdue,
                is_sent: invoice.is_sent,
                next_attempt: invoice.next_attempt,
                subscription: invoice.subscription.clone(),
            },
        }];
        if kind == "invoice.payment_failed" {
            facts.push(Fact::FailedInvoice { invoice: invoice.id.clone(), at: self.now });
        }
        let by_objects = self.setting.version.links_by_objects();
        let shown = match (by_objects, self.setting.lists_payments) {
            (true, false) => &[][..],
            (true, true) => &invoice.links[..],
            // Before there were link objects an invoice knew only its latest payment.
            (false, _) => &invoice.links[invoice.links.len().saturating_sub(1)..],
        };
        facts.extend(shown.iter().map(|link| Fact::Link {
            payment: self.payments[link.payment].id.clone(),
            invoice: invoice.id.clone(),
            paid: by_objects.then_some(link.paid),
        }));
        let body = self.invoice(invoice);
        self.send(kind, &body, facts);
    }

    /// `invoice_payment.paid`, which is there since there are such objects.
    pub(in crate::money) fn tell_link(&mut self, place: usize, link: usize) {
        if !self.setting.version.links_by_objects() {
            return;
        }
        let invoice = &self.invoices[place];
        let link = &invoice.links[link];
        let facts = vec![Fact::Link {
            payment: self.payments[link.payment].id.clone(),
            invoice: invoice.id.clone(),
            paid: Some(link.paid),
        }];
        let body = self.invoice_payment(invoice, link).json(&self.form());
        self.send("invoice_payment.paid", &body, facts);
    }

    pub(in crate::money) fn tell_unsubscription(&mut self, subscription: &str, customer: usize) {
        let customer = self.customers[customer].id.clone();
        let mut body = Subscription::new(subscription.to_owned(), customer, self.now - 86_400, 900, "usd");
        (body.status, body.ended_at) = ("canceled", Some(self.now));
        let facts = vec![Fact::Unsubscribed { subscription: subscription.to_owned() }];
        self.send("customer.subscription.deleted", &body.json(&self.form()), facts);
    }

    fn invoice(&self, invoice: &Invoice) -> Value {
        let customer = self.customers[invoice.customer].id.clone();
        let (id, currency) = (invoice.id.clone(), invoice.currency);
        let mut body = stripe_sim::Invoice::new(id, customer, invoice.created, invoice.due, currency);
        // Only since 2025-03-31 the paid amount holds what was paid outside.
        let by_objects = self.setting.version.links_by_objects();
        body.amount_paid = if by_objects { invoice.paid() } else { invoice.paid() - invoice.out_of_band };
        body.attempt_count = invoice.attempts;
        body.auto_advance = invoice.next_attempt.is_some();
        body.is_sent = invoice.is_sent;
        body.next_payment_attempt = invoice.next_attempt;
        body.status = invoice.status;
        (body.finalized_at, body.paid_at) = (invoice.finalized_at, invoice.paid_at);
        body.voided_at = (invoice.status == "void").then_some(self.now);
        body.paid_out_of_band = invoice.out_of_band > 0;
        body.subscription.clone_from(&invoice.subscription);
        let latest = invoice.links.last().map(|link| &self.payments[link.payment]);
        body.payment_intent = latest.map(|payment| payment.id.clone());
        body.charge = latest.and_then(|payment| payment.charges.last()).map(|charge| charge.id.clone());
        let links = invoice.links.iter();
        body.payments = (self.setting.lists_payments)
            .then(|| links.map(|link| self.invoice_payment(invoice, link)).collect());
        body.json(&self.form())
    }

    fn invoice_payment(&self, invoice: &Invoice, link: &Link) -> InvoicePayment {
        let is_paid = link.paid > 0;
        InvoicePayment {
            id: link.id.clone(),
            created: invoice.created,
            currency: invoice.currency,
            amount_requested: link.requested,
            amount_paid: is_paid.then_some(link.paid),
            invoice: invoice.id.clone(),
            payment_intent: self.payments[link.payment].id.clone(),
            status: if is_paid { "paid" } else { "open" },
            paid_at: is_paid.then_some(self.now),
        }
    }
}
