//! Whom may be charged, subscribed and credited, reason by reason; and that one thing is not paid twice.

use super::*;
use crate::Key;
use crate::operations::testing::{at, manager};
use crate::operations::{Approval, Decision, Facts, Parameters, Reason, Request, Sums, decide};

fn known() -> CustomerFacts {
    CustomerFacts { is_known: true, ..CustomerFacts::default() }
}

fn operation(id: &str, parameters: Parameters) -> Operation {
    let (amount, currency) = parameters.money().unwrap_or((0, ""));
    let currency = currency.to_owned();
    let request = Request {
        subject_kind: "customer",
        subject: Key { id: "cus_1".to_owned(), account: String::new(), livemode: true },
        payment: None,
        customer: Some("cus_1".to_owned()),
        amount,
        currency,
        parameters,
        reason: Reason::Other,
        note: None,
        confirmed: true,
        retry_of: None,
    };
    Operation { approval: Approval::Person, ..Operation::asked(id, &request, &manager(), at(1)) }
}

fn charge(amount: i64) -> parameters::Charge {
    parameters::Charge {
        customer: "cus_1".to_owned(),
        payment_method: None,
        amount,
        currency: "usd".to_owned(),
        description: None,
        invoice: None,
    }
}

fn subscribe(prices: &[&str]) -> Parameters {
    Parameters::Subscribe(parameters::Subscribe {
        customer: "cus_1".to_owned(),
        prices: prices.iter().map(ToString::to_string).collect(),
        payment_method: None,
    })
}

fn credit(amount: i64) -> Parameters {
    Parameters::Credit(parameters::Credit {
        customer: "cus_1".to_owned(),
        amount,
        currency: "usd".to_owned(),
        description: None,
    })
}

fn code(parameters: Parameters, facts: &CustomerFacts, others: &[Operation]) -> &'static str {
    let (asked, facts) = (operation("op_1", parameters), Facts::Customer(facts.clone()));
    match decide(&Limits::default(), &asked, &manager(), &facts, others, Sums::default(), at(1)).decision {
        Decision::Refused(refused) => refused.code(),
        Decision::Approved(_) => "approved",
        other => panic!("{other:?}"),
    }
}

fn in_state(id: &str, parameters: Parameters, state: OperationState) -> Operation {
    Operation { state, ended_at: Some(at(1)), ..operation(id, parameters) }
}

#[test]
fn a_charge_is_within_its_limits() {
    type Change = fn(&mut parameters::Charge);
    let cases: [(&str, Change); 16] = [
        ("approved", |_| ()),
        ("approved", |it| it.amount = 99_999_999),
        ("amount_out_of_bounds", |it| it.amount = 100_000_000),
        ("amount_out_of_bounds", |it| it.amount = 49),
        ("amount_not_positive", |it| it.amount = 0),
        ("approved", |it| (it.amount, it.currency) = (50, "jpy".to_owned())),
        ("amount_out_of_bounds", |it| (it.amount, it.currency) = (49, "jpy".to_owned())),
        ("currency_unknown", |it| it.currency = "xyz".to_owned()),
        ("approved", |it| it.description = Some("ä".repeat(500))),
        ("invalid_request", |it| it.description = Some("ä".repeat(501))),
        ("approved", |it| it.payment_method = Some("pm_1".to_owned())),
        ("approved", |it| it.payment_method = Some("card_1".to_owned())),
        ("invalid_request", |it| it.payment_method = Some("cus_1".to_owned())),
        ("invalid_request", |it| it.payment_method = Some("pm_1/../x".to_owned())),
        ("invalid_request", |it| it.payment_method = Some(String::new())),
        ("approved", |it| it.invoice = Some("INV-7".to_owned())),
    ];
    for (expected, change) in cases {
        let mut asked = charge(1_999);
        change(&mut asked);
        assert_eq!(code(Parameters::Charge(asked.clone()), &known(), &[]), expected, "{asked:?}");
    }
}

#[test]
fn nobody_is_charged_more_often_than_the_card_networks_allow() {
    let failed = |times: usize, hours_ago: i64| CustomerFacts {
        failed_at: vec![at(1) - TimeDelta::hours(hours_ago); times],
        ..known()
    };
    for (expected, facts) in [
        ("approved", failed(9, 2)),
        ("network_limit", failed(10, 2)),
        ("approved", failed(19, 30)),
        ("network_limit", failed(20, 30)),
        ("network_limit", failed(20, 29 * 24)),
        ("approved", failed(20, 31 * 24)),
    ] {
        assert_eq!(
            code(Parameters::Charge(charge(1_999)), &facts, &[]),
            expected,
            "{:?}",
            facts.failed_at.len()
        );
    }
}

#[test]
fn nobody_is_charged_who_is_gone_or_banned_nor_while_checkout_is_closed() {
    let closed = || Some("prices are wrong".to_owned());
    for (facts, charged, credited) in [
        (known(), "approved", "approved"),
        (CustomerFacts::default(), "customer_not_found", "customer_not_found"),
        (CustomerFacts { is_deleted: true, ..known() }, "customer_not_found", "customer_not_found"),
        (CustomerFacts { banned: Some("user_1".to_owned()), ..known() }, "user_banned", "approved"),
        (CustomerFacts { blocked: Some(Blocked::default()), ..known() }, "blocked", "approved"),
        (CustomerFacts { closed: closed(), ..known() }, "checkout_closed", "approved"),
    ] {
        assert_eq!(code(Parameters::Charge(charge(1_999)), &facts, &[]), charged, "{facts:?}");
        assert_eq!(code(subscribe(&["price_1"]), &facts, &[]), charged, "{facts:?}");
        assert_eq!(code(credit(500), &facts, &[]), credited, "{facts:?}");
    }
    assert_eq!(Refused::CustomerNotFound.to_string(), "Customer not found");
    assert_eq!(Refused::NoPaymentMethod.to_string(), "No payment method available");
}

#[test]
fn one_invoice_has_one_live_way_to_pay_it() {
    let invoice = |status, live: &[&str]| {
        let live: Vec<String> = live.iter().map(ToString::to_string).collect();
        let payments = live.iter().cloned().collect();
        CustomerFacts { invoice: Some(PaidFor { status, is_stripes: false, live, payments }), ..known() }
    };
    let asked =
        || Parameters::Charge(parameters::Charge { invoice: Some("INV-7".to_owned()), ..charge(1_999) });
    for (expected, facts) in [
        ("approved", known()),
        ("approved", invoice(Status::Failed, &[])),
        ("other_way_to_pay", invoice(Status::Failed, &["pi_1"])),
        ("wrong_status", invoice(Status::Paid, &[])),
        ("wrong_status", invoice(Status::Void, &[])),
    ] {
        assert_eq!(code(asked(), &facts, &[]), expected, "{facts:?}");
    }
    let of_stripe = PaidFor { status: Status::Failed, is_stripes: true, ..PaidFor::default() };
    let facts = CustomerFacts { invoice: Some(of_stripe), ..known() };
    assert_eq!(code(asked(), &facts, &[]), "invoice_of_stripe");
    let under_way = [in_state("op_2", asked(), OperationState::Approved)];
    assert_eq!(code(asked(), &known(), &under_way), "operation_under_way");
    let done = Operation {
        stripe_id: Some("pi_9".to_owned()),
        ..in_state("op_2", asked(), OperationState::Succeeded)
    };
    let others = std::slice::from_ref(&done);
    assert_eq!(code(asked(), &known(), others), "already_charged", "its payment has not come in");
    let come_in =
        PaidFor { status: Status::Failed, payments: ["pi_9".to_owned()].into(), ..PaidFor::default() };
    let facts = CustomerFacts { invoice: Some(come_in), ..known() };
    assert_eq!(code(asked(), &facts, others), "approved", "it was refunded, say: the invoice decides");
}

#[test]
fn asked_for_twice_it_is_done_once_and_a_second_charge_is_warned_of() {
    let one = || Parameters::Charge(charge(1_999));
    let other = Parameters::Charge(charge(2_000));
    let open = |parameters| [in_state("op_2", parameters, OperationState::Executing)];
    assert_eq!(code(one(), &known(), &open(one())), "operation_under_way");
    assert_eq!(code(one(), &known(), &open(other)), "approved", "something else");
    let card = parameters::Charge { payment_method: Some("pm_2".to_owned()), ..charge(1_999) };
    assert_eq!(code(one(), &known(), &open(Parameters::Charge(card))), "operation_under_way");
    let unknown = [in_state("op_2", Parameters::Charge(charge(7_000)), OperationState::Unknown)];
    assert_eq!(code(one(), &known(), &unknown), "outcome_unknown");
    assert_eq!(code(subscribe(&["price_1"]), &known(), &open(subscribe(&["price_2"]))), "approved");
    let shared = open(subscribe(&["price_2", "price_1"]));
    assert_eq!(code(subscribe(&["price_1"]), &known(), &shared), "operation_under_way");
    assert_eq!(code(credit(500), &known(), &open(credit(500))), "operation_under_way");

    let done = [in_state("op_2", one(), OperationState::Succeeded)];
    let (asked, facts) = (operation("op_1", one()), Facts::Customer(known()));
    let verdict = decide(&Limits::default(), &asked, &manager(), &facts, &done, Sums::default(), at(1));
    assert_eq!(verdict.warning.as_deref(), Some("op_2 charged the same amount within the last day."));
}

#[test]
fn subscriptions_have_prices_and_credits_have_amounts() {
    for (prices, expected) in [
        (&["price_1"][..], "approved"),
        (&["plan_1", "price_2"], "approved"),
        (&[], "invalid_request"),
        (&["price_1", "price_1"], "invalid_request"),
        (&["prod_1"], "invalid_request"),
        (&["price_1&x"], "invalid_request"),
        (&["price_1"; 21], "invalid_request"),
    ] {
        assert_eq!(code(subscribe(prices), &known(), &[]), expected, "{prices:?}");
    }
    for (amount, expected) in [
        (1, "approved"),
        (0, "amount_not_positive"),
        (99_999_999, "approved"),
        (100_000_000, "amount_out_of_bounds"),
    ] {
        assert_eq!(code(credit(amount), &known(), &[]), expected, "{amount}");
    }
}

#[test]
fn large_charges_and_credits_climb_the_ladder_and_a_subscription_does_not() {
    let decision = |parameters, confirmed| {
        let operation = Operation { approval: Approval::None, confirmed, ..operation("op_1", parameters) };
        let facts = Facts::Customer(known());
        decide(&Limits::default(), &operation, &manager(), &facts, &[], Sums::default(), at(1)).decision
    };
    for climbs in [|amount| Parameters::Charge(charge(amount)), credit] {
        assert_eq!(decision(climbs(10_000), false), Decision::Approved(Approval::Own));
        assert!(matches!(decision(climbs(10_001), false), Decision::NeedsConfirmation(_)));
        assert!(matches!(decision(climbs(500_001), true), Decision::NeedsApproval(_)));
    }
    assert_eq!(decision(subscribe(&["price_1"]), false), Decision::Approved(Approval::Own));
}

#[test]
fn an_id_of_a_customer_is_cus_and_letters_and_digits() {
    for (id, is_one) in [
        ("cus_QXg1oX8Nbd2Vfs", true),
        ("cus_1", true),
        ("cus_", false),
        ("cus_a-b", false),
        ("cus_a_b", false),
        ("cus_ä", false),
        ("Cus_1", false),
        ("pi_1", false),
        ("", false),
    ] {
        assert_eq!(is_customer_id(id), is_one, "{id}");
    }
}
