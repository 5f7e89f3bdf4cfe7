//! A refund.

use serde_json::{Value, json};

use super::{Charge, REFUND, filled, lay_over};
use crate::Setting;

#[derive(Clone, Debug)]
pub struct Refund {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub currency: &'static str,
    pub status: &'static str,
    pub reason: Option<&'static str>,
    pub failure_reason: Option<&'static str>,
    pub charge: String,
    pub payment_intent: Option<String>,
    pub customer: Option<String>,
    pub metadata: Value,
    pub balance_transaction: Option<String>,
    /// The acquirer's reference, known once the bank has the refund.
    pub reference: Option<u64>,
}

impl Refund {
    /// One that the customer asked for, and that the bank has not dealt with.
    pub fn new(id: String, charge: &Charge, created: i64, amount: i64) -> Self {
        Self {
            id,
            created,
            amount,
            currency: charge.currency,
            status: "pending",
            reason: Some("requested_by_customer"),
            failure_reason: None,
            charge: charge.id.clone(),
            payment_intent: charge.payment_intent.clone(),
            customer: charge.customer.clone(),
            metadata: json!({}),
            balance_transaction: None,
            reference: None,
        }
    }

    pub fn json(&self, setting: &Setting) -> Value {
        let mut value = filled(
            &REFUND,
            setting,
            json!({
                "id": self.id,
                "object": "refund",
                "amount": self.amount,
                "balance_transaction": self.balance_transaction,
                "charge": setting.link(Some(&self.charge), "charge"),
                "created": self.created,
                "currency": self.currency,
                "metadata": self.metadata,
                "payment_intent": setting.link(self.payment_intent.as_deref(), "payment_intent"),
                "reason": self.reason,
                "status": self.status,
            }),
        );
        if let Some(reference) = self.reference.filter(|_| self.status == "succeeded") {
            let card = json!({ "reference": reference.to_string(), "reference_status": "available" });
            lay_over(&mut value, json!({ "destination_details": { "card": card } }));
        }
        if let Some(reason) = self.failure_reason {
            let reversal = format!("txn_f{}", self.id.trim_start_matches("re_"));
            lay_over(
                &mut value,
                json!({ "failure_balance_transaction": reversal, "failure_reason": reason }),
            );
        }
        if setting.api_version.links_by_objects() && !setting.is_bare {
            lay_over(
                &mut value,
                json!({
                    "customer": self.customer,
                    "customer_account": null,
                    "payment_method": setting.payer.payment_method,
                }),
            );
        }
        value
    }
}
