//! How often the card networks let a payment be tried again. Each has its rule, and which card pays is known only when
//! Stripe is asked: so the strictest of them hold for all cards.

use chrono::{DateTime, TimeDelta, Utc};

use super::refused::Refused;

/// Days, and how many failed tries of one amount there may be within them: Mastercard takes 10 in a day and 35 in 30,
/// Visa 20 in 30.
const LIMITS: [(i64, usize); 2] = [(1, 10), (30, 20)];
/// Tries that are longer ago count for nothing.
pub const DAYS: i64 = 30;

pub(super) fn within(failed_at: &[DateTime<Utc>], now: DateTime<Utc>) -> Result<(), Refused> {
    for (days, limit) in LIMITS {
        let since = now - TimeDelta::days(days);
        if failed_at.iter().filter(|failed_at| **failed_at > since).count() >= limit {
            return Err(Refused::TriedTooOften { limit, days });
        }
    }
    Ok(())
}
