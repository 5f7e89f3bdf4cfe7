//! Ends the process if a batch hangs. Its events come again, isolated and marked, so the hanging event is found
//! and set aside.

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

/// While it lives, its lane is busy.
#[derive(Debug)]
pub struct Busy<'a>(&'a AtomicU64);

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
                "a batch hangs: stopping the process; its events will be handled one at a time"
            );
            shared::telemetry::flush();
            std::process::exit(HUNG);
        };
        std::thread::Builder::new().name("watchdog".to_owned()).spawn(look)?;
        Ok(watchdog)
    }

    pub fn busy(&self, lane: usize) -> Busy<'_> {
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
