//! Rates that processes share. Each takes several turns or requests at once, by one statement: the cost is a batch's,
//! not a request's.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::engine::query::query;
use crate::{Ledger, LedgerError};

/// What is further ahead was written by a clock that ran ahead, and does not count.
const SKEW_US: i64 = 10_000_000;
const SKEW_MINUTES: i64 = 2;
/// So many may wait for their turns without being taken for such a clock.
const WAITING: i64 = 100;

impl Ledger {
    /// Takes so many turns of a pace, one after the other at this distance: when the first is due.
    #[shared::built_once]
    pub async fn take_turns(
        &self,
        pace: &str,
        count: u32,
        distance: Duration,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, LedgerError> {
        let distance_us = i64::try_from(distance.as_micros()).unwrap_or(SKEW_US);
        let (now_us, length_us) = (now.timestamp_micros(), distance_us.saturating_mul(i64::from(count)));
        let mut tx = self.begin().await?;
        let end_us: i64 = query(
            "INSERT INTO rates (name, mark, taken) VALUES ($1, $2 + $3, 0) ON CONFLICT (name) DO UPDATE SET mark = CASE \
             WHEN rates.mark < $2 OR rates.mark > $2 + $3 + $4 THEN $2 + $3 ELSE rates.mark + $3 END RETURNING mark",
        )
        .bind(pace)
        .bind(now_us)
        .bind(length_us)
        .bind(SKEW_US.max(distance_us.saturating_mul(WAITING)))
        .one(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(now + TimeDelta::microseconds((end_us - length_us - now_us).max(0)))
    }

    /// Takes so many of the requests that a name may make in this minute: how many it was given.
    #[shared::built_once]
    pub async fn take_requests(
        &self,
        name: &str,
        count: u32,
        per_minute: u32,
        now: DateTime<Utc>,
    ) -> Result<u32, LedgerError> {
        let minute = now.timestamp().div_euclid(60);
        let mut tx = self.begin().await?;
        // A clock that is a little behind counts in the minute of those who are ahead.
        let taken: i64 = query(
            "INSERT INTO rates (name, mark, taken) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET \
             taken = CASE WHEN rates.mark < $2 OR rates.mark > $2 + $4 THEN $3 ELSE rates.taken + $3 END, \
             mark = CASE WHEN rates.mark < $2 OR rates.mark > $2 + $4 THEN $2 ELSE rates.mark END RETURNING taken",
        )
        .bind(name)
        .bind(minute)
        .bind(i64::from(count))
        .bind(SKEW_MINUTES)
        .one(&mut tx)
        .await?;
        tx.commit().await?;
        let before = taken - i64::from(count);
        let given = (i64::from(per_minute) - before).clamp(0, i64::from(count));
        Ok(u32::try_from(given).unwrap_or(0))
    }
}
