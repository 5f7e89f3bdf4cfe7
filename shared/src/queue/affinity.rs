//! Which of the waiting events a lane should prefer. Two lanes that work on one payment at the same time wait
//! for each other's locks, so the events of one payment should come to one lane. It is a preference and no
//! more: a lane that guesses wrong waits for a lock, and one that finds no event of its own takes any.

use std::hash::{DefaultHasher, Hash, Hasher};

use memchr::memmem;

use envelope::Envelope;

/// One of so many equal shares of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Affinity {
    number: u64,
    of: u64,
}

/// Where an event's ids begin, those first which most events of one payment name.
const BEGINNINGS: [&[u8; 4]; 3] = [b"\"pi_", b"\"in_", b"\"ch_"];
/// No id is longer.
const ID_BYTES: usize = 64;

impl Affinity {
    pub const ANY: Self = Self { number: 0, of: 1 };

    /// The affinity of one lane among so many.
    pub fn of_lane(lane: usize, lanes: usize) -> Self {
        Self { number: lane as u64, of: lanes.max(1) as u64 }
    }

    /// How many of so many waiting events are for one lane, so that the others are not left with none.
    pub(super) fn share(self, waiting: usize) -> usize {
        waiting.div_ceil(usize::try_from(self.of).unwrap_or(1))
    }

    pub(super) fn matches(self, affinity_key: u64) -> bool {
        affinity_key % self.of == self.number
    }
}

/// The affinity key: a number that the events of one payment share, as far as can be told without parsing them:
/// by the first payment, else invoice, else charge, that the body names.
pub(super) fn affinity_key(envelope: &Envelope) -> u64 {
    let body: &[u8] = &envelope.body;
    let found = BEGINNINGS.iter().find_map(|beginning| memmem::find(body, *beginning));
    // What follows the beginning of an id up to the next odd byte: a client secret begins with its payment's id.
    let id = found.map_or(envelope.header.id.as_bytes(), |at| {
        let rest = &body[at + 4..];
        let end = rest.iter().take(ID_BYTES).position(|byte| !byte.is_ascii_alphanumeric());
        &rest[..end.unwrap_or_default()]
    });
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn key_of(body: &str) -> u64 {
        affinity_key(&Envelope::from_wire(b"", Bytes::copy_from_slice(body.as_bytes()), crate::clock::now()))
    }

    #[test]
    fn the_events_of_one_payment_are_kin_whatever_they_are_about() {
        let payment = key_of(r#"{"data":{"object":{"id":"pi_1","latest_charge":"ch_1"}}}"#);
        assert_eq!(key_of(r#"{"data":{"object":{"id":"ch_1","payment_intent":"pi_1"}}}"#), payment);
        assert_eq!(
            key_of(r#"{"data":{"object":{"id": "re_1", "charge":"ch_1", "payment_intent": "pi_1"}}}"#),
            payment
        );
        assert_eq!(key_of(r#"{"client_secret":"pi_1_secret_x"}"#), payment);
        assert_ne!(key_of(r#"{"data":{"object":{"id":"pi_2"}}}"#), payment);
        assert_eq!(key_of(r#"{"id":"in_1"}"#), key_of(r#"{"id":"il_1","invoice":"in_1"}"#));
    }

    #[test]
    fn whatever_a_body_is_it_has_a_share() {
        for body in ["", "\"pi_", "x\"pi_1", "{}"] {
            let affinity_key = key_of(body);
            let shares = (0..3).filter(|lane| Affinity::of_lane(*lane, 3).matches(affinity_key));
            assert_eq!(shares.count(), 1, "{body}");
            assert!(Affinity::ANY.matches(affinity_key));
        }
    }
}
