//! Several envelopes in the body of one message: how they are framed. Pure, and total: what is not framed in
//! exactly this way is no group, and nothing of it is handed out.
//!
//! ```text
//! tidegate-group | version: 1 byte | count: 2 bytes | for each: length of head, length of body: 4 bytes each | heads and bodies
//! ```
//!
//! The frame says how it can be read and nothing more. Each envelope has its own digest, so whoever changes
//! the frame cannot make an envelope that verifies.

use bytes::{Buf, Bytes};

/// No body of Stripe's begins so: it is JSON.
const NAME: &[u8] = b"tidegate-group";
const VERSION: u8 = 1;
/// A group of so many costs the broker a quarter of what they cost one by one, and twice as many save little more.
pub(super) const EVENTS_LIMIT: usize = 32;

/// Head and body of one envelope.
pub(super) type Part = (Bytes, Bytes);

/// Frames at most `EVENTS_LIMIT` envelopes.
pub(super) fn write<'a>(parts: impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])> + Clone) -> Vec<u8> {
    let bytes: usize = parts.clone().map(|(head, body)| 8 + head.len() + body.len()).sum();
    let mut framed = Vec::with_capacity(NAME.len() + 3 + bytes);
    framed.extend_from_slice(NAME);
    framed.push(VERSION);
    framed.extend_from_slice(&u16::try_from(parts.len()).unwrap_or_default().to_be_bytes());
    for (head, body) in parts.clone() {
        framed.extend_from_slice(&length(head));
        framed.extend_from_slice(&length(body));
    }
    for (head, body) in parts {
        framed.extend_from_slice(head);
        framed.extend_from_slice(body);
    }
    framed
}

/// The envelopes of a group, as slices of it; `None` of anything else.
pub(super) fn read(message: &Bytes) -> Option<Vec<Part>> {
    let mut rest = message.clone();
    if !rest.starts_with(NAME) {
        return None;
    }
    rest.advance(NAME.len());
    let (version, count) = (rest.try_get_u8().ok()?, usize::from(rest.try_get_u16().ok()?));
    if version != VERSION || !(1..=EVENTS_LIMIT).contains(&count) {
        return None;
    }
    let lengths: Option<Vec<(usize, usize)>> = (0..count)
        .map(|_| Some((rest.try_get_u32().ok()?.try_into().ok()?, rest.try_get_u32().ok()?.try_into().ok()?)))
        .collect();
    let mut take = |length: usize| (length <= rest.len()).then(|| rest.split_to(length));
    let parts: Option<Vec<Part>> =
        lengths?.into_iter().map(|(head, body)| Some((take(head)?, take(body)?))).collect();
    parts.filter(|_| rest.is_empty())
}

/// No head and no body is longer: the gateway and the header's limit see to it.
fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(parts: &[(Vec<u8>, Vec<u8>)]) -> Bytes {
        write(parts.iter().map(|(head, body)| (&head[..], &body[..]))).into()
    }

    fn parts() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..40);
        prop::collection::vec((bytes(), bytes()), 1..=EVENTS_LIMIT)
    }

    proptest! {
        #[test]
        fn what_was_framed_is_read_again_without_a_copy(parts in parts()) {
            let message = framed(&parts);
            let read = read(&message).unwrap();
            prop_assert_eq!(read.len(), parts.len());
            for ((head, body), (sent_head, sent_body)) in read.iter().zip(&parts) {
                prop_assert!(head == sent_head && body == sent_body);
                if !body.is_empty() {
                    prop_assert!(message.as_ptr_range().contains(&body.as_ptr()), "a slice of the message");
                }
            }
        }

        #[test]
        fn a_group_that_is_cut_off_or_longer_is_none(parts in parts(), cut in any::<prop::sample::Index>()) {
            let message = framed(&parts);
            prop_assert!(read(&message.slice(..cut.index(message.len()))).is_none());
            prop_assert!(read(&[&message[..], b"x"].concat().into()).is_none());
        }

        #[test]
        fn whatever_comes_is_read_without_a_panic(rest in prop::collection::vec(any::<u8>(), 0..80)) {
            read(&rest.clone().into());
            for prefix in [NAME, &[NAME, &[VERSION]].concat(), &[NAME, &[VERSION, 0]].concat()] {
                if let Some(parts) = read(&[prefix, &rest].concat().into()) {
                    prop_assert!((1..=EVENTS_LIMIT).contains(&parts.len()));
                }
            }
        }
    }

    #[test]
    fn other_versions_and_counts_are_no_groups() {
        let message = framed(&[(b"head".to_vec(), b"body".to_vec())]);
        assert!(read(&message).is_some());
        for (place, byte) in
            [(0, b'T'), (NAME.len(), 2), (NAME.len() + 2, 0), (NAME.len() + 2, 2), (NAME.len() + 1, 1)]
        {
            let mut other = message.to_vec();
            other[place] = byte;
            assert!(read(&other.into()).is_none(), "byte {place}");
        }
        assert!(read(&framed(&vec![(Vec::new(), Vec::new()); EVENTS_LIMIT + 1])).is_none());
    }
}
