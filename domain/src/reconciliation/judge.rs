//! Judges one day: every transaction against its object, every object against its transaction, payouts against their
//! sums, invoices against their payments, and the balance against the day before.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, TimeDelta, Utc, Weekday};

use super::difference::{Difference, DifferenceKind};
use super::invoices::PaidInvoice;
use super::known::{Balance, Known, Objects, Payout, PayoutOutcome, settled};
use super::{BalanceTransaction, Category};

/// What a day is judged by.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Those of the day.
    pub transactions: Vec<BalanceTransaction>,
    /// All that are known of the same objects, whatever their day; those of the day included.
    pub related: Vec<BalanceTransaction>,
    pub objects: Objects,
    pub payouts: Vec<Payout>,
    pub invoices: Vec<PaidInvoice>,
    pub balances: Vec<Balance>,
    /// What is merely awaited is missing after so many working days.
    pub awaited_days: i64,
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
    /// Objects whose transaction may still come, and payouts whose list is not complete.
    pub awaited: i64,
    /// Everything in it has settled: it can only be compared again, not become something else.
    pub is_settled: bool,
}

/// Compares; a function of what it is given. `now` decides only what is awaited.
pub fn judge(day: &str, evidence: &Evidence, now: DateTime<Utc>) -> Day {
    let mut judged = Day { is_settled: true, ..Day::default() };
    let together = Together::of(&evidence.related);
    let mut unclassified: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for transaction in &evidence.transactions {
        let category = transaction.category();
        let known = evidence.objects.known(transaction);
        let expected = match &known {
            Known::Amount { amount, currency } => settled(*amount, currency, transaction),
            Known::Nothing | Known::OtherState => None,
        };
        let difference = compared(transaction, (&known, expected), &together);
        let line = judged.lines.entry((transaction.currency.clone(), category)).or_default();
        line.transactions += 1;
        line.stripe_amount += transaction.amount;
        line.fee += transaction.fee;
        line.net += transaction.net;
        let is_repeated =
            difference.as_ref().is_some_and(|it| it.kind == DifferenceKind::DuplicateTransaction);
        // Of an object that moves in parts each part agrees with the whole: what it moved is the ledger's.
        line.ledger_amount += match (&difference, expected) {
            (None, Some(_)) => transaction.amount,
            _ if is_repeated => 0,
            _ => expected.unwrap_or(0),
        };
        line.differing += i64::from(difference.is_some());
        judged.differences.extend(difference);
        judged.is_settled &= transaction.status == "available";
        if category == Category::Unclassified {
            let sum =
                unclassified.entry((transaction.kind.as_str(), transaction.currency.as_str())).or_default();
            *sum += transaction.amount;
            line.differing += 1;
        }
    }
    for ((kind, currency), sum) in unclassified {
        judged.differences.push(Difference {
            kind: DifferenceKind::Unclassified,
            subject_kind: "transaction_type",
            subject: format!("{kind} {currency}"),
            item: day.to_owned(),
            currency: currency.to_owned(),
            stripe_amount: Some(sum),
            ledger_amount: None,
        });
    }
    judged.unmoved(evidence, now);
    judged.payouts(&evidence.payouts);
    let invoices = evidence.invoices.iter();
    judged
        .differences
        .extend(invoices.flat_map(|invoice| [invoice.difference(), invoice.uncovered()]).flatten());
    judged.differences.extend(evidence.balances.iter().filter_map(|balance| begins_otherwise(day, balance)));
    judged.differences.sort_by(|a, b| (a.kind, &a.subject, &a.item).cmp(&(b.kind, &b.subject, &b.item)));
    judged.is_settled &= judged.awaited == 0;
    judged
}

impl Day {
    fn unmoved(&mut self, evidence: &Evidence, now: DateTime<Utc>) {
        for object in &evidence.objects.unmoved {
            // Whether it will ever move money is not decided yet.
            if matches!(object.kind.as_str(), "open_charge" | "open_refund") {
                self.awaited += 1;
                continue;
            }
            if object.since.is_some_and(|since| is_awaited(since, evidence.awaited_days, now)) {
                self.awaited += 1;
                continue;
            }
            let (subject_kind, item) = match object.kind.as_str() {
                "charge" => ("charge", ""),
                "refund" => ("refund", ""),
                "refund_failure" => ("refund", "failure"),
                "payment_failure" => ("charge", "failure"),
                "movement" => ("dispute_movement", ""),
                _ => ("payout", ""),
            };
            self.differences.push(Difference {
                kind: DifferenceKind::MissingTransaction,
                subject_kind,
                subject: object.id.clone(),
                item: item.to_owned(),
                currency: object.currency.clone(),
                stripe_amount: None,
                ledger_amount: Some(object.amount),
            });
        }
    }

    fn payouts(&mut self, payouts: &[Payout]) {
        for payout in payouts {
            match payout.outcome() {
                PayoutOutcome::NotReady => self.awaited += 1,
                PayoutOutcome::Manual | PayoutOutcome::Agrees => {}
                PayoutOutcome::Differs => self.differences.push(Difference {
                    kind: DifferenceKind::PayoutDiffers,
                    subject_kind: "payout",
                    subject: payout.key.id.clone(),
                    item: String::new(),
                    currency: payout.currency.clone(),
                    stripe_amount: Some(payout.amount),
                    ledger_amount: Some(payout.sum),
                }),
            }
        }
    }
}

fn begins_otherwise(day: &str, balance: &Balance) -> Option<Difference> {
    let before = balance.closing_before.filter(|before| *before != balance.opening)?;
    Some(Difference {
        kind: DifferenceKind::BalanceDiffers,
        subject_kind: "balance",
        subject: balance.currency.clone(),
        item: day.to_owned(),
        currency: balance.currency.clone(),
        stripe_amount: Some(balance.opening),
        ledger_amount: Some(before),
    })
}

fn compared(
    transaction: &BalanceTransaction,
    (known, expected): (&Known, Option<i64>),
    together: &Together<'_>,
) -> Option<Difference> {
    let category = transaction.category();
    let differs = |kind, stripe_amount, ledger_amount| {
        Some(Difference {
            kind,
            subject_kind: category.subject_kind(),
            subject: transaction.source.as_ref().unwrap_or(&transaction.key.id).clone(),
            item: transaction.key.id.clone(),
            currency: transaction.currency.clone(),
            stripe_amount: Some(stripe_amount),
            ledger_amount,
        })
    };
    let net = transaction.amount - transaction.fee;
    if transaction.net != net {
        return differs(DifferenceKind::NetDiffers, transaction.net, Some(net));
    }
    if !category.is_compared() {
        return None;
    }
    let amount = transaction.amount;
    if *known == Known::OtherState {
        return differs(DifferenceKind::StatusDiffers, amount, None);
    }
    let Some(expected) = expected else {
        let kind = if *known == Known::Nothing {
            DifferenceKind::MissingObject
        } else {
            DifferenceKind::AmountDiffers
        };
        return differs(kind, amount, None);
    };
    // Disputes move more than once; every other object once, or in parts that come to its amount.
    let (is_first, sum) = together.with(transaction);
    if category != Category::Dispute && sum != amount && sum == expected {
        return None;
    }
    match (category, is_first, amount == expected) {
        (Category::Dispute, _, true) | (_, true, true) => None,
        (Category::Dispute, _, false) | (_, true, false) => {
            differs(DifferenceKind::AmountDiffers, amount, Some(expected))
        }
        (_, false, _) => differs(DifferenceKind::DuplicateTransaction, amount, Some(0)),
    }
}

/// Transactions of one type about one object, oldest first: what comes first, and what they come to.
struct Together<'a>(BTreeMap<Place<'a>, Vec<&'a BalanceTransaction>>);

/// Object, type, what the type means there, and currency.
type Place<'a> = (&'a str, &'a str, Category, &'a str);

impl<'a> Together<'a> {
    fn of(transactions: &'a [BalanceTransaction]) -> Self {
        let mut all: BTreeMap<_, Vec<&BalanceTransaction>> = BTreeMap::new();
        for transaction in transactions {
            if let Some(place) = place(transaction) {
                all.entry(place).or_default().push(transaction);
            }
        }
        for same in all.values_mut() {
            same.sort_by(|a, b| (a.created_at, &a.key).cmp(&(b.created_at, &b.key)));
        }
        Self(all)
    }

    /// Whether it is the first, and the sum of all of them.
    fn with(&self, transaction: &BalanceTransaction) -> (bool, i64) {
        let Some(same) = place(transaction).and_then(|place| self.0.get(&place)) else {
            return (true, transaction.amount);
        };
        let is_first = same.first().is_none_or(|first| first.key == transaction.key);
        (is_first, same.iter().map(|it| it.amount).sum())
    }
}

fn place(transaction: &BalanceTransaction) -> Option<Place<'_>> {
    let BalanceTransaction { source, kind, currency, .. } = transaction;
    Some((source.as_deref()?, kind, transaction.category(), currency))
}

/// Whether so many working days have not passed yet; Saturdays and Sundays do not count.
fn is_awaited(since: DateTime<Utc>, working_days: i64, now: DateTime<Utc>) -> bool {
    let (mut at, mut days) = (since, 0);
    while days < working_days {
        at += TimeDelta::days(1);
        if !matches!(at.weekday(), Weekday::Sat | Weekday::Sun) {
            days += 1;
        }
    }
    now < at
}
