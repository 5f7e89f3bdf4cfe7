//! Every rung, one cent below, at and above it.

use super::*;
use crate::operations::Reason;
use crate::operations::testing::{at, manager, program, refund, support};

fn confirmed(amount: i64) -> Operation {
    Operation { confirmed: true, ..refund("op_1", amount, "usd") }
}

fn decide(operation: &Operation, requester: &Requester, sums: Sums) -> Decision {
    climb(&Limits::default(), operation, requester, Some(at(0)), sums)
}

fn is_own(decision: &Decision) -> bool {
    *decision == Decision::Approved(Approval::Own)
}

#[test]
fn above_a_hundred_its_requester_confirms() {
    for (amount, asks) in [(1, false), (9_999, false), (10_000, false), (10_001, true), (900_000, true)] {
        let decision = decide(&refund("op_1", amount, "usd"), &manager(), Sums::default());
        assert_eq!(matches!(decision, Decision::NeedsConfirmation(_)), asks, "{amount}: {decision:?}");
        assert!(asks || is_own(&decision));
    }
    assert!(is_own(&decide(&confirmed(10_001), &manager(), Sums::default())));
}

#[test]
fn above_five_thousand_a_second_person_decides_whoever_asks() {
    for (amount, asks) in [(499_999, false), (500_000, false), (500_001, true)] {
        let decision = decide(&confirmed(amount), &manager(), Sums::default());
        assert_eq!(matches!(decision, Decision::NeedsApproval(_)), asks, "{amount}: {decision:?}");
    }
    let Decision::NeedsApproval(why) = decide(&confirmed(500_001), &manager(), Sums::default()) else {
        panic!("it needs an approval")
    };
    assert_eq!(why[0].to_string(), "5,000.01 USD is above 5,000.00 USD");
}

#[test]
fn what_went_before_within_a_day_counts_for_payment_customer_and_requester() {
    type Of = fn(i64) -> Sums;
    let each: [(&str, Of); 3] = [
        ("payment", |payment| Sums { payment, ..Sums::default() }),
        ("customer", |customer| Sums { customer, ..Sums::default() }),
        ("requester", |requester| Sums { requester, ..Sums::default() }),
    ];
    for (whose, of) in each {
        assert!(is_own(&decide(&refund("op_1", 5_000, "usd"), &manager(), of(5_000))), "{whose}");
        let decision = decide(&refund("op_1", 5_000, "usd"), &manager(), of(5_001));
        assert!(matches!(decision, Decision::NeedsConfirmation(_)), "{whose}: {decision:?}");
        assert!(decision.message().unwrap().contains(whose));
        assert!(is_own(&decide(&confirmed(5_000), &manager(), of(495_000))), "{whose}");
        let decision = decide(&confirmed(5_000), &manager(), of(495_001));
        assert!(matches!(decision, Decision::NeedsApproval(_)), "{whose}: {decision:?}");
    }
}

#[test]
fn who_may_only_ask_needs_an_approver_for_every_cent() {
    let decision = decide(&confirmed(1), &support(), Sums::default());
    let message = decision.message().unwrap();
    assert!(message.contains("joe may ask for it, not decide about it"), "{message}");
    assert!(matches!(decision, Decision::NeedsApproval(_)));
}

#[test]
fn a_currency_without_thresholds_needs_an_approver() {
    for (currency, asks) in [("usd", false), ("eur", false), ("gbp", false), ("jpy", true), ("xyz", true)] {
        let decision = decide(&refund("op_1", 1, currency), &manager(), Sums::default());
        assert_eq!(matches!(decision, Decision::NeedsApproval(_)), asks, "{currency}: {decision:?}");
    }
}

fn of_program(reason: Reason, amount: i64) -> Operation {
    Operation { reason, ..confirmed(amount) }
}

#[test]
fn the_rules_approve_a_programs_failures_and_rejections_within_a_day() {
    for reason in Reason::ALL {
        let decision = decide(&of_program(*reason, 2_000), &program(), Sums::default());
        let approved = decision == Decision::Approved(Approval::Policy);
        let expected = matches!(reason, Reason::TechnicalFailure | Reason::ModerationRejection);
        assert_eq!(approved, expected, "{reason}: {decision:?}");
        assert!(approved || matches!(decision, Decision::NeedsApproval(_)));
    }
    let person = decide(&of_program(Reason::TechnicalFailure, 2_000), &support(), Sums::default());
    assert!(matches!(person, Decision::NeedsApproval(_)), "that reason is not for people to give");
    let powerful = Requester { may_manage: true, ..program() };
    let decision = decide(&confirmed(1), &powerful, Sums::default());
    assert!(matches!(decision, Decision::NeedsApproval(_)), "a program decides about nothing: {decision:?}");
}

#[test]
fn a_day_is_24_hours_and_what_comes_from_the_future_is_not_young() {
    let asked = |paid_minutes: Option<i64>| {
        let paid_at = paid_minutes.map(|minutes| at(1) - TimeDelta::minutes(minutes));
        let operation = of_program(Reason::TechnicalFailure, 2_000);
        climb(&Limits::default(), &operation, &program(), paid_at, Sums::default())
    };
    let policy = Decision::Approved(Approval::Policy);
    assert_eq!((asked(Some(0)), asked(Some(24 * 60))), (policy.clone(), policy.clone()));
    assert_eq!(asked(Some(-5)), policy, "clocks differ");
    for old in [Some(24 * 60 + 1), Some(-6), None] {
        assert!(matches!(asked(old), Decision::NeedsApproval(_)), "{old:?}");
    }
}

#[test]
fn what_the_rules_approve_has_caps_of_its_own() {
    let asked = |amount, by_policy| {
        decide(
            &of_program(Reason::ModerationRejection, amount),
            &program(),
            Sums { by_policy, ..Sums::default() },
        )
    };
    let policy = Decision::Approved(Approval::Policy);
    assert_eq!((asked(50_000, 0), asked(50_000, 150_000)), (policy.clone(), policy.clone()));
    for (amount, spent) in [(50_001, 0), (50_000, 150_001), (1, 200_000)] {
        assert!(matches!(asked(amount, spent), Decision::NeedsApproval(_)), "{amount} after {spent}");
    }
    let many = Sums { customer: 499_900, ..Sums::default() };
    let decision = decide(&of_program(Reason::TechnicalFailure, 2_000), &program(), many);
    assert!(matches!(decision, Decision::NeedsApproval(_)), "the second person stands above the rules");
}

#[test]
fn the_age_rule_asks_for_an_approver_where_it_is_on() {
    let decide = |age_rule, paid_at| {
        let limits = Limits { age_rule, ..Limits::default() };
        climb(&limits, &confirmed(100), &manager(), paid_at, Sums::default())
    };
    let old = at(1) - TimeDelta::hours(25);
    assert!(is_own(&decide(false, Some(old))) && is_own(&decide(true, Some(at(0)))));
    assert!(matches!(decide(true, Some(old)), Decision::NeedsApproval(_)));
    assert!(matches!(decide(true, None), Decision::NeedsApproval(_)));
}

/// What somebody approved stays approved; what its requester or the rules approved is judged by the limits of now.
#[test]
fn a_policy_that_changed_sends_back_what_no_second_person_approved() {
    let strict = Thresholds {
        approve_above: 1_000,
        program_operation_limit: 1_000,
        ..Limits::default().of("usd").unwrap()
    };
    let limits = Limits { thresholds: [("usd".to_owned(), strict)].into(), ..Limits::default() };
    for (approval, stays) in [(Approval::Own, false), (Approval::Policy, false), (Approval::Person, true)] {
        let operation = Operation { approval, ..of_program(Reason::TechnicalFailure, 2_000) };
        let requester = Requester { is_program: approval == Approval::Policy, ..operation.requester() };
        let decision = climb(&limits, &operation, &requester, Some(at(0)), Sums::default());
        assert_eq!(decision == Decision::Approved(approval), stays, "{approval}: {decision:?}");
        assert!(stays || matches!(decision, Decision::NeedsApproval(_)));
    }
}

#[test]
fn what_cannot_be_taken_back_is_confirmed_whatever_it_is_worth() {
    for kind in OperationKind::ALL {
        let operation = Operation { kind: *kind, ..refund("op_1", 1, "usd") };
        let decision = decide(&operation, &manager(), Sums::default());
        assert_eq!(matches!(decision, Decision::NeedsConfirmation(_)), kind.is_irreversible(), "{kind}");
    }
}
