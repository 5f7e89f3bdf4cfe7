//! Money that left the balance and came back, or came and went: refunds that failed, and what a capture left.

use super::*;

/// Of every method but cards Stripe returns the money by the type of the refund, or by an adjustment.
#[test]
fn the_money_of_a_failed_refund_comes_back_by_several_words() {
    let back = |kind: &str, reporting_category: &str| BalanceTransaction {
        reporting_category: reporting_category.to_owned(),
        ..transaction("txn_2", kind, "pyr_1", 500, 0)
    };
    for back in [
        back("payment_refund", "refund"),
        back("refund", "refund"),
        back("refund_failure", "refund_failure"),
        back("adjustment", "refund_failure"),
    ] {
        assert_eq!(back.category(), Category::RefundFailure, "{back:?}");
        let out = if back.kind == "refund" { "refund" } else { "payment_refund" };
        let told = [transaction("txn_1", out, "pyr_1", -500, 0), back];
        for status in ["failed", "canceled"] {
            let day = judged(&told, refunds([refund("pyr_1", 500, status)]));
            assert!(day.differences.is_empty(), "{status}: {:?}", day.differences);
            let line = |category| day.lines[&("usd".to_owned(), category)].ledger_amount;
            assert_eq!((line(Category::Refund), line(Category::RefundFailure)), (-500, 500));
        }
        let missed = judged(&told, refunds([refund("pyr_1", 500, "succeeded")]));
        assert_eq!(kinds(&missed), [(DifferenceKind::StatusDiffers, "pyr_1")], "it missed the failure");
    }
    let twice = [
        back("payment_refund", "refund"),
        BalanceTransaction { key: key("txn_3"), ..back("payment_refund", "") },
    ];
    let day = judged(&twice, refunds([refund("pyr_1", 500, "failed")]));
    assert_eq!(kinds(&day), [(DifferenceKind::DuplicateTransaction, "pyr_1")], "it comes back once");
}

/// 65.00 were authorised and 50.00 captured.
fn captured(currency: &str, released: i64) -> Charge {
    let mut charge = charge("ch_1", 5_000, currency);
    charge.state.amount = 6_500;
    charge.amount_released = released;
    charge
}

fn with_refunds(charge: Charge, amounts: &[(&str, i64)]) -> Objects {
    let currency = charge.state.currency.clone();
    let of_charge = amounts.iter().map(|(id, amount)| {
        let mut refund = refund(id, *amount, "succeeded");
        refund.state.currency.clone_from(&currency);
        refund
    });
    Objects { refunds: refunds(of_charge).refunds, ..charges([charge]) }
}

/// Before basil Stripe moves all that was authorised, and moves back what a capture left.
#[test]
fn what_a_capture_left_may_have_come_and_gone() {
    let told =
        [transaction("txn_1", "charge", "ch_1", 6_500, 0), transaction("txn_2", "refund", "re_1", -1_500, 0)];
    let objects = |released: i64| with_refunds(captured("usd", released), &[("re_1", 1_500)]);
    assert!(judged(&told, objects(1_500)).differences.is_empty());
    assert_eq!(
        kinds(&judged(&told, objects(0))),
        [(DifferenceKind::AmountDiffers, "ch_1")],
        "it missed a capture"
    );
    let since = [transaction("txn_1", "charge", "ch_1", 5_000, 0)];
    assert!(judged(&since, objects(0)).differences.is_empty());
}

#[test]
fn what_a_capture_left_may_have_come_and_gone_in_the_currency_of_settlement() {
    let told = |id: &str, kind: &str, source: &str, amount| BalanceTransaction {
        exchange_rate: Some("1.0837".to_owned()),
        ..transaction(id, kind, source, amount, 0)
    };
    // 65.00 EUR are 70.44 USD, and 15.00 EUR are 16.26 USD.
    let moved = [told("txn_1", "charge", "ch_1", 7_044), told("txn_2", "refund", "re_1", -1_626)];
    let objects = |released: i64| with_refunds(captured("eur", released), &[("re_1", 1_500)]);
    let day = judged(&moved, objects(1_500));
    assert!(day.differences.is_empty(), "{:?}", day.differences);
    assert_eq!(day.lines[&("usd".to_owned(), Category::Charge)].ledger_amount, 7_044);
    assert_eq!(kinds(&judged(&moved, objects(0))), [(DifferenceKind::AmountDiffers, "ch_1")]);
    let since = [told("txn_1", "charge", "ch_1", 5_419)];
    assert!(judged(&since, objects(1_500)).differences.is_empty(), "what was captured alone");
}

#[test]
fn what_a_capture_left_and_a_refund_of_the_rest_are_two_movements() {
    let told = [
        transaction("txn_1", "charge", "ch_1", 6_500, 0),
        transaction("txn_2", "refund", "re_1", -1_500, 0),
        transaction("txn_3", "refund", "re_2", -2_000, 0),
    ];
    let objects = |amount| with_refunds(captured("usd", 1_500), &[("re_1", 1_500), ("re_2", amount)]);
    let day = judged(&told, objects(2_000));
    assert!(day.differences.is_empty(), "{:?}", day.differences);
    assert_eq!(day.lines[&("usd".to_owned(), Category::Refund)].ledger_amount, -3_500);
    assert_eq!(kinds(&judged(&told, objects(1_900))), [(DifferenceKind::AmountDiffers, "re_2")]);
}
