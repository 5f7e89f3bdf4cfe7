//! Disputes with their movements, early fraud warnings, and what lost ones take from charges and payments.

use serde_json::json;

use super::super::disputes::Dispute;
use super::super::stripe::Stripe;
use super::super::truth::Truth;
use super::moment;

impl Stripe {
    pub(super) fn expect_disputes(&self, truth: &mut Truth) {
        for (id, dispute) in self.disputes.iter().filter(|(_, dispute)| dispute.is_told()) {
            let is_final = matches!(dispute.status, "won" | "lost" | "prevented" | "warning_closed");
            let sum = |of: fn(i64) -> bool| -> i64 {
                dispute.movements.iter().map(|movement| movement.amount).filter(|amount| of(*amount)).sum()
            };
            let row = json!({
                "status": dispute.word(), "stripe_status": dispute.status, "inquiry": dispute.is_inquiry(),
                "amount": dispute.amount, "currency": dispute.currency, "reason": dispute.reason,
                "charge": dispute.charge, "respond_by": moment(dispute.respond_by),
                "opened_at": moment(dispute.opened),
                "closed_at": moment(dispute.told.get(dispute.status).copied().filter(|_| is_final)),
                "movement_currency": dispute.movements.first().map(|_| dispute.currency),
                "evidence_submitted_at": moment(dispute.submitted_told),
                "amount_withdrawn": -sum(|amount| amount < 0),
                "amount_reinstated": sum(|amount| amount > 0),
                "fees": dispute.movements.iter().map(|movement| movement.fee).sum::<i64>(),
            });
            self.expect(truth, "dispute", id, row);
            for movement in &dispute.movements {
                let row = json!({
                    "dispute": id, "amount": movement.amount, "fee": movement.fee,
                    "net": movement.amount - movement.fee, "currency": dispute.currency,
                });
                self.expect(truth, "movement", &movement.id, row);
            }
        }
        for (id, warning) in self.warnings.iter().filter(|(_, warning)| warning.told) {
            let row = json!({
                "charge": warning.charge, "fraud_type": warning.fraud_type, "actionable": warning.actionable,
            });
            self.expect(truth, "warning", id, row);
        }
    }

    pub(super) fn lost_of(&self, charge: &str) -> i64 {
        let lost: Vec<&Dispute> = self
            .told_disputes()
            .map(|(_, dispute)| dispute)
            .filter(|dispute| dispute.charge == charge && dispute.lost() > 0)
            .collect();
        let is_own = |dispute: &&&Dispute| self.charges[charge].adds_up_with(dispute.currency);
        let own = lost.iter().filter(is_own).map(|dispute| dispute.lost()).sum();
        // There is no conversion: what is lost in another currency is all that was captured.
        let is_all = !lost.iter().all(|dispute| is_own(&dispute));
        if is_all { self.charges[charge].captured.max(own) } else { own }
    }

    pub(super) fn disputed_of_payment(&self, payment: &str) -> &'static str {
        let charges: Vec<&String> = self.charges_of(payment).collect();
        let words: Vec<&str> = self
            .told_disputes()
            .filter(|(_, dispute)| charges.contains(&&dispute.charge))
            .map(|(_, dispute)| dispute.word())
            .collect();
        // A status that nobody knows counts as open.
        let is_open = |word: &&str| matches!(*word, "unknown" | "opened" | "under_review");
        if words.iter().any(is_open) {
            return "open";
        }
        ["lost", "won", "closed"].into_iter().find(|word| words.contains(word)).unwrap_or("none")
    }

    pub(super) fn told_disputes(&self) -> impl Iterator<Item = (&String, &Dispute)> {
        self.disputes.iter().filter(|(_, dispute)| dispute.is_told())
    }
}

impl Dispute {
    pub(super) fn is_told(&self) -> bool {
        !self.told.is_empty()
    }

    /// Our word for Stripe's status.
    pub(super) fn word(&self) -> &'static str {
        match self.status {
            "needs_response" | "warning_needs_response" => "opened",
            "under_review" | "warning_under_review" | "appeal_needs_response" | "appeal_under_review" => {
                "under_review"
            }
            "won" => "won",
            "lost" => "lost",
            "warning_closed" | "prevented" => "closed",
            _ => "unknown",
        }
    }

    /// What is gone for good. Of a prevented one: what left the balance and did not come back.
    fn lost(&self) -> i64 {
        match self.status {
            "lost" => self.amount,
            "prevented" => -self.movements.iter().map(|movement| movement.amount).sum::<i64>().min(0),
            _ => 0,
        }
    }

    pub(super) fn is_inquiry(&self) -> bool {
        self.status.starts_with("warning_")
    }

    /// Whether it counts against its user.
    pub(super) fn is_chargeback(&self) -> bool {
        !self.is_inquiry() && matches!(self.word(), "opened" | "under_review" | "lost")
    }
}
