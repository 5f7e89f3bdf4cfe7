//! How many requests a minute a token or an address has made. Of too many different ones, those that come last share
//! a count: memory is bounded, and nobody is pushed out.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

const COUNTED_LIMIT: usize = 16_384;
pub(crate) const SECONDS_A_MINUTE: u64 = 60;

pub(crate) struct RateLimit<K> {
    per_minute: u32,
    began: Instant,
    counts: Mutex<Counts<K>>,
}

struct Counts<K> {
    minute: u64,
    of: HashMap<K, u32>,
    of_others: u32,
}

impl<K: Hash + Eq> RateLimit<K> {
    pub(crate) fn new(per_minute: u32) -> Self {
        let counts = Mutex::new(Counts { minute: 0, of: HashMap::new(), of_others: 0 });
        Self { per_minute, began: Instant::now(), counts }
    }

    /// Counts a request. `Err`: it is one too many; after so many seconds there is room again.
    pub(crate) fn take(&self, key: K) -> Result<(), u64> {
        self.take_at(key, self.began.elapsed().as_secs())
    }

    fn take_at(&self, key: K, second: u64) -> Result<(), u64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.minute != second / SECONDS_A_MINUTE {
            *counts = Counts { minute: second / SECONDS_A_MINUTE, of: HashMap::new(), of_others: 0 };
        }
        let has_room = counts.of.len() < COUNTED_LIMIT || counts.of.contains_key(&key);
        let count = if has_room { counts.of.entry(key).or_default() } else { &mut counts.of_others };
        *count = count.saturating_add(1);
        if *count <= self.per_minute { Ok(()) } else { Err(SECONDS_A_MINUTE - second % SECONDS_A_MINUTE) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_minute_and_the_next_minute_begins_anew() {
        let limit = RateLimit::new(2);
        let taken: Vec<_> = (0..3).map(|_| limit.take_at("a", 50)).collect();
        assert_eq!(taken, [Ok(()), Ok(()), Err(10)]);
        assert_eq!((limit.take_at("b", 50), limit.take_at("a", 60)), (Ok(()), Ok(())));
    }

    #[test]
    fn strangers_in_any_number_take_bounded_memory_and_leave_those_who_were_there_alone() {
        let limit = RateLimit::new(2);
        for stranger in 0..2 * COUNTED_LIMIT {
            let _ = limit.take_at(stranger, 0);
        }
        assert_eq!(limit.counts.lock().unwrap().of.len(), COUNTED_LIMIT);
        assert_eq!((limit.take_at(0, 0), limit.take_at(3 * COUNTED_LIMIT, 0)), (Ok(()), Err(60)));
    }
}
