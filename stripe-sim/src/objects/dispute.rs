//! A dispute and its movements, and the fraud warning that may come before.

use serde_json::{Value, json};

use super::{Charge, DISPUTE, filled, lay_over};
use crate::Setting;

const RESPOND_WITHIN_SECS: i64 = 9 * 86_400;

#[derive(Clone, Debug)]
pub struct Dispute {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub currency: &'static str,
    pub reason: &'static str,
    pub network_reason_code: &'static str,
    pub status: &'static str,
    pub respond_by: i64,
    /// What was sold, where evidence was written down; it need not be submitted yet.
    pub evidence: Option<String>,
    pub submissions: u32,
    pub movements: Vec<Movement>,
    pub charge: String,
    pub payment_intent: Option<String>,
}

/// The disputed money leaves the balance, or comes back to it.
#[derive(Clone, Debug)]
pub struct Movement {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub fee: i64,
}

impl Dispute {
    /// About the whole of a charge.
    pub fn new(id: String, charge: &Charge, created: i64, status: &'static str) -> Self {
        Self {
            id,
            created,
            amount: charge.amount_captured.unwrap_or(charge.amount),
            currency: charge.currency,
            reason: "fraudulent",
            network_reason_code: "10.4",
            status,
            respond_by: created + RESPOND_WITHIN_SECS,
            evidence: None,
            submissions: 0,
            movements: Vec::new(),
            charge: charge.id.clone(),
            payment_intent: charge.payment_intent.clone(),
        }
    }

    pub fn is_inquiry(&self) -> bool {
        self.status.starts_with("warning_")
    }

    pub fn json(&self, setting: &Setting) -> Value {
        let inquiry = self.is_inquiry();
        let movements: Vec<Value> = self.movements.iter().map(|movement| self.movement(movement)).collect();
        let mut value = filled(
            &DISPUTE,
            setting,
            json!({
                "id": self.id,
                "object": "dispute",
                "amount": self.amount,
                "balance_transactions": movements,
                "charge": setting.link(Some(&self.charge), "charge"),
                "created": self.created,
                "currency": self.currency,
                "evidence_details": {
                    "due_by": self.respond_by,
                    "has_evidence": self.evidence.is_some(),
                    "past_due": false,
                    "submission_count": self.submissions,
                },
                "is_charge_refundable": inquiry,
                "livemode": setting.livemode,
                "metadata": {},
                "payment_intent": setting.link(self.payment_intent.as_deref(), "payment_intent"),
                "reason": self.reason,
                "status": self.status,
            }),
        );
        if !setting.is_bare {
            lay_over(&mut value, self.particulars(setting));
        }
        value
    }

    /// What varies and says nothing about the money, nor about how the dispute stands.
    fn particulars(&self, setting: &Setting) -> Value {
        let payer = &setting.payer;
        let text = "The listing was online for the whole period that was paid for.";
        json!({
            "balance_transaction": self.movements.first().map(|movement| &movement.id),
            "evidence": {
                "customer_email_address": payer.email,
                "customer_name": payer.name,
                "product_description": self.evidence,
                "uncategorized_text": self.evidence.as_ref().map(|_| text),
            },
            "payment_method_details": {
                "card": {
                    "brand": payer.card.brand,
                    "case_type": if self.is_inquiry() { "inquiry" } else { "chargeback" },
                    "network_reason_code": self.network_reason_code,
                },
            },
        })
    }

    fn movement(&self, movement: &Movement) -> Value {
        let fee = json!({
            "amount": movement.fee,
            "application": null,
            "currency": self.currency,
            "description": "Dispute fee",
            "type": "stripe_fee",
        });
        let leaves = movement.amount < 0;
        json!({
            "id": movement.id,
            "object": "balance_transaction",
            "amount": movement.amount,
            "available_on": movement.created,
            "balance_type": "payments",
            "created": movement.created,
            "currency": self.currency,
            "description": if leaves { "Chargeback withdrawal" } else { "Chargeback reversal" },
            "exchange_rate": null,
            "fee": movement.fee,
            "fee_details": if movement.fee == 0 { json!([]) } else { json!([fee]) },
            "net": movement.amount - movement.fee,
            "reporting_category": if leaves { "dispute" } else { "dispute_reversal" },
            "source": self.id,
            "status": "available",
            "type": "adjustment",
        })
    }
}

/// The bank suspects, nobody has disputed yet.
#[derive(Clone, Debug)]
pub struct EarlyFraudWarning {
    pub id: String,
    pub created: i64,
    pub fraud_type: &'static str,
    /// Whether anything can still be done about it.
    pub actionable: bool,
    pub charge: String,
    pub payment_intent: Option<String>,
}

impl EarlyFraudWarning {
    pub fn json(&self, setting: &Setting) -> Value {
        json!({
            "id": self.id,
            "object": "radar.early_fraud_warning",
            "actionable": self.actionable,
            "charge": setting.link(Some(&self.charge), "charge"),
            "created": self.created,
            "fraud_type": self.fraud_type,
            "livemode": setting.livemode,
            "payment_intent": setting.link(self.payment_intent.as_deref(), "payment_intent"),
        })
    }
}
