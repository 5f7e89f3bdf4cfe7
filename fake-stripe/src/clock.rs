//! The wall clock, read here only.

use std::time::UNIX_EPOCH;

/// Seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "Stripe has a clock of its own; the product's is none of its business"
)]
pub(crate) fn unix_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
