//! Refunds in short stories, each told in every order.

use serde_json::{Value, json};

use crate::object_graph::ObjectGraph;
use crate::payments::Refunded;
use crate::testing::{event, in_every_order};

fn refund(status: &str) -> Value {
    json!({"id": "re_1", "status": status, "amount": 1000, "currency": "usd", "charge": "ch_1",
        "payment_intent": "pi_1", "reason": "requested_by_customer"})
}

fn paid() -> [crate::object_graph::Event; 2] {
    let payment = json!({"id": "pi_1", "status": "succeeded", "amount": 1000, "amount_received": 1000,
        "currency": "usd", "metadata": {"invoice_id": "own_1"}});
    let charge = json!({"id": "ch_1", "status": "succeeded", "amount": 1000, "amount_captured": 1000,
        "currency": "usd", "payment_intent": "pi_1"});
    [event("payment_intent.succeeded", 0, &payment), event("charge.succeeded", 0, &charge)]
}

fn refunded(graph: &ObjectGraph) -> (Refunded, &'static str) {
    (graph.payment("pi_1").refunded, graph.invoice("own_1").status.as_str())
}

#[test]
fn a_refund_before_its_charge_waits_for_it() {
    let before = in_every_order(&[event("refund.created", 5, &refund("succeeded"))]);
    assert_eq!(before.charge("ch_1").state.status, "unknown");
    let mut story = paid().to_vec();
    story.push(event("refund.created", 5, &refund("succeeded")));
    assert_eq!(refunded(&in_every_order(&story)), (Refunded::Full, "refunded"));
}

#[test]
fn a_refund_that_fails_in_the_end_was_none() {
    let mut story = paid().to_vec();
    story.push(event("refund.created", 5, &refund("pending")));
    assert_eq!(refunded(&in_every_order(&story)).1, "refunded", "pending money is on its way");
    story.push(event("refund.updated", 6, &refund("succeeded")));
    story.push(event("refund.failed", 6, &refund("failed")));
    let graph = in_every_order(&story);
    assert_eq!(refunded(&graph), (Refunded::None, "paid"));
}

#[test]
fn a_refund_that_names_only_its_payment_counts_there() {
    let direct = json!({"id": "re_2", "status": "succeeded", "amount": 300, "currency": "usd", "charge": null,
        "payment_intent": "pi_1"});
    let mut story = paid().to_vec();
    story.push(event("refund.created", 5, &direct));
    assert_eq!(refunded(&in_every_order(&story)), (Refunded::Partial, "partially_refunded"));
}

#[test]
fn money_that_a_bank_gives_back_is_waiting_again() {
    let graph = in_every_order(&[
        event("refund.updated", 3, &refund("succeeded")),
        event("refund.updated", 6, &refund("requires_action")),
        event("refund.updated", 9, &refund("pending")),
    ]);
    assert_eq!(graph.refunds.rows().next().unwrap().state.status, "pending");
    let graph = in_every_order(&[
        event("refund.failed", 3, &refund("failed")),
        event("refund.updated", 6, &refund("succeeded")),
    ]);
    assert_eq!(graph.refunds.rows().next().unwrap().state.status, "failed", "failing is final");
}
