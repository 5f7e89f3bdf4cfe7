//! A refund.

use serde_json::Value;

use super::stripe::Stripe;

pub struct Refund {
    pub charge: String,
    pub amount: i64,
    pub currency: &'static str,
    pub status: &'static str,
    pub reason: Option<&'static str>,
    pub made: i64,
    /// When an event last told of it.
    pub told: Option<i64>,
}

impl Refund {
    pub fn gives_back(&self) -> bool {
        !matches!(self.status, "failed" | "canceled")
    }

    pub fn failure_reason(&self) -> Option<&'static str> {
        (self.status == "failed").then_some("lost_or_stolen_card")
    }
}

impl Stripe {
    pub fn refund(&mut self, charge: &str, amount: i64, status: &'static str) -> String {
        let id = self.random.id("re");
        let currency = self.charges[charge].currency;
        let (charge, reason) = (charge.to_owned(), Some("requested_by_customer"));
        let made = self.now;
        self.refunds
            .insert(id.clone(), Refund { charge, amount, currency, status, reason, made, told: None });
        id
    }

    pub fn refund_becomes(&mut self, id: &str, status: &'static str) {
        self.refunds.get_mut(id).expect("a refund of this account").status = status;
    }

    pub fn refund_currency(&mut self, id: &str, currency: &'static str) {
        self.refunds.get_mut(id).expect("a refund of this account").currency = currency;
    }

    pub(super) fn tell_refund(&mut self, id: &str) -> Value {
        self.refunds.get_mut(id).expect("a refund of this account").told = Some(self.now);
        self.refund_body(id).json(&self.setting())
    }

    pub(super) fn refund_body(&self, id: &str) -> stripe_sim::Refund {
        let refund = &self.refunds[id];
        let charge = self.charge_body(&refund.charge);
        let mut body = stripe_sim::Refund::new(id.to_owned(), &charge, refund.made, refund.amount);
        (body.currency, body.status, body.reason) = (refund.currency, refund.status, refund.reason);
        body.failure_reason = refund.failure_reason();
        body
    }
}
