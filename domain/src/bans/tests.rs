//! Bans in short stories, each told in every order.

use chrono::Duration;
use serde_json::json;

use super::*;
use crate::object_graph::{Event, ObjectGraph};
use crate::testing::{event, in_every_order};

/// A payment of a customer, and a dispute of it.
fn disputed(number: i64, status: &str) -> Vec<Event> {
    let (payment, charge) = (format!("pi_{number}"), format!("ch_{number}"));
    let intent = json!({"id": payment, "status": "succeeded", "amount": 10, "amount_received": 10,
        "currency": "usd", "customer": "cus_1"});
    let dispute = json!({"id": format!("dp_{number}"), "status": status, "amount": 10, "currency": "usd",
        "created": 1_700_000_000 + number, "charge": charge, "payment_intent": payment});
    vec![
        event("payment_intent.succeeded", number, &intent),
        event("charge.dispute.created", number, &dispute),
    ]
}

fn customer(second: i64, user: &str) -> Event {
    event("customer.updated", second, &json!({"id": "cus_1", "metadata": {"user_id": user}}))
}

fn counted(graph: &ObjectGraph, user: &str) -> (Status, i64) {
    (graph.ban(user).status, graph.ban(user).chargebacks)
}

#[test]
fn the_second_chargeback_bans_and_a_win_lifts() {
    let mut story = disputed(1, "needs_response");
    assert_eq!(counted(&in_every_order(&story), "cus_1"), (Status::Clear, 1));
    story.extend(disputed(2, "needs_response"));
    let graph = in_every_order(&story);
    assert_eq!(counted(&graph, "cus_1"), (Status::Banned, 2));
    assert_eq!(graph.ban("cus_1").since.map(|at| at.timestamp()), Some(1_700_000_002));
    let won = json!({"id": "dp_1", "status": "won", "amount": 10, "currency": "usd", "created": 1_700_000_001,
        "charge": "ch_1", "payment_intent": "pi_1"});
    story.push(event("charge.dispute.closed", 9, &won));
    assert_eq!(counted(&in_every_order(&story), "cus_1"), (Status::Clear, 1));
}

#[test]
fn what_is_no_chargeback_bans_nobody() {
    for status in ["warning_needs_response", "warning_closed", "won", "prevented", "daydreaming"] {
        let mut story = disputed(1, "lost");
        story.extend(disputed(2, status));
        assert_eq!(counted(&in_every_order(&story), "cus_1"), (Status::Clear, 1), "{status}");
    }
}

#[test]
fn a_returned_direct_debit_bans_nobody() {
    let mut story = disputed(1, "lost");
    let returned = json!({"id": "dp_2", "status": "lost", "amount": 10, "currency": "usd", "charge": "ch_1",
        "payment_intent": "pi_1", "reason": "insufficient_funds"});
    story.push(event("charge.dispute.closed", 5, &returned));
    let graph = in_every_order(&story);
    assert_eq!((counted(&graph, "cus_1"), graph.ban("cus_1").disputes), ((Status::Clear, 1), 2));
}

#[test]
fn a_user_whom_only_the_charges_name_is_banned_too() {
    let mut story = Vec::new();
    for number in 1..=2 {
        let (payment, charge) = (format!("pi_{number}"), format!("ch_{number}"));
        let charged = json!({"id": charge, "status": "succeeded", "amount": 10, "amount_captured": 10,
            "currency": "usd", "payment_intent": payment, "metadata": {"user_id": "u1"}});
        story.push(event("charge.succeeded", number, &charged));
        story.extend(disputed(number, "lost").pop());
    }
    assert_eq!(counted(&in_every_order(&story), "u1"), (Status::Banned, 2));
}

#[test]
fn a_customer_who_turns_out_to_be_another_user_takes_the_chargebacks_along() {
    let mut story = disputed(1, "lost");
    story.push(event(
        "charge.dispute.created",
        2,
        &json!({"id": "dp_2", "status": "lost", "amount": 10,
        "currency": "usd", "charge": "ch_1", "payment_intent": "pi_1"}),
    ));
    story.extend([customer(3, "u1"), customer(7, "u2")]);
    let graph = in_every_order(&story);
    assert_eq!(counted(&graph, "u2"), (Status::Banned, 2));
    assert_eq!((counted(&graph, "u1"), counted(&graph, "cus_1")), ((Status::Clear, 0), (Status::Clear, 0)));
}

#[test]
fn an_override_stands_until_its_end() {
    let noon = DateTime::UNIX_EPOCH;
    let mut ban = Ban { status: Status::Banned, override_act: Act::Lift, ..Ban::default() };
    assert!(!ban.is_banned(noon));
    ban.override_until = Some(noon);
    assert!(ban.is_banned(noon) && !ban.is_banned(noon - Duration::seconds(1)));
    ban.override_act = Act::None;
    assert!(ban.is_banned(noon));
}
