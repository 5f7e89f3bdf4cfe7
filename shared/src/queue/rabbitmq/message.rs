//! An envelope as a message of AMQP, and back. Pure.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::digest::EnvelopeKeys;
use envelope::Envelope;

/// Carries the envelope's header. Everything else in the properties is for people who look at a queue.
const HEADER: &str = "tidegate";
/// AMQP has room for it in one frame only, and a larger one ends the connection of everybody.
const HEADER_LIMIT_BYTES: usize = 6 * 1024;
const PERSISTENT: u8 = 2;
const PROBE: &str = "tidegate.probe";

/// `None` when the header is too long to travel.
pub(super) fn properties(envelope: &Envelope, keys: &EnvelopeKeys) -> Option<BasicProperties> {
    let header = keys.seal(envelope);
    if header.len() > HEADER_LIMIT_BYTES {
        return None;
    }
    let mut headers = FieldTable::default();
    headers.insert(HEADER.into(), AMQPValue::LongString(header.into()));
    let mut properties = BasicProperties::default().with_delivery_mode(PERSISTENT).with_headers(headers);
    if let Ok(id) = ShortString::try_new(envelope.header.id.as_str()) {
        properties = properties.with_message_id(id);
    }
    if let Ok(kind) = ShortString::try_new(envelope.header.kind.as_str()) {
        properties = properties.with_type(kind);
    }
    Some(properties)
}

pub(super) fn envelope(
    properties: &BasicProperties,
    body: Vec<u8>,
    keys: &EnvelopeKeys,
    now: DateTime<Utc>,
) -> Envelope {
    keys.open(header(properties).unwrap_or_default(), Bytes::from(body), now)
}

/// A message without content that has expired when it arrives: queues accept it and keep nothing.
pub(super) fn probe() -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_type(PROBE.into())
        .with_expiration("0".into())
}

/// A broker that does not know expiry in quorum queues (before 3.10) delivers probes. No event has no body.
pub(super) fn is_probe(properties: &BasicProperties, body: &[u8]) -> bool {
    let kind = properties.kind().as_ref().map(ShortString::as_str);
    kind == Some(PROBE) && header(properties).is_none() && body.is_empty()
}

fn header(properties: &BasicProperties) -> Option<&[u8]> {
    match properties.headers().as_ref()?.inner().get(HEADER)? {
        AMQPValue::LongString(header) => Some(header.as_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envelope::Source;

    fn sample() -> Envelope {
        let mut envelope = Envelope::from_wire(b"", Bytes::from_static(b"{}"), crate::clock::now());
        envelope.header.id = "evt_1".to_owned();
        envelope.header.source = Source::Stripe;
        envelope
    }

    #[test]
    fn an_envelope_survives_the_journey() {
        let sent = sample();
        let keys = EnvelopeKeys::none();
        let properties = properties(&sent, &keys).unwrap();
        assert!(envelope(&properties, sent.body.to_vec(), &keys, crate::clock::now()) == sent);
        assert_eq!(properties.message_id().as_ref().map(ShortString::as_str), Some("evt_1"));
        assert_eq!(*properties.delivery_mode(), Some(2));
    }

    #[test]
    fn a_foreign_message_is_kept() {
        let mut headers = FieldTable::default();
        headers.insert(HEADER.into(), AMQPValue::LongInt(7));
        for properties in [BasicProperties::default(), BasicProperties::default().with_headers(headers)] {
            let keys = EnvelopeKeys::none();
            let envelope = envelope(&properties, b"hello".to_vec(), &keys, crate::clock::now());
            assert!(envelope.header.source == Source::Unknown && envelope.body.ends_with(b"hello"));
        }
    }

    #[test]
    fn odd_lengths_neither_panic_nor_travel_in_two_frames() {
        let (keys, mut long) = (EnvelopeKeys::none(), sample());
        long.header.kind = "x".repeat(256);
        assert!(properties(&long, &keys).unwrap().kind().is_none());
        long.header.kind = "x".repeat(7_000);
        assert!(properties(&long, &keys).is_none());
    }

    #[test]
    fn only_a_probe_is_a_probe() {
        assert!(is_probe(&probe(), b"") && !is_probe(&probe(), b"{}"));
        let mut forged = sample();
        forged.header.kind = PROBE.to_owned();
        assert!(!is_probe(&properties(&forged, &EnvelopeKeys::none()).unwrap(), b""));
    }
}
