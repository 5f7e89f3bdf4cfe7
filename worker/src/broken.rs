//! Records that the ledger is broken and why. The first to notice sets it, it is reported once, and the process
//! exits with it.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use ledger::LedgerError;

#[derive(Clone, Debug, Default)]
pub struct Broken {
    token: CancellationToken,
    why: Arc<OnceLock<String>>,
}

impl Broken {
    /// Ends the process if the error is of that kind; says whether it is.
    pub fn by(&self, error: &LedgerError) -> bool {
        if !error.is_broken() {
            return false;
        }
        let why = error.to_string();
        if self.why.set(why.clone()).is_ok() {
            tracing::error!(why, "the ledger is broken: stopping the process");
        }
        self.token.cancel();
        true
    }

    pub fn is_so(&self) -> bool {
        self.token.is_cancelled()
    }

    pub async fn is_found(&self) {
        self.token.cancelled().await;
    }

    /// For people; empty while it is not so.
    pub fn why(&self) -> String {
        self.why.get().cloned().unwrap_or_default()
    }
}
