//! Which delivery tags of one channel a grouped acknowledgement may cover: those below which everything is
//! settled, and nothing else. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// The bookkeeping of one channel. The broker numbers deliveries 1, 2, 3, … over all consumers of the channel,
/// but consumers are read one after the other, so tags come here out of order. One that has not come yet counts
/// as unsettled: the broker has delivered it.
#[derive(Debug, Default)]
pub(super) struct Acks {
    /// Every tag up to this one has come.
    seen_up_to: u64,
    /// Those that came above it.
    seen_above: BTreeSet<u64>,
    /// Delivered and not settled, with the time the envelope was received at.
    held: BTreeMap<u64, DateTime<Utc>>,
    /// Done, and the broker does not know it yet.
    done: BTreeMap<u64, Instant>,
}

/// An acknowledgement to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ack {
    pub(super) tag: u64,
    pub(super) multiple: bool,
}

impl Acks {
    pub(super) fn delivered(&mut self, tag: u64, received_at: DateTime<Utc>) {
        self.held.insert(tag, received_at);
        self.seen_above.insert(tag);
        while self.seen_above.remove(&(self.seen_up_to + 1)) {
            self.seen_up_to += 1;
        }
    }

    /// False when the tag is not held: settled before, or never delivered on this channel.
    pub(super) fn done(&mut self, tag: u64, now: Instant) -> bool {
        let was_held = self.held.remove(&tag).is_some();
        if was_held {
            self.done.insert(tag, now);
        }
        was_held
    }

    /// False when the tag is not held. Where it is, the caller must tell the broker so *before* it sends
    /// another group, which might cover the tag.
    pub(super) fn released(&mut self, tag: u64) -> bool {
        self.held.remove(&tag).is_some()
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

    /// Delivered and not settled, with the time it was received at.
    pub(super) fn held(&self) -> impl Iterator<Item = (u64, DateTime<Utc>)> {
        self.held.iter().map(|(tag, received_at)| (*tag, *received_at))
    }

    pub(super) fn last_held(&self) -> Option<u64> {
        self.held.last_key_value().map(|(tag, _)| *tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(tags: &[u64]) -> Acks {
        let mut acks = Acks::default();
        for tag in tags {
            acks.delivered(*tag, crate::clock::now());
        }
        acks
    }

    fn done(acks: &mut Acks, tags: &[u64]) {
        for tag in tags {
            assert!(acks.done(*tag, Instant::now()));
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
        acks.delivered(2, crate::clock::now());
        assert_eq!(acks.group(), None);
        done(&mut acks, &[2]);
        assert_eq!(acks.group(), Some(Ack { tag: 3, multiple: true }));
    }

    #[test]
    fn a_tag_is_settled_once() {
        let mut acks = delivered(&[1, 2]);
        done(&mut acks, &[1]);
        assert!(!acks.done(1, Instant::now()) && !acks.released(1));
        assert!(acks.released(2) && !acks.released(2) && !acks.done(2, Instant::now()));
        assert!(!acks.done(7, Instant::now()), "never lent");
    }

    #[test]
    fn what_waits_above_a_gap_is_acknowledged_by_itself_after_a_while() {
        let (mut acks, now) = (delivered(&[1, 2, 3]), Instant::now());
        acks.done(2, now);
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
            for _ in 0..300 {
                match below(7) {
                    0 | 1 => {
                        last += 1;
                        witness.delivered.insert(last);
                        on_the_way.push(last);
                    }
                    2 if !on_the_way.is_empty() => {
                        let tag = on_the_way.swap_remove(below(on_the_way.len()));
                        acks.delivered(tag, crate::clock::now());
                        held.push(tag);
                    }
                    3 if !held.is_empty() => {
                        let tag = held.swap_remove(below(held.len()));
                        assert!(acks.done(tag, now));
                        witness.done.insert(tag);
                    }
                    4 if !held.is_empty() => {
                        let tag = held.swap_remove(below(held.len()));
                        assert!(acks.released(tag));
                        witness.delivered.remove(&tag);
                    }
                    5 => acks.group().into_iter().for_each(|ack| witness.hear(ack)),
                    6 if below(4) == 0 => {
                        acks.singles(Duration::ZERO, now).into_iter().for_each(|ack| witness.hear(ack));
                    }
                    _ => {}
                }
            }
            for tag in &on_the_way {
                acks.delivered(*tag, crate::clock::now());
            }
            for tag in held.into_iter().chain(on_the_way) {
                assert!(acks.done(tag, now));
                witness.done.insert(tag);
            }
            acks.group().into_iter().for_each(|ack| witness.hear(ack));
            assert!(
                witness.delivered.is_empty() && acks.held().count() == 0,
                "seed {seed} forgot {:?}",
                witness.delivered
            );
        }
    }
}
