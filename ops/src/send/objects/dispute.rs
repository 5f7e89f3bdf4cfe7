//! A dispute and its movements, and the fraud warning that may come before.

use serde_json::{Value, json};

use super::{Charge, DISPUTE, Payment, Setting, filled, lay_over};

pub struct Dispute {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub reason: &'static str,
    pub network_reason_code: &'static str,
    pub status: &'static str,
    pub respond_by: i64,
    pub evidence_submitted: bool,
    pub movements: Vec<Movement>,
}

/// The disputed money leaves the balance, or comes back to it.
pub struct Movement {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub fee: i64,
}

impl Dispute {
    pub fn json(&self, setting: &Setting, payment: &Payment, charge: &Charge) -> Value {
        let customer = &setting.customer;
        let inquiry = self.status.starts_with("warning_");
        let movements: Vec<Value> =
            self.movements.iter().map(|movement| self.movement(setting, movement)).collect();
        let mut value = filled(
            &DISPUTE,
            json!({
                "id": self.id,
                "amount": self.amount,
                "balance_transaction": self.movements.first().map(|movement| &movement.id),
                "balance_transactions": movements,
                "charge": charge.id,
                "created": self.created,
                "currency": setting.currency,
                "evidence": { "customer_email_address": customer.email, "customer_name": customer.name },
                "evidence_details": { "due_by": self.respond_by },
                "is_charge_refundable": inquiry,
                "livemode": setting.livemode,
                "payment_intent": payment.id,
                "payment_method_details": {
                    "card": {
                        "brand": customer.card.brand,
                        "case_type": if inquiry { "inquiry" } else { "chargeback" },
                        "network_reason_code": self.network_reason_code,
                    },
                },
                "reason": self.reason,
                "status": self.status,
            }),
        );
        if self.evidence_submitted {
            lay_over(
                &mut value,
                json!({
                    "evidence": {
                        "product_description": payment.description,
                        "uncategorized_text": "The listing was online for the whole period that was paid for.",
                    },
                    "evidence_details": { "has_evidence": true, "submission_count": 1 },
                }),
            );
        }
        value
    }

    fn movement(&self, setting: &Setting, movement: &Movement) -> Value {
        let fees: Vec<Value> = (movement.fee != 0)
            .then(|| {
                json!({
                    "amount": movement.fee,
                    "application": null,
                    "currency": setting.currency,
                    "description": "Dispute fee",
                    "type": "stripe_fee",
                })
            })
            .into_iter()
            .collect();
        json!({
            "id": movement.id,
            "object": "balance_transaction",
            "amount": movement.amount,
            "available_on": movement.created,
            "balance_type": "payments",
            "created": movement.created,
            "currency": setting.currency,
            "description": if movement.amount < 0 { "Chargeback withdrawal" } else { "Chargeback reversal" },
            "exchange_rate": null,
            "fee": movement.fee,
            "fee_details": fees,
            "net": movement.amount - movement.fee,
            "reporting_category": if movement.amount < 0 { "dispute" } else { "dispute_reversal" },
            "source": self.id,
            "status": "available",
            "type": "adjustment",
        })
    }
}

/// An early fraud warning: the bank suspects, nobody has disputed yet.
pub fn early_fraud_warning(
    id: &str,
    created: i64,
    setting: &Setting,
    payment: &Payment,
    charge: &Charge,
) -> Value {
    json!({
        "id": id,
        "object": "radar.early_fraud_warning",
        "actionable": true,
        "charge": charge.id,
        "created": created,
        "fraud_type": "made_with_stolen_card",
        "livemode": setting.livemode,
        "payment_intent": payment.id,
    })
}
