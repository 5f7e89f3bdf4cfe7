//! Invoices in short stories, each told in every order.

mod money;
mod older;
mod reports;
mod retries;

use serde_json::{Value, json};

use super::*;
use crate::UNKNOWN;
use crate::fields::moment;
use crate::object_graph::{Event, ObjectGraph};
use crate::testing::{event, in_every_order};

fn invoice_object(status: &str, extra: &Value) -> Value {
    let mut object = json!({"id": "in_1", "status": status, "amount_due": 2000, "currency": "usd"});
    object.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    object
}

/// A second of the story's clock.
fn at(second: i64) -> Option<DateTime<Utc>> {
    moment(1_700_000_000 + second)
}

fn status(graph: &ObjectGraph) -> &'static str {
    graph.invoice("in_1").status.as_str()
}

#[test]
fn a_happy_invoice_in_one_second() {
    let paid = json!({"amount_paid": 2000, "payments": {"data": [{"payment": {"payment_intent": "pi_1"}}]}});
    let graph = in_every_order(&[
        event("invoice.created", 0, &invoice_object("draft", &json!({}))),
        event("invoice.finalized", 0, &invoice_object("open", &json!({}))),
        event("invoice.payment_succeeded", 0, &invoice_object("paid", &paid)),
        event("invoice.paid", 0, &invoice_object("paid", &paid)),
    ]);
    assert_eq!(status(&graph), "paid");
    assert_eq!(graph.invoice("in_1").amount_paid, 2000);
    assert_eq!(graph.payment("pi_1").owner().unwrap().id, "in_1", "the invoice named its payment");
}

#[test]
fn fails_twice_is_overdue_then_paid() {
    let tried = |count: i64| invoice_object("open", &json!({"attempt_count": count}));
    let mut story = vec![
        event("invoice.finalized", 0, &tried(0)),
        event("invoice.payment_failed", 10, &tried(1)),
        event("invoice.payment_failed", 20, &tried(2)),
    ];
    assert_eq!(status(&in_every_order(&story)), "failed");
    story.push(event("invoice.overdue", 30, &tried(2)));
    assert_eq!(status(&in_every_order(&story)), "overdue");
    story.push(event("invoice.paid", 40, &invoice_object("paid", &json!({"amount_paid": 2000}))));
    let graph = in_every_order(&story);
    assert_eq!(status(&graph), "paid");
    let invoice = graph.invoice("in_1");
    assert_eq!((invoice.attempt_count, invoice.payment_failed_at), (2, at(20)));
    assert_eq!((invoice.payment_retry_count, invoice.last_payment_retry_at), (2, at(20)));
}

#[test]
fn a_deleted_draft_and_a_void_invoice_stay_so() {
    let draft = event("invoice.created", 0, &invoice_object("draft", &json!({})));
    let deleted = event("invoice.deleted", 0, &invoice_object("draft", &json!({})));
    assert_eq!(status(&in_every_order(&[draft, deleted])), "deleted");
    let open = event("invoice.finalized", 9, &invoice_object("open", &json!({})));
    let void = event("invoice.voided", 5, &invoice_object("void", &json!({})));
    assert_eq!(status(&in_every_order(&[open, void])), "void");
}

#[test]
fn uncollectible_then_paid_after_all() {
    let lost = event("invoice.marked_uncollectible", 5, &invoice_object("uncollectible", &json!({})));
    let paid = event("invoice.paid", 5, &invoice_object("paid", &json!({"amount_paid": 2000})));
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
    let graph = in_every_order(&story);
    assert_eq!(status(&graph), "paid");
    assert_eq!((graph.invoice("in_1").state.amount_due, graph.invoice("in_1").amount_paid), (3000, 3000));
}

#[test]
fn a_payment_that_changes_its_invoice_is_taken_from_the_old_one() {
    let payment = |invoice: &str| {
        json!({"id": "pi_1", "status": "succeeded", "amount": 5, "amount_received": 5, "currency": "usd",
               "metadata": {"invoice_id": invoice}})
    };
    let graph = in_every_order(&[
        event("payment_intent.succeeded", 0, &payment("in_1")),
        event("payment_intent.succeeded", 5, &payment("in_2")),
    ]);
    assert_eq!(status(&graph), "unknown");
    assert_eq!(graph.invoice("in_2").status, Status::Paid);
}

#[test]
fn the_link_of_an_invoice_payment_makes_placeholders() {
    let object = json!({"id": "inpay_1", "invoice": "in_1", "payment": {"payment_intent": "pi_1"}});
    let graph = in_every_order(&[event("invoice_payment.paid", 0, &object)]);
    assert_eq!((status(&graph), graph.payment("pi_1").state.status.as_str()), ("unknown", UNKNOWN));
}

fn failure(number: i64, day: i64, code: &str) -> Event {
    let object = json!({"id": "pi_1", "status": "requires_payment_method", "amount": 2000, "currency": "usd",
        "metadata": {"invoice_id": "in_1"},
        "last_payment_error": {"code": code, "charge": format!("ch_{number}")}});
    event("payment_intent.payment_failed", day * 86_400, &object)
}

#[test]
fn each_failure_plans_the_next_retry_and_the_fourth_gives_up() {
    let at = |day: i64| at(day * 86_400);
    let failures: Vec<Event> =
        [0, 3, 10, 24].iter().zip(1..).map(|(day, number)| failure(number, *day, "card_declined")).collect();
    for (count, planned) in [(1, at(3)), (2, at(10)), (3, at(24))] {
        let invoice = in_every_order(&failures[..count]).invoice("in_1");
        assert_eq!((invoice.status, invoice.next_payment_retry_at), (Status::Failed, planned));
    }
    let invoice = in_every_order(&failures).invoice("in_1");
    assert_eq!((invoice.status, invoice.next_payment_retry_at), (Status::Overdue, None));
    assert_eq!((invoice.payment_retry_count, invoice.last_payment_retry_at), (4, at(24)));
}

#[test]
fn no_retry_is_planned_where_it_could_not_succeed() {
    let invoice = in_every_order(&[failure(1, 0, "expired_card")]).invoice("in_1");
    assert_eq!((invoice.status, invoice.next_payment_retry_at), (Status::Failed, None));
    let stripes_plan = invoice_object("open", &json!({"next_payment_attempt": 1_700_200_000}));
    let planned_there =
        in_every_order(&[failure(1, 0, "card_declined"), event("invoice.updated", 5, &stripes_plan)]);
    assert_eq!(planned_there.invoice("in_1").next_payment_retry_at, None);
}

#[test]
fn a_stripe_invoice_without_a_report_is_unknown_whatever_its_payments_say() {
    let payment = json!({"id": "pi_1", "status": "succeeded", "amount": 5, "amount_received": 5, "currency": "usd",
        "invoice": "in_1", "metadata": {"invoice_id": "in_1"}});
    assert_eq!(status(&in_every_order(&[event("payment_intent.succeeded", 0, &payment)])), "unknown");
}
