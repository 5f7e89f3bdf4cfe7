//! Payment intents, what a merchant asks for when he makes one, and how a bank says no.

use serde_json::{Value, json};
use stripe_sim::{Decline, PaymentError, PaymentIntent};

use super::customers::metadata;
use super::stripe::{MADE, Named, Stripe};

#[expect(clippy::struct_excessive_bools, reason = "each is a fact that some event told or not")]
pub struct Payment {
    pub customer: Option<String>,
    pub amount: i64,
    pub received: i64,
    pub currency: &'static str,
    pub status: &'static str,
    pub user: Named,
    /// The merchant's own invoice, from the metadata, and what it asks for.
    pub own_invoice: Named,
    pub own_amount: Option<i64>,
    /// The invoice that Stripe says it pays, and whether any event said so.
    pub invoice: Option<String>,
    pub invoice_told: bool,
    /// Whether its order reference was told, which is that invoice.
    pub reference_told: bool,
    /// When an event first told that it succeeded.
    pub success_told: Option<i64>,
    pub attempts: Vec<Attempt>,
    /// The latest attempt failed, and nothing was tried since.
    pub shows_error: bool,
    pub charge: Option<String>,
    pub told: bool,
}

/// One attempt that failed.
pub struct Attempt {
    pub charge: Option<String>,
    pub decline: Decline,
    /// When an event first told of it.
    pub told: Option<i64>,
    /// Whether the payment told of it, and so of the bank's own code.
    pub told_by_payment: bool,
}

/// What a merchant asks for when he makes a payment.
#[derive(Clone, Debug)]
pub struct Asked {
    pub amount: i64,
    pub currency: &'static str,
    pub customer: Option<String>,
    pub user: Option<String>,
    /// An invoice of the merchant's own, and what it asks for where that is stated.
    pub own_invoice: Option<(String, Option<i64>)>,
}

impl Asked {
    pub fn of(amount: i64) -> Self {
        Self { amount, currency: "usd", customer: None, user: None, own_invoice: None }
    }

    #[must_use]
    pub fn from(mut self, customer: &str) -> Self {
        self.customer = Some(customer.to_owned());
        self
    }

    #[must_use]
    pub fn by(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    #[must_use]
    pub fn on(mut self, invoice: &str, amount: Option<i64>) -> Self {
        self.own_invoice = Some((invoice.to_owned(), amount));
        self
    }

    #[must_use]
    pub fn in_currency(mut self, currency: &'static str) -> Self {
        self.currency = currency;
        self
    }
}

impl Stripe {
    pub fn payment(&mut self, asked: Asked) -> String {
        let id = self.random.id("pi");
        let (own_invoice, own_amount) = asked.own_invoice.unzip();
        let payment = Payment {
            customer: asked.customer,
            amount: asked.amount,
            received: 0,
            currency: asked.currency,
            status: "requires_payment_method",
            user: asked.user.as_deref().into(),
            own_invoice: own_invoice.as_deref().into(),
            own_amount: own_amount.flatten(),
            invoice: None,
            invoice_told: false,
            reference_told: false,
            success_told: None,
            attempts: Vec::new(),
            shows_error: false,
            charge: None,
            told: false,
        };
        self.payments.insert(id.clone(), payment);
        id
    }

    pub fn becomes(&mut self, payment: &str, status: &'static str) {
        let payment = self.payment_mut(payment);
        payment.status = status;
        payment.shows_error &= status == "canceled";
    }

    /// The money is there. Gives the charge.
    pub fn succeed(&mut self, payment: &str) -> String {
        let amount = self.payments[payment].amount;
        let charge = self.charge_of(payment, amount);
        self.becomes(payment, "succeeded");
        self.payment_mut(payment).received = amount;
        charge
    }

    /// The bank has reserved the money; nothing is captured yet.
    pub fn authorize(&mut self, payment: &str) -> String {
        let charge = self.charge_of(payment, 0);
        self.becomes(payment, "requires_capture");
        charge
    }

    pub fn capture(&mut self, payment: &str, amount: i64) {
        self.becomes(payment, "succeeded");
        self.payment_mut(payment).received = amount;
        self.latest_charge(payment).captured = amount;
    }

    /// The bank refuses, and Stripe keeps the charge that failed. Gives the charge.
    pub fn fail(&mut self, payment: &str, decline: Decline) -> String {
        let charge = self.charge_of(payment, 0);
        let failed = self.charges.get_mut(&charge).expect("just made");
        failed.status = "failed";
        failed.decline = Some(decline);
        self.note_failure(payment, Some(charge.clone()), decline);
        charge
    }

    /// Refused before a charge was made, as an authentication that was not finished is.
    pub fn fail_without_charge(&mut self, payment: &str, decline: Decline) {
        self.note_failure(payment, None, decline);
    }

    /// The charge waits for the customer's bank, and nothing is received yet.
    pub fn pend(&mut self, payment: &str) {
        self.becomes(payment, "processing");
        self.payment_mut(payment).received = 0;
        let charge = self.latest_charge(payment);
        (charge.status, charge.captured) = ("pending", 0);
    }

    /// The bank has paid what was pending.
    pub fn clear(&mut self, payment: &str) {
        self.becomes(payment, "succeeded");
        let amount = self.payments[payment].amount;
        self.payment_mut(payment).received = amount;
        let charge = self.latest_charge(payment);
        (charge.status, charge.captured) = ("succeeded", amount);
    }

    /// A charge that was pending failed in the end.
    pub fn bounce(&mut self, payment: &str, decline: Decline) {
        let id = self.payments[payment].charge.clone();
        let charge = self.latest_charge(payment);
        (charge.status, charge.decline) = ("failed", Some(decline));
        self.note_failure(payment, id, decline);
    }

    /// The invoice that the metadata of the payment names from now on.
    pub fn names_own_invoice(&mut self, payment: &str, invoice: Option<&str>) {
        self.payment_mut(payment).own_invoice.becomes(invoice);
    }

    fn note_failure(&mut self, payment: &str, charge: Option<String>, decline: Decline) {
        let payment = self.payment_mut(payment);
        payment.attempts.push(Attempt { charge, decline, told: None, told_by_payment: false });
        payment.status = "requires_payment_method";
        payment.shows_error = true;
    }

    fn charge_of(&mut self, id: &str, captured: i64) -> String {
        let payment = &self.payments[id];
        let (amount, currency) = (payment.amount, payment.currency);
        let (customer, user) = (payment.customer.clone(), payment.user.now.clone());
        let charge = self.charge(amount, captured, currency, customer, user);
        self.charges.get_mut(&charge).expect("just made").payment = Some(id.to_owned());
        self.payment_mut(id).charge = Some(charge.clone());
        charge
    }

    pub(super) fn payment_mut(&mut self, id: &str) -> &mut Payment {
        self.payments.get_mut(id).expect("a payment of this account")
    }

    pub(super) fn tell_payment(&mut self, kind: &str, id: &str) -> Value {
        let (now, links) = (self.now, !self.version.links_by_objects());
        let refers = self.refers_to_invoices();
        let payment = self.payment_mut(id);
        payment.told = true;
        payment.user.as_told();
        payment.own_invoice.as_told();
        payment.invoice_told |= links && payment.invoice.is_some();
        payment.reference_told |= refers && payment.invoice.is_some();
        if payment.status == "succeeded" {
            payment.success_told.get_or_insert(now);
        }
        if kind == "payment_intent.payment_failed" {
            let attempt = payment.attempts.last_mut().expect("something failed");
            attempt.told.get_or_insert(now);
            attempt.told_by_payment = true;
        }
        self.payment_json(id)
    }

    fn payment_json(&self, id: &str) -> Value {
        let payment = &self.payments[id];
        let secret = format!("{id}_secret_{}", &id[3..]);
        let mut body = PaymentIntent::new(id.to_owned(), secret, MADE, payment.amount, payment.currency);
        body.amount_capturable = if payment.status == "requires_capture" { payment.amount } else { 0 };
        body.amount_received = payment.received;
        body.canceled_at = (payment.status == "canceled").then_some(self.now);
        body.customer.clone_from(&payment.customer);
        let error = payment.attempts.last().filter(|_| payment.shows_error);
        body.error =
            error.map(|attempt| PaymentError { charge: attempt.charge.clone(), decline: attempt.decline });
        body.invoice.clone_from(&payment.invoice);
        body.order_reference = payment.invoice.clone().filter(|_| self.refers_to_invoices());
        body.latest_charge.clone_from(&payment.charge);
        let charges = self.charges.iter().filter(|(_, charge)| charge.payment.as_deref() == Some(id));
        body.charges = charges.map(|(id, _)| json!({ "id": id, "object": "charge" })).collect();
        let stated = payment.own_amount.map(|amount| amount.to_string());
        body.metadata = metadata(&[
            ("user_id", payment.user.now.as_ref()),
            ("invoice_id", payment.own_invoice.now.as_ref()),
            ("invoice_amount", stated.as_ref().filter(|_| payment.own_invoice.now.is_some())),
            ("listing_id", Some(&"listing_48213".to_owned())),
        ]);
        body.status = payment.status;
        body.json(&self.setting())
    }
}
