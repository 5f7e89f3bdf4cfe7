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
