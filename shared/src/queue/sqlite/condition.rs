//! Whether the queue can be used, as it was found last: said to people by `health`, to the process by `broken`.

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
pub(super) enum Broken {
    #[error(
        "the disk under queue.db failed: {}. What was answered 200 is on the disk; mend the disk, then start again",
        words(.0)
    )]
    Disk(#[source] Arc<sqlx::Error>),
    #[error("queue.db is damaged: {0}. Nothing more is accepted. {REMEDY}")]
    Damaged(#[source] Damage),
    #[error(
        "{0}. What is written now nobody will find again, so nothing more is accepted. Put the file back, or put away \
         what is left of it (also -wal and -shm), then start again; `tidegate backfill --since 1d` brings back from \
         Stripe what was in it"
    )]
    Gone(#[from] Gone),
}

pub(super) const REMEDY: &str = "`tidegate queue recover` shows what can be saved of it, once nothing uses it any \
    more, and changes nothing without --yes";

impl Broken {
    /// What an error means that is fatal.
    pub(super) fn by(fault: Fault, error: Arc<sqlx::Error>) -> Self {
        match fault {
            Fault::Damaged => Self::Damaged(Damage::Met(error)),
            _ => Self::Disk(error),
        }
    }
}

#[derive(Default)]
pub(super) struct Condition {
    pub broken: CancellationToken,
    why: OnceLock<Arc<Broken>>,
    last_full: Mutex<Option<Instant>>,
}

impl Condition {
    /// Durability cannot be promised any more, for good.
    pub(super) fn break_for(&self, broken: Broken) {
        let why = broken.to_string();
        if self.why.set(Arc::new(broken)).is_ok() {
            tracing::error!(why, "the queue is broken: the process must end");
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

    pub(super) fn health(&self) -> Result<(), Unusable> {
        if let Some(why) = self.why.get() {
            return Err(Unusable::Broken(Arc::clone(why) as _));
        }
        match *self.last_full.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(since) if since.elapsed() < FULL_FOR => Err(Unusable::Full),
            _ => Ok(()),
        }
    }
}
