//! What Stripe bills: invoices, and the objects that say which payment paid how much of which.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::stripe::{MADE, Stripe};

#[expect(clippy::struct_excessive_bools, reason = "each is a fact that some event told or not")]
pub struct Invoice {
    pub customer: String,
    pub subscription: Option<String>,
    pub amount: i64,
    pub paid: i64,
    pub currency: &'static str,
    /// Stripe's, or `deleted`.
    pub status: &'static str,
    pub attempts: i64,
    /// When Stripe means to try again by itself.
    pub next_attempt: Option<i64>,
    /// The payments that are meant for it, the latest last.
    pub payments: Vec<String>,
    /// When events told that an attempt failed, each second once.
    pub failures_told: BTreeSet<i64>,
    pub overdue_told: bool,
    /// Sent by mail to be paid, instead of charged.
    pub is_sent_by_mail: bool,
    /// Settled without Stripe, which only older versions say.
    pub is_paid_elsewhere: bool,
    pub paid_at: Option<i64>,
    pub voided_at: Option<i64>,
    pub told: bool,
}

/// What says which payment pays how much of which invoice.
pub struct InvoicePayment {
    pub invoice: String,
    pub payment: String,
    pub amount: i64,
    pub paid_at: Option<i64>,
    /// Its status and amount as they were told last.
    pub told: Option<(&'static str, i64)>,
}

impl Stripe {
    pub fn invoice(&mut self, customer: &str, amount: i64) -> String {
        let id = self.random.id("in");
        let invoice = Invoice {
            customer: customer.to_owned(),
            subscription: None,
            amount,
            paid: 0,
            currency: "usd",
            status: "draft",
            attempts: 0,
            next_attempt: None,
            payments: Vec::new(),
            failures_told: BTreeSet::new(),
            overdue_told: false,
            is_sent_by_mail: false,
            is_paid_elsewhere: false,
            paid_at: None,
            voided_at: None,
            told: false,
        };
        self.invoices.insert(id.clone(), invoice);
        id
    }

    pub fn invoice_becomes(&mut self, id: &str, status: &'static str) {
        let now = self.now;
        let bill = self.invoice_mut(id);
        bill.status = status;
        match status {
            "paid" => bill.paid_at = Some(now),
            "void" => bill.voided_at = Some(now),
            _ => {}
        }
    }

    /// From now on this payment is meant for the invoice.
    pub fn assign(&mut self, payment: &str, invoice: &str) {
        self.payment_mut(payment).invoice = Some(invoice.to_owned());
        self.link_of(payment, invoice);
    }

    /// The object between them, made where there is none yet.
    fn link_of(&mut self, payment: &str, invoice: &str) -> String {
        let is_it = |link: &InvoicePayment| link.payment == payment && link.invoice == invoice;
        if let Some((id, _)) = self.invoice_payments.iter().find(|(_, link)| is_it(link)) {
            return id.clone();
        }
        self.invoice_mut(invoice).payments.push(payment.to_owned());
        let id = self.random.id("inpay");
        let (invoice, payment) = (invoice.to_owned(), payment.to_owned());
        let link = InvoicePayment { invoice, payment, amount: 0, paid_at: None, told: None };
        self.invoice_payments.insert(id.clone(), link);
        id
    }

    /// A payment that succeeded pays so much of it; it is paid when all is there. Gives the link's object.
    pub fn pay_invoice(&mut self, payment: &str, invoice: &str, amount: i64) -> String {
        if self.payments[payment].invoice.is_none() {
            self.assign(payment, invoice);
        }
        let id = self.link_of(payment, invoice);
        let now = self.now;
        let link = self.invoice_payments.get_mut(&id).expect("just found or made");
        (link.amount, link.paid_at) = (amount, Some(now));
        let bill = self.invoice_mut(invoice);
        bill.paid += amount;
        bill.attempts += 1;
        bill.next_attempt = None;
        if bill.paid >= bill.amount {
            self.invoice_becomes(invoice, "paid");
        }
        id
    }

    /// The link between a payment and an invoice, which is its own object since 2025.
    pub fn tell_link(&mut self, invoice_payment: &str) {
        if self.version.links_by_objects() {
            self.tell(&["invoice_payment.paid"], invoice_payment);
        }
    }

    pub(super) fn invoice_mut(&mut self, id: &str) -> &mut Invoice {
        self.invoices.get_mut(id).expect("an invoice of this account")
    }

    pub(super) fn tell_invoice(&mut self, kind: &str, id: &str) -> Value {
        let (now, by_objects) = (self.now, self.version.links_by_objects());
        let lists = by_objects && self.lists_payments;
        let bill = self.invoice_mut(id);
        bill.told = true;
        bill.overdue_told |= kind == "invoice.overdue";
        if kind == "invoice.payment_failed" {
            bill.failures_told.insert(now);
        }
        // Before there were link objects an invoice knew only its latest payment.
        let named = if by_objects { 0 } else { bill.payments.len().saturating_sub(1) };
        if lists || !by_objects {
            let payments = bill.payments.split_off(named);
            for payment in &payments {
                self.payment_mut(payment).invoice_told = true;
                if lists {
                    let link = self.link_of(payment, id);
                    self.note_link(&link);
                }
            }
            self.invoice_mut(id).payments.extend(payments);
        }
        self.invoice_json(id)
    }

    pub(super) fn tell_invoice_payment(&mut self, id: &str) -> Value {
        let link = &self.invoice_payments[id];
        let (payment, body) = (link.payment.clone(), self.invoice_payment_body(id));
        self.payment_mut(&payment).invoice_told = true;
        self.note_link(id);
        body.json(&self.setting())
    }

    fn note_link(&mut self, id: &str) {
        let told = (self.status_of_link(id), self.invoice_payments[id].amount);
        self.invoice_payments.get_mut(id).expect("a link of this account").told = Some(told);
    }

    fn status_of_link(&self, id: &str) -> &'static str {
        let link = &self.invoice_payments[id];
        match link.paid_at {
            Some(_) => "paid",
            None if self.payments[&link.payment].status == "canceled" => "canceled",
            None => "open",
        }
    }

    fn invoice_json(&self, id: &str) -> Value {
        let invoice = &self.invoices[id];
        let customer = invoice.customer.clone();
        let mut body =
            stripe_sim::Invoice::new(id.to_owned(), customer, MADE, invoice.amount, invoice.currency);
        // Stripe tells of a deleted invoice as it was: a draft.
        body.status = if invoice.status == "deleted" { "draft" } else { invoice.status };
        body.amount_paid = invoice.paid;
        body.attempt_count = invoice.attempts;
        body.auto_advance = invoice.status == "open";
        body.is_sent = invoice.is_sent_by_mail;
        body.next_payment_attempt = invoice.next_attempt;
        body.finalized_at = invoice.finalized_at();
        (body.paid_at, body.voided_at) = (invoice.paid_at, invoice.voided_at);
        body.paid_out_of_band = invoice.is_paid_elsewhere;
        body.subscription.clone_from(&invoice.subscription);
        body.payment_intent = invoice.payments.last().cloned();
        body.charge = invoice.payments.last().and_then(|payment| self.payments[payment].charge.clone());
        let links = self.invoice_payments.iter().filter(|(_, link)| link.invoice == id);
        body.payments =
            self.lists_payments.then(|| links.map(|(id, _)| self.invoice_payment_body(id)).collect());
        body.metadata = json!({ "campaign": "autumn" });
        body.json(&self.setting())
    }

    fn invoice_payment_body(&self, id: &str) -> stripe_sim::InvoicePayment {
        let link = &self.invoice_payments[id];
        stripe_sim::InvoicePayment {
            id: id.to_owned(),
            created: MADE,
            currency: "usd",
            amount_requested: self.payments[&link.payment].amount,
            amount_paid: link.paid_at.map(|_| link.amount),
            invoice: link.invoice.clone(),
            payment_intent: link.payment.clone(),
            status: self.status_of_link(id),
            paid_at: link.paid_at,
        }
    }
}

impl Invoice {
    /// Every invoice of these histories is finalized at the same moment.
    pub fn finalized_at(&self) -> Option<i64> {
        (!matches!(self.status, "draft" | "deleted")).then_some(MADE)
    }
}
