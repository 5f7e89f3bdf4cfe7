//! How many requests a minute a token or an address has made. Of too many different ones, those that come last share
//! a count: memory is bounded, and nobody is pushed out. Consoles share what a token may: each takes several requests of
//! the minute from the ledger at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use ledger::Ledger;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

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
    /// Ends the process: what the ledger was told is committed may not be.
    broken: CancellationToken,
}

const BATCHES_A_MINUTE: u32 = 20;
/// What a process has taken is lost with it.
const BATCH_LIMIT: u32 = 1_000;
/// So long a request waits for the ledger's word. After that this console counts by itself until the minute is over.
const PATIENCE: Duration = Duration::from_millis(500);
/// A clock that was set back by more begins anew.
const MINUTES_BACK: i64 = 2;

#[derive(Default)]
struct Minute {
    number: i64,
    is_alone: bool,
    of: HashMap<String, Given>,
}

/// What this console has left of a name's requests, and whether there are more.
#[derive(Clone, Copy, Default)]
struct Given {
    left: u32,
    is_all: bool,
}

/// What is known of a name's next request without the ledger.
#[derive(Clone, Copy)]
enum Known {
    Taken,
    TooMany,
    /// This console counts by itself.
    Alone,
    /// More is to be taken, in this minute.
    NothingLeft(i64),
}

impl SharedRateLimit {
    pub(crate) fn new(per_minute: u32, broken: CancellationToken) -> Self {
        let batch = per_minute.div_ceil(BATCHES_A_MINUTE).min(BATCH_LIMIT);
        let own = RateLimit::new(per_minute);
        Self {
            per_minute,
            batch,
            minute: Mutex::default(),
            taking: tokio::sync::Mutex::default(),
            own,
            broken,
        }
    }

    /// Counts a request. `Err`: it is one too many; after so many seconds there is room again.
    pub(crate) async fn take(&self, ledger: &Ledger, name: String, now: DateTime<Utc>) -> Result<(), u64> {
        let (ledger, shared, broken) = (ledger.clone(), format!("console {name}"), self.broken.clone());
        let (batch, per_minute) = (self.batch, self.per_minute);
        self.take_by(name, now.timestamp(), |second| {
            let now = DateTime::from_timestamp(second, 0).unwrap_or(now);
            // On its own: whoever stops waiting must not cancel a transaction half-way.
            let asked = tokio::spawn(async move {
                let given = ledger.take_requests(&shared, batch, per_minute, now).await;
                given.inspect_err(|error| {
                    tracing::debug!(%error, "requests are counted by this console alone for now");
                    if error.is_fatal() {
                        broken.cancel();
                    }
                })
            });
            async move { timeout(PATIENCE, asked).await.ok()?.ok()?.ok() }
        })
        .await
    }

    /// `ask` takes more of the requests of the minute of a second: how many it was given, where that is known.
    async fn take_by<A: Future<Output = Option<u32>>>(
        &self,
        name: String,
        second: i64,
        ask: impl FnOnce(i64) -> A,
    ) -> Result<(), u64> {
        let (number, into) = (second.div_euclid(60), second.rem_euclid(60).unsigned_abs());
        let wait = SECONDS_A_MINUTE - into;
        let known = self.known(number, &name);
        let Known::NothingLeft(_) = known else {
            return self.counted(known, name, wait);
        };
        let _turn = self.taking.lock().await;
        let known = self.known(number, &name); // somebody else's turn may have brought some
        let Known::NothingLeft(number) = known else {
            return self.counted(known, name, wait);
        };
        let Some(given) = ask(second.max(number * 60)).await else {
            self.minute().is_alone = true;
            return self.own.take(name);
        };
        self.give(number, &name, given);
        if given == 0 { Err(wait) } else { Ok(()) }
    }

    fn counted(&self, known: Known, name: String, wait: u64) -> Result<(), u64> {
        match known {
            Known::Taken => Ok(()),
            Known::Alone => self.own.take(name),
            Known::TooMany | Known::NothingLeft(_) => Err(wait),
        }
    }

    fn minute(&self) -> MutexGuard<'_, Minute> {
        self.minute.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request of those that were given. One that waited counts in the minute that has begun meanwhile.
    fn known(&self, number: i64, name: &str) -> Known {
        let mut minute = self.minute();
        if number > minute.number || number < minute.number - MINUTES_BACK {
            *minute = Minute { number, ..Minute::default() };
        }
        let is_stranger = minute.of.len() >= COUNTED_LIMIT && !minute.of.contains_key(name);
        if minute.is_alone || is_stranger {
            return Known::Alone;
        }
        let number = minute.number;
        let given = minute.of.entry(name.to_owned()).or_default();
        match given {
            Given { left: 1.., .. } => {
                given.left -= 1;
                Known::Taken
            }
            Given { is_all: true, .. } => Known::TooMany,
            Given { .. } => Known::NothingLeft(number),
        }
    }

    /// Keeps what was given but for the request that asked. What is of a minute that is over is over, too.
    fn give(&self, number: i64, name: &str, given: u32) {
        let mut minute = self.minute();
        if minute.number == number {
            let kept = minute.of.entry(name.to_owned()).or_default();
            kept.left = kept.left.saturating_add(given.saturating_sub(1));
            kept.is_all |= given < self.batch;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

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

    /// The requests that all consoles together have taken of a minute, as the ledger keeps them.
    #[derive(Default)]
    struct Book {
        taken: Mutex<HashMap<i64, u32>>,
        asked: AtomicU32,
        is_away: AtomicBool,
    }

    impl Book {
        async fn take(&self, limit: &SharedRateLimit, second: i64) -> Result<(), u64> {
            let ask = async |second: i64| {
                self.asked.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                if self.is_away.load(Ordering::Relaxed) {
                    return None;
                }
                let mut taken = self.taken.lock().unwrap();
                let taken = taken.entry(second.div_euclid(60)).or_default();
                let given = limit.per_minute.saturating_sub(*taken).min(limit.batch);
                *taken += limit.batch;
                Some(given)
            };
            limit.take_by("a".to_owned(), second, ask).await
        }
    }

    fn shared(per_minute: u32) -> SharedRateLimit {
        SharedRateLimit::new(per_minute, CancellationToken::new())
    }

    #[tokio::test]
    async fn many_at_once_take_one_batch_and_leave_the_rest_to_other_consoles() {
        let (one, other, book) = (shared(100), shared(100), Book::default());
        let asked = tokio::join!(book.take(&one, 60), book.take(&one, 60), book.take(&one, 60));
        assert_eq!(asked, (Ok(()), Ok(()), Ok(())));
        assert_eq!(book.asked.load(Ordering::Relaxed), 1, "three were in one batch");
        for _ in 0..95 {
            assert_eq!(book.take(&other, 60).await, Ok(()));
        }
        assert_eq!(
            (book.take(&one, 61).await, book.take(&one, 61).await),
            (Ok(()), Ok(())),
            "what it was given"
        );
        assert_eq!((book.take(&other, 61).await, book.take(&one, 119).await), (Err(59), Err(1)));
        assert_eq!(book.take(&one, 120).await, Ok(()), "the next minute begins anew");
    }

    #[tokio::test]
    async fn a_request_that_waited_into_the_next_minute_throws_nothing_away() {
        let (limit, book) = (shared(100), Book::default());
        for turn in 0..100 {
            let second = if turn % 2 == 0 { 120 } else { 119 };
            assert_eq!(book.take(&limit, second).await, Ok(()), "{turn}");
        }
        assert!(book.take(&limit, 121).await.is_err());
        assert_eq!(book.take(&limit, 120 - 600).await, Ok(()), "a clock that was set back begins anew");
    }

    #[tokio::test]
    async fn without_the_ledger_it_counts_by_itself_and_does_not_ask_each_time() {
        let (limit, book) = (shared(3), Book::default());
        book.is_away.store(true, Ordering::Relaxed);
        for _ in 0..3 {
            assert_eq!(book.take(&limit, 60).await, Ok(()));
        }
        assert!(book.take(&limit, 60).await.is_err());
        assert_eq!(book.asked.load(Ordering::Relaxed), 1);
    }
}
