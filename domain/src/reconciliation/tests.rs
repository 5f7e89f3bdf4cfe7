//! Days of Stripe's balance, each with one thing that agrees or does not.

use chrono::{DateTime, Utc};

use super::*;
use crate::charges::Charge;
use crate::refunds::Refund;
use crate::{Object, payouts};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn key(id: &str) -> Key {
    Key { id: id.to_owned(), account: String::new(), livemode: true }
}

fn transaction(id: &str, kind: &str, source: &str, amount: i64, fee: i64) -> BalanceTransaction {
    BalanceTransaction {
        key: key(id),
        kind: kind.to_owned(),
        reporting_category: kind.to_owned(),
        amount,
        fee,
        net: amount - fee,
        currency: "usd".to_owned(),
        exchange_rate: None,
        source: Some(source.to_owned()),
        payout: None,
        status: "available".to_owned(),
        balance_type: Some("payments".to_owned()),
        created_at: at("2026-11-23T12:00:00Z"),
        available_at: None,
    }
}

fn charge(id: &str, amount: i64, currency: &str) -> Charge {
    let mut charge = Charge::placeholder(key(id));
    charge.state.amount_captured = amount;
    currency.clone_into(&mut charge.state.currency);
    charge.captured_at = Some(at("2026-11-23T12:00:00Z"));
    charge.seen.first_event_at = charge.captured_at;
    charge
}

fn refund(id: &str, amount: i64, status: &str) -> Refund {
    let mut refund = Refund::placeholder(key(id));
    refund.state.amount = amount;
    refund.state.currency = "usd".to_owned();
    status.clone_into(&mut refund.state.status);
    refund.succeeded_at = Some(at("2026-11-23T13:00:00Z"));
    refund.seen.first_event_at = refund.succeeded_at;
    refund
}

/// On the Monday after next.
fn judged(transactions: &[BalanceTransaction], objects: &Objects) -> Day {
    judge(transactions, objects, &[], at("2026-11-30T12:00:00Z"))
}

fn kinds(day: &Day) -> Vec<(DifferenceKind, &str)> {
    day.differences.iter().map(|difference| (difference.kind, difference.subject.as_str())).collect()
}

#[test]
fn items_are_judged_before_sums() {
    let objects = Objects {
        charges: vec![charge("ch_1", 1_100, "usd"), charge("ch_2", 900, "usd")],
        ..Objects::default()
    };
    let day = judged(
        &[
            transaction("txn_1", "charge", "ch_1", 1_000, 59),
            transaction("txn_2", "charge", "ch_2", 1_000, 59),
        ],
        &objects,
    );
    let line = &day.lines[&("usd".to_owned(), Category::Charge)];
    assert_eq!((line.stripe_amount, line.ledger_amount, line.differing, line.net), (2_000, 2_000, 2, 1_882));
    assert_eq!(
        kinds(&day),
        [(DifferenceKind::AmountDiffers, "ch_1"), (DifferenceKind::AmountDiffers, "ch_2")]
    );
}

#[test]
fn a_refund_that_failed_moves_the_money_out_and_back() {
    let told = [
        transaction("txn_1", "refund", "re_1", -500, 0),
        transaction("txn_2", "refund_failure", "re_1", 500, 0),
    ];
    let objects = |status: &str| Objects { refunds: vec![refund("re_1", 500, status)], ..Objects::default() };
    assert!(judged(&told, &objects("failed")).differences.is_empty());
    let day = judged(&told, &objects("succeeded"));
    assert_eq!(kinds(&day), [(DifferenceKind::AmountDiffers, "re_1")], "the ledger missed the failure");
}

#[test]
fn what_the_ledger_does_not_know_is_missing_and_a_placeholder_is_not_knowing() {
    let objects = Objects { charges: vec![Charge::placeholder(key("ch_2"))], ..Objects::default() };
    let day = judged(
        &[transaction("txn_1", "charge", "ch_1", 10, 0), transaction("txn_2", "payment", "ch_2", 10, 0)],
        &objects,
    );
    assert_eq!(
        kinds(&day),
        [(DifferenceKind::MissingObject, "ch_1"), (DifferenceKind::MissingObject, "ch_2")]
    );
}

#[test]
fn a_type_that_is_not_known_is_shown_and_a_fee_needs_no_object() {
    let mut fee = transaction("txn_1", "stripe_fee", "", -200, 0);
    fee.source = None;
    let mut odd = transaction("txn_2", "topup", "tu_1", 9_900, 0);
    odd.reporting_category = "topup".to_owned();
    let day = judged(&[fee, odd], &Objects::default());
    assert_eq!(kinds(&day), [(DifferenceKind::Unclassified, "tu_1")]);
    assert_eq!(day.lines.len(), 2, "both are in the sums");
}

#[test]
fn a_rate_explains_another_currency_to_within_its_rounding() {
    // As Stripe recorded it: 60.00 USD disputed were 83.91 CAD, a fee of 15.00 inside.
    let mut told = transaction("txn_1", "charge", "ch_1", 8_391, 1_500);
    told.currency = "cad".to_owned();
    told.exchange_rate = Some("1.39857".to_owned());
    let objects = |amount| Objects { charges: vec![charge("ch_1", amount, "usd")], ..Objects::default() };
    assert!(judged(std::slice::from_ref(&told), &objects(6_000)).differences.is_empty());
    assert_eq!(kinds(&judged(std::slice::from_ref(&told), &objects(6_100))).len(), 1);
    told.exchange_rate = None;
    assert_eq!(kinds(&judged(&[told], &objects(6_000))).len(), 1, "without a rate nothing explains it");
    // 1,000 JPY at 0.0067 USD each are 6.70 USD.
    let mut yen = transaction("txn_2", "charge", "ch_2", 670, 0);
    yen.exchange_rate = Some("0.0067".to_owned());
    let objects = Objects { charges: vec![charge("ch_2", 1_000, "jpy")], ..Objects::default() };
    assert!(judged(&[yen], &objects).differences.is_empty());
}

#[test]
fn a_transaction_is_awaited_for_two_working_days_and_then_missing() {
    let objects = || Objects { charges_without: vec![charge("ch_1", 10, "usd")], ..Objects::default() };
    // Captured on Monday the 23rd at noon.
    let on = |now: &str| judge(&[], &objects(), &[], at(now));
    assert_eq!((on("2026-11-25T11:59:59Z").awaited, on("2026-11-25T11:59:59Z").differences.len()), (1, 0));
    assert_eq!(kinds(&on("2026-11-25T12:00:00Z")), [(DifferenceKind::MissingTransaction, "ch_1")]);
    let mut friday = charge("ch_2", 10, "usd");
    friday.captured_at = Some(at("2026-11-27T12:00:00Z"));
    let objects = Objects { charges_without: vec![friday], ..Objects::default() };
    assert_eq!(judge(&[], &objects, &[], at("2026-12-01T11:00:00Z")).awaited, 1, "a weekend is in between");
    assert_eq!(judge(&[], &objects, &[], at("2026-12-01T12:00:00Z")).awaited, 0);
}

#[test]
fn a_payout_is_the_sum_of_its_transactions() {
    let payout = |sum| Payout { key: key("po_1"), amount: 1_000, currency: "usd".to_owned(), sum };
    let day = |sum| judge(&[], &Objects::default(), &[payout(sum)], at("2026-11-30T00:00:00Z"));
    assert!(day(1_000).differences.is_empty());
    assert_eq!(kinds(&day(999)), [(DifferenceKind::PayoutDiffers, "po_1")]);
    let mut row = payouts::Payout::placeholder(key("po_1"));
    (row.state.amount, row.state.currency) = (1_000, "usd".to_owned());
    let objects = Objects { payouts: vec![row], ..Objects::default() };
    let told = [
        transaction("txn_1", "payout", "po_1", -1_000, 0),
        transaction("txn_2", "payout_failure", "po_1", 1_000, 0),
    ];
    assert!(judged(&told, &objects).differences.is_empty(), "sent and come back");
}

#[test]
fn net_is_amount_less_fee() {
    let mut told = transaction("txn_1", "charge", "ch_1", 1_000, 59);
    told.net = 942;
    let objects = Objects { charges: vec![charge("ch_1", 1_000, "usd")], ..Objects::default() };
    assert_eq!(kinds(&judged(&[told], &objects)), [(DifferenceKind::NetDiffers, "ch_1")]);
}
