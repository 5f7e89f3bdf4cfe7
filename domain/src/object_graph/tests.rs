//! What hangs together across objects, and what the audit tells of it.

use serde_json::json;

use crate::object_graph::ObjectGraph;
use crate::testing::{event, in_every_order};

#[test]
fn the_audit_tells_each_step_with_its_event() {
    let payment = json!({"id": "pi_1", "status": "succeeded", "amount": 10, "amount_received": 10,
        "currency": "usd", "metadata": {"invoice_id": "own_1", "user_id": "u1"}});
    let dispute = |id: &str, status: &str| json!({"id": id, "status": status, "amount": 10, "currency": "usd", "charge": "ch_1", "payment_intent": "pi_1"});
    let story = [
        event("payment_intent.succeeded", 0, &payment),
        event("charge.dispute.created", 1, &dispute("dp_1", "needs_response")),
        event("charge.dispute.closed", 5, &dispute("dp_1", "lost")),
        event("charge.dispute.created", 6, &dispute("dp_2", "needs_response")),
        event("charge.dispute.closed", 9, &dispute("dp_1", "won")),
    ];
    let mut graph = ObjectGraph::default();
    let told: Vec<String> = story
        .iter()
        .flat_map(|event| graph.apply(event))
        .map(|step| {
            let (kind, revision, told) = (step.kind, step.revision, step.change);
            format!("{kind} {revision} {}>{}", told.before.unwrap(), told.after.unwrap())
        })
        .collect();
    let expected = [
        "payment 1 unknown>succeeded",
        "invoice 1 unknown>paid",
        "dispute 1 unknown>opened",
        "invoice 2 paid>disputed",
        "dispute 2 opened>lost",
        "invoice 3 disputed>charged_back",
        "dispute 1 unknown>opened",
        "ban 1 clear>banned",
        "dispute 3 lost>won",
        "invoice 4 charged_back>disputed",
        "ban 2 banned>clear",
    ];
    assert_eq!(told, expected);
    in_every_order(&story);
}

#[test]
fn a_repetition_changes_nothing_and_tells_nothing() {
    let charge = json!({"id": "ch_1", "status": "failed", "amount": 10, "currency": "usd",
        "payment_intent": "pi_1", "failure_code": "card_declined"});
    let failed = event("charge.failed", 0, &charge);
    let mut graph = ObjectGraph::default();
    assert!(!graph.apply(&failed).is_empty());
    let before = graph.clone();
    assert!(graph.apply(&failed).is_empty());
    assert!(graph.is_same_as(&before) && graph.state() == before.state());
}
