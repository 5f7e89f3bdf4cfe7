//! Payments that are large, or much larger than what the user usually pays.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Attempt, FraudFinding, FraudLimits, FraudRule};
use crate::money::{decimals_of, shown};
use crate::readable;

/// What a user paid longer ago is no longer usual.
pub const USUAL_SPAN: TimeDelta = TimeDelta::days(90);
/// In a currency without a policy, in minor units of one with two decimals.
pub const LARGE_AMOUNT: i64 = 500_000;

readable! {
    /// A payment of a user that may have been before the one that is looked at.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct PaidBefore {
        pub id: String,
        pub user_id: String,
        pub account: String,
        pub livemode: bool,
        pub currency: String,
        pub amount: i64,
        pub at: Option<DateTime<Utc>>,
    }
}

/// Each payment once, by the larger of both reasons.
pub fn large_payments(
    attempts: &[Attempt],
    before: &[PaidBefore],
    limits: &FraudLimits,
) -> Vec<FraudFinding> {
    let mut paid: BTreeMap<(&str, &str, bool, &str), Vec<&PaidBefore>> = BTreeMap::new();
    for one in before {
        let whose = (one.user_id.as_str(), one.account.as_str(), one.livemode, one.currency.as_str());
        paid.entry(whose).or_default().push(one);
    }
    let usual = |attempt: &Attempt, at: DateTime<Utc>| {
        let whose = (
            attempt.user_id.as_deref()?,
            attempt.account.as_str(),
            attempt.livemode,
            attempt.currency.as_str(),
        );
        let is_earlier = |one: &&&PaidBefore| {
            one.id != attempt.paid_by() && one.at.is_some_and(|paid| paid < at && paid > at - USUAL_SPAN)
        };
        let mut amounts: Vec<i64> =
            paid.get(&whose)?.iter().filter(is_earlier).map(|one| one.amount).collect();
        amounts.sort_unstable();
        (amounts.len() >= limits.usual_payments).then(|| amounts[amounts.len() / 2])
    };
    let mut found = Vec::new();
    for attempt in attempts.iter().filter(|attempt| attempt.is_paid()) {
        let Some(at) = attempt.at else { continue };
        let (rule, summary) = if attempt.amount > limits.large_amount(&attempt.currency) {
            (FraudRule::LargePayment, "a large payment".to_owned())
        } else if let Some(usual) = usual(attempt, at)
            && attempt.amount >= usual.saturating_mul(limits.times_usual)
            && usual > 0
        {
            let times = attempt.amount / usual;
            (
                FraudRule::UnusualPayment,
                format!("{times} times what the user usually pays, {}", shown(usual, &attempt.currency)),
            )
        } else {
            continue;
        };
        found.push(FraudFinding {
            at,
            rule,
            subject_kind: "payment",
            subject_id: attempt.paid_by().to_owned(),
            account: attempt.account.clone(),
            livemode: attempt.livemode,
            day: None,
            amount: Some(attempt.amount),
            currency: attempt.currency.clone(),
            summary,
            charges: Vec::new(),
        });
    }
    found
}

impl FraudLimits {
    fn large_amount(&self, currency: &str) -> i64 {
        let usual = || match decimals_of(&currency.to_ascii_uppercase()) {
            0 => LARGE_AMOUNT / 100,
            3 => LARGE_AMOUNT * 10,
            _ => LARGE_AMOUNT,
        };
        self.large_amounts.get(currency).copied().unwrap_or_else(usual)
    }
}
