//! A charge: one attempt to fulfil a payment, or a payment by itself.

use serde_json::{Value, json};

use super::{CHARGE, Decline, filled, lay_over, list};
use crate::Setting;

#[derive(Clone, Debug)]
pub struct Charge {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    /// Stripe leaves it out of an authorisation that was canceled in a version before 2025-03-31.
    pub amount_captured: Option<i64>,
    pub amount_refunded: i64,
    pub is_refunded: bool,
    pub currency: &'static str,
    pub status: &'static str,
    pub decline: Option<Decline>,
    pub customer: Option<String>,
    pub description: Option<String>,
    pub payment_intent: Option<String>,
    /// The invoice that its payment is for; only older versions say so.
    pub invoice: Option<String>,
    pub is_disputed: bool,
    pub dispute: Option<String>,
    /// The bodies of its refunds, for the versions that list them.
    pub refunds: Vec<Value>,
    pub metadata: Value,
    pub balance_transaction: Option<String>,
    pub network_transaction_id: String,
    pub risk_score: u64,
    pub receipt_url: Option<String>,
}

impl Charge {
    /// One that succeeded at once.
    pub fn new(id: String, created: i64, amount: i64, currency: &'static str) -> Self {
        Self {
            id,
            created,
            amount,
            amount_captured: Some(amount),
            amount_refunded: 0,
            is_refunded: false,
            currency,
            status: "succeeded",
            decline: None,
            customer: None,
            description: None,
            payment_intent: None,
            invoice: None,
            is_disputed: false,
            dispute: None,
            refunds: Vec::new(),
            metadata: json!({}),
            balance_transaction: None,
            network_transaction_id: "100000000000001".to_owned(),
            risk_score: 12,
            receipt_url: None,
        }
    }

    pub fn json(&self, setting: &Setting) -> Value {
        let mut value = filled(
            &CHARGE,
            setting,
            json!({
                "id": self.id,
                "object": "charge",
                "amount": self.amount,
                "amount_captured": self.amount_captured,
                "amount_refunded": self.amount_refunded,
                "balance_transaction": self.balance_transaction,
                "captured": self.amount_captured.is_some_and(|captured| captured > 0),
                "created": self.created,
                "currency": self.currency,
                "customer": setting.link(self.customer.as_deref(), "customer"),
                "dispute": setting.link(self.dispute.as_deref(), "dispute"),
                "disputed": self.is_disputed,
                "failure_code": self.decline.map(|decline| decline.code),
                "livemode": setting.livemode,
                "metadata": self.metadata,
                "outcome": { "network_status": "approved_by_network", "reason": null, "type": "authorized" },
                "paid": self.status == "succeeded",
                "payment_intent": setting.link(self.payment_intent.as_deref(), "payment_intent"),
                "payment_method_details": { "card": setting.payer.card.details(), "type": "card" },
                "refunded": self.is_refunded,
                "status": self.status,
            }),
        );
        if let Some(decline) = self.decline {
            lay_over(&mut value, json!({ "outcome": decline.outcome() }));
        }
        if !setting.is_bare {
            lay_over(&mut value, self.particulars(setting));
        }
        if !setting.api_version.links_by_objects() {
            value["invoice"] = setting.link(self.invoice.as_deref(), "invoice");
        }
        if setting.api_version.lists_children() {
            value["refunds"] = list(&self.refunds);
        }
        value
    }

    /// What varies from charge to charge and says nothing about its money.
    fn particulars(&self, setting: &Setting) -> Value {
        let payer = &setting.payer;
        json!({
            "billing_details": { "email": payer.email, "name": payer.name },
            "description": self.description,
            "failure_message": self.decline.map(|decline| decline.message),
            "outcome": { "risk_score": self.risk_score },
            "payment_method": payer.payment_method,
            "payment_method_details": {
                "card": {
                    "amount_authorized": self.amount,
                    "network_transaction_id": self.network_transaction_id,
                    "overcapture": { "maximum_amount_capturable": self.amount },
                },
            },
            "receipt_url": self.receipt_url,
        })
    }
}
