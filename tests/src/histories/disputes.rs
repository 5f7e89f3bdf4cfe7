//! A dispute and its movements, and the fraud warning that may come before.

use std::collections::BTreeMap;

use serde_json::Value;
use stripe_sim::{EarlyFraudWarning, Movement};

use super::stripe::{DAY_SECS, MADE, Stripe};

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
        self.dispute_mut(id).status = status;
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
        let dispute = self.dispute_mut(id);
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
    pub fn resolve_warning(&mut self, warning: &str) {
        self.warnings.get_mut(warning).expect("a warning of this account").actionable = false;
    }

    pub(super) fn dispute_mut(&mut self, id: &str) -> &mut Dispute {
        self.disputes.get_mut(id).expect("a dispute of this account")
    }

    fn moves(&mut self, dispute: &str, amount: i64, fee: i64) {
        let id = self.random.id("txn");
        self.dispute_mut(dispute).movements.push(Movement { id, created: MADE, amount, fee });
    }

    pub(super) fn tell_dispute(&mut self, id: &str) -> Value {
        let now = self.now;
        let dispute = self.dispute_mut(id);
        dispute.told.entry(dispute.status).or_insert(now);
        if dispute.submissions > 0 {
            dispute.submitted_told.get_or_insert(now);
        }
        let dispute = &self.disputes[id];
        let charge = self.charge_body(&dispute.charge);
        let mut body = stripe_sim::Dispute::new(id.to_owned(), &charge, dispute.opened, dispute.status);
        (body.amount, body.currency, body.reason) = (dispute.amount, dispute.currency, dispute.reason);
        body.respond_by = dispute.respond_by;
        body.evidence = dispute.staged.then(|| "Listing, thirty days".to_owned());
        body.submissions = dispute.submissions;
        body.movements.clone_from(&dispute.movements);
        body.json(&self.setting())
    }

    pub(super) fn tell_warning(&mut self, id: &str) -> Value {
        let warning = self.warnings.get_mut(id).expect("a warning of this account");
        warning.told = true;
        let (fraud_type, actionable, charge) =
            (warning.fraud_type, warning.actionable, warning.charge.clone());
        let payment_intent = self.charges[&charge].payment.clone();
        EarlyFraudWarning { id: id.to_owned(), created: MADE, fraud_type, actionable, charge, payment_intent }
            .json(&self.setting())
    }
}
