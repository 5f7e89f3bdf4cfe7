//! Unacknowledged deliveries of this process: the envelopes that no lane has taken yet, and the bookkeeping of
//! those that are not settled. Bounded by the prefetch.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::acks::{Acks, HeldCounts, Message, Outcome};
use super::topology;
use crate::queue::affinity::{Affinity, affinity_key};
use crate::queue::{Delivery, Settle, Settled, Tag};
use envelope::Envelope;

/// Epochs number the channels of this process, over all queues, so that no tag is valid on another channel.
static LAST_EPOCH: AtomicU64 = AtomicU64::new(0);
/// However many lanes there are, one takes so many at once: in smaller batches each event costs more.
const SMALL_BATCH: usize = 64;
/// Of no channel.
const NO_EPOCH: u64 = 0;

#[derive(Default)]
pub(super) struct Unacked {
    inner: Mutex<Inner>,
    arrived: Notify,
}

/// What the consumers ask of the broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ConsumeMode {
    /// Deliveries come ahead of demand.
    #[default]
    Prefetch,
    /// No deliveries; those that nobody has taken are requeued.
    Paused,
    /// No further deliveries, for good; prefetched ones are still handled.
    Draining,
}

#[derive(Default)]
struct Inner {
    epoch: u64,
    acks: Acks,
    /// Each with its affinity key.
    buffer: VecDeque<(u64, Delivery)>,
    /// Consumers may still bring something.
    is_open: bool,
    is_draining: bool,
}

impl Unacked {
    /// From now on tags belong to a new channel.
    pub(super) fn begin(&self) {
        let epoch = LAST_EPOCH.fetch_add(1, Ordering::Relaxed) + 1;
        let mut inner = self.lock();
        *inner = Inner { epoch, is_draining: inner.is_draining, ..Inner::default() };
    }

    /// The channel is gone: every delivery on it comes again, and every tag is stale.
    pub(super) fn end(&self) {
        let mut inner = self.lock();
        *inner = Inner { epoch: NO_EPOCH, is_draining: inner.is_draining, ..Inner::default() };
        drop(inner);
        self.arrived.notify_waiters();
    }

    /// Whether consumers may bring something from now on.
    pub(super) fn set_open(&self, is_open: bool) {
        self.lock().is_open = is_open;
        self.arrived.notify_waiters();
    }

    /// Once every delivery has been taken, receivers get nothing instead of waiting.
    pub(super) fn set_draining(&self) {
        self.lock().is_draining = true;
        self.arrived.notify_waiters();
    }

    /// The envelopes of one message.
    pub(super) fn arrive(
        &self,
        number: u64,
        queue: &'static str,
        envelopes: Vec<Envelope>,
        redelivered: bool,
    ) {
        let Some(received_at) = envelopes.iter().map(|envelope| envelope.header.received_at).min() else {
            return;
        };
        let bytes = envelopes.iter().map(|envelope| envelope.body.len()).sum();
        let keys: Vec<u64> = envelopes.iter().map(affinity_key).collect();
        let mut inner = self.lock();
        inner.acks.delivered(number, Message { queue, events: envelopes.len(), bytes, received_at });
        for (part, (affinity_key, envelope)) in (0..).zip(keys.into_iter().zip(envelopes)) {
            let tag = Tag { scope: inner.epoch, number, part };
            inner.buffer.push_back((affinity_key, Delivery { envelope, tag, redelivered }));
        }
        drop(inner);
        self.arrived.notify_one();
    }

    /// Something that is nobody's to handle.
    pub(super) fn pass_over(&self, number: u64, now: DateTime<Utc>) {
        let mut inner = self.lock();
        let message = Message { queue: topology::EVENTS, events: 1, bytes: 0, received_at: now };
        inner.acks.delivered(number, message);
        inner.acks.settle(number, 0, Settle::Done, Instant::now());
    }

    /// How many events no lane has taken yet.
    pub(super) fn at_hand(&self) -> usize {
        self.lock().buffer.len()
    }

    /// Nothing is awaited once something has been taken: who drops this future has taken nothing.
    pub(super) async fn receive(&self, max: usize, affinity: Affinity) -> Vec<Delivery> {
        loop {
            let arrived = self.arrived.notified();
            if let Some(taken) = self.take(max, affinity) {
                return taken;
            }
            arrived.await;
        }
    }

    /// `None` where it is worth waiting.
    fn take(&self, max: usize, affinity: Affinity) -> Option<Vec<Delivery>> {
        let mut inner = self.lock();
        if inner.buffer.is_empty() {
            return (inner.is_draining && !inner.is_open).then(Vec::new);
        }
        let is_there = inner.buffer.iter().any(|(affinity_key, _)| affinity.matches(*affinity_key));
        let max = max.max(1).min(affinity.share(inner.buffer.len()).max(SMALL_BATCH));
        let affinity = if is_there { affinity } else { Affinity::ANY };
        let (mut taken, mut passed_over) = (Vec::with_capacity(max.min(inner.buffer.len())), Vec::new());
        while taken.len() < max
            && let Some((affinity_key, delivery)) = inner.buffer.pop_front()
        {
            if affinity.matches(affinity_key) {
                taken.push(delivery);
            } else {
                passed_over.push((affinity_key, delivery));
            }
        }
        for left in passed_over.into_iter().rev() {
            inner.buffer.push_front(left);
        }
        if !inner.buffer.is_empty() {
            self.arrived.notify_one(); // for the next who asks
        }
        Some(taken)
    }

    /// Takes what nobody has begun out of the buffer, and returns the tags that the broker must have back. A
    /// message of which something is in hand goes back with the last of it.
    pub(super) fn take_back(&self) -> Vec<u64> {
        let (mut inner, now) = (self.lock(), Instant::now());
        let tags: Vec<Tag> = inner.buffer.drain(..).map(|(_, delivery)| delivery.tag).collect();
        let mut is_complete =
            |tag: &Tag| inner.acks.settle(tag.number, tag.part, Settle::Release, now) == Outcome::Requeue;
        tags.into_iter().filter(|tag| is_complete(tag)).map(|tag| tag.number).collect()
    }

    /// Writes the settlements down, and returns what to tell the broker at once: whom to release.
    pub(super) fn settle(&self, settlements: &[(Tag, Settle)]) -> (Settled, Vec<u64>) {
        let (mut inner, now) = (self.lock(), Instant::now());
        let (mut settled, mut releases) = (Settled::default(), Vec::new());
        for (tag, settle) in settlements {
            let is_current = tag.scope == inner.epoch && tag.scope != NO_EPOCH;
            let outcome = if is_current {
                inner.acks.settle(tag.number, tag.part, *settle, now)
            } else {
                Outcome::Stale
            };
            match outcome {
                Outcome::Stale => settled.stale += 1,
                Outcome::Settled => settled.settled += 1,
                Outcome::Requeue => {
                    settled.settled += 1;
                    releases.push(tag.number);
                }
            }
        }
        (settled, releases)
    }

    /// What is held of each queue: how many messages, and when the oldest of their events was received.
    pub(super) fn held(&self) -> BTreeMap<&'static str, (u64, Option<DateTime<Utc>>)> {
        let inner = self.lock();
        let mut held: BTreeMap<&'static str, (u64, Option<DateTime<Utc>>)> = BTreeMap::new();
        for Message { queue, received_at, .. } in inner.acks.held() {
            let (count, oldest) = held.entry(queue).or_default();
            *count += 1;
            *oldest = Some(oldest.map_or(*received_at, |oldest| oldest.min(*received_at)));
        }
        held
    }

    pub(super) fn counts(&self) -> HeldCounts {
        self.lock().acks.counts()
    }

    /// Asks the bookkeeping of the current channel.
    pub(super) fn acks<T>(&self, question: impl FnOnce(&mut Acks) -> T) -> T {
        question(&mut self.lock().acks)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// A buffer with these payments' events, in this order.
    fn unacked(payments: &[&str]) -> Unacked {
        let unacked = Unacked::default();
        unacked.begin();
        for (number, payment) in (1..).zip(payments) {
            let body = Bytes::from(format!("{{\"id\":\"pi_{payment}\"}}"));
            let envelope = Envelope::from_wire(b"", body, crate::clock::now());
            unacked.arrive(number, topology::EVENTS, vec![envelope], false);
        }
        unacked
    }

    /// A buffer with groups of so many events.
    fn groups(sizes: &[usize]) -> Unacked {
        let unacked = Unacked::default();
        unacked.begin();
        for (number, size) in (1..).zip(sizes) {
            let lone =
                |at| Envelope::from_wire(b"", Bytes::from(format!("{number} {at}")), crate::clock::now());
            unacked.arrive(number, topology::EVENTS, (0..*size).map(lone).collect(), false);
        }
        unacked
    }

    fn numbers(taken: Option<Vec<Delivery>>) -> Vec<u64> {
        taken.unwrap().iter().map(|delivery| delivery.tag.number).collect()
    }

    #[test]
    fn a_lane_takes_its_own_first_and_others_rather_than_nothing() {
        let unacked = unacked(&["a", "b", "a", "c", "a"]);
        let of_a = affinity_key(&unacked.lock().buffer[0].1.envelope);
        let lane = (0..64).find(|lane| Affinity::of_lane(*lane, 64).matches(of_a)).unwrap();
        let affinity = Affinity::of_lane(lane, 64);
        assert_eq!(numbers(unacked.take(2, affinity)), [1, 3], "no more than asked for");
        assert_eq!(numbers(unacked.take(2, affinity)), [5], "what is another's stays for him");
        assert_eq!(numbers(unacked.take(2, affinity)), [2, 4], "but nobody is idle");
        assert!(unacked.take(2, affinity).is_none(), "then he waits");
    }

    #[test]
    fn without_a_share_what_came_first_is_taken_first() {
        let unacked = unacked(&["a", "b", "c"]);
        assert_eq!(numbers(unacked.take(2, Affinity::ANY)), [1, 2]);
        assert_eq!(numbers(unacked.take(2, Affinity::ANY)), [3]);
    }

    #[test]
    fn what_is_passed_over_keeps_its_place() {
        let unacked = unacked(&["a", "b", "a", "c", "a"]);
        let of_a = affinity_key(&unacked.lock().buffer[0].1.envelope);
        let lane = (0..64).find(|lane| Affinity::of_lane(*lane, 64).matches(of_a)).unwrap();
        assert_eq!(numbers(unacked.take(2, Affinity::of_lane(lane, 64))), [1, 3]);
        assert_eq!(numbers(unacked.take(9, Affinity::ANY)), [2, 4, 5]);
    }

    #[test]
    fn a_group_is_taken_event_by_event_and_goes_back_with_the_last_that_is_in_hand() {
        let unacked = groups(&[3, 2, 1]);
        assert_eq!(unacked.at_hand(), 6);
        let taken = unacked.take(4, Affinity::ANY).unwrap();
        let tags: Vec<(u64, u8)> = taken.iter().map(|it| (it.tag.number, it.tag.part)).collect();
        assert_eq!(tags, [(1, 0), (1, 1), (1, 2), (2, 0)]);
        assert_eq!(unacked.take_back(), [3], "of the second, one is in hand");
        assert_eq!(unacked.at_hand(), 0);
        let done: Vec<_> = taken.iter().map(|it| (it.tag, Settle::Done)).collect();
        assert_eq!(unacked.settle(&done), (Settled { settled: 4, stale: 0 }, vec![2]));
        assert_eq!(unacked.settle(&done), (Settled { settled: 0, stale: 4 }, vec![]));
        assert!(unacked.held().is_empty());
    }

    #[test]
    fn messages_are_counted_as_held_until_all_of_their_events_are_settled() {
        let unacked = groups(&[3, 2]);
        let taken = unacked.take(2, Affinity::ANY).unwrap();
        unacked.settle(&[(taken[0].tag, Settle::Done)]);
        assert_eq!(unacked.held()[topology::EVENTS].0, 2);
        assert_eq!((unacked.counts().messages, unacked.counts().events), (2, 4));
    }
}
