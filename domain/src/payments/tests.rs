//! Payments in short stories, each told in every order.

use serde_json::{Value, json};

use crate::Observation;
use crate::fields::moment;
use crate::invoices::Status;
use crate::payments::Refunded;
use crate::testing::{event, in_every_order, observations};

fn intent(status: &str, extra: &Value) -> Value {
    let mut object = json!({"id": "pi_1", "status": status, "amount": 1999, "currency": "usd"});
    object.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    object
}

#[test]
fn fails_then_succeeds_inside_one_second() {
    let error =
        json!({"last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds"}});
    let graph = in_every_order(&[
        event("payment_intent.created", 0, &intent("requires_payment_method", &json!({}))),
        event("payment_intent.payment_failed", 0, &intent("requires_payment_method", &error)),
        event("payment_intent.succeeded", 0, &intent("succeeded", &json!({"amount_received": 1999}))),
    ]);
    let payment = graph.payment("pi_1");
    assert_eq!((payment.state.status.as_str(), payment.state.amount_received), ("succeeded", 1999));
    assert!(!payment.seen.needs_refetch && payment.state.failure_code.is_none());
}

#[test]
fn a_link_survives_fresher_reports_without_it() {
    let with_user = json!({"metadata": {"user_id": "u1", "invoice_id": "own_7"}, "customer": "cus_1"});
    let graph = in_every_order(&[
        event("payment_intent.created", 0, &intent("requires_payment_method", &with_user)),
        event("payment_intent.processing", 5, &intent("processing", &json!({}))),
    ]);
    let payment = graph.payment("pi_1");
    assert_eq!(payment.state.status, "processing");
    assert_eq!((payment.user.id(), payment.customer.id()), (Some("u1"), Some("cus_1")));
    assert_eq!(payment.owner().unwrap().id, "own_7");
}

#[test]
fn stripes_link_stands_before_the_merchants() {
    let graph = in_every_order(&[
        event(
            "payment_intent.created",
            9,
            &intent("processing", &json!({"metadata": {"invoice_id": "own_7"}})),
        ),
        event("payment_intent.created", 0, &intent("processing", &json!({"invoice": "in_1"}))),
    ]);
    assert_eq!(graph.payment("pi_1").owner().unwrap().id, "in_1");
}

#[test]
fn two_contents_of_one_moment_ask_for_a_refetch() {
    let graph = in_every_order(&[
        event("payment_intent.processing", 3, &intent("processing", &json!({}))),
        event("payment_intent.requires_action", 3, &intent("requires_action", &json!({}))),
    ]);
    assert!(graph.payment("pi_1").seen.needs_refetch);
}

#[test]
fn a_status_never_seen_before_is_kept_as_text() {
    let [Observation::Payment(report)] =
        &observations("payment_intent.created", &intent("dreaming", &json!({})))[..]
    else {
        panic!("one payment")
    };
    assert_eq!(report.state.as_ref().unwrap().status, "dreaming");
}

#[test]
fn one_decline_told_three_times_is_one_failed_attempt() {
    let error = json!({"last_payment_error": {"code": "card_declined", "decline_code": "insufficient_funds",
        "charge": "ch_1"}});
    let charge = json!({"id": "ch_1", "status": "failed", "amount": 1999, "currency": "usd",
        "payment_intent": "pi_1", "failure_code": "card_declined"});
    let invoice = json!({"id": "in_1", "status": "open", "amount_due": 1999, "currency": "usd",
        "attempt_count": 1, "payment_intent": "pi_1"});
    let graph = in_every_order(&[
        event("payment_intent.payment_failed", 0, &intent("requires_payment_method", &error)),
        event("charge.failed", 1, &charge),
        event("invoice.payment_failed", 2, &invoice),
    ]);
    let payment = graph.payment("pi_1");
    assert_eq!((payment.failed_attempts, payment.last_failed_at), (1, moment(1_700_000_000)));
    assert_eq!(payment.last_decline_code.as_deref(), Some("insufficient_funds"));
    let invoice = graph.invoice("in_1");
    assert_eq!((invoice.status, invoice.payment_retry_count, invoice.attempt_count), (Status::Failed, 1, 1));
    assert_eq!(invoice.payment_failure_reason.as_deref(), Some("insufficient_funds"));
}

fn charge(status: &str, extra: &Value) -> Value {
    let mut object = json!({"id": "ch_1", "status": status, "amount": 1500, "currency": "usd",
        "payment_intent": "pi_1", "customer": "cus_1", "metadata": {"user_id": "u1", "listing_id": "l1"}});
    object.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    object
}

#[test]
fn its_charge_alone_tells_what_came_in() {
    let captured = charge("succeeded", &json!({"amount_captured": 1500}));
    let refund = json!({"id": "re_1", "status": "succeeded", "amount": 500, "currency": "usd",
        "charge": "ch_1", "payment_intent": "pi_1"});
    let refunded = event("refund.created", 9, &refund);
    let payment = in_every_order(std::slice::from_ref(&refunded)).payment("pi_1");
    assert_eq!((payment.refunded, payment.received()), (Refunded::Partial, None), "of nobody knows how much");
    let payment = in_every_order(&[event("charge.succeeded", 0, &captured), refunded]).payment("pi_1");
    assert_eq!((payment.state.status.as_str(), payment.received()), ("succeeded", Some(1500)));
    assert_eq!((payment.state.amount, payment.state.currency.as_str()), (1500, "usd"));
    assert_eq!((payment.customer.id(), payment.user.id()), (Some("cus_1"), Some("u1")));
    assert_eq!(payment.purpose.listing_id.as_deref(), Some("l1"));
    assert_eq!((payment.refunded, payment.amount_refunded), (Refunded::Partial, 500));
}

#[test]
fn a_success_that_the_charge_alone_tells_ends_an_earlier_failure() {
    let error = json!({"last_payment_error": {"code": "card_declined"}});
    let failed = event("payment_intent.payment_failed", 3, &intent("requires_payment_method", &error));
    let captured = event("charge.succeeded", 2, &charge("succeeded", &json!({"amount_captured": 1500})));
    let payment = in_every_order(&[failed.clone(), captured.clone()]).payment("pi_1");
    assert_eq!(payment.state.status, "succeeded");
    assert!(!payment.has_failed());
    let own = event("payment_intent.succeeded", 1, &intent("succeeded", &json!({"amount_received": 1999})));
    assert_eq!(
        in_every_order(&[failed, captured, own]).payment("pi_1").received(),
        Some(1999),
        "its own word"
    );
}

#[test]
fn a_charge_that_settled_nothing_stands_below_the_payments_own_words() {
    for told in ["pending", "failed"] {
        let story = [
            event("payment_intent.created", 0, &intent("requires_action", &json!({}))),
            event("charge.updated", 5, &charge(told, &json!({}))),
        ];
        assert_eq!(in_every_order(&story).payment("pi_1").state.status, "requires_action");
    }
}

#[test]
fn of_two_captures_in_one_second_the_one_that_took_more_is_the_later() {
    let held = |received: i64| {
        let amounts = json!({"amount_capturable": 1999 - received, "amount_received": received});
        event("payment_intent.amount_capturable_updated", 5, &intent("requires_capture", &amounts))
    };
    for (less, more) in [(100, 300), (300, 900), (999, 1000)] {
        assert_eq!(in_every_order(&[held(less), held(more)]).payment("pi_1").state.amount_received, more);
    }
}

/// As Stripe tells of captures with `final_capture=false`: of 1500, first 700 and then 500, the rest released.
#[test]
fn what_is_captured_in_parts_can_be_captured_until_the_last_part() {
    let held = |captured: i64, refunded: i64| {
        charge(
            "succeeded",
            &json!({"amount_captured": captured, "captured": false, "amount_refunded": refunded, "refunded": false}),
        )
    };
    let partly = [event("charge.succeeded", 0, &held(0, 0)), event("charge.updated", 5, &held(700, 0))];
    let payment = in_every_order(&partly).payment("pi_1");
    assert_eq!(payment.state.status, "requires_capture");
    assert_eq!((payment.state.amount_capturable, payment.received()), (800, Some(700)));
    let own =
        json!({"amount": 1500, "amount_capturable": 800, "amount_received": 700, "latest_charge": "ch_1"});
    let own = event("payment_intent.amount_capturable_updated", 5, &intent("requires_capture", &own));
    let told = [partly.as_slice(), &[own]].concat();
    let payment = in_every_order(&told).payment("pi_1");
    assert_eq!(payment.state.status, "requires_capture", "its charge settles nothing yet");
    assert_eq!((payment.state.amount_capturable, payment.received()), (800, Some(700)));

    // All that came in so far goes back before the last part is taken: none of it is a release, and as Stripe has it the
    // payment is refunded only when nothing is held any more.
    let refund =
        json!({"id": "re_1", "status": "succeeded", "amount": 700, "currency": "usd", "charge": "ch_1"});
    let back = [event("charge.refunded", 8, &held(700, 700)), event("refund.created", 8, &refund)];
    let graph = in_every_order(&[told.as_slice(), &back].concat());
    assert_eq!((graph.charge("ch_1").amount_refunded, graph.charge("ch_1").amount_released), (700, 0));
    assert_eq!((graph.payment("pi_1").refunded, graph.charge("ch_1").anomaly), (Refunded::Partial, None));

    let whole = json!({"amount_captured": 1200, "captured": true, "amount_refunded": 0, "refunded": false});
    let last = event("charge.captured", 9, &charge("succeeded", &whole));
    let payment = in_every_order(&[told.as_slice(), &[last]].concat()).payment("pi_1");
    assert_eq!((payment.state.status.as_str(), payment.received()), ("succeeded", Some(1200)));
    assert_eq!(payment.state.amount_capturable, 0);
}

#[test]
fn a_refund_that_names_only_its_payment_counts_once_beside_its_charges_sum() {
    let told = |second, refunded: i64| {
        let fields = json!({"amount_captured": 1500, "amount_refunded": refunded});
        event("charge.refunded", second, &charge("succeeded", &fields))
    };
    let refund = |id: &str, second, amount: i64, status: &str| {
        let object = json!({"id": id, "status": status, "amount": amount, "currency": "usd", "payment_intent": "pi_1",
            "created": 1_700_000_000 + 5});
        event(if status == "failed" { "refund.failed" } else { "refund.created" }, second, &object)
    };
    let refunded = |story: &[_]| in_every_order(story).payment("pi_1").amount_refunded;
    let one = refund("re_1", 5, 500, "succeeded");
    assert_eq!(refunded(std::slice::from_ref(&one)), 500, "no charge tells of it");
    assert_eq!(refunded(&[one.clone(), told(5, 500)]), 500);
    assert_eq!(refunded(&[one.clone(), told(5, 800)]), 800, "and another that only the sum tells of");
    assert_eq!(refunded(&[one.clone(), told(2, 0)]), 500, "the sum is older");
    assert_eq!(refunded(&[one.clone(), told(2, 300)]), 800, "the sum is of another, earlier one");
    let declined = json!({"id": "ch_2", "object": "charge", "status": "failed", "amount": 1500, "currency": "usd",
        "payment_intent": "pi_1"});
    let declined = event("charge.failed", 9, &declined);
    assert_eq!(refunded(&[one.clone(), told(2, 300), declined]), 800, "another charge speaks of itself");
    let second = refund("re_2", 6, 200, "succeeded");
    assert_eq!(refunded(&[one.clone(), second, told(6, 700)]), 700);
    let failed = refund("re_1", 9, 500, "failed");
    assert_eq!(refunded(&[one, told(5, 500), failed]), 0, "what failed since is in the sum still");
}

#[test]
fn the_payments_metadata_stand_before_its_charges() {
    let own = json!({"metadata": {"user_id": "u7", "listing_id": "l7"}});
    let story = [
        event("payment_intent.created", 0, &intent("requires_action", &own)),
        event("charge.succeeded", 5, &charge("succeeded", &json!({"amount_captured": 1500}))),
    ];
    let payment = in_every_order(&story).payment("pi_1");
    assert_eq!((payment.user.id(), payment.purpose.listing_id.as_deref()), (Some("u7"), Some("l7")));
    let payment = in_every_order(&story[1..]).payment("pi_1");
    assert_eq!(payment.user.id(), Some("u1"));
}
