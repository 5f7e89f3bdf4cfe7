//! Payments with their failed attempts, charges, and refunds.

use serde_json::json;

use super::super::charges::Charge;
use super::super::disputes::Dispute;
use super::super::payments::{Attempt, Payment};
use super::super::refunds::Refund;
use super::super::stripe::Stripe;
use super::super::truth::Truth;
use super::moment;

/// The failure that counts as the last of a payment or an invoice: the latest, then the greatest key.
pub(super) struct Failure<'a> {
    pub at: i64,
    pub key: String,
    pub attempt: &'a Attempt,
}

impl Stripe {
    pub(super) fn expect_payments(&self, truth: &mut Truth) {
        for (id, payment) in &self.payments {
            let failures = Self::failures_of(id, payment);
            for failure in &failures {
                let decline = failure.attempt.decline;
                let mut row = json!({
                    "payment": id, "charge": failure.attempt.charge, "code": decline.code,
                    "failed_at": moment(failure.at),
                });
                if failure.attempt.told_by_payment {
                    row["decline_code"] = json!(decline.decline_code);
                }
                self.expect(truth, "failure", &failure.key, row);
            }
            self.expect_sums(truth, id, payment.received, payment.told);
            let last = failures.last().map(|failure| failure.attempt.decline.code);
            let failed = json!({ "failed_attempts": failures.len(), "last_failure_code": last });
            self.expect(truth, "payment", id, failed);
            // Of a payment that pays several, the column names the one that was told last.
            if self.told_links_of(id).count() < 2 {
                self.expect(truth, "payment", id, json!({ "invoice": self.owner_of(payment) }));
            }
            if payment.told {
                let row = json!({
                    "status": payment.status, "amount": payment.amount, "amount_received": payment.received,
                    "currency": payment.currency, "customer": payment.customer,
                    "user_id": payment.user.last,
                });
                self.expect(truth, "payment", id, row);
            } else {
                self.expect(truth, "payment", id, json!({ "status": "unknown" }));
            }
        }
    }

    pub(super) fn expect_charges(&self, truth: &mut Truth) {
        for (id, charge) in &self.charges {
            self.expect(truth, "charge", id, json!({ "amount_charged_back": self.lost_of(id) }));
            if !charge.told {
                self.expect(truth, "charge", id, json!({ "status": "unknown", "anomaly": null }));
                continue;
            }
            let row = json!({
                "status": charge.status, "amount": charge.amount, "amount_captured": charge.captured,
                "currency": charge.currency, "payment": charge.payment, "customer": charge.customer,
                "card_brand": "visa", "card_last4": charge.last4, "amount_refunded": self.given_back_of(id),
                "amount_unitemised": self.unitemised_of(id), "anomaly": self.anomaly_of(id, charge),
            });
            self.expect(truth, "charge", id, row);
            if self.unitemised_of(id) > 0 {
                truth.refetch.insert(self.subject("charge", id));
            }
            if charge.payment.is_none() {
                let row = json!({
                    "amount": charge.amount, "amount_received": charge.captured, "currency": charge.currency,
                    "customer": charge.customer, "status": charge.status, "user_id": charge.user,
                });
                self.expect(truth, "payment", id, row);
                self.expect_sums(truth, id, charge.captured, true);
            }
        }
    }

    pub(super) fn expect_refunds(&self, truth: &mut Truth) {
        for (id, refund) in self.refunds.iter().filter(|(_, refund)| refund.told.is_some()) {
            let row = json!({
                "status": refund.status, "amount": refund.amount, "currency": refund.currency,
                "charge": refund.charge, "payment": self.charges[&refund.charge].payment,
                "reason": refund.reason, "failure_reason": refund.failure_reason(),
            });
            self.expect(truth, "refund", id, row);
        }
    }

    /// What hangs on the charges of a payment. A charge without a payment intent is its own payment.
    fn expect_sums(&self, truth: &mut Truth, id: &str, received: i64, is_reported: bool) {
        let refunded = self.refunded_of_payment(id);
        let disputed = self.disputed_of_payment(id);
        let row = json!({
            "amount_refunded": refunded, "amount_charged_back": self.lost_of_payment(id), "disputed": disputed,
        });
        self.expect(truth, "payment", id, row);
        if is_reported {
            let word = match refunded {
                0 => "none",
                _ if refunded >= received => "full",
                _ => "partial",
            };
            self.expect(truth, "payment", id, json!({ "refunded": word }));
        }
    }

    pub(super) fn charges_of<'a>(&'a self, payment: &'a str) -> impl Iterator<Item = &'a String> {
        let owns = move |id: &str, charge: &Charge| charge.payment.as_deref().unwrap_or(id) == payment;
        self.charges.iter().filter(move |(id, charge)| owns(id, charge)).map(|(id, _)| id)
    }

    pub(super) fn refunded_of_payment(&self, payment: &str) -> i64 {
        self.charges_of(payment).map(|charge| self.given_back_of(charge)).sum()
    }

    pub(super) fn lost_of_payment(&self, payment: &str) -> i64 {
        self.charges_of(payment).map(|charge| self.lost_of(charge)).sum()
    }

    /// Failed attempts that somebody told of, in the order in which they happened.
    pub(super) fn failures_of<'a>(id: &str, payment: &'a Payment) -> Vec<Failure<'a>> {
        let told = payment.attempts.iter().filter_map(|attempt| Some((attempt.told?, attempt)));
        let mut failures: Vec<Failure<'_>> = told
            .map(|(at, attempt)| {
                let named = || format!("{id}:{at}:{}", attempt.decline.code);
                Failure { at, key: attempt.charge.clone().unwrap_or_else(named), attempt }
            })
            .collect();
        failures.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
        failures
    }

    fn given_back_of(&self, charge: &str) -> i64 {
        let told = self.refunds.values().filter(|refund| refund.charge == charge && refund.told.is_some());
        // There is no conversion: what is in another currency is flagged, and adds up with nothing.
        let counts = |refund: &Refund| self.charges[charge].adds_up_with(refund.currency);
        let itemised: i64 =
            told.filter(|refund| refund.gives_back() && counts(refund)).map(|refund| refund.amount).sum();
        itemised + self.unitemised_of(charge)
    }

    /// Refunds that only the charge has told of, in its sum.
    fn unitemised_of(&self, charge: &str) -> i64 {
        let counted = self.charges[charge].counted.iter().map(|id| &self.refunds[id]);
        counted.filter(|refund| refund.told.is_none()).map(|refund| refund.amount).sum()
    }

    fn anomaly_of(&self, id: &str, charge: &Charge) -> Option<String> {
        let disputes = || self.disputes.values().filter(|dispute| dispute.charge == id && dispute.is_told());
        let refunds = || self.refunds.values().filter(|refund| refund.charge == id && refund.told.is_some());
        let exceeds =
            |dispute: &Dispute| dispute.currency == charge.currency && dispute.amount > charge.amount;
        let over = self.given_back_of(id) > charge.captured;
        let found = [
            ("dispute_currency", disputes().any(|dispute| dispute.currency != charge.currency)),
            ("dispute_exceeds_charge", disputes().any(exceeds)),
            ("double_loss", !over && self.given_back_of(id) + self.lost_of(id) > charge.captured),
            ("refund_currency", refunds().any(|refund| refund.currency != charge.currency)),
            ("refunds_exceed_charge", over),
        ];
        let words: Vec<&str> = found.iter().filter(|(_, is_so)| *is_so).map(|(word, _)| *word).collect();
        (!words.is_empty()).then(|| words.join(","))
    }
}
