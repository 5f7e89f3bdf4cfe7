//! Whether the queue can be used, as the writer found it last: said to people by `health`, to the process
//! by `broken`.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// After a refusal for want of room it says so for this long: the next event may find room again.
const FULL_FOR: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Condition {
    pub broken: CancellationToken,
    why: OnceLock<String>,
    last_full: Mutex<Option<Instant>>,
}

impl Condition {
    /// Durability cannot be promised any more, for good.
    pub(super) fn break_for(&self, error: &sqlx::Error) {
        let why = format!("queue.db cannot be trusted any more: {error}");
        if self.why.set(why.clone()).is_ok() {
            tracing::error!(%error, "queue.db failed, nothing more is accepted: the process must end");
        }
        self.broken.cancel();
    }

    /// A group was refused for want of room. Logged when it begins, not for every group.
    pub(super) fn full(&self, error: &sqlx::Error) {
        let mut last_full = self.last_full.lock().unwrap_or_else(PoisonError::into_inner);
        if last_full.replace(Instant::now()).is_none() {
            tracing::error!(%error, "no room for queue.db: events are refused until there is some");
        }
    }

    /// A group was written.
    pub(super) fn fine(&self) {
        if self.last_full.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            tracing::info!("there is room for queue.db again");
        }
    }

    pub(super) fn health(&self) -> Result<(), String> {
        if let Some(why) = self.why.get() {
            return Err(why.clone());
        }
        match *self.last_full.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(since) if since.elapsed() < FULL_FOR => {
                Err("no room for queue.db: the disk is full".to_owned())
            }
            _ => Ok(()),
        }
    }
}
