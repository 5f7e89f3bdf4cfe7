//! Ends the process if a rule hangs. Its events come again, isolated and marked, so the hanging event is found and set
//! aside. A rule never waits, so one that hangs keeps its thread; what waits for the ledger gives it back. Postgres bounds
//! such waits (docs/adr/0065); a disk that hangs under SQLite does not, so a batch as a whole has an end, too.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const IDLE: u64 = u64::MAX;
/// The exit code of a process that ended itself for a hang, `EX_SOFTWARE`.
const HUNG: i32 = 70;
/// So many times as long as a rule may take, a batch may with all that it waits for.
const WITH_WAITS: u32 = 10;

#[derive(Clone, Debug)]
pub struct Watchdog {
    began: Instant,
    lanes: Arc<Vec<Lane>>,
}

/// Since when a lane is at its work, and since when it has had a thread without a pause; `IDLE` where it is not.
#[derive(Debug)]
struct Lane {
    works_since_ms: AtomicU64,
    runs_since_ms: AtomicU64,
}

/// While it lives, a lane works, or has a thread.
#[derive(Debug)]
struct Busy<'a>(&'a AtomicU64);

impl Watchdog {
    /// Watches so many lanes from its own thread, for as long as they are there: a rule that never returns blocks its
    /// whole runtime thread.
    pub fn start(lanes: usize, deadline: Duration) -> std::io::Result<Self> {
        let watchdog = Self::of(lanes);
        let (began, watched) = (watchdog.began, Arc::downgrade(&watchdog.lanes));
        let look = move || {
            loop {
                let Some(lanes) = watched.upgrade() else { return };
                if (Self { began, lanes }).has_hung(deadline) {
                    break;
                }
                std::thread::sleep(deadline.min(Duration::from_secs(1)));
            }
            tracing::error!(
                deadline_secs = deadline.as_secs(),
                "a batch hangs, in a rule or in a wait: stopping the process; its events will be handled one at a time"
            );
            shared::telemetry::flush();
            std::process::exit(HUNG);
        };
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(look)?;
        Ok(watchdog)
    }

    fn of(lanes: usize) -> Self {
        let idle = || Lane { works_since_ms: AtomicU64::new(IDLE), runs_since_ms: AtomicU64::new(IDLE) };
        Self { began: Instant::now(), lanes: Arc::new((0..lanes).map(|_| idle()).collect()) }
    }

    /// Does the work of a lane under watch.
    pub async fn watch<T>(&self, lane: usize, work: impl Future<Output = T>) -> T {
        let lane = &self.lanes[lane];
        let _works = self.busy(&lane.works_since_ms);
        let mut work = pin!(work);
        poll_fn(|context| {
            let _runs = self.busy(&lane.runs_since_ms);
            work.as_mut().poll(context)
        })
        .await
    }

    fn busy<'a>(&self, since: &'a AtomicU64) -> Busy<'a> {
        since.store(self.elapsed_ms(), Ordering::Relaxed);
        Busy(since)
    }

    fn has_hung(&self, deadline: Duration) -> bool {
        let now = self.elapsed_ms();
        let is_past = |since: &AtomicU64, limit: Duration| {
            let since = since.load(Ordering::Relaxed);
            since != IDLE && u128::from(now.saturating_sub(since)) > limit.as_millis()
        };
        self.lanes.iter().any(|lane| {
            is_past(&lane.runs_since_ms, deadline) || is_past(&lane.works_since_ms, deadline * WITH_WAITS)
        })
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn who_keeps_the_thread_hangs_and_who_waits_does_not() {
        let watchdog = Watchdog::of(2);
        let waits = watchdog.watch(0, tokio::time::sleep(DEADLINE * 3));
        let looks = async {
            tokio::time::sleep(DEADLINE * 2).await;
            watchdog.has_hung(DEADLINE)
        };
        assert!(!tokio::join!(waits, looks).1);

        let hung = watchdog.watch(1, async {
            std::thread::sleep(DEADLINE * 2);
            watchdog.has_hung(DEADLINE)
        });
        assert!(hung.await);
        assert!(!watchdog.has_hung(DEADLINE), "it came back");
    }

    #[tokio::test]
    async fn who_waits_for_ever_hangs() {
        let watchdog = Watchdog::of(1);
        let hung = watchdog.watch(0, async {
            tokio::time::sleep(DEADLINE).await;
            watchdog.has_hung(DEADLINE / (2 * WITH_WAITS))
        });
        assert!(hung.await);
    }
}
