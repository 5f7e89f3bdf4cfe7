//! Policies as people type them, as the ledger keeps them, and what a change gives up.

use super::*;

fn slot(key: PolicyKey, currency: &str) -> Slot {
    Slot { key, currency: currency.to_owned() }
}

#[test]
fn nothing_set_is_what_operations_are_decided_by_without_policies() {
    assert_eq!(Policies::default().limits(), Limits::default());
}

#[test]
fn what_is_set_counts_and_what_makes_no_sense_does_not() {
    let all = Policies::of([
        ("refunds.approve_above", "usd", "750000"),
        ("refunds.approve_above", "", "1"),
        ("refunds.age_rule", "", "on"),
        ("operations.approval_days", "", "99"),
        ("of.another.version", "", "1"),
        ("refunds.confirm_above", "chf", "500"),
    ]);
    let limits = all.limits();
    assert_eq!(limits.thresholds["usd"].approve_above, 750_000);
    assert!(limits.age_rule && limits.approval_days == 7);
    let chf = limits.thresholds["chf"];
    assert_eq!((chf.confirm_above, chf.approve_above, chf.program_day_limit), (500, 0, 0));
}

#[test]
fn the_fraud_desk_goes_by_policies() {
    let usual = ["eur", "gbp", "usd"].map(|currency| (currency.to_owned(), LARGE_AMOUNT));
    let unset = FraudLimits { large_amounts: usual.clone().into(), ..FraudLimits::default() };
    assert_eq!(Policies::default().fraud_limits(), unset);
    let all = Policies::of([
        ("fraud.window_minutes", "", "60"),
        ("fraud.declines", "", "9"),
        ("fraud.cards", "", "1"),
        ("fraud.large_above", "usd", "100000"),
    ]);
    let limits = all.fraud_limits();
    assert_eq!((limits.window, limits.declines, limits.cards), (TimeDelta::hours(1), 9, 3));
    assert_eq!((limits.large_amounts["usd"], limits.large_amounts["eur"]), (100_000, LARGE_AMOUNT));
    assert_eq!(shown(PolicyKey::ChargeLimit, "", Value::Number(99_999_999)), "99,999,999 minor units");
    assert_eq!(all.limits(), Limits::default(), "it is no threshold of refunds");
    let looser = |key: PolicyKey, a, b| key.loosens(Value::Number(a), Value::Number(b));
    assert!(looser(PolicyKey::FraudWindow, 10, 5) && !looser(PolicyKey::FraudWindow, 5, 10));
    assert!(looser(PolicyKey::FraudCards, 3, 4) && !looser(PolicyKey::FraudCards, 4, 3));
}

#[test]
fn values_are_read_within_their_bounds() {
    let read = |key: PolicyKey, text, currency| key.read(text, currency);
    assert_eq!(read(PolicyKey::ApproveAbove, "7500.00", "usd"), Ok(Value::Number(750_000)));
    assert_eq!(typed(&slot(PolicyKey::ApproveAbove, "usd"), Value::Number(750_000)), "7500.00");
    assert_eq!(read(PolicyKey::ApprovalDays, "30", ""), Ok(Value::Number(30)));
    assert_eq!(read(PolicyKey::AgeRule, "on", ""), Ok(Value::Switch(true)));
    for (key, text, currency) in [
        (PolicyKey::ApproveAbove, "7500.00", ""),
        (PolicyKey::ApproveAbove, "-1.00", "usd"),
        (PolicyKey::ApproveAbove, "1000000.00", "usd"),
        (PolicyKey::ApprovalDays, "0", ""),
        (PolicyKey::ApprovalDays, "31", ""),
        (PolicyKey::ApprovalDays, "7", "usd"),
        (PolicyKey::AgeRule, "maybe", ""),
    ] {
        assert!(read(key, text, currency).is_err(), "{key} {text} {currency}");
    }
}

#[test]
fn more_is_looser_and_so_is_a_rule_switched_off() {
    let number = |key: PolicyKey, a, b| key.loosens(Value::Number(a), Value::Number(b));
    assert!(number(PolicyKey::ApproveAbove, 1, 2) && !number(PolicyKey::ApproveAbove, 2, 1));
    let switch = |a, b| PolicyKey::AgeRule.loosens(Value::Switch(a), Value::Switch(b));
    assert!(switch(true, false) && !switch(false, true) && !switch(true, true));
    let back = Policies::default().with(slot(PolicyKey::TotpRequired, ""), Value::Switch(false));
    assert!(!back.totp_required() && Policies::default().totp_required());
}

#[test]
fn what_is_tolerated_is_five_of_each_currency_unless_it_is_set() {
    let all = Policies::default();
    assert_eq!((all.reconciliation_tolerance("usd"), all.reconciliation_tolerance("jpy")), (500, 5));
    let (key, five) = (PolicyKey::ReconciliationTolerance, Value::Number(500));
    assert_eq!(all.get(&slot(key, "chf")), five, "a change is judged from what is in force");
    assert!(!key.loosens(all.get(&slot(key, "chf")), Value::Number(100)));
    assert_eq!(all.get(&slot(PolicyKey::ApproveAbove, "chf")), Value::Number(0));
    let all = all.with(slot(PolicyKey::ReconciliationTolerance, "usd"), Value::Number(0));
    assert_eq!(all.reconciliation_tolerance("usd"), 0);
    assert_eq!(all.limits(), Limits::default(), "it decides nothing about refunds");
    assert_eq!((all.reconciliation_hour(), all.awaited_days()), (6, 2));
}
