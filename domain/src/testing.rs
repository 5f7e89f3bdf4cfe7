//! Small envelopes for the table tests of the rules.

use bytes::Bytes;
use chrono::DateTime;
use envelope::{Envelope, Header, Source};
use serde_json::{Value, json};

use super::bans::Ban;
use super::charges::Charge;
use super::disputes::Dispute;
use super::event::{Content, Meaning};
use super::invoices::Invoice;
use super::object_graph::{Event, ObjectGraph};
use super::payments::Payment;
use super::tracked_rows::TrackedRows;
use super::{Key, Object, Observation};

pub(crate) fn envelope(kind: &str, body: &str) -> Envelope {
    Envelope {
        header: Header {
            id: "evt_1".to_owned(),
            kind: kind.to_owned(),
            created: 1_700_000_000,
            account: String::new(),
            livemode: false,
            api_version: Some("2025-04-30.basil".to_owned()),
            received_at: DateTime::UNIX_EPOCH,
            trace_parent: envelope::UNTRACED.to_owned(),
            source: Source::Stripe,
            endpoint: String::new(),
            unwanted: None,
            replay: None,
        },
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

/// An event about an object, at a second after the start of the story.
pub(crate) fn event(kind: &str, second: i64, object: &Value) -> Event {
    event_of(Source::Stripe, kind, second, object)
}

/// An object as a backfill reads it at that second.
pub(crate) fn read_object(kind: &str, second: i64, object: &Value) -> Event {
    event_of(Source::Object, kind, second, object)
}

fn event_of(source: Source, kind: &str, second: i64, object: &Value) -> Event {
    let body = json!({"object": "event", "data": {"object": object}}).to_string();
    let mut envelope = envelope(kind, &body);
    envelope.header.source = source;
    envelope.header.id = format!("evt_{}_{kind}_{second}", source.as_str());
    envelope.header.created += second;
    let content = Content::of(&envelope);
    match content.meaning(&envelope) {
        Ok(Meaning::Observations(observations)) => Event { id: envelope.header.id, observations },
        other => panic!("{kind} has no effect: {other:?}"),
    }
}

pub(crate) fn observations(kind: &str, object: &Value) -> Vec<Observation> {
    event(kind, 0, object).observations
}

/// Applies the story in every order, checks that all end alike, and gives the end.
pub(crate) fn in_every_order(events: &[Event]) -> ObjectGraph {
    let mut end = None;
    let mut order: Vec<usize> = (0..events.len()).collect();
    permute(&mut order, 0, &mut |order| {
        let mut graph = ObjectGraph::default();
        for place in order.iter().chain(order.first()) {
            graph.apply(&events[*place]);
        }
        let state = graph.state();
        match &end {
            None => end = Some(state),
            Some(end) => assert_eq!(*end, state, "the order {order:?} ends otherwise"),
        }
    });
    let mut graph = ObjectGraph::default();
    for event in events {
        graph.apply(event);
    }
    graph
}

impl ObjectGraph {
    pub(crate) fn payment(&self, id: &str) -> Payment {
        found(&self.payments, id)
    }

    pub(crate) fn invoice(&self, id: &str) -> Invoice {
        found(&self.invoices, id)
    }

    pub(crate) fn charge(&self, id: &str) -> Charge {
        found(&self.charges, id)
    }

    pub(crate) fn dispute(&self, id: &str) -> Dispute {
        found(&self.disputes, id)
    }

    /// The user's ban; a placeholder where nothing concerned him.
    pub(crate) fn ban(&self, user: &str) -> Ban {
        let key = Key { id: user.to_owned(), ..Key::default() };
        self.bans.get(&key).cloned().unwrap_or_else(|| Ban::placeholder(key))
    }
}

fn found<T: Object>(tracked: &TrackedRows<T>, id: &str) -> T {
    tracked.rows().find(|row| row.key().id == id).expect("the story names it").clone()
}

fn permute(order: &mut Vec<usize>, from: usize, see: &mut impl FnMut(&[usize])) {
    if from + 1 >= order.len() {
        see(order);
        return;
    }
    for place in from..order.len() {
        order.swap(from, place);
        permute(order, from + 1, see);
        order.swap(from, place);
    }
}
