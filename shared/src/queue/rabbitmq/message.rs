//! Envelopes as a message of AMQP, and back. Pure. One envelope travels in its own message: its header beside
//! the untouched body. Several are a group, framed in the body of one message.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::group;
use crate::digest::EnvelopeKeys;
use envelope::Envelope;
use envelope::suspect::{self, Suspicion};

/// Carries the header of a lone envelope. Everything else in the properties is for people who look at a queue.
const HEADER: &str = "tidegate";
/// AMQP has room for it in one frame only, and a larger one ends the connection of everybody.
const HEADER_LIMIT_BYTES: usize = 6 * 1024;
const PERSISTENT: u8 = 2;
const PROBE: &str = "tidegate.probe";
const GROUP: &str = "tidegate.group";
/// How many events a group has, for people.
const GROUP_EVENTS: &str = "tidegate-events";

/// An envelope as it travels: its header with the digest, and its body.
pub(super) struct Sealed {
    head: String,
    body: Bytes,
    id: String,
    kind: String,
}

impl Sealed {
    /// `None` when the header is too long to travel.
    pub(super) fn of(envelope: &Envelope, keys: &EnvelopeKeys) -> Option<Self> {
        let head = keys.seal(envelope);
        let (id, kind) = (envelope.header.id.clone(), envelope.header.kind.clone());
        (head.len() <= HEADER_LIMIT_BYTES).then(|| Self { head, body: envelope.body.clone(), id, kind })
    }

    pub(super) fn bytes(&self) -> usize {
        self.head.len() + self.body.len()
    }
}

/// At most `group::EVENTS_LIMIT` envelopes as one message.
pub(super) fn write(envelopes: Vec<Sealed>) -> (BasicProperties, Bytes) {
    let mut headers = FieldTable::default();
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    match <[Sealed; 1]>::try_from(envelopes) {
        Ok([Sealed { head, body, id, kind }]) => {
            headers.insert(HEADER.into(), AMQPValue::LongString(head.into()));
            let mut properties = properties.with_headers(headers);
            if let Ok(id) = ShortString::try_new(id) {
                properties = properties.with_message_id(id);
            }
            if let Ok(kind) = ShortString::try_new(kind) {
                properties = properties.with_type(kind);
            }
            (properties, body)
        }
        Err(group) => {
            let count = u16::try_from(group.len()).unwrap_or(u16::MAX);
            headers.insert(GROUP_EVENTS.into(), AMQPValue::ShortUInt(count));
            let framed = group::write(group.iter().map(|part| (part.head.as_bytes(), &part.body[..])));
            (properties.with_type(GROUP.into()).with_headers(headers), framed.into())
        }
    }
}

/// The envelopes of a message, at least one: what is neither a lone envelope nor a sound group is one suspect.
pub(super) fn read(
    properties: &BasicProperties,
    body: Vec<u8>,
    keys: &EnvelopeKeys,
    now: DateTime<Utc>,
) -> Vec<Envelope> {
    let body = Bytes::from(body);
    let head = header(properties);
    match group::read(&body).filter(|_| head.is_none()) {
        Some(parts) => parts.into_iter().map(|(head, body)| keys.open(&head, body, now)).collect(),
        None => vec![keys.open(head.unwrap_or_default(), body, now)],
    }
}

/// What a suspect was published as, if all of it verifies by now: its publisher's key may have come later, and a
/// worker of a release without groups takes a group for a suspect.
pub(in crate::queue) fn reopen(suspect: &Envelope, keys: &EnvelopeKeys, now: DateTime<Utc>) -> Vec<Envelope> {
    let Some((head, body)) = suspect::found(suspect) else { return Vec::new() };
    let parts = group::read(&body).filter(|_| head.is_empty()).unwrap_or_else(|| vec![(head, body)]);
    let opened: Vec<Envelope> = parts.into_iter().map(|(head, body)| keys.open(&head, body, now)).collect();
    let all_verify = opened.iter().all(|envelope| Suspicion::of_kind(&envelope.header.kind).is_none());
    if all_verify { opened } else { Vec::new() }
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
    use proptest::prelude::*;

    use super::*;
    use crate::env::Env;
    use envelope::Source;

    fn sample(id: &str) -> Envelope {
        let mut envelope = Envelope::from_wire(b"", Bytes::from_static(b"{}"), crate::clock::now());
        envelope.header.id = id.to_owned();
        envelope.header.kind = "charge.updated".to_owned();
        envelope.header.source = Source::Stripe;
        envelope.body = Bytes::from(format!("{{\"id\":\"{id}\"}}"));
        envelope
    }

    fn keys() -> EnvelopeKeys {
        EnvelopeKeys::from_env(&Env::of(&[("ENVELOPE_KEY", "0123456789abcdef0123456789abcdef")])).unwrap()
    }

    fn written(envelopes: &[Envelope], keys: &EnvelopeKeys) -> (BasicProperties, Bytes) {
        write(envelopes.iter().map(|envelope| Sealed::of(envelope, keys).unwrap()).collect())
    }

    fn group(count: usize) -> Vec<Envelope> {
        (0..count).map(|number| sample(&format!("evt_{number}"))).collect()
    }

    #[test]
    fn a_lone_envelope_travels_as_it_always_did() {
        let (sent, keys) = (sample("evt_1"), EnvelopeKeys::none());
        let (properties, body) = written(std::slice::from_ref(&sent), &keys);
        assert_eq!(body, sent.body);
        assert_eq!(header(&properties), Some(keys.seal(&sent).as_bytes()));
        assert!(read(&properties, body.to_vec(), &keys, crate::clock::now()) == [sent]);
        assert_eq!(properties.message_id().as_ref().map(ShortString::as_str), Some("evt_1"));
        assert_eq!(*properties.delivery_mode(), Some(2));
    }

    #[test]
    fn a_group_arrives_as_it_was_sent_and_says_what_it_is() {
        for count in [2, 3, group::EVENTS_LIMIT] {
            let (sent, keys) = (group(count), keys());
            let (properties, body) = written(&sent, &keys);
            assert!(read(&properties, body.to_vec(), &keys, crate::clock::now()) == sent);
            assert_eq!(properties.kind().as_ref().map(ShortString::as_str), Some(GROUP));
            assert_eq!(*properties.delivery_mode(), Some(2));
            // Whoever moves a message may lose its properties; the frame needs none of them.
            assert!(read(&BasicProperties::default(), body.to_vec(), &keys, crate::clock::now()) == sent);
        }
    }

    #[test]
    fn a_damaged_frame_makes_one_suspect_of_all_its_bytes_and_a_damaged_body_one_of_its_own() {
        let (sent, keys) = (group(3), keys());
        let (properties, body) = written(&sent, &keys);
        let cut = body[..body.len() - 1].to_vec();
        let suspects = read(&properties, cut.clone(), &keys, crate::clock::now());
        assert_eq!(suspects.len(), 1);
        assert_eq!(suspects[0].header.kind, Suspicion::Unreadable.kind());
        assert_eq!(suspect::found(&suspects[0]).unwrap().1, cut);

        let mut flipped = body.to_vec();
        *flipped.last_mut().unwrap() ^= 1;
        let opened = read(&properties, flipped, &keys, crate::clock::now());
        assert!(opened[..2] == sent[..2]);
        assert_eq!(opened[2].header.kind, Suspicion::Digest.kind());
    }

    proptest! {
        #[test]
        fn no_damage_makes_an_envelope_that_nobody_sealed(
            flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            cut in prop::option::of(any::<prop::sample::Index>()),
            moved in prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>())),
        ) {
            let (sent, keys) = (group(5), keys());
            let (properties, body) = written(&sent, &keys);
            let mut damaged = body.to_vec();
            for (place, mask) in flips {
                let place = place.index(damaged.len());
                damaged[place] ^= mask;
            }
            if let Some((from, to)) = moved {
                let byte = damaged.remove(from.index(damaged.len()));
                damaged.insert(to.index(damaged.len()), byte);
            }
            if let Some(cut) = cut {
                damaged.truncate(cut.index(damaged.len()));
            }
            let opened = read(&properties, damaged.clone(), &keys, crate::clock::now());
            prop_assert!(!opened.is_empty());
            for envelope in &opened {
                let is_suspect = Suspicion::of_kind(&envelope.header.kind).is_some();
                prop_assert!(is_suspect || sent.contains(envelope));
            }
            if let [suspect] = &opened[..] {
                prop_assert_eq!(suspect::found(suspect).unwrap().1, damaged, "its bytes are kept");
            }
        }
    }

    #[test]
    fn a_foreign_message_is_kept() {
        let mut headers = FieldTable::default();
        headers.insert(HEADER.into(), AMQPValue::LongInt(7));
        for properties in [BasicProperties::default(), BasicProperties::default().with_headers(headers)] {
            let keys = EnvelopeKeys::none();
            let envelopes = read(&properties, b"hello".to_vec(), &keys, crate::clock::now());
            assert_eq!(envelopes.len(), 1);
            assert!(envelopes[0].header.source == Source::Unknown && envelopes[0].body.ends_with(b"hello"));
        }
    }

    #[test]
    fn what_a_worker_without_groups_has_buried_is_opened_again_if_all_of_it_verifies() {
        let (sent, keys, now) = (group(3), keys(), crate::clock::now());
        let (_, body) = written(&sent, &keys);
        let buried = keys.open(b"", body.clone(), now);
        assert_eq!(buried.header.kind, Suspicion::Unreadable.kind());
        assert!(reopen(&buried, &keys, now) == sent);
        assert!(reopen(&buried, &EnvelopeKeys::none(), now).is_empty(), "another key");
        let lone = EnvelopeKeys::none().open(keys.seal(&sent[0]).as_bytes(), sent[0].body.clone(), now);
        assert!(reopen(&lone, &keys, now) == sent[..1]);
        assert!(reopen(&sent[0], &keys, now).is_empty(), "it is no suspect");
    }

    #[test]
    fn odd_lengths_neither_panic_nor_travel_in_two_frames() {
        let (keys, mut long) = (EnvelopeKeys::none(), sample("evt_1"));
        long.header.kind = "x".repeat(256);
        assert!(written(&[long.clone()], &keys).0.kind().is_none());
        long.header.kind = "x".repeat(7_000);
        assert!(Sealed::of(&long, &keys).is_none());
    }

    #[test]
    fn only_a_probe_is_a_probe() {
        assert!(is_probe(&probe(), b"") && !is_probe(&probe(), b"{}"));
        let mut forged = sample("evt_1");
        forged.header.kind = PROBE.to_owned();
        assert!(!is_probe(&written(&[forged], &EnvelopeKeys::none()).0, b""));
    }
}
