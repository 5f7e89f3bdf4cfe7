//! How many messages to ask the broker for ahead of demand. The broker counts messages, and one holds 1 to 32
//! events; what must be enough, and bounded, is events. So the number follows what the messages turn out to hold.
//! Pure.

use super::acks::HeldCounts;
use super::group;

/// Whatever they hold. What workers merely hold must start no further worker, and autoscalers count messages.
const MESSAGES_LIMIT: usize = 256;
/// Events are a few kilobytes; where they are larger, fewer are asked for.
const BYTES_LIMIT: usize = 32 * 1024 * 1024;

#[derive(Clone, Copy, Debug)]
pub(super) struct Prefetch {
    /// How many unsettled events are wanted.
    events: usize,
    /// What the present consumers may hold. What earlier ones hold does not count for the broker.
    messages: u16,
}

impl Prefetch {
    /// Begins as if every message were a full group: too few are made more at once, and too many are not taken back.
    pub(super) fn of(events: u16) -> Self {
        let events = usize::from(events);
        let messages = (events / group::EVENTS_LIMIT).clamp(1, MESSAGES_LIMIT);
        Self { events, messages: u16::try_from(messages).unwrap_or(1) }
    }

    pub(super) fn messages(self) -> u16 {
        self.messages
    }

    /// True when it is time to consume with another number of messages: where the present one brings less than half
    /// of the events wanted, or more than twice as many. It waits for a moment at which all that may be held is here:
    /// what is on its way when a consumer ends comes again as redelivered.
    pub(super) fn follow(&mut self, held: HeldCounts) -> bool {
        let now = usize::from(self.messages);
        if held.messages < now {
            return false;
        }
        let of_events = held.messages * self.events / held.events.max(1);
        let of_bytes = held.messages * BYTES_LIMIT / held.bytes.max(1);
        let wanted = of_events.min(of_bytes).clamp(1, self.events.clamp(1, MESSAGES_LIMIT));
        let is_too_little = 2 * held.events <= self.events && 2 * held.bytes <= BYTES_LIMIT;
        let is_too_much = held.events > 2 * self.events || held.bytes > BYTES_LIMIT;
        let follows = (is_too_little && wanted > 2 * now) || (is_too_much && 2 * wanted < now);
        if follows {
            self.messages = u16::try_from(wanted.saturating_sub(held.messages).max(1)).unwrap_or(u16::MAX);
        }
        follows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A deep queue of messages that all hold so many events of so many bytes.
    struct Deep {
        events: usize,
        bytes: usize,
        held: usize,
    }

    impl Deep {
        fn of(events: usize, bytes: usize) -> Self {
            Self { events, bytes, held: 0 }
        }

        /// Delivers all that may be held and settles it all, for some rounds. Returns how many messages may be held
        /// in the end, and how often that changed.
        fn run(&mut self, prefetch: &mut Prefetch) -> (usize, usize) {
            let (mut changes, mut most) = (0, 0);
            for _ in 0..10 {
                // The present consumers' own; what is held of earlier ones comes on top until it is settled.
                self.held += usize::from(prefetch.messages());
                most = most.max(self.held);
                let events = self.held * self.events;
                let held = HeldCounts { messages: self.held, events, bytes: events * self.bytes };
                if prefetch.follow(held) {
                    changes += 1;
                } else {
                    self.held = 0;
                }
            }
            assert!(most <= prefetch.events.min(MESSAGES_LIMIT) + 1, "{most} messages");
            (usize::from(prefetch.messages()), changes)
        }
    }

    #[test]
    fn lone_events_and_groups_bring_about_as_many_events() {
        let mut prefetch = Prefetch::of(256);
        assert_eq!(prefetch.messages(), 8);
        let (messages, changes) = Deep::of(1, 4_000).run(&mut prefetch);
        assert!((128..=256).contains(&messages) && changes == 1, "{messages} {changes}");
        for events in [32, 10, 3, 1, 32] {
            let (messages, changes) = Deep::of(events, 4_000).run(&mut prefetch);
            assert!((128..=512).contains(&(messages * events)), "{messages} of {events}");
            assert!(changes <= 2, "{changes} changes for {events}");
            assert_eq!(Deep::of(events, 4_000).run(&mut prefetch), (messages, 0), "it settles");
        }
    }

    #[test]
    fn many_lone_events_are_bounded_in_messages() {
        let mut prefetch = Prefetch::of(2_048);
        assert_eq!(prefetch.messages(), 64);
        let (messages, _) = Deep::of(1, 4_000).run(&mut prefetch);
        assert!((64..=MESSAGES_LIMIT).contains(&messages), "{messages}");
    }

    #[test]
    fn large_events_are_bounded_in_bytes() {
        let mut prefetch = Prefetch::of(1_024);
        let (messages, _) = Deep::of(1, 512 * 1024).run(&mut prefetch);
        assert!(messages * 512 * 1024 <= BYTES_LIMIT, "{messages}");
    }

    #[test]
    fn what_is_half_settled_makes_room_for_more() {
        let mut prefetch = Prefetch::of(256);
        let held = |messages, events| HeldCounts { messages, events, bytes: 1 };
        assert!(!prefetch.follow(held(8, 256)) && !prefetch.follow(held(8, 128)));
        assert!(prefetch.follow(held(8, 60)), "of eight groups most is settled, and none wholly");
        assert_eq!(prefetch.messages(), 34 - 8);
        assert!(!prefetch.follow(held(10, 10)), "the broker has no more");
        assert!(!prefetch.follow(held(34, 500)));
        assert!(prefetch.follow(held(34, 1_000)));
        assert_eq!(prefetch.messages(), 1, "until it has settled some of them");
    }

    #[test]
    fn small_numbers_are_kept_to() {
        for events in 1..=40_u16 {
            let mut prefetch = Prefetch::of(events);
            assert_eq!(prefetch.messages(), (events / 32).max(1));
            let (messages, _) = Deep::of(1, 10).run(&mut prefetch);
            assert!(
                messages <= usize::from(events) && 2 * messages >= usize::from(events),
                "{messages} of {events}"
            );
            assert!(Deep::of(32, 10).run(&mut prefetch).0 >= 1);
        }
        assert!(!Prefetch::of(4).follow(HeldCounts::default()));
    }
}
