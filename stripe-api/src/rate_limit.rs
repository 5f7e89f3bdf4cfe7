//! Limits requests per second, evenly spaced: early callers wait for their turn. Where processes share a pace, turns are
//! taken from it several at a time, as many as were used of late.

use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// A batch of shared turns lasts no longer: so often the pace is asked, however many requests there are.
const BATCHES_PER_SEC: u32 = 10;

/// A turn that is taken up so late is over. Those that are less late still keep this process's own distance.
const LATE: Duration = Duration::from_millis(100);

/// A call that is held waits no longer for its turn, or for so many turns where these are rare.
const TURN_LIMIT: Duration = Duration::from_secs(2);
const TURNS_LIMIT: u32 = 4;

/// So long a process keeps to its own pace after nobody could say the shared one.
const ALONE: Duration = Duration::from_secs(5);

/// Takes so many turns at this distance from a pace that processes share: how long it is to the first. `None`: nobody can
/// say, and the process keeps to its own pace.
pub type SharedTurns =
    Box<dyn Fn(u32, Duration) -> Pin<Box<dyn Future<Output = Option<Duration>> + Send>> + Send + Sync>;

pub(super) struct RateLimit {
    distance: Duration,
    batch_limit: u32,
    pace: Mutex<Pace>,
    shared: OnceLock<SharedTurns>,
}

/// When this process may send next, and what it has left of the turns that it took.
struct Pace {
    next: Instant,
    taken: Instant,
    left: u32,
    batch: u32,
    alone_until: Instant,
}

impl RateLimit {
    pub(super) fn per_sec(rate: u32) -> Self {
        let now = Instant::now();
        Self {
            distance: Duration::from_secs(1) / rate.max(1),
            batch_limit: (rate / BATCHES_PER_SEC).max(1),
            pace: Mutex::new(Pace { next: now, taken: now, left: 0, batch: 1, alone_until: now }),
            shared: OnceLock::new(),
        }
    }

    /// From now on other processes' requests count, too.
    pub(super) fn share(&self, turns: SharedTurns) {
        let _ = self.shared.set(turns);
    }

    /// So far away a turn may be for whoever sends something with an effect, and holds it meanwhile.
    pub(super) fn limit(&self) -> Duration {
        TURN_LIMIT.max(self.distance * TURNS_LIMIT)
    }

    /// Waits for a turn. One that is further away than `limit` is left to others; the error says how far it is.
    pub(super) async fn turn(&self, limit: Option<Duration>) -> Result<(), Duration> {
        let near = |turn: Instant| {
            let wait = turn.saturating_duration_since(Instant::now());
            if limit.is_some_and(|limit| wait > limit) { Err(wait) } else { Ok(()) }
        };
        let turn = {
            let mut pace = self.pace.lock().await;
            let own = pace.next.max(Instant::now());
            near(own)?;
            let shared = match self.shared.get() {
                Some(shared) => self.shared_turn(&mut pace, shared, own).await,
                None => None,
            };
            let turn = shared.map_or(own, |shared| shared.max(own));
            near(turn)?;
            if shared.is_some() {
                pace.taken += self.distance;
                pace.left -= 1;
            }
            pace.next = turn + self.distance;
            turn
        };
        sleep_until(turn).await;
        Ok(())
    }

    /// The next of the turns that were taken and are not over, else the first of others. `None`: this process keeps to
    /// its own pace.
    async fn shared_turn(&self, pace: &mut Pace, shared: &SharedTurns, from: Instant) -> Option<Instant> {
        while pace.left > 0 && pace.taken + self.distance.max(LATE) <= from {
            pace.taken += self.distance;
            pace.left -= 1;
            pace.batch = 1; // one was not needed
        }
        if pace.left == 0 {
            if Instant::now() < pace.alone_until {
                return None;
            }
            let Some(wait) = shared(pace.batch, self.distance).await else {
                pace.alone_until = Instant::now() + ALONE;
                return None;
            };
            (pace.taken, pace.left) = (Instant::now() + wait, pace.batch);
            pace.batch = (pace.batch * 2).min(self.batch_limit);
        }
        Some(pace.taken)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn requests_keep_their_distance() {
        let rate_limit = RateLimit::per_sec(100);
        let begun = Instant::now();
        for _ in 0..6 {
            rate_limit.turn(None).await.unwrap();
        }
        assert!(begun.elapsed() >= Duration::from_millis(50), "{:?}", begun.elapsed());
    }

    /// A pace in memory, as the ledger keeps it: until when turns are taken, and how often it was asked.
    type Book = Arc<std::sync::Mutex<(Instant, u32)>>;

    fn sharing(book: &Book, rate: u32) -> RateLimit {
        let (rate_limit, book) = (RateLimit::per_sec(rate), Arc::clone(book));
        rate_limit.share(Box::new(move |count, distance| {
            let mut book = book.lock().unwrap();
            let (now, first) = (Instant::now(), book.0.max(Instant::now()));
            *book = (first + distance * count, book.1 + 1);
            Box::pin(async move { Some(first - now) })
        }));
        rate_limit
    }

    #[tokio::test]
    async fn two_that_share_a_pace_send_no_more_than_one_and_ask_for_it_in_batches() {
        let book: Book = Arc::new(std::sync::Mutex::new((Instant::now(), 0)));
        let (one, other) = (sharing(&book, 500), sharing(&book, 500));
        let begun = Instant::now();
        let many = async |it: &RateLimit| {
            for _ in 0..250 {
                it.turn(None).await.unwrap();
            }
        };
        tokio::join!(many(&one), many(&other));
        assert!(begun.elapsed() >= Duration::from_millis(990), "{:?}", begun.elapsed());
        let asked = book.lock().unwrap().1;
        assert!(asked <= 100, "500 requests took {asked} batches");
    }

    #[tokio::test]
    async fn a_turn_that_was_not_used_is_over_and_never_saved_for_a_burst() {
        let book: Book = Arc::new(std::sync::Mutex::new((Instant::now(), 0)));
        let one = sharing(&book, 100);
        for _ in 0..16 {
            one.turn(None).await.unwrap(); // 1 + 2 + 4 + 8, and the first of ten
        }
        // Nothing is sent for a long time.
        let long = Duration::from_secs(10);
        {
            let mut pace = one.pace.lock().await;
            (pace.taken, pace.next) = (pace.taken - long, pace.next - long);
            book.lock().unwrap().0 -= long;
        }
        let begun = Instant::now();
        for _ in 0..10 {
            one.turn(None).await.unwrap();
        }
        assert!(begun.elapsed() >= Duration::from_millis(90), "{:?}", begun.elapsed());
        assert!(book.lock().unwrap().0 > begun, "they were taken anew");
    }

    #[tokio::test]
    async fn without_an_answer_it_keeps_to_its_own_pace_and_does_not_ask_each_time() {
        let (rate_limit, asked) = (RateLimit::per_sec(100), Arc::new(std::sync::Mutex::new(0)));
        let times = Arc::clone(&asked);
        rate_limit.share(Box::new(move |_, _| {
            *times.lock().unwrap() += 1;
            Box::pin(async { None })
        }));
        let begun = Instant::now();
        for _ in 0..11 {
            rate_limit.turn(None).await.unwrap();
        }
        assert!(begun.elapsed() >= Duration::from_millis(100), "{:?}", begun.elapsed());
        assert_eq!(*asked.lock().unwrap(), 1);
    }

    /// Sixty ask at once where ten are sent each second. Whoever gives up has taken no turn, so that those who come later
    /// find them.
    #[tokio::test]
    async fn whoever_does_not_wait_takes_nobodys_turn() {
        let book: Book = Arc::new(std::sync::Mutex::new((Instant::now(), 0)));
        for rate_limit in [RateLimit::per_sec(10), sharing(&book, 10)] {
            let rate_limit = Arc::new(rate_limit);
            let limit = Some(rate_limit.limit());
            let asked: Vec<_> = (0..60)
                .map(|_| {
                    let rate_limit = Arc::clone(&rate_limit);
                    tokio::spawn(async move { rate_limit.turn(limit).await.is_ok() })
                })
                .collect();
            let mut sent = 0;
            for one in asked {
                sent += usize::from(one.await.unwrap());
            }
            assert!((19..=21).contains(&sent), "{sent} were sent within two seconds");
            let begun = Instant::now();
            assert_eq!(rate_limit.turn(limit).await, Ok(()));
            assert!(begun.elapsed() <= Duration::from_millis(200), "{:?}", begun.elapsed());
        }
    }

    #[test]
    fn where_turns_are_rare_a_call_waits_for_some_of_them() {
        assert_eq!(RateLimit::per_sec(100).limit(), Duration::from_secs(2));
        assert_eq!(RateLimit::per_sec(1).limit(), Duration::from_secs(4));
    }
}
