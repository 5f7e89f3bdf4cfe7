//! The one place that reads the wall clock. Everywhere else, time is an argument.

use chrono::{DateTime, SubsecRound, Utc};

/// Now, in the microseconds that both databases keep: what is stored compares equal to what was in memory.
#[expect(clippy::disallowed_methods, reason = "the named place where the clock is read")]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
