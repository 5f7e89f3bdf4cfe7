//! Envelopes that wait to be published, and when the next group of them leaves. Pure.
//!
//! Decision: groups form by themselves. While fewer than two messages are unconfirmed, whatever waits leaves at once;
//! so a lone event never waits. Otherwise what comes meanwhile leaves together: with the next confirm, as soon as it
//! fills a group, or at the publisher's next tick. A broker that is slow, or loses a confirm, holds nobody up for
//! longer than that.

use std::collections::VecDeque;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::group;
use super::message::Sealed;
use super::unconfirmed::PublishResult;
use crate::queue::PublishError;

/// One is on the broker's disk while the other is on its way.
const UNCONFIRMED_MESSAGES: usize = 2;
/// Of heads and bodies; a larger envelope travels alone.
const GROUP_LIMIT_BYTES: usize = 256 * 1024;

/// An envelope, whoever waits for its confirm, and its place among those in flight.
pub(super) struct Request {
    pub(super) sealed: Sealed,
    pub(super) answer: oneshot::Sender<PublishResult>,
    pub(super) place: OwnedSemaphorePermit,
}

/// What leaves as one message: one confirm is the answer to everybody.
#[derive(Default)]
pub(super) struct Group {
    pub(super) envelopes: Vec<Sealed>,
    pub(super) answers: Vec<oneshot::Sender<PublishResult>>,
    pub(super) places: Vec<OwnedSemaphorePermit>,
}

/// In the order in which they came. Bounded by the places.
#[derive(Default)]
pub(super) struct Pending(VecDeque<Request>);

impl Pending {
    pub(super) fn extend(&mut self, requests: impl Iterator<Item = Request>) {
        self.0.extend(requests);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn refuse(&mut self, refusal: PublishError) {
        for request in self.0.drain(..) {
            request.answer.send(Err(refusal)).ok(); // whoever asked may have gone
        }
    }

    /// The next group that may leave, while so many messages are unconfirmed.
    pub(super) fn next_group(&mut self, unconfirmed: usize, is_due: bool) -> Option<Group> {
        loop {
            let (count, is_full) = self.measure();
            if count == 0 || !(is_full || is_due || unconfirmed < UNCONFIRMED_MESSAGES) {
                return None;
            }
            let mut group = Group::default();
            // Whoever has gone knows of no confirm, and will send the event again.
            for request in self.0.drain(..count).filter(|request| !request.answer.is_closed()) {
                group.envelopes.push(request.sealed);
                group.answers.push(request.answer);
                group.places.push(request.place);
            }
            if !group.envelopes.is_empty() {
                return Some(group);
            }
        }
    }

    /// How many of those that wait fit into one group, and whether no more would.
    fn measure(&self) -> (usize, bool) {
        let (mut count, mut bytes) = (0, 0);
        for request in self.0.iter().take(group::EVENTS_LIMIT) {
            bytes += request.sealed.bytes();
            if count > 0 && bytes > GROUP_LIMIT_BYTES {
                break;
            }
            count += 1;
        }
        (count, count == group::EVENTS_LIMIT || bytes >= GROUP_LIMIT_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::digest::EnvelopeKeys;
    use envelope::Envelope;

    type Answered = oneshot::Receiver<PublishResult>;

    /// Requests with bodies of so many bytes, and those who wait for them.
    fn pending(bodies: &[usize]) -> (Pending, Vec<Answered>, Arc<Semaphore>) {
        let places = Arc::new(Semaphore::new(1_000));
        let (mut pending, mut waiting) = (Pending::default(), Vec::new());
        for bytes in bodies {
            let mut envelope = Envelope::from_wire(b"", Bytes::new(), crate::clock::now());
            envelope.body = vec![b'x'; *bytes].into();
            let sealed = Sealed::of(&envelope, &EnvelopeKeys::none()).unwrap();
            let (answer, answered) = oneshot::channel();
            let place = Arc::clone(&places).try_acquire_owned().unwrap();
            pending.extend(std::iter::once(Request { sealed, answer, place }));
            waiting.push(answered);
        }
        (pending, waiting, places)
    }

    fn sizes(pending: &mut Pending, unconfirmed: usize, is_due: bool) -> Vec<usize> {
        let groups = std::iter::from_fn(|| pending.next_group(unconfirmed, is_due));
        groups.map(|group| group.envelopes.len()).collect()
    }

    #[test]
    fn while_the_broker_keeps_up_nothing_waits() {
        for unconfirmed in 0..UNCONFIRMED_MESSAGES {
            let (mut pending, _waiting, _) = pending(&[10]);
            assert_eq!(sizes(&mut pending, unconfirmed, false), [1]);
            assert!(pending.is_empty());
        }
    }

    #[test]
    fn what_comes_meanwhile_leaves_together_with_the_next_confirm_or_tick() {
        for (unconfirmed, is_due) in [(1, false), (2, true)] {
            let (mut pending, _waiting, _) = pending(&[10; 5]);
            assert!(pending.next_group(2, false).is_none());
            assert_eq!(sizes(&mut pending, unconfirmed, is_due), [5]);
        }
    }

    #[test]
    fn full_groups_leave_however_many_are_unconfirmed() {
        let (mut pending, _waiting, places) = pending(&[10; 70]);
        assert_eq!(sizes(&mut pending, 9, false), [32, 32]);
        assert!(pending.next_group(2, false).is_none());
        assert_eq!(sizes(&mut pending, 1, false), [6]);
        assert_eq!(places.available_permits(), 1_000, "groups are gone, and their places free");
    }

    #[test]
    fn a_group_is_bounded_in_bytes_and_a_larger_envelope_travels_alone() {
        let large = GROUP_LIMIT_BYTES + 1;
        let (mut pending, _waiting, _) = pending(&[100_000, 100_000, 100_000, large, 10, 10]);
        assert_eq!(sizes(&mut pending, 0, false), [2, 1, 1, 2]);
        let (mut pending, _waiting, _) = self::pending(&[large]);
        assert_eq!(sizes(&mut pending, 7, false), [1], "it is a full group by itself");
    }

    #[test]
    fn whoever_has_gone_is_not_published() {
        let (mut pending, mut waiting, places) = pending(&[10; 4]);
        drop(waiting.split_off(1));
        assert_eq!(sizes(&mut pending, 2, true), [1]);
        assert_eq!(places.available_permits(), 1_000);
        assert!(waiting[0].try_recv().is_err(), "nobody has confirmed it");
    }

    #[test]
    fn a_refusal_reaches_everybody() {
        let (mut pending, waiting, _) = pending(&[10; 40]);
        pending.refuse(PublishError::Blocked);
        for mut answered in waiting {
            assert_eq!(answered.try_recv(), Ok(Err(PublishError::Blocked)));
        }
        assert!(pending.is_empty() && pending.next_group(0, true).is_none());
    }
}
