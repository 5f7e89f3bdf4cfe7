//! Charges in short stories, each told in every order.

use serde_json::{Value, json};

use crate::fields::moment;
use crate::moments::Moment;
use crate::payments::Refunded;
use crate::testing::{event, in_every_order, read_object};

fn charge(extra: &Value) -> Value {
    let mut object = json!({"id": "ch_1", "status": "succeeded", "amount": 1000, "amount_captured": 1000,
        "currency": "usd", "payment_intent": "pi_1"});
    object.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    object
}

fn refund(id: &str, amount: i64, extra: &Value) -> Value {
    let mut object =
        json!({"id": id, "status": "succeeded", "amount": amount, "currency": "usd", "charge": "ch_1"});
    object.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    object
}

#[test]
fn a_charge_without_a_payment_intent_is_its_own_payment() {
    let own = charge(&json!({"payment_intent": null, "invoice": "in_1", "metadata": {"user_id": "u1"},
        "payment_method_details": {"card": {"brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2031}}}));
    let graph = in_every_order(&[event("charge.succeeded", 0, &own)]);
    let payment = graph.payment("ch_1");
    assert_eq!((payment.state.status.as_str(), payment.state.amount_received), ("succeeded", 1000));
    assert_eq!((payment.user.id(), payment.invoice.as_deref()), (Some("u1"), Some("in_1")));
    let card = graph.charge("ch_1").card;
    assert_eq!((card.card_last4.as_deref(), card.card_exp_year), (Some("4242"), Some(2031)));
}

#[test]
fn what_only_the_charge_reports_refunded_counts_until_the_refund_is_known() {
    let refunded = event("charge.refunded", 5, &charge(&json!({"amount_refunded": 400})));
    let bought = event("charge.succeeded", 0, &charge(&json!({})));
    let graph = in_every_order(&[bought.clone(), refunded.clone()]);
    assert_eq!((graph.charge("ch_1").amount_refunded, graph.charge("ch_1").amount_unitemised), (400, 400));
    assert_eq!(graph.payment("pi_1").amount_refunded, 400);
    let told = event("refund.created", 5, &refund("re_1", 400, &json!({})));
    let graph = in_every_order(&[bought, refunded, told]);
    assert_eq!((graph.charge("ch_1").amount_refunded, graph.charge("ch_1").amount_unitemised), (400, 0));
}

#[test]
fn contradictions_are_flags_and_no_failures() {
    let story = [
        event("charge.succeeded", 0, &charge(&json!({}))),
        event("refund.created", 3, &refund("re_1", 900, &json!({}))),
        event("refund.created", 4, &refund("re_2", 200, &json!({}))),
        event("refund.created", 5, &refund("re_3", 5, &json!({"currency": "eur"}))),
    ];
    let charge = in_every_order(&story).charge("ch_1");
    assert_eq!(charge.anomaly.as_deref(), Some("refund_currency,refunds_exceed_charge"));
    assert_eq!(charge.amount_refunded, 1100, "another currency is not added up");
    assert_eq!(in_every_order(&story[1..]).charge("ch_1").anomaly, None, "nobody knows the charge yet");
}

/// An authorisation of 1000, as a charge reports it.
fn held(captured: i64, given_back: i64) -> Value {
    charge(&json!({"captured": captured > 0, "amount_captured": captured, "amount_refunded": given_back}))
}

#[test]
fn a_released_authorisation_is_no_refund() {
    let released =
        refund("re_1", 1000, &json!({"created": 1_700_000_009, "reason": "expired_uncaptured_charge"}));
    let unmarked = refund("re_1", 1000, &json!({"created": 1_700_000_009}));
    let alone = in_every_order(&[event("refund.created", 9, &released)]);
    assert_eq!(alone.charge("ch_1").amount_refunded, 0, "its reason says it by itself");
    for told in [None, Some(released), Some(unmarked)] {
        let mut story =
            vec![event("charge.succeeded", 0, &held(0, 0)), event("charge.refunded", 9, &held(0, 1000))];
        story.extend(told.map(|refund| event("refund.created", 9, &refund)));
        let graph = in_every_order(&story);
        let (charge, payment) = (graph.charge("ch_1"), graph.payment("pi_1"));
        assert_eq!((charge.amount_refunded, charge.amount_released, charge.anomaly), (0, 1000, None));
        assert_eq!((payment.state.status.as_str(), payment.amount_refunded), ("canceled", 0));
    }
}

#[test]
fn what_a_canceled_payment_gave_back_was_never_received() {
    let canceled = json!({"id": "pi_1", "status": "canceled", "amount": 1000, "amount_received": 0,
        "currency": "usd", "latest_charge": "ch_1"});
    let story = [
        event("charge.succeeded", 0, &held(0, 0)),
        event("refund.created", 9, &refund("re_1", 1000, &json!({"created": 1_700_000_009}))),
        event("payment_intent.canceled", 9, &canceled),
    ];
    let charge = in_every_order(&story).charge("ch_1");
    assert_eq!((charge.amount_refunded, charge.anomaly), (0, None));
    let charge = in_every_order(&story[..2]).charge("ch_1");
    assert_eq!(
        (charge.amount_refunded, charge.seen.needs_refetch),
        (0, true),
        "it is held, as far as anybody tells"
    );
    let received = json!({"id": "pi_1", "status": "succeeded", "amount": 1000, "amount_received": 1000,
        "currency": "usd", "latest_charge": "ch_1"});
    let story = [story[0].clone(), event("payment_intent.succeeded", 5, &received), story[1].clone()];
    let graph = in_every_order(&story);
    assert_eq!(graph.payment("pi_1").amount_refunded, 1000, "nobody told of the capture, but of the money");
}

/// "You cannot partially refund an uncaptured charge", says Stripe: whoever gave a part back has captured before.
#[test]
fn a_part_that_is_given_back_was_captured_though_nobody_told_of_it() {
    let story = [
        event("charge.succeeded", 0, &held(0, 0)),
        event("refund.created", 9, &refund("re_1", 400, &json!({"created": 1_700_000_009}))),
    ];
    let graph = in_every_order(&story);
    let charge = graph.charge("ch_1");
    assert_eq!((charge.amount_refunded, charge.seen.needs_refetch), (400, true));
    assert!(!charge.has_released(graph.refunds.rows().next().unwrap()));
}

/// As activemerchant recorded it: Stripe gives the refund of a void the reason of the cancellation.
#[test]
fn of_a_charge_that_captured_nothing_no_refund_gives_money_back_whatever_its_reason() {
    let made = json!({"created": 1_700_000_009, "reason": "requested_by_customer"});
    let made = refund("re_1", 1000, &made);
    let mut within = held(0, 1000);
    within["refunds"] = json!({"object": "list", "data": [made]});
    for (intent, second) in [(json!("pi_1"), None), (json!(null), Some(event("refund.created", 9, &made)))] {
        within["payment_intent"] = intent;
        let mut story = vec![event("charge.refunded", 9, &within)];
        story.extend(second);
        let graph = in_every_order(&story);
        let charge = graph.charge("ch_1");
        assert_eq!((charge.amount_refunded, charge.amount_released), (0, 1000));
        assert_eq!((charge.anomaly.as_deref(), charge.seen.needs_refetch), (None, false));
        assert!(charge.has_released(graph.refunds.rows().next().unwrap()));
    }
}

#[test]
fn a_hold_that_ran_out_stays_so() {
    let hold = |status: &Value| {
        charge(&json!({"payment_intent": null, "captured": false, "amount_captured": 0, "metadata": status}))
    };
    let story = [
        event("charge.succeeded", 0, &hold(&json!({}))),
        event("charge.expired", 600, &hold(&json!({}))),
        event("charge.updated", 700, &hold(&json!({"note": "x"}))),
    ];
    let payment = in_every_order(&story).payment("ch_1");
    assert_eq!((payment.state.status.as_str(), payment.state.amount_capturable), ("canceled", 0));
}

#[test]
fn what_a_capture_left_is_released_and_only_more_than_that_is_refunded() {
    let mut story =
        vec![event("charge.succeeded", 0, &held(0, 0)), event("charge.captured", 5, &held(600, 400))];
    let graph = in_every_order(&story);
    assert_eq!((graph.charge("ch_1").amount_refunded, graph.charge("ch_1").amount_released), (0, 400));
    assert_eq!(graph.payment("pi_1").refunded, Refunded::None);
    let release = refund("re_1", 400, &json!({"created": 1_700_000_005, "reason": "partial_capture"}));
    story.push(event("refund.created", 5, &release));
    let charge = in_every_order(&story).charge("ch_1");
    assert_eq!((charge.amount_refunded, charge.seen.needs_refetch), (0, false));
    story.push(event("charge.refunded", 9, &held(600, 650)));
    let graph = in_every_order(&story);
    assert_eq!((graph.charge("ch_1").amount_refunded, graph.payment("pi_1").amount_refunded), (250, 250));
    assert_eq!(graph.payment("pi_1").refunded, Refunded::Partial);
}

/// Since 2025-03-31 a release is in no sum, and no refund is made of it. The story's version is a later one.
#[test]
fn whether_the_sum_holds_a_release_is_told_by_the_reports() {
    for (reports, refunded) in [
        (&[(600, 0), (600, 500)][..], 500),
        (&[(600, 0), (600, 400)][..], 400),
        (&[(600, 300)][..], 300),
        (&[(600, 500)][..], 500),
        (&[(600, 650)][..], 250),
        (&[(600, 400), (600, 500)][..], 100),
    ] {
        let kinds = ["charge.captured", "charge.refunded"].iter().skip(2 - reports.len());
        let story = kinds
            .zip(0..)
            .zip(reports)
            .map(|((kind, second), (captured, sum))| event(kind, second, &held(*captured, *sum)));
        let told = in_every_order(&story.collect::<Vec<_>>()).charge("ch_1");
        assert_eq!(told.amount_refunded, refunded, "{reports:?}: {:?}", told.releases);
    }
    let all =
        charge(&json!({"captured": true, "amount_captured": 500, "amount_refunded": 500, "refunded": true}));
    let graph = in_every_order(&[event("charge.refunded", 5, &all)]);
    assert_eq!(graph.payment("pi_1").refunded, Refunded::Full);
}

/// As much was refunded as the capture left, and no report shows whether the sum holds both: a refund that somebody
/// gave a reason is none of what the capture left.
#[test]
fn a_refund_with_a_reason_of_its_own_is_no_release() {
    for (reason, refunded) in [(json!("requested_by_customer"), 400), (json!(null), 0)] {
        let made = json!({"created": 1_700_000_009, "reason": reason});
        let story = [
            event("charge.refunded", 9, &held(600, 400)),
            event("refund.created", 9, &refund("re_1", 400, &made)),
        ];
        let graph = in_every_order(&story);
        let charge = graph.charge("ch_1");
        assert_eq!((charge.amount_released, charge.amount_refunded), (400, refunded), "{reason}");
        assert!(charge.seen.needs_refetch, "nothing shows which of the two it was");
        assert_eq!(charge.has_released(graph.refunds.rows().next().unwrap()), refunded == 0);
    }
}

#[test]
fn news_of_one_refund_lowers_no_sum_and_its_failure_does() {
    let first = |status: &str| refund("re_1", 300, &json!({"created": 1_700_000_003, "status": status}));
    let reported = |amount| charge(&json!({"amount_refunded": amount}));
    let mut story = vec![
        event("charge.refunded", 3, &reported(300)),
        event("charge.refunded", 6, &reported(500)),
        event("charge.refund.updated", 9, &first("succeeded")),
    ];
    let told = in_every_order(&story).charge("ch_1");
    assert_eq!((told.amount_refunded, told.amount_unitemised, told.seen.needs_refetch), (500, 200, true));
    story.push(event("refund.failed", 12, &first("failed")));
    let told = in_every_order(&story).charge("ch_1");
    assert_eq!((told.amount_refunded, told.amount_unitemised), (200, 200));
    story.push(event("refund.created", 20, &refund("re_3", 50, &json!({"created": 1_700_000_020}))));
    assert_eq!(in_every_order(&story).charge("ch_1").amount_refunded, 250, "made after the charge spoke");
    let second = refund("re_2", 200, &json!({"created": 1_700_000_006}));
    let told = in_every_order(&[&story[1..], &[event("refund.updated", 30, &second)]].concat());
    assert_eq!((told.charge("ch_1").amount_refunded, told.charge("ch_1").amount_unitemised), (250, 0));
}

#[test]
fn of_two_reports_of_one_second_the_one_with_more_refunded_is_the_later() {
    for (less, more) in [(300, 500), (500, 1000)] {
        let graph = in_every_order(&[
            event("charge.refunded", 3, &charge(&json!({"amount_refunded": less}))),
            event("charge.refunded", 3, &charge(&json!({"amount_refunded": more}))),
        ]);
        assert_eq!(graph.charge("ch_1").amount_refunded, more);
    }
}

#[test]
fn refunded_and_lost_is_a_double_loss() {
    let dispute =
        json!({"id": "dp_1", "status": "lost", "amount": 1000, "currency": "usd", "charge": "ch_1"});
    let story = [
        event("charge.succeeded", 0, &charge(&json!({}))),
        event("refund.created", 3, &refund("re_1", 300, &json!({}))),
        event("charge.dispute.closed", 5, &dispute),
    ];
    assert_eq!(in_every_order(&story).charge("ch_1").anomaly.as_deref(), Some("double_loss"));
    assert_eq!(in_every_order(&story[..2]).charge("ch_1").anomaly, None);
}

/// Stripe gives back what had been refunded before the dispute, and calls the dispute lost all the same.
#[test]
fn a_lost_dispute_took_what_its_movements_come_to() {
    let lost = |movements: &[i64]| {
        let movements: Vec<Value> = (0..).zip(movements).map(|(number, amount)| {
            json!({"id": format!("txn_{number}"), "amount": amount, "fee": 0, "net": amount, "currency": "usd"})
        }).collect();
        json!({"id": "dp_1", "status": "lost", "amount": 1000, "currency": "usd", "charge": "ch_1",
            "balance_transactions": movements})
    };
    for (movements, taken, anomaly) in [
        (&[-1000, 400][..], 600, None),
        (&[-1000][..], 1000, Some("double_loss")),
        (&[][..], 1000, Some("double_loss")),
        (&[400][..], 600, None),
        (&[-1000, 1000][..], 1000, Some("double_loss")),
        (&[-1000, 1000, -1000][..], 1000, Some("double_loss")),
    ] {
        let graph = in_every_order(&[
            event("charge.succeeded", 0, &charge(&json!({}))),
            event("refund.created", 3, &refund("re_1", 400, &json!({}))),
            event("charge.dispute.closed", 5, &lost(movements)),
        ]);
        let told = graph.charge("ch_1");
        assert_eq!((told.amount_charged_back, told.anomaly.as_deref()), (taken, anomaly), "{movements:?}");
        assert_eq!(graph.payment("pi_1").amount_charged_back, taken);
    }
}

/// An account that settles in another currency is told of the movements in that one.
#[test]
fn movements_in_another_currency_tell_which_part_was_taken() {
    for (movements, taken, anomaly) in [
        (&[-1530, 612][..], 600, None),
        (&[-1530, 605][..], 600, None), // the rate moved, and what was refunded is what came back
        (&[-1530][..], 1000, Some("double_loss")),
        (&[-1530, 1530][..], 1000, Some("double_loss")),
        (&[-1530, 153][..], 900, Some("double_loss")),
    ] {
        let movements: Vec<Value> = (0..).zip(movements).map(|(number, amount)| {
            json!({"id": format!("txn_{number}"), "amount": amount, "fee": 0, "net": amount, "currency": "aud"})
        }).collect();
        let lost = json!({"id": "dp_1", "status": "lost", "amount": 1000, "currency": "usd", "charge": "ch_1",
            "balance_transactions": movements});
        let graph = in_every_order(&[
            event("charge.succeeded", 0, &charge(&json!({}))),
            event("refund.created", 3, &refund("re_1", 400, &json!({}))),
            event("charge.dispute.closed", 5, &lost),
        ]);
        let told = graph.charge("ch_1");
        assert_eq!((told.amount_charged_back, told.anomaly.as_deref()), (taken, anomaly), "{movements:?}");
    }
}

/// Of a bank debit that is on its way Stripe says `captured`, and all of its amount.
#[test]
fn what_a_bank_has_not_paid_yet_is_not_captured() {
    let pending = charge(&json!({"status": "pending", "captured": true, "amount_captured": 1000}));
    let graph = in_every_order(&[event("charge.pending", 0, &pending)]);
    assert_eq!(graph.charge("ch_1").state.amount_captured, 0);
    assert_eq!(graph.charge("ch_1").captured_at.at(), None);
    let refunded = refund("re_1", 400, &json!({"status": "pending"}));
    let graph =
        in_every_order(&[event("charge.pending", 0, &pending), event("refund.created", 3, &refunded)]);
    assert_eq!(graph.charge("ch_1").anomaly, None, "it may be refunded before it comes in");
    let graph = in_every_order(&[
        event("charge.pending", 0, &pending),
        event("charge.succeeded", 5, &charge(&json!({"amount_captured": 1000}))),
    ]);
    assert_eq!(graph.charge("ch_1").state.amount_captured, 1000);
}

#[test]
fn a_lost_dispute_in_another_currency_takes_the_whole_charge() {
    let dispute = json!({"id": "dp_1", "status": "lost", "amount": 900, "currency": "eur", "charge": "ch_1"});
    let graph = in_every_order(&[
        event("charge.succeeded", 0, &charge(&json!({}))),
        event("charge.dispute.closed", 5, &dispute),
    ]);
    let told = graph.charge("ch_1");
    assert_eq!((told.amount_charged_back, told.anomaly.as_deref()), (1000, Some("dispute_currency")));
}

/// The start of every story, as Stripe stamps it.
const START: i64 = 1_700_000_000;

fn second(moment: Moment) -> Option<i64> {
    moment.at().map(|at| at.timestamp() - START)
}

#[test]
fn what_is_read_later_happened_when_it_was_made_unless_an_event_told() {
    const YEAR: i64 = 31_536_000;
    let made = charge(&json!({ "created": START }));
    let intent = json!({ "id": "pi_1", "status": "succeeded", "amount": 1000, "amount_received": 1000,
        "currency": "usd", "created": START - 60 });
    let back = refund("re_1", 200, &json!({ "created": START + 90 }));
    let read = [
        read_object("charge.updated", YEAR, &made),
        read_object("payment_intent.updated", YEAR + 1, &intent),
        read_object("refund.updated", YEAR + 2, &back),
    ];
    let graph = in_every_order(&read);
    let (payment, charge) = (graph.payment("pi_1"), graph.charge("ch_1"));
    let refund = graph.refunds.rows().next().unwrap();
    assert_eq!((second(payment.succeeded_at), second(charge.captured_at)), (Some(0), Some(0)));
    assert_eq!(second(refund.succeeded_at), Some(90));
    assert!(payment.succeeded_at.is_estimate() && refund.succeeded_at.is_estimate());

    let [charge_read, ..] = read;
    let graph = in_every_order(&[charge_read, event("charge.succeeded", 30, &made)]);
    assert_eq!(graph.payment("pi_1").succeeded_at, Moment::told(moment(START + 30).unwrap()));
}

#[test]
fn a_refund_of_last_years_payment_makes_it_no_payment_of_today() {
    const YEAR: i64 = 31_536_000;
    let refunded = charge(&json!({ "created": START, "amount_refunded": 400 }));
    let graph = in_every_order(&[event("charge.refunded", YEAR, &refunded)]);
    let charge = graph.charge("ch_1");
    assert_eq!(second(graph.payment("pi_1").succeeded_at), Some(0));
    assert_eq!((second(charge.captured_at), second(charge.refund_reported_at)), (Some(0), Some(YEAR)));
}

#[test]
fn a_refund_that_had_failed_when_it_was_read_is_in_no_sum_that_was_read_before() {
    let made = charge(&json!({ "created": START, "amount_refunded": 300 }));
    let failed = json!({ "created": START + 5, "status": "failed" });
    let graph = in_every_order(&[
        read_object("charge.updated", 1_000, &made),
        read_object("refund.updated", 1_001, &refund("re_1", 200, &failed)),
        read_object("refund.updated", 1_001, &refund("re_2", 300, &json!({ "created": START + 6 }))),
    ]);
    assert_eq!(graph.charge("ch_1").amount_refunded, 300);
}
