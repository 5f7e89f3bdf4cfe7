//! Unacknowledged deliveries of this process: the envelopes that no lane has taken yet, and the bookkeeping of
//! those that are not settled. Bounded by the prefetch.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::acks::Acks;
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
    /// What is held of other queues than `events`: hardly ever anything.
    other_queues: BTreeMap<u64, &'static str>,
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

    pub(super) fn arrive(&self, number: u64, queue: &'static str, envelope: Envelope, redelivered: bool) {
        let affinity_key = affinity_key(&envelope);
        let mut inner = self.lock();
        if queue != topology::EVENTS {
            inner.other_queues.insert(number, queue);
        }
        inner.acks.delivered(number, envelope.header.received_at);
        let tag = Tag { scope: inner.epoch, number };
        inner.buffer.push_back((affinity_key, Delivery { envelope, tag, redelivered }));
        drop(inner);
        self.arrived.notify_one();
    }

    /// Something that is nobody's to handle.
    pub(super) fn pass_over(&self, number: u64, now: DateTime<Utc>) {
        let mut inner = self.lock();
        inner.acks.delivered(number, now);
        inner.acks.done(number, Instant::now());
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
        let mut taken = Vec::with_capacity(max.min(inner.buffer.len()));
        for (affinity_key, delivery) in std::mem::take(&mut inner.buffer) {
            if taken.len() < max && affinity.matches(affinity_key) {
                taken.push(delivery);
            } else {
                inner.buffer.push_back((affinity_key, delivery));
            }
        }
        if !inner.buffer.is_empty() {
            self.arrived.notify_one(); // for the next who asks
        }
        Some(taken)
    }

    /// Takes what nobody has begun out of the buffer, and returns its tags: the broker must have them back.
    pub(super) fn take_back(&self) -> Vec<u64> {
        let mut inner = self.lock();
        let tags: Vec<u64> = inner.buffer.drain(..).map(|(_, delivery)| delivery.tag.number).collect();
        inner.other_queues.retain(|tag, _| !tags.contains(tag));
        tags.into_iter().filter(|tag| inner.acks.released(*tag)).collect()
    }

    /// Writes the settlements down, and returns what to tell the broker at once: whom to release.
    pub(super) fn settle(&self, settlements: &[(Tag, Settle)]) -> (Settled, Vec<u64>) {
        let (mut inner, now) = (self.lock(), Instant::now());
        let (mut settled, mut releases) = (Settled::default(), Vec::new());
        for (tag, settle) in settlements {
            let is_current = tag.scope == inner.epoch && tag.scope != NO_EPOCH;
            let is_held = is_current
                && match settle {
                    Settle::Done => inner.acks.done(tag.number, now),
                    Settle::Release => inner.acks.released(tag.number),
                };
            if is_held {
                inner.other_queues.remove(&tag.number);
            }
            match (is_held, settle) {
                (false, _) => settled.stale += 1,
                (true, Settle::Done) => settled.settled += 1,
                (true, Settle::Release) => {
                    settled.settled += 1;
                    releases.push(tag.number);
                }
            }
        }
        (settled, releases)
    }

    /// What is held of each queue: how many, and when the oldest of them was received.
    pub(super) fn held(&self) -> BTreeMap<&'static str, (u64, Option<DateTime<Utc>>)> {
        let inner = self.lock();
        let mut held: BTreeMap<&'static str, (u64, Option<DateTime<Utc>>)> = BTreeMap::new();
        for (tag, received_at) in inner.acks.held() {
            let queue = inner.other_queues.get(&tag).copied().unwrap_or(topology::EVENTS);
            let (count, oldest) = held.entry(queue).or_default();
            *count += 1;
            *oldest = Some(oldest.map_or(received_at, |oldest| oldest.min(received_at)));
        }
        held
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
            unacked.arrive(number, topology::EVENTS, envelope, false);
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
}
