//! Records why the process must end: the ledger is broken, or a lane panicked. The first to notice sets it, it is
//! reported once, and the process exits with it.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use ledger::LedgerError;

#[derive(Clone, Debug, Default)]
pub struct FatalSignal {
    token: CancellationToken,
    why: Arc<OnceLock<String>>,
}

impl FatalSignal {
    /// Ends the process if the error is of that kind; says whether it is.
    pub fn report(&self, error: &LedgerError) -> bool {
        if !error.is_fatal() {
            return false;
        }
        let why = error.to_string();
        if self.why.set(why.clone()).is_ok() {
            tracing::error!(why, "the ledger is broken: stopping the process");
        }
        self.token.cancel();
        true
    }

    /// For those who meet an error where nobody waits for them.
    pub fn reporter(&self) -> impl Fn(&LedgerError) + Clone + Send + Sync + 'static {
        let signal = self.clone();
        move |error| {
            signal.report(error);
        }
    }

    /// Runs a lane to its end. What it holds comes to nobody while this process lives, so a panic ends the process.
    pub(crate) async fn unless_it_panics(self, lane: impl Future<Output = ()>) {
        if AssertUnwindSafe(lane).catch_unwind().await.is_err() {
            let why = "a lane panicked: its events come again when this process has ended";
            drop(self.why.set(why.to_owned()));
            self.token.cancel();
        }
    }

    pub fn is_set(&self) -> bool {
        self.token.is_cancelled()
    }

    pub async fn raised(&self) {
        self.token.cancelled().await;
    }

    /// For people; empty until it is raised.
    pub fn why(&self) -> String {
        self.why.get().cloned().unwrap_or_default()
    }
}
