//! How much may leave on whose word. Thresholds stand for each currency by itself: nothing is converted.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// The limits that the merchant sets; the defaults hold where it sets none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// By currency, in lower case. What is in a currency without thresholds needs an approver.
    pub thresholds: BTreeMap<String, Thresholds>,
    /// Whether a payment that is older than `young_hours` needs an approver for a refund, whatever the amount.
    pub age_rule: bool,
    /// For how long after the payment the rules may approve a refund for a program.
    pub young_hours: i64,
    /// For how long an operation waits for people, and may be sent after that.
    pub approval_days: i64,
    /// The most that one charge may be, in minor units.
    pub charge_limit: i64,
}

/// In minor units of their currency: the defaults are 100, 5,000, 500 and 2,000 of its major unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thresholds {
    pub confirm_above: i64,
    pub approve_above: i64,
    /// The most that the rules approve for programs, for one operation and within 24 hours.
    pub program_operation_limit: i64,
    pub program_day_limit: i64,
}

const USUAL: Thresholds = Thresholds {
    confirm_above: 10_000,
    approve_above: 500_000,
    program_operation_limit: 50_000,
    program_day_limit: 200_000,
};

impl Default for Limits {
    fn default() -> Self {
        let usual = ["usd", "eur", "gbp"].map(|currency| (currency.to_owned(), USUAL));
        Self {
            thresholds: usual.into(),
            age_rule: false,
            young_hours: 24,
            approval_days: 7,
            charge_limit: 99_999_999,
        }
    }
}

impl Limits {
    pub fn of(&self, currency: &str) -> Option<Thresholds> {
        self.thresholds.get(currency).copied()
    }

    pub fn waits(&self) -> TimeDelta {
        TimeDelta::try_days(self.approval_days).unwrap_or(TimeDelta::days(7))
    }

    pub(super) fn young(&self) -> TimeDelta {
        TimeDelta::try_hours(self.young_hours).unwrap_or(TimeDelta::hours(24))
    }
}
