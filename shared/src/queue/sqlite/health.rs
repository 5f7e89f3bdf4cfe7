//! The last known condition of the queue: `health` tells people, `fatal` tells the process.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::fault::{Damage, Fault, words};
use crate::files_in_use::Gone;
use crate::queue::Unusable;

/// After a refusal for want of room it says so for this long: the next event may find room again.
const FULL_FOR: Duration = Duration::from_secs(5);

/// Why the process must end.
#[derive(Debug, thiserror::Error)]
pub(super) enum FatalError {
    #[error(
        "the disk under queue.db failed: {}. What was answered 200 is on the disk; mend the disk, then start again",
        words(.0)
    )]
    Disk(#[source] Arc<sqlx::Error>),
    #[error("queue.db is damaged: {0}. Nothing more is accepted. {REMEDY}")]
    Damaged(#[source] Damage),
    #[error(
        "{0}. Anything written now would be lost, so nothing more is accepted. Put the file back, or move its remains away (also -wal and -shm), then start again; `tidegate backfill --since 1d` fetches the lost events from Stripe"
    )]
    Gone(#[from] Gone),
}

pub(super) const REMEDY: &str = "Once nothing uses it, `tidegate queue recover` shows what can be saved; it changes nothing without --yes";

impl FatalError {
    /// What an error means that is fatal.
    pub(super) fn by(fault: Fault, error: Arc<sqlx::Error>) -> Self {
        match fault {
            Fault::Damaged => Self::Damaged(Damage::Met(error)),
            _ => Self::Disk(error),
        }
    }
}

#[derive(Default)]
pub(super) struct QueueHealth {
    pub fatal: CancellationToken,
    why: OnceLock<Arc<FatalError>>,
    last_full: Mutex<Option<Instant>>,
}

impl QueueHealth {
    /// Durability cannot be promised any more, for good.
    pub(super) fn set_fatal(&self, fatal: FatalError) {
        let why = fatal.to_string();
        if self.why.set(Arc::new(fatal)).is_ok() {
            tracing::error!(why, "the queue is broken: stopping the process");
        }
        self.fatal.cancel();
    }

    /// A group was refused for want of room. Logged when it begins, not for every group.
    pub(super) fn full(&self, error: &sqlx::Error) {
        let mut last_full = self.last_full.lock().unwrap_or_else(PoisonError::into_inner);
        if last_full.replace(Instant::now()).is_none() {
            tracing::error!(%error, "no space for queue.db: events are refused until there is some");
        }
    }

    /// A group was written.
    pub(super) fn fine(&self) {
        if self.last_full.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            tracing::info!("there is space for queue.db again");
        }
    }

    pub(super) fn health(&self) -> Result<(), Unusable> {
        if let Some(why) = self.why.get() {
            return Err(Unusable::Fatal(Arc::clone(why) as _));
        }
        match *self.last_full.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(since) if since.elapsed() < FULL_FOR => Err(Unusable::Full),
            _ => Ok(()),
        }
    }
}
