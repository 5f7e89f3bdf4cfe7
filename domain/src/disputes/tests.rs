//! Disputes in short stories, each told in every order.

use serde_json::{Value, json};

use super::Status;
use crate::object_graph::{Event, ObjectGraph};
use crate::testing::{event, in_every_order};

fn dispute(status: &str, movements: &[i64]) -> Value {
    let moved = |(place, amount): (usize, &i64)| json!({"id": format!("txn_{place}"), "amount": amount, "fee": 1500, "net": amount - 1500, "currency": "usd"});
    json!({"id": "dp_1", "status": status, "amount": 1000, "currency": "usd", "charge": "ch_1", "created": 1_700_000_000,
        "payment_intent": "pi_1", "reason": "fraudulent", "evidence_details": {"due_by": 1_700_600_000},
        "balance_transactions": movements.iter().enumerate().map(moved).collect::<Vec<_>>()})
}

fn paid() -> Vec<Event> {
    let payment = json!({"id": "pi_1", "status": "succeeded", "amount": 1000, "amount_received": 1000,
        "currency": "usd", "metadata": {"invoice_id": "own_1"}});
    vec![event("payment_intent.succeeded", 0, &payment)]
}

fn after(steps: &[(&str, i64, &str)]) -> ObjectGraph {
    let mut story = paid();
    let told = |(kind, second, status): &(&str, i64, &str)| event(kind, *second, &dispute(status, &[]));
    story.extend(steps.iter().map(told));
    in_every_order(&story)
}

fn seen(graph: &ObjectGraph) -> (&'static str, &'static str) {
    (graph.dispute("dp_1").status.as_str(), graph.invoice("own_1").status.as_str())
}

#[test]
fn opened_then_lost_then_won_late() {
    const OPENED: (&str, i64, &str) = ("charge.dispute.created", 1, "needs_response");
    const LOST: (&str, i64, &str) = ("charge.dispute.closed", 5, "lost");
    assert_eq!(seen(&after(&[OPENED])), ("opened", "disputed"));
    assert_eq!(seen(&after(&[OPENED, LOST])), ("lost", "charged_back"));
    let won = ("charge.dispute.updated", 9, "won");
    assert_eq!(seen(&after(&[OPENED, LOST, won])), ("won", "paid"));
}

#[test]
fn the_status_counts_and_not_the_name_of_the_event() {
    let graph =
        after(&[("charge.dispute.closed", 5, "lost"), ("charge.dispute.funds_reinstated", 5, "lost")]);
    assert_eq!(seen(&graph), ("lost", "charged_back"));
}

#[test]
fn an_appeal_is_under_review_and_may_end_either_way() {
    let mut steps =
        vec![("charge.dispute.closed", 2, "lost"), ("charge.dispute.updated", 4, "appeal_under_review")];
    assert_eq!(seen(&after(&steps)), ("under_review", "disputed"));
    steps.push(("charge.dispute.updated", 6, "lost"));
    assert_eq!(seen(&after(&steps)), ("lost", "charged_back"));
}

#[test]
fn an_inquiry_is_open_until_closed_or_escalated() {
    let asked = ("charge.dispute.created", 1, "warning_needs_response");
    assert_eq!(seen(&after(&[asked])), ("opened", "disputed"));
    assert!(after(&[asked]).dispute("dp_1").inquiry);
    let closed = ("charge.dispute.closed", 3, "warning_closed");
    assert_eq!(seen(&after(&[asked, closed])), ("closed", "paid"));
    let escalated = after(&[asked, ("charge.dispute.updated", 3, "needs_response")]);
    assert_eq!((seen(&escalated).0, escalated.dispute("dp_1").inquiry), ("opened", false));
}

#[test]
fn money_moved_is_a_row_each_however_often_it_is_told() {
    let graph = in_every_order(&[
        event("charge.dispute.funds_withdrawn", 1, &dispute("needs_response", &[-1000])),
        event("charge.dispute.closed", 5, &dispute("won", &[-1000])),
        event("charge.dispute.funds_reinstated", 5, &dispute("won", &[-1000, 1000])),
    ]);
    let told = graph.dispute("dp_1");
    assert_eq!((told.amount_withdrawn, told.amount_reinstated, told.fees), (1000, 1000, 3000));
    assert_eq!((told.status, told.closed_at.map(|at| at.timestamp())), (Status::Won, Some(1_700_000_005)));
}

#[test]
fn a_status_never_seen_before_is_open_and_no_chargeback() {
    let graph = after(&[("charge.dispute.created", 1, "daydreaming")]);
    assert_eq!(seen(&graph), ("unknown", "disputed"));
    assert!(!graph.dispute("dp_1").is_chargeback(&crate::policy::Policy::default()));
}

#[test]
fn it_was_closed_when_its_status_was_first_told() {
    let steps = [
        ("charge.dispute.closed", 5, "lost"),
        ("charge.dispute.updated", 9, "lost"),
        ("charge.dispute.updated", 7, "won"),
    ];
    let closed =
        |steps: &[_]| after(steps).dispute("dp_1").closed_at.map(|at| at.timestamp() - 1_700_000_000);
    assert_eq!(closed(&steps[..2]), Some(5));
    assert_eq!(closed(&steps), Some(5), "lost was told last");
    assert_eq!(closed(&[steps[0], steps[2]]), Some(7));
}

#[test]
fn what_moved_is_in_its_own_currency() {
    let moved = json!([{"id": "txn_1", "amount": -910, "fee": 1500, "net": -2410, "currency": "usd"}]);
    let mut object = dispute("needs_response", &[]);
    (object["currency"], object["balance_transactions"]) = (json!("jpy"), moved);
    let told = in_every_order(&[event("charge.dispute.funds_withdrawn", 1, &object)]).dispute("dp_1");
    assert_eq!((told.movement_currency.as_deref(), told.amount_withdrawn), (Some("usd"), 910));
    assert_eq!(told.state.currency, "jpy");
}

#[test]
fn what_a_prevented_dispute_took_is_told_by_the_money_that_moved() {
    for (movements, taken, is_uncertain) in
        [(&[][..], 0, true), (&[-1000][..], 1000, false), (&[-1000, 1000][..], 0, false)]
    {
        let graph = in_every_order(&[event("charge.dispute.closed", 5, &dispute("prevented", movements))]);
        assert_eq!(graph.charge("ch_1").amount_charged_back, taken, "{movements:?}");
        assert_eq!(graph.dispute("dp_1").seen.needs_refetch, is_uncertain, "{movements:?}");
    }
}
