//! The fake's clock: the machine's, moved on demand. Keys are pruned, funds become available and refunds settle by it.

use std::time::UNIX_EPOCH;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    ahead_secs: i64,
}

impl Clock {
    /// Seconds since 1970.
    pub(crate) fn now(self) -> i64 {
        wall_now() + self.ahead_secs
    }

    pub(crate) fn advance(&mut self, secs: i64) {
        self.ahead_secs += secs;
    }

    pub(crate) fn set(&mut self, now: i64) {
        self.ahead_secs = now - wall_now();
    }
}

/// The machine's own time, by which deliveries are signed: their receiver has no other.
#[expect(
    clippy::disallowed_methods,
    reason = "Stripe has a clock of its own; the product's is none of its business"
)]
pub(crate) fn wall_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
