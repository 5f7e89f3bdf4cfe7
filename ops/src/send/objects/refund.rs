//! A refund.

use serde_json::{Value, json};

use super::{Charge, Payment, REFUND, Setting, filled, lay_over};

pub struct Refund {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub status: &'static str,
    pub reason: &'static str,
    pub balance_transaction: String,
    /// The acquirer's reference, known once the bank has the refund.
    pub reference: u64,
}

impl Refund {
    pub fn json(&self, setting: &Setting, payment: &Payment, charge: &Charge) -> Value {
        let mut value = filled(
            &REFUND,
            json!({
                "id": self.id,
                "amount": self.amount,
                "balance_transaction": self.balance_transaction,
                "charge": charge.id,
                "created": self.created,
                "currency": setting.currency,
                "metadata": { "user_id": setting.customer.user_id },
                "payment_intent": payment.id,
                "reason": self.reason,
                "status": self.status,
            }),
        );
        if self.status == "succeeded" {
            let card = json!({ "reference": self.reference.to_string(), "reference_status": "available" });
            lay_over(&mut value, json!({ "destination_details": { "card": card } }));
        }
        if self.status == "failed" {
            lay_over(
                &mut value,
                json!({
                    "failure_balance_transaction": format!("{}f", self.balance_transaction),
                    "failure_reason": "lost_or_stolen_card",
                }),
            );
        }
        if setting.api_version.links_by_objects() {
            let method = &setting.customer.payment_method;
            let customer = &setting.customer.id;
            lay_over(
                &mut value,
                json!({ "customer": customer, "customer_account": null, "payment_method": method }),
            );
        }
        value
    }
}
