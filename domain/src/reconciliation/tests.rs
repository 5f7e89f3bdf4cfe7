//! Days of Stripe's balance, each with one thing that agrees or does not.

mod moved_back;

use chrono::{DateTime, Utc};

use super::known::Unmoved;
use super::*;
use crate::charges::Charge;
use crate::moments::Moment;
use crate::refunds::Refund;
use crate::{Object, Severity, payouts};

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
    charge.captured_at = Moment::told(at("2026-11-23T12:00:00Z"));
    charge.seen.first_event_at = charge.captured_at.at();
    charge
}

fn refund(id: &str, amount: i64, status: &str) -> Refund {
    let mut refund = Refund::placeholder(key(id));
    refund.state.amount = amount;
    refund.state.currency = "usd".to_owned();
    status.clone_into(&mut refund.state.status);
    refund.succeeded_at = Moment::told(at("2026-11-23T13:00:00Z"));
    refund.seen.first_event_at = refund.succeeded_at.at();
    refund
}

/// On the Monday after next.
fn judged(transactions: &[BalanceTransaction], objects: Objects) -> Day {
    judged_at(transactions, objects, "2026-11-30T12:00:00Z")
}

fn judged_at(transactions: &[BalanceTransaction], objects: Objects, now: &str) -> Day {
    let evidence = Evidence {
        transactions: transactions.to_vec(),
        related: transactions.to_vec(),
        objects,
        awaited_days: 2,
        ..Evidence::default()
    };
    judge("2026-11-23", &evidence, at(now))
}

fn charges(charges: impl IntoIterator<Item = Charge>) -> Objects {
    let charges = charges.into_iter().map(|charge| (charge.key.id.clone(), charge)).collect();
    Objects { charges, ..Objects::default() }
}

fn refunds(refunds: impl IntoIterator<Item = Refund>) -> Objects {
    let refunds = refunds.into_iter().map(|refund| (refund.key.id.clone(), refund)).collect();
    Objects { refunds, ..Objects::default() }
}

fn kinds(day: &Day) -> Vec<(DifferenceKind, &str)> {
    day.differences.iter().map(|difference| (difference.kind, difference.subject.as_str())).collect()
}

#[test]
fn items_are_judged_before_sums() {
    let objects = charges([charge("ch_1", 1_100, "usd"), charge("ch_2", 900, "usd")]);
    let day = judged(
        &[
            transaction("txn_1", "charge", "ch_1", 1_000, 59),
            transaction("txn_2", "charge", "ch_2", 1_000, 59),
        ],
        objects,
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
    let objects = |status: &str| refunds([refund("re_1", 500, status)]);
    assert!(judged(&told, objects("failed")).differences.is_empty());
    let day = judged(&told, objects("succeeded"));
    assert_eq!(kinds(&day), [(DifferenceKind::StatusDiffers, "re_1")], "the ledger missed the failure");
}

/// A bank debit moves the balance while it is on its way, and back when it fails: both are about the charge.
#[test]
fn a_payment_that_failed_on_its_way_took_back_what_it_had_brought() {
    let told = [
        transaction("txn_1", "payment", "py_1", 1_000, 0),
        transaction("txn_2", "payment_failure_refund", "py_1", -1_000, 0),
    ];
    let debit = |status: &str| {
        let mut charge = charge("py_1", 0, "usd");
        charge.state.amount = 1_000;
        status.clone_into(&mut charge.state.status);
        charges([charge])
    };
    assert!(judged(&told[..1], debit("pending")).differences.is_empty());
    let day = judged(&told, debit("failed"));
    assert!(day.differences.is_empty(), "{:?}", day.differences);
    assert_eq!(day.lines[&("usd".to_owned(), Category::PaymentFailure)].ledger_amount, -1_000);
    let missed = judged(&told, debit("pending"));
    assert_eq!(kinds(&missed), [(DifferenceKind::StatusDiffers, "py_1")], "the ledger missed the failure");
    let other = [told[0].clone(), transaction("txn_2", "payment_failure_refund", "py_1", -900, 0)];
    assert_eq!(kinds(&judged(&other, debit("failed"))), [(DifferenceKind::AmountDiffers, "py_1")]);
    let unknown = judged(&told[1..], Objects::default());
    assert_eq!(kinds(&unknown), [(DifferenceKind::MissingObject, "py_1")]);
}

#[test]
fn a_day_is_not_settled_while_a_charge_or_refund_of_it_may_still_move_money() {
    for kind in ["open_charge", "open_refund"] {
        let open = Unmoved {
            kind: kind.to_owned(),
            id: "ch_1".to_owned(),
            amount: 1_000,
            currency: "usd".to_owned(),
            since: Some(at("2026-11-23T12:00:00Z")),
        };
        let day = judged(&[], Objects { unmoved: vec![open], ..Objects::default() });
        assert_eq!(
            (day.differences.len(), day.awaited, day.is_settled),
            (0, 1, false),
            "{kind}: and it is never missing"
        );
    }
}

#[test]
fn what_the_ledger_does_not_know_is_missing_and_a_placeholder_is_not_knowing() {
    let objects = charges([Charge::placeholder(key("ch_2"))]);
    let day = judged(
        &[transaction("txn_1", "charge", "ch_1", 10, 0), transaction("txn_2", "payment", "ch_2", 10, 0)],
        objects,
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
    let other = BalanceTransaction { key: key("txn_3"), amount: 100, net: 100, ..odd.clone() };
    let reserve = BalanceTransaction {
        key: key("txn_4"),
        balance_type: Some("refund_and_dispute_prefunding".to_owned()),
        ..odd.clone()
    };
    let day = judged(&[fee, odd, other, reserve], Objects::default());
    assert_eq!(kinds(&day), [(DifferenceKind::Unclassified, "topup usd")], "one of each type and day");
    assert_eq!(day.differences[0].stripe_amount, Some(10_000));
    assert_eq!(day.lines.len(), 3, "all are in the sums");
    assert_eq!(day.lines[&("usd".to_owned(), Category::Apart)].net, 9_900, "a reserve stands apart");
}

#[test]
fn a_rate_explains_another_currency_to_within_its_rounding() {
    // As Stripe recorded it: 60.00 USD disputed were 83.91 CAD, a fee of 15.00 inside.
    let mut told = transaction("txn_1", "charge", "ch_1", 8_391, 1_500);
    told.currency = "cad".to_owned();
    told.exchange_rate = Some("1.39857".to_owned());
    let objects = |amount| charges([charge("ch_1", amount, "usd")]);
    assert!(judged(std::slice::from_ref(&told), objects(6_000)).differences.is_empty());
    assert_eq!(kinds(&judged(std::slice::from_ref(&told), objects(6_100))).len(), 1);
    told.exchange_rate = None;
    assert_eq!(kinds(&judged(&[told], objects(6_000))).len(), 1, "without a rate nothing explains it");
    // 1,000 JPY at 0.0067 USD each are 6.70 USD.
    let mut yen = transaction("txn_2", "charge", "ch_2", 670, 0);
    yen.exchange_rate = Some("0.0067".to_owned());
    assert!(judged(&[yen], charges([charge("ch_2", 1_000, "jpy")])).differences.is_empty());
}

#[test]
fn a_transaction_is_awaited_for_two_working_days_and_then_missing() {
    let on = |since: &str, now: &str| {
        let unmoved = Unmoved {
            kind: "charge".to_owned(),
            id: "ch_1".to_owned(),
            amount: 10,
            currency: "usd".to_owned(),
            since: Some(at(since)),
        };
        judged_at(&[], Objects { unmoved: vec![unmoved], ..Objects::default() }, now)
    };
    let monday = "2026-11-23T12:00:00Z";
    let day = on(monday, "2026-11-25T11:59:59Z");
    assert_eq!((day.awaited, day.differences.len(), day.is_settled), (1, 0, false));
    assert_eq!(kinds(&on(monday, "2026-11-25T12:00:00Z")), [(DifferenceKind::MissingTransaction, "ch_1")]);
    let friday = "2026-11-27T12:00:00Z";
    assert_eq!(on(friday, "2026-12-01T11:00:00Z").awaited, 1, "a weekend is in between");
    assert_eq!(on(friday, "2026-12-01T12:00:00Z").awaited, 0);
}

#[test]
fn a_payout_is_the_sum_of_its_transactions_and_one_by_hand_cannot_say() {
    let payout = |sum, is_automatic, is_complete| {
        let payout = Payout {
            key: key("po_1"),
            amount: 1_000,
            currency: "usd".to_owned(),
            is_automatic,
            is_complete,
            items: 3,
            sum,
        };
        let evidence = Evidence { payouts: vec![payout], ..Evidence::default() };
        judge("2026-11-23", &evidence, at("2026-11-30T00:00:00Z"))
    };
    assert!(payout(1_000, true, true).differences.is_empty());
    assert_eq!(kinds(&payout(999, true, true)), [(DifferenceKind::PayoutDiffers, "po_1")]);
    assert_eq!((payout(0, true, false).awaited, payout(0, true, false).is_settled), (1, false));
    assert!(payout(0, false, false).differences.is_empty() && payout(0, false, false).is_settled);
}

#[test]
fn what_was_paid_out_and_came_back_needs_a_payout_that_failed() {
    let told = [
        transaction("txn_1", "payout", "po_1", -1_000, 0),
        transaction("txn_2", "payout_failure", "po_1", 1_000, 0),
    ];
    let objects = |status: &str| {
        let mut row = payouts::Payout::placeholder(key("po_1"));
        (row.state.amount, row.state.currency) = (1_000, "usd".to_owned());
        status.clone_into(&mut row.state.status);
        row.seen.first_event_at = Some(at("2026-11-23T12:00:00Z"));
        Objects { payouts: [("po_1".to_owned(), row)].into(), ..Objects::default() }
    };
    assert!(judged(&told, objects("failed")).differences.is_empty(), "sent and come back");
    assert_eq!(kinds(&judged(&told, objects("paid"))), [(DifferenceKind::StatusDiffers, "po_1")]);
}

#[test]
fn an_object_moves_the_balance_once_or_in_parts_that_come_to_it() {
    let objects = || charges([charge("ch_1", 1_000, "usd")]);
    let part = |id: &str, amount| transaction(id, "charge", "ch_1", amount, 0);
    assert!(judged(&[part("txn_1", 400), part("txn_2", 600)], objects()).differences.is_empty());
    let day = judged(&[part("txn_1", 1_000), part("txn_2", 1_000)], objects());
    assert_eq!(kinds(&day), [(DifferenceKind::DuplicateTransaction, "ch_1")]);
    assert_eq!(day.differences[0].item, "txn_2");
    assert_eq!(day.lines[&("usd".to_owned(), Category::Charge)].ledger_amount, 1_000);
}

#[test]
fn an_invoice_is_the_sum_of_its_payments_and_a_day_begins_as_the_last_one_ended() {
    let invoice = |items, itemised, received| PaidInvoice {
        id: "in_1".to_owned(),
        currency: "usd".to_owned(),
        stated: 500,
        items,
        itemised,
        by_payments: itemised,
        received,
    };
    let balance = |closing_before| Balance {
        currency: "usd".to_owned(),
        opening: 100,
        movements: 50,
        closing: 150,
        is_stated: true,
        closing_before,
    };
    let day = |invoices, balances| {
        let evidence = Evidence { invoices, balances, ..Evidence::default() };
        judge("2026-11-23", &evidence, at("2026-11-30T00:00:00Z"))
    };
    let agrees = day(
        vec![invoice(1, 500, 500), invoice(0, 0, 500), invoice(2, 500, 900)],
        vec![balance(None), balance(Some(100))],
    );
    assert!(agrees.differences.is_empty(), "{:?}", agrees.differences);
    assert_eq!(kinds(&day(vec![invoice(0, 0, 0)], vec![])), [(DifferenceKind::InvoiceDiffers, "in_1")]);
    assert_eq!(kinds(&day(vec![invoice(1, 500, 300)], vec![])), [(DifferenceKind::PaymentDiffers, "in_1")]);
    assert_eq!(kinds(&day(vec![], vec![balance(Some(99))])), [(DifferenceKind::BalanceDiffers, "usd")]);
    // Three hundred by card, and two hundred that were recorded as paid elsewhere.
    let in_part = PaidInvoice { by_payments: 300, ..invoice(2, 500, 300) };
    assert_eq!(kinds(&day(vec![in_part.clone()], vec![])), []);
    let uncovered = PaidInvoice { received: 200, ..in_part };
    assert_eq!(kinds(&day(vec![uncovered], vec![])), [(DifferenceKind::PaymentDiffers, "in_1")]);
}

#[test]
fn every_difference_reads_as_a_sentence_and_above_the_tolerance_it_is_critical() {
    for kind in DifferenceKind::ALL {
        let difference = Difference {
            kind: *kind,
            subject_kind: "charge",
            subject: "ch_1".to_owned(),
            item: "txn_1".to_owned(),
            currency: "usd".to_owned(),
            stripe_amount: Some(1_000),
            ledger_amount: Some(400),
        };
        let found = difference.found("2026-11-23", 500);
        assert!(
            found.summary.contains("10.00 USD") || found.summary.contains("4.00 USD"),
            "{}",
            found.summary
        );
        let wanted = if kind.is_about_form() { Severity::Warning } else { Severity::Critical };
        assert_eq!((found.severity, found.amount), (wanted, Some(600)));
    }
}

#[test]
fn a_shortfall_weighs_as_much_as_a_surplus_and_the_tolerance_itself_is_tolerated() {
    for (stripe_amount, ledger_amount) in
        [(Some(1_000), Some(400)), (Some(400), Some(1_000)), (None, Some(600)), (Some(-600), None)]
    {
        let difference = Difference {
            kind: DifferenceKind::AmountDiffers,
            subject_kind: "charge",
            subject: "ch_1".to_owned(),
            item: "txn_1".to_owned(),
            currency: "usd".to_owned(),
            stripe_amount,
            ledger_amount,
        };
        let found = |tolerance| difference.found("2026-11-23", tolerance);
        assert_eq!((found(599).severity, found(600).severity), (Severity::Critical, Severity::Info));
        assert_eq!(found(600).amount, Some(600));
    }
}

#[test]
fn net_is_amount_less_fee() {
    let mut told = transaction("txn_1", "charge", "ch_1", 1_000, 59);
    for net in [940, 942] {
        told.net = net;
        let objects = charges([charge("ch_1", 1_000, "usd")]);
        assert_eq!(kinds(&judged(&[told.clone()], objects)), [(DifferenceKind::NetDiffers, "ch_1")]);
    }
}
