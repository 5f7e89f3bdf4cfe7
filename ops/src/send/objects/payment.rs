//! A payment intent and the charges that try to fulfil it.

use serde_json::{Value, json};

use super::{CHARGE, Decline, PAYMENT_INTENT, Setting, filled, lay_over, without};

pub struct Payment {
    pub id: String,
    pub client_secret: String,
    pub created: i64,
    pub amount: i64,
    pub status: &'static str,
    pub description: String,
    /// The invoice it pays, where there is one.
    pub invoice: Option<String>,
    pub canceled_at: Option<i64>,
}

pub struct Charge {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub amount_refunded: i64,
    pub balance_transaction: String,
    pub network_transaction: u64,
    pub risk_score: u64,
    pub decline: Option<&'static Decline>,
    pub dispute: Option<String>,
    /// The refund that Stripe made last, for the link that the receipt carries.
    pub receipt: String,
}

impl Payment {
    pub fn json(&self, setting: &Setting, charge: Option<&Charge>) -> Value {
        let customer = &setting.customer;
        let decline = charge.and_then(|charge| Some((charge, charge.decline?)));
        let succeeded = self.status == "succeeded";
        let mut value = filled(
            &PAYMENT_INTENT,
            json!({
                "id": self.id,
                "amount": self.amount,
                "amount_received": if succeeded { self.amount } else { 0 },
                "client_secret": self.client_secret,
                "created": self.created,
                "currency": setting.currency,
                "customer": customer.id,
                "description": self.description,
                "latest_charge": charge.map(|charge| &charge.id),
                "livemode": setting.livemode,
                "metadata": setting.metadata,
                "status": self.status,
            }),
        );
        if self.status != "requires_payment_method" {
            lay_over(&mut value, json!({ "payment_method": customer.payment_method }));
        }
        if let Some((charge, decline)) = decline.filter(|_| !succeeded) {
            lay_over(&mut value, json!({ "last_payment_error": decline.error(&charge.id, customer) }));
        }
        if self.status == "requires_action" {
            let action =
                json!({ "type": "use_stripe_sdk", "use_stripe_sdk": { "type": "three_d_secure_redirect" } });
            lay_over(&mut value, json!({ "next_action": action }));
        }
        if let Some(at) = self.canceled_at {
            lay_over(&mut value, json!({ "canceled_at": at, "cancellation_reason": "abandoned" }));
        }
        if setting.api_version.refers_to_invoice() {
            let details = json!({ "customer_reference": null, "order_reference": self.invoice });
            lay_over(&mut value, json!({ "payment_details": details }));
        }
        if !setting.api_version.links_by_objects() {
            without(&mut value, &["customer_account", "excluded_payment_method_types", "payment_details"]);
            lay_over(&mut value, json!({ "invoice": self.invoice }));
        }
        value
    }
}

impl Charge {
    pub fn json(&self, setting: &Setting, payment: &Payment) -> Value {
        let customer = &setting.customer;
        let mut card = customer.card.details();
        lay_over(
            &mut card,
            json!({
                "amount_authorized": self.amount,
                "network_transaction_id": self.network_transaction.to_string(),
                "overcapture": { "maximum_amount_capturable": self.amount },
            }),
        );
        let mut value = filled(
            &CHARGE,
            json!({
                "id": self.id,
                "amount": self.amount,
                "amount_refunded": self.amount_refunded,
                "billing_details": { "email": customer.email, "name": customer.name },
                "created": self.created,
                "currency": setting.currency,
                "customer": customer.id,
                "description": payment.description,
                "dispute": self.dispute,
                "disputed": self.dispute.is_some(),
                "livemode": setting.livemode,
                "metadata": setting.metadata,
                "outcome": { "risk_score": self.risk_score },
                "payment_intent": payment.id,
                "payment_method": customer.payment_method,
                "payment_method_details": { "card": card },
                "refunded": self.amount_refunded == self.amount,
            }),
        );
        lay_over(&mut value, self.result());
        if !setting.api_version.links_by_objects() {
            lay_over(&mut value, json!({ "invoice": payment.invoice }));
        }
        value
    }

    fn result(&self) -> Value {
        match self.decline {
            None => json!({
                "amount_captured": self.amount,
                "balance_transaction": self.balance_transaction,
                "captured": true,
                "paid": true,
                "receipt_url": format!("https://pay.stripe.com/receipts/payment/{}", self.receipt),
                "status": "succeeded",
            }),
            Some(decline) => json!({
                "failure_code": decline.code,
                "failure_message": decline.message,
                "outcome": {
                    "network_decline_code": "51",
                    "network_status": "declined_by_network",
                    "reason": decline.bank_code,
                    "seller_message": format!("The bank returned the decline code `{}`.", decline.bank_code),
                    "type": "issuer_declined",
                },
                "status": "failed",
            }),
        }
    }
}
