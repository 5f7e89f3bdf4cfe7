//! Payments that are large, or much larger than what the user usually pays.

use std::collections::BTreeMap;

use super::{Attempt, FraudFinding, FraudLimits, FraudRule};
use crate::money::{decimals_of, shown};
use crate::readable;

readable! {
    /// A payment of a user from before the span that is looked at.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct PaidBefore {
        pub user_id: String,
        pub account: String,
        pub livemode: bool,
        pub currency: String,
        pub amount: i64,
    }
}

/// Each payment once, by the larger of both reasons.
pub fn large_payments(
    attempts: &[Attempt],
    before: &[PaidBefore],
    limits: &FraudLimits,
) -> Vec<FraudFinding> {
    let mut paid: BTreeMap<(&str, &str, bool, &str), Vec<i64>> = BTreeMap::new();
    for one in before {
        let whose = (one.user_id.as_str(), one.account.as_str(), one.livemode, one.currency.as_str());
        paid.entry(whose).or_default().push(one.amount);
    }
    let median = |mut amounts: Vec<i64>| {
        amounts.sort_unstable();
        (amounts.len() >= limits.usual_payments).then(|| amounts[amounts.len() / 2])
    };
    let usually: BTreeMap<_, i64> =
        paid.into_iter().filter_map(|(whose, amounts)| Some((whose, median(amounts)?))).collect();
    let mut found = Vec::new();
    for attempt in attempts.iter().filter(|attempt| attempt.is_paid()) {
        let Some(at) = attempt.at else { continue };
        let whose = attempt
            .user_id
            .as_deref()
            .map(|user| (user, attempt.account.as_str(), attempt.livemode, attempt.currency.as_str()));
        let usual = whose.and_then(|whose| usually.get(&whose)).copied();
        let (rule, summary) = if attempt.amount > in_minor_units(limits.large_amount, &attempt.currency) {
            (FraudRule::LargePayment, "a large payment".to_owned())
        } else if let Some(usual) = usual
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
            amount: Some(attempt.amount),
            currency: attempt.currency.clone(),
            summary,
        });
    }
    found
}

/// The limit is for two decimals.
fn in_minor_units(limit: i64, currency: &str) -> i64 {
    match decimals_of(&currency.to_ascii_uppercase()) {
        0 => limit / 100,
        3 => limit.saturating_mul(10),
        _ => limit,
    }
}
