//! Charges: the attempts to fulfil a payment, or payments by themselves.

use serde_json::Value;
use stripe_sim::Decline;

use super::customers::metadata;
use super::payments::Asked;
use super::stripe::{MADE, Stripe};

pub struct Charge {
    /// `None`: it was made without a payment intent, and is its own payment.
    pub payment: Option<String>,
    pub customer: Option<String>,
    pub user: Option<String>,
    pub amount: i64,
    pub captured: i64,
    pub currency: &'static str,
    pub status: &'static str,
    pub decline: Option<Decline>,
    pub last4: &'static str,
    pub told: bool,
    /// The refunds that its last report counted.
    pub counted: Vec<String>,
}

impl Charge {
    /// Where the charge was never told, nobody knows its currency.
    pub fn adds_up_with(&self, currency: &str) -> bool {
        !self.told || self.currency == currency
    }
}

impl Stripe {
    /// A charge as it was made before there were payment intents.
    pub fn direct_charge(&mut self, asked: Asked) -> String {
        self.charge(asked.amount, asked.amount, asked.currency, asked.customer, asked.user)
    }

    pub(super) fn latest_charge(&mut self, payment: &str) -> &mut Charge {
        let charge = self.payments[payment].charge.clone().expect("it was tried");
        self.charges.get_mut(&charge).expect("a charge of this account")
    }

    pub(super) fn charge(
        &mut self,
        amount: i64,
        captured: i64,
        currency: &'static str,
        customer: Option<String>,
        user: Option<String>,
    ) -> String {
        let id = self.random.id("ch");
        let last4 = self.random.pick(&["4242", "4444", "9995"]);
        let status = "succeeded";
        let (payment, decline, told, counted) = (None, None, false, Vec::new());
        self.charges.insert(
            id.clone(),
            Charge {
                payment,
                customer,
                user,
                amount,
                captured,
                currency,
                status,
                decline,
                last4,
                told,
                counted,
            },
        );
        id
    }

    /// What was refunded of a charge: refunds that failed or were canceled give nothing back.
    pub(super) fn refunded_of(&self, charge: &str) -> i64 {
        self.refunds
            .values()
            .filter(|refund| refund.charge == charge && refund.gives_back())
            .map(|r| r.amount)
            .sum()
    }

    pub(super) fn tell_charge(&mut self, id: &str) -> Value {
        let now = self.now;
        let counted = self.refunds.iter().filter(|(_, refund)| refund.charge == id && refund.gives_back());
        let counted = counted.map(|(id, _)| id.clone()).collect();
        let charge = self.charges.get_mut(id).expect("a charge of this account");
        (charge.told, charge.counted) = (true, counted);
        if let Some(payment) = charge.payment.clone() {
            let links = !self.version.links_by_objects();
            let payment = self.payment_mut(&payment);
            payment.invoice_told |= links && payment.invoice.is_some();
            let failed = payment.attempts.iter_mut().find(|attempt| attempt.charge.as_deref() == Some(id));
            if let Some(attempt) = failed {
                attempt.told.get_or_insert(now);
            }
        }
        if self.version.lists_children() {
            self.refunds.values_mut().filter(|refund| refund.charge == id).for_each(|r| r.told = Some(now));
        }
        self.charge_json(id)
    }

    fn charge_json(&self, id: &str) -> Value {
        let mut setting = self.setting();
        setting.payer.card.last4 = self.charges[id].last4;
        let mut body = self.charge_body(id);
        let refunds = self.refunds.iter().filter(|(_, refund)| refund.charge == id);
        body.refunds = refunds.map(|(id, _)| self.refund_body(id).json(&setting)).collect();
        body.json(&setting)
    }

    pub(super) fn charge_body(&self, id: &str) -> stripe_sim::Charge {
        let charge = &self.charges[id];
        let payment = charge.payment.as_ref().map(|payment| &self.payments[payment]);
        let dispute = self.disputes.iter().find(|(_, dispute)| dispute.charge == id).map(|(id, _)| id);
        let mut body = stripe_sim::Charge::new(id.to_owned(), MADE, charge.amount, charge.currency);
        body.amount_captured = Some(charge.captured);
        body.amount_refunded = self.refunded_of(id);
        body.is_refunded = body.amount_refunded > 0 && body.amount_refunded == charge.captured;
        (body.status, body.decline) = (charge.status, charge.decline);
        body.customer.clone_from(&charge.customer);
        body.payment_intent.clone_from(&charge.payment);
        body.invoice = payment.and_then(|payment| payment.invoice.clone());
        body.is_disputed = dispute.is_some();
        // In newer versions nothing but the dispute itself shall say which charge it is about.
        body.dispute = dispute.filter(|_| !self.version.links_by_objects()).cloned();
        body.metadata = metadata(&[("user_id", charge.user.as_ref())]);
        body
    }
}
