//! Ends the process if a rule hangs. Its events come again, isolated and marked, so the hanging event is found and set
//! aside. A rule never waits, so one that hangs keeps its thread; what waits for the ledger gives it back, however long
//! that takes, and is bounded there (docs/adr/0065).

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const IDLE: u64 = u64::MAX;
/// The exit code of a process that ended itself for a hang, `EX_SOFTWARE`.
const HUNG: i32 = 70;

#[derive(Clone, Debug)]
pub struct Watchdog {
    began: Instant,
    busy_since_ms: Arc<Vec<AtomicU64>>,
}

/// While it lives, its lane has a thread.
#[derive(Debug)]
struct Busy<'a>(&'a AtomicU64);

impl Watchdog {
    /// Watches so many lanes from its own thread, for as long as they are there: a rule that never returns blocks its
    /// whole runtime thread.
    pub fn start(lanes: usize, deadline: Duration) -> std::io::Result<Self> {
        let began = Instant::now();
        let watchdog =
            Self { began, busy_since_ms: Arc::new((0..lanes).map(|_| AtomicU64::new(IDLE)).collect()) };
        let watched = Arc::downgrade(&watchdog.busy_since_ms);
        let look = move || {
            loop {
                let Some(busy_since_ms) = watched.upgrade() else { return };
                if (Self { began, busy_since_ms }).has_hung(deadline) {
                    break;
                }
                std::thread::sleep(deadline.min(Duration::from_secs(1)));
            }
            tracing::error!(
                deadline_secs = deadline.as_secs(),
                "a rule hangs: stopping the process; the batch's events will be handled one at a time"
            );
            shared::telemetry::flush();
            std::process::exit(HUNG);
        };
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(look)?;
        Ok(watchdog)
    }

    /// Does the work of a lane under watch.
    pub async fn watch<T>(&self, lane: usize, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            let _busy = self.busy(lane);
            work.as_mut().poll(context)
        })
        .await
    }

    fn busy(&self, lane: usize) -> Busy<'_> {
        let slot = &self.busy_since_ms[lane];
        slot.store(self.elapsed_ms(), Ordering::Relaxed);
        Busy(slot)
    }

    fn has_hung(&self, deadline: Duration) -> bool {
        let now = self.elapsed_ms();
        let limit = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        self.busy_since_ms
            .iter()
            .map(|slot| slot.load(Ordering::Relaxed))
            .any(|since| since != IDLE && now.saturating_sub(since) > limit)
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

    /// Its own thread would end the test.
    fn unwatched(lanes: usize) -> Watchdog {
        let lanes = (0..lanes).map(|_| AtomicU64::new(IDLE)).collect();
        Watchdog { began: Instant::now(), busy_since_ms: Arc::new(lanes) }
    }

    #[tokio::test]
    async fn who_keeps_the_thread_hangs_and_who_waits_does_not() {
        let watchdog = unwatched(2);
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
}
