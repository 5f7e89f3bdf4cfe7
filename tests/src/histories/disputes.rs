//! A cardholder's bank takes the money back, and what comes of it; and the warning that may come before.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::stripe::{DAY_SECS, Stripe};

pub struct Dispute {
    pub charge: String,
    pub amount: i64,
    pub currency: &'static str,
    pub reason: &'static str,
    pub status: &'static str,
    pub opened: i64,
    pub respond_by: i64,
    pub movements: Vec<Movement>,
    /// Evidence was written down, which is not yet sent.
    pub staged: bool,
    pub submissions: u32,
    /// When an event first told that evidence was sent.
    pub submitted_told: Option<i64>,
    /// When each of its statuses was first told.
    pub told: BTreeMap<&'static str, i64>,
}

/// The disputed money leaves the balance, or comes back to it.
pub struct Movement {
    pub id: String,
    pub amount: i64,
    pub fee: i64,
}

pub struct Warning {
    pub charge: String,
    pub fraud_type: &'static str,
    pub actionable: bool,
    pub told: bool,
}

const FEE: i64 = 1_500;

impl Stripe {
    /// About the whole of a charge.
    pub fn dispute(&mut self, charge: &str, status: &'static str) -> String {
        let id = self.random.id("dp");
        let Some(disputed) = self.charges.get(charge) else { panic!("{charge} is no charge") };
        let dispute = Dispute {
            charge: charge.to_owned(),
            amount: disputed.captured,
            currency: disputed.currency,
            reason: "fraudulent",
            status,
            opened: self.now,
            respond_by: self.now + 9 * DAY_SECS,
            movements: Vec::new(),
            staged: false,
            submissions: 0,
            submitted_told: None,
            told: BTreeMap::new(),
        };
        self.disputes.insert(id.clone(), dispute);
        id
    }

    pub fn dispute_becomes(&mut self, id: &str, status: &'static str) {
        self.disputed(id).status = status;
    }

    /// The disputed money and a fee leave the balance.
    pub fn withdraw(&mut self, id: &str) {
        let amount = -self.disputes[id].amount;
        self.moves(id, amount, FEE);
    }

    pub fn reinstate(&mut self, id: &str) {
        let amount = self.disputes[id].amount;
        self.moves(id, amount, 0);
    }

    pub fn submit_evidence(&mut self, id: &str, status: &'static str) {
        let dispute = self.disputed(id);
        dispute.status = status;
        dispute.staged = true;
        dispute.submissions += 1;
    }

    pub fn warning(&mut self, charge: &str) -> String {
        let id = self.random.id("issfr");
        let (fraud_type, actionable) = ("made_with_stolen_card", true);
        let warning = Warning { charge: charge.to_owned(), fraud_type, actionable, told: false };
        self.warnings.insert(id.clone(), warning);
        id
    }

    /// Nothing can be done about it any more.
    pub fn is_handled(&mut self, warning: &str) {
        self.warnings.get_mut(warning).expect("a warning of this account").actionable = false;
    }

    pub(super) fn disputed(&mut self, id: &str) -> &mut Dispute {
        self.disputes.get_mut(id).expect("a dispute of this account")
    }

    fn moves(&mut self, dispute: &str, amount: i64, fee: i64) {
        let id = self.random.id("txn");
        self.disputed(dispute).movements.push(Movement { id, amount, fee });
    }

    pub(super) fn tell_dispute(&mut self, id: &str) -> Value {
        let now = self.now;
        let dispute = self.disputed(id);
        dispute.told.entry(dispute.status).or_insert(now);
        if dispute.submissions > 0 {
            dispute.submitted_told.get_or_insert(now);
        }
        let dispute = &self.disputes[id];
        let movements: Vec<Value> =
            dispute.movements.iter().map(|movement| self.movement_json(id, movement)).collect();
        json!({
            "id": id, "object": "dispute", "amount": dispute.amount, "balance_transactions": movements,
            "charge": self.link(Some(&dispute.charge), "charge"), "created": dispute.opened,
            "currency": dispute.currency,
            "evidence": { "customer_name": "Jane Example", "uncategorized_text": dispute.staged.then_some("It was online.") },
            "evidence_details": {
                "due_by": dispute.respond_by, "has_evidence": dispute.staged, "past_due": false,
                "submission_count": dispute.submissions,
            },
            "is_charge_refundable": dispute.status.starts_with("warning_"), "livemode": self.livemode(),
            "metadata": {},
            "payment_intent": self.link(self.charges[&dispute.charge].payment.as_ref(), "payment_intent"),
            "reason": dispute.reason, "status": dispute.status,
        })
    }

    fn movement_json(&self, dispute: &str, movement: &Movement) -> Value {
        json!({
            "id": movement.id, "object": "balance_transaction", "amount": movement.amount,
            "available_on": 1_780_000_000, "created": 1_780_000_000,
            "currency": self.disputes[dispute].currency, "exchange_rate": null, "fee": movement.fee,
            "fee_details": [], "net": movement.amount - movement.fee, "source": dispute,
            "reporting_category": if movement.amount < 0 { "dispute" } else { "dispute_reversal" },
            "status": "available", "type": "adjustment",
        })
    }

    pub(super) fn tell_warning(&mut self, id: &str) -> Value {
        let warning = self.warnings.get_mut(id).expect("a warning of this account");
        warning.told = true;
        let (fraud_type, actionable, charge) =
            (warning.fraud_type, warning.actionable, warning.charge.clone());
        json!({
            "id": id, "object": "radar.early_fraud_warning", "actionable": actionable,
            "charge": self.link(Some(&charge), "charge"), "created": 1_780_000_000, "fraud_type": fraud_type,
            "livemode": self.livemode(),
            "payment_intent": self.link(self.charges[&charge].payment.as_ref(), "payment_intent"),
        })
    }
}
