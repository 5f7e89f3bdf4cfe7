//! What may be refunded, reason by reason; and that no order of requests and answers gives back more than came in.

use super::*;
use crate::operations::testing::{at, in_state, manager, paid, refund};
use crate::operations::{Answer, Approval, Decision, Facts, Fault, Limits, Sums, decide};

fn decision(operation: &Operation, facts: &RefundFacts, others: &[Operation]) -> Decision {
    let operation = Operation { approval: Approval::Person, ..operation.clone() };
    let facts = Facts::Refund(facts.clone());
    decide(&Limits::default(), &operation, &manager(), &facts, others, Sums::default(), at(1)).decision
}

fn code(operation: &Operation, facts: &RefundFacts, others: &[Operation]) -> &'static str {
    match decision(operation, facts, others) {
        Decision::Refused(refused) => refused.code(),
        Decision::Approved(_) => "approved",
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_what_succeeded_and_is_still_there_is_refunded() {
    type Change = fn(&mut RefundFacts);
    let cases: [(&str, i64, Change); 16] = [
        ("approved", 1, |_| ()),
        ("amount_not_positive", 0, |_| ()),
        ("amount_not_positive", -1, |_| ()),
        ("not_reported", 1, |facts| facts.status = "unknown".to_owned()),
        ("payment_not_succeeded", 1, |facts| facts.status = "processing".to_owned()),
        ("payment_not_succeeded", 1, |facts| {
            (facts.status, facts.captured) = ("requires_capture".to_owned(), 0);
        }),
        ("approved", 400, |facts| (facts.status, facts.captured) = ("requires_capture".to_owned(), 400)),
        ("amount_exceeds_refundable", 401, |facts| {
            (facts.status, facts.captured) = ("requires_capture".to_owned(), 400);
        }),
        ("currency_mismatch", 1, |facts| facts.currency = "eur".to_owned()),
        ("approved", 1_000_000, |_| ()),
        ("amount_exceeds_refundable", 1_000_001, |_| ()),
        ("approved", 1, |facts| facts.refunded = 999_999),
        ("amount_exceeds_refundable", 2, |facts| facts.refunded = 999_999),
        ("already_fully_refunded", 1, |facts| facts.refunded = 1_000_000),
        ("already_fully_refunded", 1, |facts| facts.refunded = 2_000_000),
        ("amount_exceeds_refundable", 1, |facts| facts.captured = 0),
    ];
    for (expected, amount, change) in cases {
        let mut facts = paid();
        change(&mut facts);
        assert_eq!(code(&refund("op_1", amount, "usd"), &facts, &[]), expected, "{amount}, {facts:?}");
    }
}

#[test]
fn a_dispute_stands_against_it_and_an_inquiry_is_a_warning() {
    for (standing, expected) in [
        (Standing::Open, "payment_disputed"),
        (Standing::Lost, "dispute_lost"),
        (Standing::Over, "approved"),
        (Standing::Inquiry, "approved"),
    ] {
        let disputes = vec![DisputeFact { id: "du_1".to_owned(), standing }];
        let facts = RefundFacts { disputes, ..paid() };
        let operation = refund("op_1", 100, "usd");
        assert_eq!(code(&operation, &facts, &[]), expected);
        let verdict = decide(
            &Limits::default(),
            &operation,
            &manager(),
            &Facts::Refund(facts),
            &[],
            Sums::default(),
            at(1),
        );
        assert_eq!(verdict.warning.is_some(), standing == Standing::Inquiry);
    }
}

#[test]
fn a_status_of_a_dispute_that_nobody_knows_counts_as_open() {
    let dispute = |status, inquiry| Standing::of(&Dispute { status, inquiry, ..Dispute::default() });
    assert_eq!(dispute(Status::Unknown, false), Standing::Open);
    assert_eq!(dispute(Status::UnderReview, true), Standing::Inquiry);
    assert_eq!(dispute(Status::UnderReview, false), Standing::Open);
    assert_eq!(
        (dispute(Status::Won, false), dispute(Status::Closed, true)),
        (Standing::Over, Standing::Over)
    );
    assert_eq!(dispute(Status::Lost, false), Standing::Lost);
    // Prevented: the money that moved says whether it went to the cardholder.
    let prevented = |amount_withdrawn| {
        let mut dispute = Dispute { status: Status::Closed, amount_withdrawn, ..Dispute::default() };
        dispute.state.stripe_status = "prevented".to_owned();
        Standing::of(&dispute)
    };
    assert_eq!((prevented(1000), prevented(0)), (Standing::Lost, Standing::Over));
}

#[test]
fn operations_under_way_hold_what_they_ask_for() {
    let (held, operation) = (600_000, refund("op_2", 400_001, "usd"));
    for state in OperationState::ALL {
        let others = [in_state("op_1", held, *state)];
        let expected = match state {
            OperationState::Unknown => "outcome_unknown",
            OperationState::Succeeded => "amount_exceeds_refundable",
            state if state.is_open() => "amount_exceeds_refundable",
            _ => "approved",
        };
        assert_eq!(code(&operation, &paid(), &others), expected, "{state}");
        assert!(
            *state == OperationState::Unknown
                || code(&refund("op_2", 400_000, "usd"), &paid(), &others) == "approved"
        );
    }
}

#[test]
fn a_refund_that_came_in_counts_once() {
    let made = Operation {
        stripe_id: Some("re_1".to_owned()),
        ..in_state("op_1", 600_000, OperationState::Succeeded)
    };
    let mut facts = paid();
    assert_eq!(facts.left(std::slice::from_ref(&made)), 400_000, "its event is still on its way");
    facts.refunds.insert("re_1".to_owned());
    facts.refunded = 600_000;
    assert_eq!(facts.left(std::slice::from_ref(&made)), 400_000);
    facts.refunded = 0;
    assert_eq!(facts.left(&[made]), 1_000_000, "it failed at Stripe: the money is there again");
}

#[test]
fn parameters_that_were_changed_are_refused() {
    let operation = refund("op_1", 100, "usd");
    let raised = Operation { amount: 1, ..operation.clone() };
    assert_eq!(code(&raised, &paid(), &[]), "parameters_changed");
    let edited = Operation { parameters: operation.parameters.replace("100", "900"), ..operation };
    assert_eq!(code(&edited, &paid(), &[]), "parameters_changed");
}

#[test]
fn a_payment_that_is_being_canceled_is_not_refunded() {
    let cancel = Operation { kind: OperationKind::Cancel, ..in_state("op_1", 0, OperationState::Executing) };
    assert_eq!(code(&refund("op_2", 1, "usd"), &paid(), &[cancel]), "operation_under_way");
}

/// A small generator: the same numbers every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Stripe's side: what it really gave back, and which of its refunds the ledger has heard of.
#[derive(Default)]
struct Stripe {
    refunds: Vec<(String, i64, bool)>,
}

#[test]
fn whatever_the_order_of_requests_and_answers_no_more_is_open_and_refunded_than_came_in() {
    for seed in 0..400 {
        let mut numbers = Numbers(seed);
        let (mut facts, mut stripe) = (paid(), Stripe::default());
        facts.captured = 1_000;
        let mut operations: Vec<Operation> = Vec::new();
        for step in 0..60 {
            let chosen = |numbers: &mut Numbers, state: OperationState, all: &[Operation]| {
                let places: Vec<usize> = (0..all.len()).filter(|place| all[*place].state == state).collect();
                (!places.is_empty())
                    .then(|| places[usize::try_from(numbers.below(places.len() as u64)).unwrap()])
            };
            match numbers.below(6) {
                0 | 1 => {
                    let amount = i64::try_from(1 + numbers.below(700)).unwrap();
                    let mut asked = refund(&format!("op_{step}"), amount, "usd");
                    if matches!(decision(&asked, &facts, &operations), Decision::Approved(_)) {
                        asked.created(OperationState::Approved, None, at(200));
                        operations.push(asked);
                    }
                }
                2 => {
                    if let Some(place) = chosen(&mut numbers, OperationState::Approved, &operations) {
                        operations[place].begin_attempt(at(2), at(3)).unwrap();
                    }
                }
                3 => {
                    let Some(place) = chosen(&mut numbers, OperationState::Executing, &operations) else {
                        continue;
                    };
                    let id = format!("re_{step}");
                    match numbers.below(4) {
                        0 => drop(operations[place].fail(Fault::default(), at(3)).unwrap()),
                        1 => drop(operations[place].doubt(Fault::default(), None).unwrap()),
                        _ => {
                            stripe.refunds.push((id.clone(), operations[place].amount, false));
                            let answer = Answer { stripe_id: Some(id), ..Answer::default() };
                            operations[place].succeed(answer, at(3)).unwrap();
                        }
                    }
                }
                // The event of one of them comes in, in any order.
                4 => {
                    let unheard = stripe.refunds.iter_mut().find(|refund| !refund.2);
                    if let Some(refund) = unheard {
                        refund.2 = true;
                        facts.refunds.insert(refund.0.clone());
                        facts.refunded += refund.1;
                    }
                }
                _ => {
                    if let Some(place) = chosen(&mut numbers, OperationState::Unknown, &operations) {
                        operations[place].fail(Fault::default(), at(4)).unwrap();
                    }
                }
            }
            let open: i64 = operations.iter().filter(|it| it.state.is_open()).map(|it| it.amount).sum();
            let given: i64 = stripe.refunds.iter().map(|refund| refund.1).sum();
            assert!(open + given <= 1_000, "seed {seed}, step {step}: {open} open and {given} given back");
        }
    }
}
