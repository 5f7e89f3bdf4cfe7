//! How many requests a minute a token or an address has made. Of too many different ones, those that come last share
//! a count: memory is bounded, and nobody is pushed out. Consoles share what a token may: each takes several requests of
//! the minute from the ledger at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Utc};
use ledger::Ledger;

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

/// What a token may ask in a minute, of all consoles with one ledger together.
pub(crate) struct SharedRateLimit {
    per_minute: u32,
    /// So many requests are taken at a time: a token costs the ledger few statements a minute.
    batch: u32,
    minute: Mutex<Minute>,
    /// Whoever finds nothing left takes more; who comes meanwhile waits, and finds it.
    taking: tokio::sync::Mutex<()>,
    /// Where the ledger does not answer.
    own: RateLimit<String>,
}

const BATCHES_A_MINUTE: u32 = 20;
/// What a process has taken is lost with it.
const BATCH_LIMIT: u32 = 1_000;

#[derive(Default)]
struct Minute {
    number: i64,
    of: HashMap<String, Given>,
}

/// What this console has left of a name's requests, and whether there are more.
#[derive(Clone, Copy, Default)]
struct Given {
    left: u32,
    is_all: bool,
}

impl SharedRateLimit {
    pub(crate) fn new(per_minute: u32) -> Self {
        let batch = per_minute.div_ceil(BATCHES_A_MINUTE).min(BATCH_LIMIT);
        let own = RateLimit::new(per_minute);
        Self { per_minute, batch, minute: Mutex::default(), taking: tokio::sync::Mutex::default(), own }
    }

    /// Counts a request. `Err`: it is one too many; after so many seconds there is room again.
    pub(crate) async fn take(&self, ledger: &Ledger, name: String, now: DateTime<Utc>) -> Result<(), u64> {
        let second = now.timestamp();
        let (number, into) = (second.div_euclid(60), second.rem_euclid(60).unsigned_abs());
        let wait = SECONDS_A_MINUTE - into;
        let is_left = |given: Option<Given>| match given {
            None => Some(self.own.take(name.clone())),
            Some(Given { left: 1.., .. }) => Some(Ok(())),
            Some(Given { is_all: true, .. }) => Some(Err(wait)),
            Some(_) => None,
        };
        if let Some(taken) = is_left(self.of(number, &name)) {
            return taken;
        }
        let _taking = self.taking.lock().await;
        if let Some(taken) = is_left(self.of(number, &name)) {
            return taken;
        }
        let shared = format!("console {name}");
        match ledger.take_requests(&shared, self.batch, self.per_minute, now).await {
            Ok(0) => {
                self.give(number, name, 0, true);
                Err(wait)
            }
            Ok(given) => {
                self.give(number, name, given - 1, given < self.batch);
                Ok(())
            }
            Err(error) => {
                tracing::debug!(%error, "requests are counted by this console alone for now");
                self.own.take(name)
            }
        }
    }

    /// What is left of a name's requests before this one, which is counted; `None` where there are too many names.
    fn of(&self, number: i64, name: &str) -> Option<Given> {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        if minute.number != number {
            *minute = Minute { number, of: HashMap::new() };
        }
        if minute.of.len() >= COUNTED_LIMIT && !minute.of.contains_key(name) {
            return None;
        }
        let given = minute.of.entry(name.to_owned()).or_default();
        let before = *given;
        given.left = given.left.saturating_sub(1);
        Some(before)
    }

    fn give(&self, number: i64, name: String, left: u32, is_all: bool) {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        // What was given in a minute is for that minute.
        if minute.number == number {
            let given = minute.of.entry(name).or_default();
            given.left = given.left.saturating_add(left);
            given.is_all |= is_all;
        }
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
