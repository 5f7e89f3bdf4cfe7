//! A difference as a finding: how severe it is, and what it reads like.

use serde_json::json;

use super::difference::{Difference, DifferenceKind};
use crate::Severity;
use crate::findings::Found;
use crate::money::shown;

impl Difference {
    /// What is at stake: the distance between both sides, or the one side that there is.
    pub fn at_stake(&self) -> i64 {
        (self.stripe_amount.unwrap_or(0) - self.ledger_amount.unwrap_or(0)).abs()
    }

    /// Above the tolerance it is critical; what shows only that something is not understood is never less than a
    /// warning.
    pub fn found(&self, day: &str, tolerance: i64) -> Found {
        let is_above = self.at_stake() > tolerance;
        let severity = match (is_above, self.kind.is_about_form()) {
            (true, false) => Severity::Critical,
            (false, false) => Severity::Info,
            (_, true) => Severity::Warning,
        };
        Found {
            kind: self.kind.as_str(),
            severity,
            subject_kind: self.subject_kind,
            subject_id: self.subject.clone(),
            item: self.item.clone(),
            currency: self.currency.clone(),
            amount: Some(self.at_stake()),
            stripe_amount: self.stripe_amount,
            ledger_amount: self.ledger_amount,
            summary: self.says(),
            details: [("day", json!(day)), ("zone", json!("UTC")), ("item", json!(self.item))].into(),
        }
    }

    /// What it reads like.
    pub fn says(&self) -> String {
        let amount = |amount: Option<i64>| shown(amount.unwrap_or(0), &self.currency);
        let (stripe, ledger) = (amount(self.stripe_amount), amount(self.ledger_amount));
        let (what, subject, item) = (self.subject_kind.replace('_', " "), &self.subject, &self.item);
        match self.kind {
            DifferenceKind::MissingObject => format!(
                "Stripe's balance moved {stripe} for {what} {subject} ({item}), which the ledger does not know"
            ),
            DifferenceKind::AmountDiffers if self.ledger_amount.is_none() => format!(
                "Stripe's balance moved {stripe} for {what} {subject} ({item}); without an exchange rate nothing says what it should be"
            ),
            DifferenceKind::AmountDiffers => format!(
                "Stripe's balance moved {stripe} for {what} {subject} ({item}); by the ledger it is {ledger}"
            ),
            DifferenceKind::StatusDiffers => format!(
                "Stripe's balance moved {stripe} for {what} {subject} ({item}); the ledger does not have it in a state that moves money that way"
            ),
            DifferenceKind::DuplicateTransaction => format!(
                "Stripe's balance moved {stripe} for {what} {subject} once more ({item}): the ledger has it once"
            ),
            DifferenceKind::MissingTransaction => {
                format!("The ledger has {ledger} of {what} {subject}, which never moved Stripe's balance")
            }
            DifferenceKind::PayoutDiffers => {
                format!("Payout {subject} is {stripe}, and its transactions come to {ledger}")
            }
            DifferenceKind::NetDiffers => {
                format!(
                    "Transaction {item} of {what} {subject} is {stripe} net; its amount less its fee is {ledger}"
                )
            }
            DifferenceKind::InvoiceDiffers => {
                format!(
                    "Stripe says that {stripe} of invoice {subject} was paid; its payments come to {ledger}"
                )
            }
            DifferenceKind::PaymentDiffers => format!(
                "The payments of invoice {subject} received {stripe}, and {ledger} was counted towards it"
            ),
            DifferenceKind::BalanceDiffers => format!(
                "The balance of {subject} began the day at {stripe}, and the day before ended at {ledger}: a transaction came late, or is gone"
            ),
            DifferenceKind::Unclassified => {
                format!(
                    "Stripe's balance moved {stripe} on {item} by the type {subject}, which is compared with nothing"
                )
            }
        }
    }
}
