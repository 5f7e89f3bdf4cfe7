//! The one place that reads the wall clock. Everywhere else, time is an argument.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

/// Now, in the microseconds that both databases keep: what is stored compares equal to what was in memory.
#[expect(clippy::disallowed_methods, reason = "the named place where the clock is read")]
pub fn now() -> DateTime<Utc> {
    #[cfg(debug_assertions)]
    if let Some(now) = crate::simulated::now() {
        return now;
    }
    Utc::now().trunc_subsecs(6)
}

/// Lets so much time pass.
pub async fn sleep(length: Duration) {
    #[cfg(debug_assertions)]
    if crate::simulated::passes(length) {
        return;
    }
    tokio::time::sleep(length).await;
}
