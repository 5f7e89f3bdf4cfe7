//! Which other processes have leases, and whether they live. A holder increments a counter while it lives; if
//! the counter stops for a lease period, by the observer's monotonic clock, the holder is dead. No time of day
//! is stored or compared.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A holder as queue.db has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub owner: String,
    /// Counted up at every renewal.
    pub beat: i64,
}

/// The holders that this process has seen, and since when their counts stand still.
pub(super) struct Others {
    lease: Duration,
    seen: HashMap<String, (i64, Instant)>,
    looked: Option<Instant>,
}

impl Others {
    pub(super) fn new(lease: Duration) -> Self {
        Self { lease, seen: HashMap::new(), looked: None }
    }

    /// Often enough to notice a death soon, and not for every message.
    pub(super) fn wants_a_look(&self, now: Instant) -> bool {
        self.looked.is_none_or(|looked| now.duration_since(looked) >= self.lease / 8)
    }

    /// Takes in all other holders there are now, and names the dead.
    pub(super) fn dead(&mut self, holders: Vec<Holder>, now: Instant) -> Vec<Holder> {
        self.looked = Some(now);
        let before = std::mem::take(&mut self.seen);
        let mut dead = Vec::new();
        for holder in holders {
            let since = match before.get(&holder.owner) {
                Some((beat, since)) if *beat == holder.beat => *since,
                _ => now,
            };
            self.seen.insert(holder.owner.clone(), (holder.beat, since));
            if now.duration_since(since) >= self.lease {
                dead.push(holder);
            }
        }
        dead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_dead_when_its_count_stood_still_for_a_lease_and_not_before() {
        let (lease, begun) = (Duration::from_secs(8), Instant::now());
        let at = |secs| begun + Duration::from_secs(secs);
        let holder = |owner: &str, beat| Holder { owner: owner.to_owned(), beat };
        let mut others = Others::new(lease);
        assert!(others.wants_a_look(begun));
        assert!(others.dead(vec![holder("a", 5), holder("b", 9)], begun).is_empty(), "nobody is known yet");
        assert!(!others.wants_a_look(begun) && others.wants_a_look(at(1)));
        assert!(others.dead(vec![holder("a", 6), holder("b", 9)], at(7)).is_empty());
        assert_eq!(others.dead(vec![holder("a", 6), holder("b", 9)], at(8)), [holder("b", 9)]);
        assert_eq!(others.dead(vec![holder("a", 6)], at(15)), [holder("a", 6)]);
        // One that came back begins anew, wherever its count stands.
        assert!(others.dead(Vec::new(), at(16)).is_empty());
        assert!(others.dead(vec![holder("b", 9)], at(40)).is_empty());
    }
}
