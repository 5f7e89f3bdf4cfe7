//! Which delivery tags of one channel a grouped acknowledgement may cover: those below which everything is
//! settled, and nothing else. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::queue::Settle;

/// The bookkeeping of one channel. The broker numbers deliveries 1, 2, 3, … over all consumers of the channel,
/// but consumers are read one after the other, so tags come here out of order. One that has not come yet counts
/// as unsettled: the broker has delivered it.
#[derive(Debug, Default)]
pub(super) struct Acks {
    /// Every tag up to this one has come.
    seen_up_to: u64,
    /// Those that came above it.
    seen_above: BTreeSet<u64>,
    /// Delivered, and not settled in all of their events.
    held: BTreeMap<u64, Held>,
    /// Done, and the broker does not know it yet.
    done: BTreeMap<u64, Instant>,
    /// Sums over `held`.
    unsettled: usize,
    bytes: usize,
}

/// What is known of a message when it comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) queue: &'static str,
    /// From one to 32: a bit for each.
    pub(super) events: usize,
    pub(super) bytes: usize,
    /// When the oldest of its events was received.
    pub(super) received_at: DateTime<Utc>,
}

#[derive(Debug)]
struct Held {
    message: Message,
    /// A bit for each event that is not settled.
    unsettled: u32,
    /// One of its events was released, so all of them are to come again: those that are done are known then.
    is_released: bool,
}

/// What came of settling one event of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Settled before, or never delivered on this channel.
    Stale,
    Settled,
    /// The last of its message, of which something was released. The caller must tell the broker so *before* it
    /// sends another group, which might cover the tag.
    Requeue,
}

/// What is held: messages, and the events and bytes in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HeldCounts {
    pub(super) messages: usize,
    /// Those that are not settled.
    pub(super) events: usize,
    pub(super) bytes: usize,
}

/// An acknowledgement to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ack {
    pub(super) tag: u64,
    pub(super) multiple: bool,
}

impl Acks {
    pub(super) fn delivered(&mut self, tag: u64, message: Message) {
        let unsettled =
            u32::MAX >> u32::BITS.saturating_sub(u32::try_from(message.events).unwrap_or(u32::BITS));
        self.held.insert(tag, Held { message, unsettled, is_released: false });
        self.unsettled += message.events;
        self.bytes += message.bytes;
        self.seen_above.insert(tag);
        while self.seen_above.remove(&(self.seen_up_to + 1)) {
            self.seen_up_to += 1;
        }
    }

    /// Settles one event of a message. The message is settled with the last of them.
    pub(super) fn settle(&mut self, tag: u64, part: u8, settle: Settle, now: Instant) -> Outcome {
        let bit = 1_u32.checked_shl(u32::from(part)).unwrap_or_default();
        let Some(held) = self.held.get_mut(&tag).filter(|held| held.unsettled & bit != 0) else {
            return Outcome::Stale;
        };
        held.unsettled &= !bit;
        held.is_released |= settle == Settle::Release;
        self.unsettled -= 1;
        if held.unsettled != 0 {
            return Outcome::Settled;
        }
        let is_released = held.is_released;
        self.bytes -= held.message.bytes;
        self.held.remove(&tag);
        if is_released {
            return Outcome::Requeue;
        }
        self.done.insert(tag, now);
        Outcome::Settled
    }

    /// The one acknowledgement for everything done below the first unsettled tag.
    pub(super) fn group(&mut self) -> Option<Ack> {
        let first_held = self.held.first_key_value().map_or(u64::MAX, |(tag, _)| *tag);
        let above = self.done.split_off(&first_held.min(self.seen_up_to + 1));
        let covered = std::mem::replace(&mut self.done, above);
        let (tag, _) = covered.last_key_value()?;
        Some(Ack { tag: *tag, multiple: covered.len() > 1 })
    }

    /// Acknowledgements one by one for what has waited above a gap for so long.
    pub(super) fn singles(&mut self, patience: Duration, now: Instant) -> Vec<Ack> {
        let overdue = |done_at: Instant| now.saturating_duration_since(done_at) >= patience;
        let tags = self.done.iter().filter(|(_, at)| overdue(**at)).map(|(tag, _)| *tag).collect::<Vec<_>>();
        for tag in &tags {
            self.done.remove(tag);
        }
        tags.into_iter().map(|tag| Ack { tag, multiple: false }).collect()
    }

    /// Delivered and not settled.
    pub(super) fn held(&self) -> impl Iterator<Item = &Message> {
        self.held.values().map(|held| &held.message)
    }

    pub(super) fn counts(&self) -> HeldCounts {
        HeldCounts { messages: self.held.len(), events: self.unsettled, bytes: self.bytes }
    }

    pub(super) fn last_held(&self) -> Option<u64> {
        self.held.last_key_value().map(|(tag, _)| *tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use super::Outcome::{Requeue, Settled, Stale};

    fn message(events: usize) -> Message {
        Message { queue: "events", events, bytes: 10 * events, received_at: crate::clock::now() }
    }

    fn delivered(tags: &[u64]) -> Acks {
        let mut acks = Acks::default();
        for tag in tags {
            acks.delivered(*tag, message(1));
        }
        acks
    }

    fn done(acks: &mut Acks, tags: &[u64]) {
        for tag in tags {
            assert_eq!(acks.settle(*tag, 0, Settle::Done, Instant::now()), Settled);
        }
    }

    #[test]
    fn a_group_ends_below_the_first_unsettled_tag() {
        let mut acks = delivered(&[1, 2, 3, 4, 5]);
        done(&mut acks, &[1, 2, 4, 5]);
        assert_eq!(acks.group(), Some(Ack { tag: 2, multiple: true }));
        assert_eq!(acks.group(), None);
        done(&mut acks, &[3]);
        assert_eq!(acks.group(), Some(Ack { tag: 5, multiple: true }));
    }

    #[test]
    fn a_tag_that_has_not_come_yet_is_a_gap() {
        let mut acks = delivered(&[1, 3]);
        done(&mut acks, &[1, 3]);
        assert_eq!(acks.group(), Some(Ack { tag: 1, multiple: false }));
        acks.delivered(2, message(1));
        assert_eq!(acks.group(), None);
        done(&mut acks, &[2]);
        assert_eq!(acks.group(), Some(Ack { tag: 3, multiple: true }));
    }

    #[test]
    fn a_tag_is_settled_once() {
        let (mut acks, now) = (delivered(&[1, 2]), Instant::now());
        done(&mut acks, &[1]);
        assert_eq!(acks.settle(2, 0, Settle::Release, now), Requeue);
        for (tag, part) in [(1, 0), (2, 0), (7, 0), (1, 1), (2, 200)] {
            for settle in [Settle::Done, Settle::Release] {
                assert_eq!(acks.settle(tag, part, settle, now), Stale, "{tag} {part}");
            }
        }
    }

    #[test]
    fn a_message_is_settled_with_the_last_of_its_events_and_once_for_each() {
        let (mut acks, now) = (Acks::default(), Instant::now());
        acks.delivered(1, message(32));
        acks.delivered(2, message(3));
        assert_eq!(acks.counts(), HeldCounts { messages: 2, events: 35, bytes: 350 });
        for part in 0..32 {
            assert_eq!(acks.group(), None, "{part} of 32 are settled");
            assert_eq!(acks.settle(1, part, Settle::Done, now), Settled);
            assert_eq!(acks.settle(1, part, Settle::Done, now), Stale);
        }
        assert_eq!(acks.group(), Some(Ack { tag: 1, multiple: false }));
        assert_eq!(acks.settle(2, 3, Settle::Done, now), Stale, "it has three");
        assert_eq!(acks.settle(2, 1, Settle::Release, now), Settled);
        assert_eq!(acks.settle(2, 2, Settle::Done, now), Settled);
        assert_eq!(acks.counts(), HeldCounts { messages: 1, events: 1, bytes: 30 });
        assert_eq!(acks.settle(2, 0, Settle::Done, now), Requeue, "one of it was released");
        assert_eq!((acks.group(), acks.counts()), (None, HeldCounts::default()));
    }

    #[test]
    fn what_waits_above_a_gap_is_acknowledged_by_itself_after_a_while() {
        let (mut acks, now) = (delivered(&[1, 2, 3]), Instant::now());
        acks.settle(2, 0, Settle::Done, now);
        let second = Duration::from_secs(1);
        assert_eq!(acks.singles(second, now), []);
        assert_eq!(acks.singles(second, now + second), [Ack { tag: 2, multiple: false }]);
        done(&mut acks, &[1, 3]);
        assert_eq!(acks.group(), Some(Ack { tag: 3, multiple: true }), "over tags that are all settled");
    }

    /// What a broker would say: it closes the channel on an acknowledgement of what it has not delivered, and
    /// forgets whatever an acknowledgement covers.
    #[derive(Default)]
    struct Witness {
        delivered: BTreeSet<u64>,
        done: BTreeSet<u64>,
    }

    impl Witness {
        fn hear(&mut self, ack: Ack) {
            assert!(self.delivered.contains(&ack.tag), "{ack:?} is unknown to the broker");
            let from = if ack.multiple { 0 } else { ack.tag };
            for tag in self.delivered.range(from..=ack.tag).copied().collect::<Vec<_>>() {
                assert!(self.done.contains(&tag), "{ack:?} covers {tag}, which nobody has settled");
                self.delivered.remove(&tag);
            }
        }
    }

    #[test]
    fn no_order_of_events_acknowledges_what_is_not_done() {
        for seed in 1..=300_u64 {
            let mut random = seed;
            let mut below = |bound: usize| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                usize::try_from(random % 1_000_003).unwrap() % bound
            };
            let (mut acks, mut witness, now) = (Acks::default(), Witness::default(), Instant::now());
            let (mut last, mut on_the_way, mut held) = (0, Vec::new(), Vec::new());
            // How many events of a message are not settled, and whether one was released.
            let mut open: BTreeMap<u64, (usize, bool)> = BTreeMap::new();
            let mut settle = |acks: &mut Acks, witness: &mut Witness, (tag, part), settle| {
                let (left, is_released) = open.entry(tag).or_insert((acks.held[&tag].message.events, false));
                (*left, *is_released) = (*left - 1, *is_released || settle == Settle::Release);
                let expected = if *left == 0 && *is_released { Requeue } else { Settled };
                assert_eq!(acks.settle(tag, part, settle, now), expected, "seed {seed}");
                match (*left, *is_released) {
                    (0, true) => drop(witness.delivered.remove(&tag)),
                    (0, false) => drop(witness.done.insert(tag)),
                    _ => {}
                }
            };
            let arrive = |acks: &mut Acks, tag, events: usize| {
                acks.delivered(tag, message(events));
                (0..u8::try_from(events).unwrap()).map(|part| (tag, part)).collect::<Vec<_>>()
            };
            for _ in 0..300 {
                match below(7) {
                    0 | 1 => {
                        last += 1;
                        witness.delivered.insert(last);
                        on_the_way.push(last);
                    }
                    2 if !on_the_way.is_empty() => {
                        let tag = on_the_way.swap_remove(below(on_the_way.len()));
                        held.extend(arrive(&mut acks, tag, 1 + below(4)));
                    }
                    3 if !held.is_empty() => {
                        let event = held.swap_remove(below(held.len()));
                        settle(&mut acks, &mut witness, event, Settle::Done);
                    }
                    4 if !held.is_empty() && below(3) == 0 => {
                        let event = held.swap_remove(below(held.len()));
                        settle(&mut acks, &mut witness, event, Settle::Release);
                    }
                    5 => acks.group().into_iter().for_each(|ack| witness.hear(ack)),
                    6 if below(4) == 0 => {
                        acks.singles(Duration::ZERO, now).into_iter().for_each(|ack| witness.hear(ack));
                    }
                    _ => {}
                }
            }
            for tag in on_the_way {
                held.extend(arrive(&mut acks, tag, 1 + below(4)));
            }
            for event in held {
                settle(&mut acks, &mut witness, event, Settle::Done);
            }
            acks.group().into_iter().for_each(|ack| witness.hear(ack));
            assert!(
                witness.delivered.is_empty() && acks.counts() == HeldCounts::default(),
                "seed {seed} forgot {:?}",
                witness.delivered
            );
        }
    }
}
