//! Stripe's objects through the rules: whatever is read of bodies merges to one state, in every order and with every
//! repetition, and its money is never less than nothing.

use bytes::Bytes;
use domain::event::{Content, Meaning};
use domain::object_graph::{Event, ObjectGraph};
use domain::redaction::{NEVER_KEPT, PLACEHOLDER};
use envelope::{Envelope, Source};
use gateway::event::Head;
use serde_json::{Value, json};

use super::{joined, now, sheets};
use crate::histories::{ApiVersion, SCENARIOS, Scene};
use crate::recorded;

/// More events find nothing that fewer do not.
const EVENTS_LIMIT: usize = 24;

pub(super) fn rules(data: &[u8]) {
    let bodies = data.split(|byte| *byte == super::BETWEEN).take(EVENTS_LIMIT);
    let events: Vec<Event> = bodies.filter_map(read).collect();
    let graph = graph_of(events.iter());
    assert!(graph.is_same_as(&graph_of(events.iter().rev())), "another order, another state");
    let halves = events.split_at(events.len() / 2);
    assert!(graph.is_same_as(&graph_of(halves.1.iter().chain(halves.0))), "another order, another state");
    let twice = events.iter().flat_map(|event| [event, event]).chain(&events);
    assert!(graph.is_same_as(&graph_of(twice)), "a repetition changes the state");
    for ((kind, key), row) in graph.state() {
        for (column, value) in row.as_object().expect("a row is an object") {
            let is_debt = column.starts_with("amount") && value.as_i64().is_some_and(|amount| amount < 0);
            assert!(!is_debt || kind.as_str() == "movement", "{kind:?} {key:?}: {column} is {value}");
        }
    }
    sheets::of_graph(&graph);
}

fn graph_of<'a>(events: impl Iterator<Item = &'a Event>) -> ObjectGraph {
    let mut graph = ObjectGraph::default();
    for event in events {
        graph.apply(event);
    }
    graph
}

fn envelope(body: &[u8]) -> Option<Envelope> {
    let header = Head::read(body).ok()?.header(Source::Stripe, "default", None);
    Some(Envelope { header, body: Bytes::copy_from_slice(body) })
}

fn read(body: &[u8]) -> Option<Event> {
    let envelope = envelope(body)?;
    let content = Content::of(&envelope);
    content.risk(&envelope);
    match content.meaning(&envelope) {
        Ok(Meaning::Observations(observations)) => {
            Some(Event { id: envelope.header.id.clone(), observations })
        }
        Ok(Meaning::Ignored(_)) => None,
        Err(refused) => {
            assert!(!refused.to_string().is_empty());
            None
        }
    }
}

/// What is stored of a body has no secret, is the same event, and means the same.
pub(super) fn redaction(data: &[u8]) {
    let Some(envelope) = envelope(data) else { return };
    let content = Content::of(&envelope);
    let kept = Envelope { header: envelope.header.clone(), body: content.kept(&envelope) };
    let of_kept = Content::of(&kept);
    assert_eq!(of_kept.key, content.key, "as it is kept, it is another event");
    assert!(of_kept.kept(&kept) == kept.body, "what was kept is kept otherwise");
    assert!(of_kept.meaning(&kept) == content.meaning(&envelope), "as it is kept, it means something else");
    let Ok(body) = serde_json::from_slice::<Value>(&kept.body) else { return };
    if serde_json::from_slice::<Value>(data).is_ok_and(|came| came.get(MARK).is_none()) {
        assert!(!has_secret(&body["data"]), "a secret is kept");
    }
}

const MARK: &str = "tidegate_redacted";

fn has_secret(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| match value {
            Value::String(text) => NEVER_KEPT.contains(&name.as_str()) && text != PLACEHOLDER,
            value => name != "metadata" && has_secret(value),
        }),
        Value::Array(items) => items.iter().any(has_secret),
        _ => false,
    }
}

/// Whole histories, and the recorded shapes.
pub(super) fn histories() -> Vec<Vec<u8>> {
    let mut histories: Vec<Vec<u8>> = recorded::shapes()
        .expect("the recorded shapes")
        .iter()
        .map(|shape| joined(&shape.events.iter().map(Value::to_string).collect::<Vec<_>>()))
        .collect();
    for (number, scenario) in SCENARIOS.iter().flat_map(|group| group.iter()).enumerate() {
        let version = ApiVersion::ALL[number % ApiVersion::ALL.len()];
        let scene = Scene { seed: 1, account: "acct_1".to_owned(), livemode: true, version };
        let mut events = scenario.play(&scene).events;
        events.truncate(EVENTS_LIMIT);
        histories.push(joined(&events));
    }
    histories
}

pub(super) fn secrets() -> Vec<Vec<u8>> {
    let event = |object: Value| {
        let created = now().timestamp();
        json!({"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "created": created,
            "livemode": true, "api_version": "2025-04-30.basil", "data": {"object": object,
            "previous_attributes": {"client_secret": null}}})
        .to_string()
    };
    let payment = |secret: &str| {
        event(
            json!({"id": "pi_1", "object": "payment_intent", "amount": 1999, "amount_received": 1999, "currency": "usd",
            "status": "succeeded", "client_secret": secret, "rate": 0.1, "metadata": {"cvc": "mine"},
            "next_action": {"redirect_to_url": {"url": "https://pay.example/?client_secret=s"}},
            "charges": {"data": [{"id": "ch_1", "payment_method_details": {"card": {"iin": "424242", "last4": "4242"}}}]}}),
        )
    };
    let escaped = payment("pi_1_secret_2").replace("pi_1_secret_2", "pi_1_\\u0073ecret_2");
    let doubled =
        payment("a").replace("\"client_secret\":\"a\"", "\"client_secret\":\"a\",\"client_secret\":\"b\"");
    [payment("pi_1_secret_2"), payment(PLACEHOLDER), escaped, doubled].map(String::into_bytes).to_vec()
}
