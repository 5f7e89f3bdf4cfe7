//! Judges one day: every transaction against its object, every object against its transaction, payouts against
//! their sums.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, TimeDelta, Utc, Weekday};

use super::{BalanceTransaction, Category};
use crate::charges::Charge;
use crate::dispute_movements::Movement;
use crate::money::decimals_of;
use crate::refunds::Refund;
use crate::row::words;
use crate::{Key, payouts};

/// More than so many differences of a day are one about the day.
pub const DIFFERENCES_LIMIT: usize = 200;
/// What is merely awaited is missing after so many working days.
const AWAITED_WORKING_DAYS: u32 = 2;

/// What the ledger has of the objects that a day is about.
#[derive(Debug, Default)]
pub struct Objects {
    pub charges: Vec<Charge>,
    pub refunds: Vec<Refund>,
    pub movements: Vec<Movement>,
    pub payouts: Vec<payouts::Payout>,
    /// Charges and refunds of the day that no transaction names.
    pub charges_without: Vec<Charge>,
    pub refunds_without: Vec<Refund>,
}

/// An automatic payout whose transactions Stripe has completed, with these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    pub key: Key,
    pub amount: i64,
    pub currency: String,
    /// The sum of `net`, without the payout's own transaction.
    pub sum: i64,
}

words! {
    pub enum DifferenceKind {
        // The ledger does not know what the transaction is about.
        MissingObject = "missing_object",
        // Both know it, and say different amounts.
        AmountDiffers = "amount_differs",
        // The ledger has it, and Stripe's balance does not.
        MissingTransaction = "missing_transaction",
        // A payout is not the sum of its transactions.
        PayoutDiffers = "payout_differs",
        // net is not amount - fee.
        NetDiffers = "net_differs",
        // A type that is compared with nothing.
        Unclassified = "unclassified",
        // More than anybody works through: the run itself is what is wrong.
        TooMany = "too_many",
    }
}

/// One item on which both sides do not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub kind: DifferenceKind,
    /// The object's id, or the transaction's where it names none.
    pub subject: String,
    pub currency: String,
    pub stripe_amount: Option<i64>,
    pub ledger_amount: Option<i64>,
}

/// The sums of one currency and category.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub transactions: i64,
    pub stripe_amount: i64,
    pub ledger_amount: i64,
    pub fee: i64,
    pub net: i64,
    pub differing: i64,
}

/// What came of comparing a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// By settlement currency and category.
    pub lines: BTreeMap<(String, Category), Line>,
    pub differences: Vec<Difference>,
    /// Objects whose transaction may still come.
    pub awaited: i64,
}

/// An amount that the ledger has, in the currency of the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub amount: i64,
    pub currency: String,
}

/// Compares; a function of what it is given. `now` decides only what is awaited.
pub fn judge(
    transactions: &[BalanceTransaction],
    objects: &Objects,
    payouts: &[Payout],
    now: DateTime<Utc>,
) -> Day {
    let mut day = Day::default();
    for transaction in transactions {
        let category = transaction.category();
        let known = objects.known(transaction, category);
        let difference = compared(transaction, category, known.as_ref());
        let line = day.lines.entry((transaction.currency.clone(), category)).or_default();
        line.transactions += 1;
        line.stripe_amount += transaction.amount;
        line.fee += transaction.fee;
        line.net += transaction.net;
        line.ledger_amount += known.as_ref().map_or(0, |known| settled(known, transaction));
        if let Some(difference) = difference {
            line.differing += 1;
            day.differences.push(difference);
        }
    }
    let named: BTreeSet<&str> =
        transactions.iter().filter_map(|transaction| transaction.source.as_deref()).collect();
    for charge in objects.charges_without.iter().filter(|charge| !named.contains(charge.key.id.as_str())) {
        let known = Known { amount: charge.state.amount_captured, currency: charge.state.currency.clone() };
        day.miss(&charge.key.id, known, charge.captured_at, now);
    }
    for refund in objects.refunds_without.iter().filter(|refund| !named.contains(refund.key.id.as_str())) {
        let known = Known { amount: -refund.state.amount, currency: refund.state.currency.clone() };
        day.miss(&refund.key.id, known, refund.succeeded_at, now);
    }
    for payout in payouts.iter().filter(|payout| payout.sum != payout.amount) {
        day.differences.push(Difference {
            kind: DifferenceKind::PayoutDiffers,
            subject: payout.key.id.clone(),
            currency: payout.currency.clone(),
            stripe_amount: Some(payout.amount),
            ledger_amount: Some(payout.sum),
        });
    }
    day.differences.sort_by(|a, b| (a.kind, &a.subject).cmp(&(b.kind, &b.subject)));
    day
}

/// As they are kept: many at once are one, for they have one cause.
pub fn kept(day: &str, differences: Vec<Difference>) -> Vec<Difference> {
    if differences.len() <= DIFFERENCES_LIMIT {
        return differences;
    }
    vec![Difference {
        kind: DifferenceKind::TooMany,
        subject: day.to_owned(),
        currency: String::new(),
        stripe_amount: None,
        ledger_amount: None,
    }]
}

impl Day {
    fn miss(&mut self, subject: &str, known: Known, since: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        if since.is_some_and(|since| is_awaited(since, now)) {
            self.awaited += 1;
            return;
        }
        self.differences.push(Difference {
            kind: DifferenceKind::MissingTransaction,
            subject: subject.to_owned(),
            currency: known.currency,
            stripe_amount: None,
            ledger_amount: Some(known.amount),
        });
    }
}

impl Objects {
    /// What the ledger says that the transaction should move; `None` where it does not know the object.
    fn known(&self, transaction: &BalanceTransaction, category: Category) -> Option<Known> {
        let source = transaction.source.as_deref()?;
        let known = |amount: i64, currency: &str| Known { amount, currency: currency.to_owned() };
        match category {
            Category::Charge => {
                let charge = self.charges.iter().find(|charge| charge.key.id == source)?;
                charge.seen.first_event_at?;
                Some(known(charge.state.amount_captured, &charge.state.currency))
            }
            Category::Refund => {
                let refund = self.refunds.iter().find(|refund| refund.key.id == source)?;
                refund.seen.first_event_at?;
                Some(known(-refund.state.amount, &refund.state.currency))
            }
            Category::RefundFailure => {
                let refund = self.refunds.iter().find(|refund| refund.key.id == source)?;
                // The money came back only if the ledger has the refund as failed, too.
                Some(known(if refund.has_failed() { refund.state.amount } else { 0 }, &refund.state.currency))
            }
            Category::Dispute => {
                let movement =
                    self.movements.iter().find(|movement| movement.key.id == transaction.key.id)?;
                Some(known(movement.state.amount, &movement.state.currency))
            }
            Category::Payout => {
                let payout = self.payouts.iter().find(|payout| payout.key.id == source)?;
                let sign = if transaction.kind == "payout" { -1 } else { 1 };
                Some(known(sign * payout.state.amount, &payout.state.currency))
            }
            Category::Fee | Category::Unclassified => None,
        }
    }
}

fn compared(
    transaction: &BalanceTransaction,
    category: Category,
    known: Option<&Known>,
) -> Option<Difference> {
    let differs = |kind, ledger_amount| {
        let subject = transaction.source.as_ref().unwrap_or(&transaction.key.id);
        Some(Difference {
            kind,
            subject: subject.clone(),
            currency: transaction.currency.clone(),
            stripe_amount: Some(transaction.amount),
            ledger_amount,
        })
    };
    if transaction.net != transaction.amount - transaction.fee {
        return differs(DifferenceKind::NetDiffers, None);
    }
    match (category, known) {
        (Category::Fee, _) => None,
        (Category::Unclassified, _) => differs(DifferenceKind::Unclassified, None),
        (_, None) => differs(DifferenceKind::MissingObject, None),
        (_, Some(known)) => {
            let settled = settled(known, transaction);
            if settled == transaction.amount {
                None
            } else {
                differs(DifferenceKind::AmountDiffers, Some(settled))
            }
        }
    }
}

/// The ledger's amount in the settlement currency. Where a rate explains Stripe's amount to within its rounding,
/// that amount is it.
fn settled(known: &Known, transaction: &BalanceTransaction) -> i64 {
    if known.currency == transaction.currency {
        return known.amount;
    }
    let Some(rate) = transaction.exchange_rate.as_deref().and_then(|rate| rate.parse::<f64>().ok()) else {
        return 0; // nothing says what it comes to
    };
    let direct = times(known.amount, rate);
    // Stripe multiplies amounts in minor units; a rate between whole units differs by the currencies' decimals.
    let [from, to] =
        [&known.currency, &transaction.currency].map(|code| decimals_of(&code.to_ascii_uppercase()));
    let [from, to] = [from, to].map(|decimals| i32::try_from(decimals).unwrap_or(2));
    let scaled = times(known.amount, rate * 10_f64.powi(to - from));
    let near = |amount: i64| (amount - transaction.amount).abs() <= 1;
    if near(direct) || near(scaled) { transaction.amount } else { direct }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "amounts are far below 2^53"
)]
fn times(amount: i64, rate: f64) -> i64 {
    (amount as f64 * rate).round() as i64
}

/// Whether two working days have not passed yet; Saturdays and Sundays do not count.
fn is_awaited(since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let (mut at, mut days) = (since, 0);
    while days < AWAITED_WORKING_DAYS {
        at += TimeDelta::days(1);
        if !matches!(at.weekday(), Weekday::Sat | Weekday::Sun) {
            days += 1;
        }
    }
    now < at
}
