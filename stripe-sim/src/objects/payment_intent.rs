//! A payment intent: what is to be paid, and how far the attempts have come.

use serde_json::{Value, json};

use super::{PAYMENT_INTENT, PaymentError, filled, lay_over, list, without};
use crate::Setting;

#[derive(Clone, Debug)]
pub struct PaymentIntent {
    pub id: String,
    pub client_secret: String,
    pub created: i64,
    pub amount: i64,
    pub amount_capturable: i64,
    pub amount_received: i64,
    pub currency: &'static str,
    pub capture_method: &'static str,
    pub customer: Option<String>,
    pub description: String,
    /// The invoice that Stripe made it for, which only older versions say.
    pub invoice: Option<String>,
    /// The same as `payment_details.order_reference`, which only newer versions have.
    pub order_reference: Option<String>,
    /// The latest attempt failed, and nothing was tried since.
    pub error: Option<PaymentError>,
    pub latest_charge: Option<String>,
    /// The bodies of its charges, for the versions that list them.
    pub charges: Vec<Value>,
    pub metadata: Value,
    pub payment_method_types: &'static [&'static str],
    pub status: &'static str,
    pub canceled_at: Option<i64>,
}

impl PaymentIntent {
    pub fn new(id: String, client_secret: String, created: i64, amount: i64, currency: &'static str) -> Self {
        Self {
            id,
            client_secret,
            created,
            amount,
            amount_capturable: 0,
            amount_received: 0,
            currency,
            capture_method: "automatic_async",
            customer: None,
            description: "Listing fee".to_owned(),
            invoice: None,
            order_reference: None,
            error: None,
            latest_charge: None,
            charges: Vec::new(),
            metadata: json!({}),
            payment_method_types: &["card", "link"],
            status: "requires_payment_method",
            canceled_at: None,
        }
    }

    pub fn json(&self, setting: &Setting) -> Value {
        let customer = self.customer.as_deref();
        let version = setting.api_version;
        let is_tried = self.status != "requires_payment_method";
        let mut value = filled(
            &PAYMENT_INTENT,
            setting,
            json!({
                "id": self.id,
                "object": "payment_intent",
                "amount": self.amount,
                "amount_capturable": self.amount_capturable,
                "amount_received": self.amount_received,
                "canceled_at": self.canceled_at,
                "cancellation_reason": self.canceled_at.map(|_| "abandoned"),
                "capture_method": self.capture_method,
                "client_secret": self.client_secret,
                "created": self.created,
                "currency": self.currency,
                "customer": setting.link(customer, "customer"),
                "description": self.description,
                "last_payment_error": self.error.as_ref().map(|error| error.json(setting, customer)),
                "livemode": setting.livemode,
                "metadata": self.metadata,
                "payment_method": is_tried.then_some(&setting.payer.payment_method),
                "payment_method_types": self.payment_method_types,
                "status": self.status,
            }),
        );
        if self.status == "requires_action" {
            let action =
                json!({ "type": "use_stripe_sdk", "use_stripe_sdk": { "type": "three_d_secure_redirect" } });
            lay_over(&mut value, json!({ "next_action": action }));
        }
        if !version.links_by_objects() {
            without(&mut value, &["customer_account", "excluded_payment_method_types", "payment_details"]);
            value["invoice"] = setting.link(self.invoice.as_deref(), "invoice");
        } else if let Some(reference) = &self.order_reference {
            value["payment_details"] = json!({ "customer_reference": null, "order_reference": reference });
        }
        if version.lists_children() {
            without(&mut value, &["latest_charge"]);
            value["charges"] = list(&self.charges);
        } else {
            value["latest_charge"] = setting.link(self.latest_charge.as_deref(), "charge");
        }
        value
    }
}
