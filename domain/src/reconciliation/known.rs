//! What the ledger knows of a day's objects, and what each transaction should come to by that.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{BalanceTransaction, Category};
use crate::charges::Charge;
use crate::dispute_movements::Movement;
use crate::money::decimals_of;
use crate::payouts;
use crate::refunds::Refund;
use crate::row::words;
use crate::{Key, readable};

/// What the ledger has of the objects that a day is about.
#[derive(Debug, Default)]
pub struct Objects {
    pub charges: BTreeMap<String, Charge>,
    pub refunds: BTreeMap<String, Refund>,
    pub movements: BTreeMap<String, Movement>,
    pub payouts: BTreeMap<String, payouts::Payout>,
    /// Objects of the day that should have moved the balance, and did not.
    pub unmoved: Vec<Unmoved>,
}

readable! {
    /// An object whose transaction nobody has seen.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Unmoved {
        pub kind: String,
        pub id: String,
        /// As the balance would have it: negative where money leaves.
        pub amount: i64,
        pub currency: String,
        /// Since when it should be there.
        pub since: Option<DateTime<Utc>>,
    }
}

words! {
    /// What came of comparing a payout with its transactions.
    pub enum PayoutOutcome {
        // Its transactions are not complete yet.
        NotReady = "not_ready",
        // Made by hand: Stripe does not say what it consists of.
        Manual = "manual",
        Differs = "differs",
        Agrees = "agrees",
    }
}

/// A payout of the day, and what its transactions come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    pub key: Key,
    pub amount: i64,
    pub currency: String,
    pub is_automatic: bool,
    /// Stripe has completed the list of its transactions.
    pub is_complete: bool,
    pub items: i64,
    /// The sum of `net`, without the payout's own transactions.
    pub sum: i64,
}

/// A currency's balance over a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    pub currency: String,
    pub opening: i64,
    pub movements: i64,
    pub closing: i64,
    /// It follows from what Stripe says the balance is now, not from the day before.
    pub is_stated: bool,
    /// How the day before ended, where it was compared.
    pub closing_before: Option<i64>,
}

/// What the ledger says of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// No such object.
    Nothing,
    /// It is there, in a state in which no money moves that way.
    OtherState,
    Amount {
        amount: i64,
        currency: String,
    },
}

impl Payout {
    pub fn outcome(&self) -> PayoutOutcome {
        match (self.is_automatic, self.is_complete) {
            (false, _) => PayoutOutcome::Manual,
            (true, false) => PayoutOutcome::NotReady,
            (true, true) if self.sum == self.amount => PayoutOutcome::Agrees,
            (true, true) => PayoutOutcome::Differs,
        }
    }
}

impl Objects {
    pub(super) fn known(&self, transaction: &BalanceTransaction) -> Known {
        let Some(source) = transaction.source.as_deref() else { return Known::Nothing };
        let is = |amount: i64, currency: &str| Known::Amount { amount, currency: currency.to_owned() };
        match transaction.category() {
            Category::Charge => match self.charge(source) {
                Some(charge) => {
                    let Charge { state, amount_released, .. } = charge;
                    // A bank debit moves the balance while it is on its way, and again when it fails.
                    let is_on_its_way = matches!(state.status.as_str(), "pending" | "failed");
                    // An old capture moves all that was authorised, and a refund moves back what it left.
                    let is_moved_back = *amount_released > 0
                        && settled(state.amount, &state.currency, transaction) == Some(transaction.amount);
                    let moves_whole = (transaction.kind == "payment" && is_on_its_way) || is_moved_back;
                    is(if moves_whole { state.amount } else { state.amount_captured }, &state.currency)
                }
                None => Known::Nothing,
            },
            Category::PaymentFailure => match self.charge(source) {
                Some(charge) if charge.state.status == "failed" => {
                    is(-charge.state.amount, &charge.state.currency)
                }
                Some(_) => Known::OtherState,
                None => Known::Nothing,
            },
            Category::Refund => match self.refund(source) {
                Some(refund) => is(-refund.state.amount, &refund.state.currency),
                None => Known::Nothing,
            },
            Category::RefundFailure => match self.refund(source) {
                Some(refund) if refund.has_failed() => is(refund.state.amount, &refund.state.currency),
                Some(_) => Known::OtherState,
                None => Known::Nothing,
            },
            Category::Dispute => match self.movements.get(&transaction.key.id) {
                // The fee may stand inside: the nets must agree, too.
                Some(movement) if movement.state.amount == transaction.amount => {
                    let off = transaction.net - movement.state.net;
                    is(movement.state.amount - off, &movement.state.currency)
                }
                Some(movement) => is(movement.state.amount, &movement.state.currency),
                None => Known::Nothing,
            },
            Category::Payout => match self.payouts.get(source) {
                Some(payout) if payout.seen.first_event_at.is_some() => {
                    let status = payout.state.status.as_str();
                    match transaction.kind.as_str() {
                        "payout" => is(-payout.state.amount, &payout.state.currency),
                        "payout_failure" if status != "failed" => Known::OtherState,
                        "payout_cancel" if status != "canceled" => Known::OtherState,
                        _ => is(payout.state.amount, &payout.state.currency),
                    }
                }
                _ => Known::Nothing,
            },
            Category::Fee | Category::Unclassified | Category::Apart => Known::Nothing,
        }
    }

    fn charge(&self, id: &str) -> Option<&Charge> {
        self.charges.get(id).filter(|charge| charge.seen.first_event_at.is_some())
    }

    fn refund(&self, id: &str) -> Option<&Refund> {
        self.refunds.get(id).filter(|refund| refund.seen.first_event_at.is_some())
    }
}

/// The ledger's amount in the settlement currency. Where a rate explains Stripe's amount to within its rounding,
/// that amount is it; `None` where nothing says what it comes to.
pub(super) fn settled(amount: i64, currency: &str, transaction: &BalanceTransaction) -> Option<i64> {
    if currency == transaction.currency {
        return Some(amount);
    }
    let rate = transaction.exchange_rate.as_deref()?.parse::<f64>().ok()?;
    let direct = times(amount, rate);
    // Stripe multiplies amounts in minor units; a rate between whole units differs by the currencies' decimals.
    let [from, to] = [currency, &transaction.currency].map(|code| decimals_of(&code.to_ascii_uppercase()));
    let [from, to] = [from, to].map(|decimals| i32::try_from(decimals).unwrap_or(2));
    let scaled = times(amount, rate * 10_f64.powi(to - from));
    let near = |amount: i64| (amount - transaction.amount).abs() <= 1;
    Some(if near(direct) || near(scaled) { transaction.amount } else { direct })
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "amounts are far below 2^53"
)]
fn times(amount: i64, rate: f64) -> i64 {
    (amount as f64 * rate).round() as i64
}
