//! The fake's clock: the machine's, moved on demand, or one that moves on demand only. Keys are pruned, funds become
//! available and refunds settle by it.

use std::time::UNIX_EPOCH;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Clock {
    Ahead { secs: i64 },
    Stands { at: i64 },
}

impl Default for Clock {
    fn default() -> Self {
        Self::Ahead { secs: 0 }
    }
}

impl Clock {
    /// Seconds since 1970.
    pub(crate) fn now(self) -> i64 {
        match self {
            Self::Ahead { secs } => wall_now() + secs,
            Self::Stands { at } => at,
        }
    }

    pub(crate) fn advance(&mut self, by: i64) {
        match self {
            Self::Ahead { secs } => *secs += by,
            Self::Stands { at } => *at += by,
        }
    }

    pub(crate) fn set(&mut self, now: i64) {
        let by = now - self.now();
        self.advance(by);
    }

    /// What answers are dated by, where it is not the machine's clock.
    pub(crate) fn own_date(self) -> Option<i64> {
        match self {
            Self::Ahead { .. } => None,
            Self::Stands { at } => Some(at),
        }
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
