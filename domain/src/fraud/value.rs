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
    let usual = usual_amounts(attempts, before, limits.usual_payments);
    let mut found = Vec::new();
    for (attempt, usual) in attempts.iter().zip(usual).filter(|(attempt, _)| attempt.is_paid()) {
        let Some(at) = attempt.at else { continue };
        let (rule, summary) = if attempt.amount > limits.large_amount(&attempt.currency) {
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
            day: None,
            amount: Some(attempt.amount),
            currency: attempt.currency.clone(),
            summary,
            charges: Vec::new(),
        });
    }
    found
}

/// Of one user, in one currency.
type Whose<'a> = (&'a str, &'a str, bool, &'a str);

/// For each attempt the median of what its user paid in the time before it, but for the attempt's own payment; `None` where
/// that were too few payments. Everything is sorted once, and each payment comes into the time once and leaves it once.
fn usual_amounts(attempts: &[Attempt], before: &[PaidBefore], least: usize) -> Vec<Option<i64>> {
    let mut paid: BTreeMap<Whose<'_>, Vec<(DateTime<Utc>, &PaidBefore)>> = BTreeMap::new();
    for one in before {
        let Some(at) = one.at else { continue };
        let whose = (one.user_id.as_str(), one.account.as_str(), one.livemode, one.currency.as_str());
        paid.entry(whose).or_default().push((at, one));
    }
    let mut judged: BTreeMap<Whose<'_>, Vec<(DateTime<Utc>, usize)>> = BTreeMap::new();
    for (place, attempt) in attempts.iter().enumerate() {
        let (Some(user), Some(at)) = (attempt.user_id.as_deref(), attempt.at) else { continue };
        let whose = (user, attempt.account.as_str(), attempt.livemode, attempt.currency.as_str());
        judged.entry(whose).or_default().push((at, place));
    }
    let mut usual = vec![None; attempts.len()];
    for (whose, mut moments) in judged {
        let Some(paid) = paid.get_mut(&whose) else { continue };
        moments.sort_unstable();
        paid.sort_unstable_by_key(|(at, one)| (*at, one.id.as_str()));
        let places: BTreeMap<&str, usize> =
            paid.iter().enumerate().map(|(place, (_, one))| (one.id.as_str(), place)).collect();
        let mut amounts = Amounts::default();
        let (mut from, mut until) = (0, 0);
        for (at, place) in moments {
            while until < paid.len() && paid[until].0 < at {
                amounts.add(paid[until].1.amount);
                until += 1;
            }
            while from < until && paid[from].0 <= at - USUAL_SPAN {
                amounts.take(paid[from].1.amount);
                from += 1;
            }
            let own = places.get(attempts[place].paid_by()).filter(|place| (from..until).contains(*place));
            let own = own.map(|place| paid[*place].1.amount);
            if let Some(own) = own {
                amounts.take(own);
            }
            usual[place] = amounts.median().filter(|_| amounts.0.len() >= least);
            if let Some(own) = own {
                amounts.add(own);
            }
        }
    }
    usual
}

/// Amounts in order.
#[derive(Default)]
struct Amounts(Vec<i64>);

impl Amounts {
    fn add(&mut self, amount: i64) {
        let place = self.0.partition_point(|other| *other < amount);
        self.0.insert(place, amount);
    }

    fn take(&mut self, amount: i64) {
        if let Ok(place) = self.0.binary_search(&amount) {
            self.0.remove(place);
        }
    }

    fn median(&self) -> Option<i64> {
        self.0.get(self.0.len() / 2).copied()
    }
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
