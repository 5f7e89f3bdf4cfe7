//! Invoices in short stories, each told in every order.

use serde_json::{Value, json};

use super::*;
use crate::rules::fields::moment;
use crate::rules::testing::{event, in_every_order};
use crate::rules::world::World;

fn invoice(status: &str, extra: &Value) -> Value {
    let mut object = json!({"id": "in_1", "status": status, "amount_due": 2000, "currency": "usd"});
    object.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    object
}

fn status(world: &World) -> &'static str {
    world.invoice("in_1").status.as_str()
}

#[test]
fn a_happy_invoice_in_one_second() {
    let paid = json!({"amount_paid": 2000, "payments": {"data": [{"payment": {"payment_intent": "pi_1"}}]}});
    let world = in_every_order(&[
        event("invoice.created", 0, &invoice("draft", &json!({}))),
        event("invoice.finalized", 0, &invoice("open", &json!({}))),
        event("invoice.payment_succeeded", 0, &invoice("paid", &paid)),
        event("invoice.paid", 0, &invoice("paid", &paid)),
    ]);
    assert_eq!(status(&world), "paid");
    assert_eq!(world.invoice("in_1").amount_paid, 2000);
    assert_eq!(world.payment("pi_1").owner().unwrap().id, "in_1", "the invoice named its payment");
}

#[test]
fn fails_twice_is_overdue_then_paid() {
    let tried = |count: i64| invoice("open", &json!({"attempt_count": count}));
    let mut story = vec![
        event("invoice.finalized", 0, &tried(0)),
        event("invoice.payment_failed", 10, &tried(1)),
        event("invoice.payment_failed", 20, &tried(2)),
    ];
    assert_eq!(status(&in_every_order(&story)), "failed");
    story.push(event("invoice.overdue", 30, &tried(2)));
    assert_eq!(status(&in_every_order(&story)), "overdue");
    story.push(event("invoice.paid", 40, &invoice("paid", &json!({"amount_paid": 2000}))));
    let world = in_every_order(&story);
    assert_eq!(status(&world), "paid");
    let invoice = world.invoice("in_1");
    assert_eq!((invoice.attempt_count, invoice.payment_failed_at), (2, moment(1_700_000_020)));
}

#[test]
fn a_deleted_draft_and_a_void_invoice_stay_so() {
    let draft = event("invoice.created", 0, &invoice("draft", &json!({})));
    let deleted = event("invoice.deleted", 0, &invoice("draft", &json!({})));
    assert_eq!(status(&in_every_order(&[draft, deleted])), "deleted");
    let open = event("invoice.finalized", 9, &invoice("open", &json!({})));
    let void = event("invoice.voided", 5, &invoice("void", &json!({})));
    assert_eq!(status(&in_every_order(&[open, void])), "void");
}

#[test]
fn uncollectible_then_paid_after_all() {
    let lost = event("invoice.marked_uncollectible", 5, &invoice("uncollectible", &json!({})));
    let paid = event("invoice.paid", 5, &invoice("paid", &json!({"amount_paid": 2000})));
    assert_eq!(status(&in_every_order(&[lost, paid])), "paid");
}

#[test]
fn the_merchants_own_invoice_is_paid_when_enough_was_received() {
    let part = |id: &str, received: i64| {
        let metadata = json!({"invoice_id": "in_1", "invoice_amount": "3000"});
        json!({"id": id, "status": "succeeded", "amount": received, "amount_received": received,
               "currency": "usd", "metadata": metadata})
    };
    let mut story = vec![event("payment_intent.succeeded", 0, &part("pi_1", 1000))];
    assert_eq!(status(&in_every_order(&story)), "sent");
    story.push(event("payment_intent.succeeded", 5, &part("pi_2", 2000)));
    let world = in_every_order(&story);
    assert_eq!(status(&world), "paid");
    assert_eq!((world.invoice("in_1").amount_due, world.invoice("in_1").amount_paid), (3000, 3000));
}

#[test]
fn a_payment_that_changes_its_invoice_is_taken_from_the_old_one() {
    let payment = |invoice: &str| {
        json!({"id": "pi_1", "status": "succeeded", "amount": 5, "amount_received": 5, "currency": "usd",
               "metadata": {"invoice_id": invoice}})
    };
    let world = in_every_order(&[
        event("payment_intent.succeeded", 0, &payment("in_1")),
        event("payment_intent.succeeded", 5, &payment("in_2")),
    ]);
    assert_eq!(status(&world), "unknown");
    assert_eq!(world.invoice("in_2").status, Status::Paid);
}

#[test]
fn the_link_of_an_invoice_payment_makes_placeholders() {
    let object = json!({"id": "inpay_1", "invoice": "in_1", "payment": {"payment_intent": "pi_1"}});
    let world = in_every_order(&[event("invoice_payment.paid", 0, &object)]);
    assert_eq!((status(&world), world.payment("pi_1").status.as_str()), ("unknown", UNKNOWN));
}
