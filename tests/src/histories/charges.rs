//! Charges: the attempts to fulfil a payment, or payments by themselves.

use serde_json::{Value, json};

use super::payments::{Asked, Decline};
use super::people::metadata;
use super::stripe::Stripe;

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
            let payment = self.pay(&payment);
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
        let charge = &self.charges[id];
        let refunded = self.refunded_of(id);
        let dispute = self.disputes.iter().find(|(_, dispute)| dispute.charge == id).map(|(id, _)| id);
        let payment = charge.payment.as_ref().map(|payment| &self.payments[payment]);
        let outcome = match charge.decline {
            Some(decline) => json!({
                "network_status": "declined_by_network", "reason": decline.decline_code,
                "type": "issuer_declined",
            }),
            None => json!({ "network_status": "approved_by_network", "reason": null, "type": "authorized" }),
        };
        let mut value = json!({
            "id": id, "object": "charge", "amount": charge.amount, "amount_captured": charge.captured,
            "amount_refunded": refunded, "balance_transaction": null,
            "billing_details": { "email": "buyer@example.com", "name": "Jane Example" },
            "captured": charge.captured > 0, "created": 1_780_000_000, "currency": charge.currency,
            "customer": self.link(charge.customer.as_ref(), "customer"), "description": null,
            "disputed": dispute.is_some(), "failure_code": charge.decline.map(|decline| decline.code),
            "failure_message": charge.decline.map(|_| "The bank says no."), "livemode": self.livemode(),
            "metadata": metadata(&[("user_id", charge.user.as_ref())]), "outcome": outcome,
            "paid": charge.status == "succeeded",
            "payment_intent": self.link(charge.payment.as_ref(), "payment_intent"),
            "payment_method_details": {
                "card": {
                    "brand": "visa", "country": "US", "exp_month": 4, "exp_year": 2031,
                    "last4": charge.last4, "network": "visa",
                },
                "type": "card",
            },
            "refunded": refunded > 0 && refunded == charge.captured, "status": charge.status,
        });
        if !self.version.links_by_objects() {
            value["invoice"] = self.link(payment.and_then(|payment| payment.invoice.as_ref()), "invoice");
            value["dispute"] = self.link(dispute, "dispute");
        }
        if self.version.lists_children() {
            let of_charge = self.refunds.iter().filter(|(_, refund)| refund.charge == id);
            let refunds: Vec<Value> = of_charge.map(|(id, _)| self.refund_json(id)).collect();
            value["refunds"] = json!({
                "object": "list", "data": refunds, "has_more": false, "total_count": refunds.len(),
            });
        }
        value
    }
}
