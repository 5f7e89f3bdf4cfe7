//! One event as Stripe sends it, and as a worker takes it from the queue.

use bytes::Bytes;
use envelope::{Envelope, Source};
use gateway::event::Head;
use serde_json::Value;

/// One event, ready to be signed and sent.
#[derive(Clone, Debug)]
pub struct SampleEvent {
    pub id: String,
    pub kind: &'static str,
    /// The outcome that the ledger must show for it.
    pub outcome: &'static str,
    pub body: Bytes,
}

impl SampleEvent {
    /// What a gateway makes of it: every envelope is its own delivery.
    pub fn envelope(&self) -> Envelope {
        let head = Head::read(&self.body).expect("every event has a head");
        Envelope { header: head.header(Source::Stripe, "default", None), body: self.body.clone() }
    }

    /// The same event with another stamp. Nothing that it tells of was made later.
    #[must_use]
    pub fn stamped(&self, created: i64) -> Self {
        let mut body = self.value();
        body["created"] = created.into();
        let object = &mut body["data"]["object"];
        make_before(object, created);
        if let Some(refunds) = object.pointer_mut("/refunds/data").and_then(Value::as_array_mut) {
            for refund in refunds {
                make_before(refund, created);
            }
        }
        Self { body: body.to_string().into(), ..self.clone() }
    }

    /// Seconds since 1970.
    pub fn created(&self) -> i64 {
        self.value()["created"].as_i64().expect("every event has its stamp")
    }

    fn value(&self) -> Value {
        serde_json::from_slice(&self.body).expect("events are made from JSON values")
    }
}

/// Its body.
impl AsRef<[u8]> for SampleEvent {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

fn make_before(object: &mut Value, created: i64) {
    if let Some(made) = object.get_mut("created").filter(|made| made.as_i64() > Some(created)) {
        *made = created.into();
    }
}

/// The same, with the head written into the body: a worker believes neither when they differ.
#[must_use]
pub fn agreeing(envelope: Envelope) -> Envelope {
    let Envelope { header, body } = envelope;
    let mut body: Value = serde_json::from_slice(&body).expect("events are made from JSON values");
    body["id"] = header.id.as_str().into();
    body["type"] = header.kind.as_str().into();
    body["created"] = header.created.into();
    body["livemode"] = header.livemode.into();
    body["api_version"] = header.api_version.as_deref().into();
    body["account"] = Some(header.account.as_str()).filter(|account| !account.is_empty()).into();
    Envelope { body: body.to_string().into(), header }
}
