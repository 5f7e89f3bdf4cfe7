//! When an invoice may be tried again, reason by reason, by staff and by the clock.

use super::*;
use crate::Key;
use crate::operations::testing::{at, manager, support};
use crate::operations::{
    Approval, CLOCK, Decision, Facts, KNOWN_BY_CLOCK, Limits, OperationState, Parameters, Reason, Request,
    Requester, Sums, decide,
};

fn failed() -> InvoiceFacts {
    InvoiceFacts {
        status: Status::Failed,
        is_stripes: true,
        plan: Some(at(72)),
        failed_at: vec![at(0)],
        ..InvoiceFacts::default()
    }
}

fn own() -> InvoiceFacts {
    InvoiceFacts { is_stripes: false, live: vec!["pi_1".to_owned()], ..failed() }
}

fn retry() -> parameters::InvoiceRetry {
    parameters::InvoiceRetry {
        invoice: "in_1".to_owned(),
        payment_intent: None,
        payment_method: None,
        takes_over: false,
        number: None,
    }
}

fn planner() -> Requester {
    Requester {
        name: CLOCK.to_owned(),
        known_by: KNOWN_BY_CLOCK.to_owned(),
        is_program: true,
        may_manage: false,
    }
}

fn asked(retry: &parameters::InvoiceRetry, requester: &Requester) -> Operation {
    let request = Request {
        subject_kind: "invoice",
        subject: Key { id: retry.invoice.clone(), account: String::new(), livemode: true },
        payment: retry.payment_intent.clone(),
        customer: Some("cus_1".to_owned()),
        amount: 900_000,
        currency: "usd".to_owned(),
        parameters: Parameters::InvoiceRetry(retry.clone()),
        reason: Reason::Other,
        note: None,
        confirmed: true,
        retry_of: None,
    };
    Operation::asked("op_1", &request, requester, at(1))
}

fn decision(
    retry: &parameters::InvoiceRetry,
    requester: &Requester,
    facts: &InvoiceFacts,
    others: &[Operation],
    now: i64,
) -> Decision {
    let (asked, facts) = (asked(retry, requester), Facts::Invoice(facts.clone()));
    decide(&Limits::default(), &asked, requester, &facts, others, Sums::default(), at(now)).decision
}

fn code(decision: &Decision) -> &'static str {
    match decision {
        Decision::Refused(refused) => refused.code(),
        Decision::Approved(_) => "approved",
        Decision::NeedsApproval(_) => "needs_approval",
        Decision::NeedsConfirmation(_) => "needs_confirmation",
    }
}

#[test]
fn an_open_invoice_is_tried_again_where_nothing_speaks_against_it() {
    type Change = fn(&mut InvoiceFacts, &mut parameters::InvoiceRetry);
    let cases: [(&str, Change); 20] = [
        ("approved", |_, _| ()),
        ("approved", |facts, _| facts.status = Status::Overdue),
        ("approved", |facts, _| facts.status = Status::Sent),
        ("not_reported", |facts, _| facts.status = Status::Unknown),
        ("wrong_status", |facts, _| facts.status = Status::Paid),
        ("wrong_status", |facts, _| facts.status = Status::Void),
        ("wrong_status", |facts, _| facts.status = Status::Draft),
        ("wrong_status", |facts, _| facts.status = Status::Uncollectible),
        ("invoice_paid_by_hand", |facts, _| facts.is_sent_by_mail = true),
        ("planned_by_stripe", |facts, _| facts.stripes_next = Some(at(9))),
        ("approved", |facts, retry| (facts.stripes_next, retry.takes_over) = (Some(at(9)), true)),
        ("payment_under_way", |facts, _| facts.underway = Some("pi_1".to_owned())),
        ("code_forbids_retry", |facts, _| facts.forbidden = Some("stolen_card".to_owned())),
        ("approved", |facts, retry| {
            facts.forbidden = Some("stolen_card".to_owned());
            retry.payment_method = Some("pm_2".to_owned());
        }),
        ("invalid_request", |_, retry| retry.payment_method = Some("x".to_owned())),
        ("approved", |facts, _| facts.failed_at = vec![at(0); 9]),
        ("network_limit", |facts, _| facts.failed_at = vec![at(0); 10]),
        ("network_limit", |facts, _| facts.failed_at = vec![at(-100); 20]),
        ("user_banned", |facts, _| facts.banned = Some("user_1".to_owned())),
        ("checkout_closed", |facts, _| facts.closed = Some("wrong prices".to_owned())),
    ];
    for (expected, change) in cases {
        let (mut facts, mut retry) = (failed(), retry());
        change(&mut facts, &mut retry);
        assert_eq!(code(&decision(&retry, &manager(), &facts, &[], 1)), expected, "{facts:?} {retry:?}");
    }
    assert_eq!(code(&decision(&retry(), &support(), &failed(), &[], 1)), "needs_approval");
}

#[test]
fn a_merchants_own_invoice_confirms_its_one_payment_again() {
    let of = |intent: Option<&str>| parameters::InvoiceRetry {
        invoice: "INV-7".to_owned(),
        payment_intent: intent.map(str::to_owned),
        ..retry()
    };
    let live = |ids: &[&str]| InvoiceFacts { live: ids.iter().map(ToString::to_string).collect(), ..own() };
    for (intent, facts, expected) in [
        (Some("pi_1"), live(&["pi_1"]), "approved"),
        (Some("pi_1"), live(&["pi_2"]), "other_way_to_pay"),
        (Some("pi_1"), live(&["pi_1", "pi_2"]), "other_way_to_pay"),
        (None, live(&["pi_1"]), "other_way_to_pay"),
        (None, live(&[]), "nothing_to_confirm"),
        (Some("pi_1"), live(&[]), "nothing_to_confirm"),
    ] {
        let decided = decision(&of(intent), &manager(), &facts, &[], 1);
        assert_eq!(code(&decided), expected, "{intent:?} {:?}", facts.live);
    }
}

#[test]
fn two_ways_to_collect_one_invoice_are_never_under_way_together() {
    for state in OperationState::ALL.iter().copied() {
        let other = Operation { state, ..asked(&retry(), &manager()) };
        let expected = match state {
            OperationState::Unknown => "outcome_unknown",
            state if state.is_open() => "operation_under_way",
            _ => "approved",
        };
        let decided = decision(&retry(), &manager(), &failed(), &[other], 1);
        assert_eq!(code(&decided), expected, "{state}");
    }
}

#[test]
fn the_clock_retries_what_is_due_by_its_plan_and_approves_it_by_policy() {
    let number = |number| parameters::InvoiceRetry { number: Some(number), ..retry() };
    let by_clock =
        |number_of, facts: &InvoiceFacts, now| decision(&number(number_of), &planner(), facts, &[], now);
    assert_eq!(by_clock(1, &failed(), 48), Decision::Approved(Approval::Policy), "a day ahead");
    assert_eq!(code(&by_clock(1, &failed(), 47)), "not_planned", "more than a day ahead");
    assert_eq!(code(&by_clock(2, &failed(), 72)), "not_planned", "of another failure");
    let ended =
        InvoiceFacts { plan: None, no_plan: Some("its subscription has ended".to_owned()), ..failed() };
    let Decision::Refused(refused) = by_clock(1, &ended, 72) else { panic!("it is not planned") };
    assert_eq!(refused.to_string(), "it is not planned any more: its subscription has ended");
    // No program can pass for the clock: only how it is known counts.
    let program = Requester { known_by: "token tok_1".to_owned(), ..planner() };
    assert_eq!(code(&decision(&number(1), &program, &failed(), &[], 72)), "needs_approval");
}

#[test]
fn a_planned_retry_is_seen_before_it_is_sent_and_nothing_old_is_collected() {
    let hours = |hours| TimeDelta::hours(hours);
    let now = at(0);
    for (planned, expected) in [
        (now + hours(24), Some(now + hours(24))),
        (now + hours(25), None),
        (now + hours(2), Some(now + hours(2))),
        (now, Some(now + hours(1))),
        (now - hours(24 * 6), Some(now + hours(1))),
        (now - hours(24 * 7), None),
    ] {
        assert_eq!(send_at(planned, now), expected, "{planned}");
    }
}
