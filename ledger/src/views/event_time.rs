//! What happened to money within windows that end now, by event time: a backfill of last month changes nothing.
//! A fixed number of statements, each on an index and over a bounded number of rows.

use chrono::{DateTime, TimeDelta, Utc};
use domain::readable;

use crate::engine::query::query;
use crate::releases::was_released;
use crate::views::gauges::COUNT_LIMIT;
use crate::{Ledger, LedgerError};
use domain::figures::{MANY_FAILURES, RefundSeen, projected};

/// All statements, for those who check on what they rest.
pub const STATEMENTS: [&str; 7] = [SUCCEEDED, FAILED, REFUNDS, DISPUTED, FAILED_THRICE, RECENT, BY_PURPOSE];

/// How far Stripe's clock may be ahead of ours. What is stamped later, as test clocks do, has not happened yet.
const AHEAD: TimeDelta = TimeDelta::minutes(1);

/// Counts the newest 10,000 of each mode, so that a flood of the one leaves the figures of the other alone. Between
/// $1 and $4; $2 and $3 are where the shorter spans begin.
macro_rules! attempts {
    ($moments:literal) => {
        concat!(attempts!("TRUE", $moments), " UNION ALL ", attempts!("FALSE", $moments))
    };
    ($livemode:literal, $moments:literal) => {
        concat!(
            "SELECT ",
            $livemode,
            " AS livemode, COUNT(*) AS last_1h, COUNT(CASE WHEN moment > $2 THEN 1 END) AS last_15m, \
             COUNT(CASE WHEN moment > $3 THEN 1 END) AS last_5m, MIN(moment) AS oldest FROM (",
            $moments,
            " AND livemode = ",
            $livemode,
            " ORDER BY moment DESC LIMIT 10000) newest"
        )
    };
}

/// Of each mode by itself: test traffic hides no live type.
macro_rules! by_purpose {
    () => {
        concat!(by_purpose!("TRUE"), " UNION ALL ", by_purpose!("FALSE"))
    };
    ($livemode:literal) => {
        concat!(
            "SELECT * FROM (SELECT livemode, payment_type, COUNT(*) AS created, COUNT(succeeded_at) AS succeeded, \
             COUNT(CASE WHEN succeeded_at IS NULL AND failed_attempts > 0 THEN 1 END) AS failed, \
             COUNT(CASE WHEN refunded <> 'none' THEN 1 END) AS refunded FROM (SELECT livemode, payment_type, succeeded_at, \
             failed_attempts, refunded FROM payments WHERE COALESCE(created_at, first_event_at) > $1 AND livemode = ",
            $livemode,
            " ORDER BY COALESCE(created_at, first_event_at) DESC LIMIT 10000) p WHERE payment_type IS NOT NULL \
             GROUP BY livemode, payment_type ORDER BY COUNT(*) DESC, payment_type LIMIT 40) t"
        )
    };
}

const SUCCEEDED: &str =
    attempts!("SELECT succeeded_at AS moment FROM payments WHERE succeeded_at > $1 AND succeeded_at <= $4");
/// What an invoice reports of the same failure is no attempt of its own, and names no payment.
const FAILED: &str = attempts!(
    "SELECT failed_at AS moment FROM payment_failures WHERE payment IS NOT NULL AND failed_at > $1 AND failed_at <= $4"
);
/// Those of which only the sum is known are told of by their charges.
const REFUNDS: &str = concat!(
    "SELECT * FROM (SELECT id, account, livemode, charge, payment, status, reason, ",
    was_released!(),
    " AS released FROM refunds \
    WHERE COALESCE(created_at, first_event_at) > $1 AND COALESCE(created_at, first_event_at) <= $2 \
    ORDER BY COALESCE(created_at, first_event_at) DESC LIMIT 10000) r \
    UNION ALL SELECT * FROM (SELECT id, account, livemode, id AS charge, payment, 'succeeded' AS status, NULL AS reason, FALSE AS released FROM charges \
    WHERE amount_unitemised > 0 AND refund_reported_at > $1 AND refund_reported_at <= $2 \
    ORDER BY refund_reported_at DESC LIMIT 10000) c"
);
const DISPUTED: &str = "SELECT livemode, COUNT(*) AS last_7d, COUNT(CASE WHEN disputed_at > $2 THEN 1 END) AS last_3d, \
    COUNT(CASE WHEN disputed_at > $3 THEN 1 END) AS last_15m FROM (SELECT livemode, disputed_at FROM disputes \
    WHERE disputed_at > $1 AND disputed_at <= $4 ORDER BY disputed_at DESC LIMIT 10000) d GROUP BY livemode";
const FAILED_THRICE: &str = "SELECT livemode, COUNT(*) AS last_3d, COUNT(CASE WHEN payment_failed_at > $2 THEN 1 END) AS last_15m \
    FROM (SELECT livemode, status, payment_retry_count, payment_failed_at FROM invoices WHERE payment_failed_at > $1 \
    AND payment_failed_at <= $3 ORDER BY payment_failed_at DESC LIMIT 10000) i \
    WHERE status IN ('failed', 'overdue') AND payment_retry_count >= $4 GROUP BY livemode";
const RECENT: &str = "SELECT 'payment' AS kind, livemode, status, COUNT(*) AS objects FROM (SELECT livemode, status FROM payments \
    WHERE COALESCE(created_at, first_event_at) > $1 ORDER BY COALESCE(created_at, first_event_at) DESC LIMIT 10000) p \
    GROUP BY livemode, status \
    UNION ALL SELECT 'invoice', livemode, status, COUNT(*) FROM (SELECT livemode, status FROM invoices \
    WHERE COALESCE(created_at, first_event_at) > $1 ORDER BY COALESCE(created_at, first_event_at) DESC LIMIT 10000) i \
    GROUP BY livemode, status \
    UNION ALL SELECT 'refund', livemode, status, COUNT(*) FROM (SELECT livemode, status FROM refunds \
    WHERE COALESCE(created_at, first_event_at) > $1 ORDER BY COALESCE(created_at, first_event_at) DESC LIMIT 10000) r \
    GROUP BY livemode, status \
    UNION ALL SELECT 'subscription', livemode, status, COUNT(*) FROM (SELECT livemode, status FROM subscriptions \
    WHERE COALESCE(created_at, first_event_at) > $1 ORDER BY COALESCE(created_at, first_event_at) DESC LIMIT 10000) s \
    GROUP BY livemode, status";

/// What a payment is for is the merchant's own word: the most frequent ones, so that labels stay few.
const BY_PURPOSE: &str = by_purpose!();

const MINUTES_5: TimeDelta = TimeDelta::minutes(5);
const MINUTES_15: TimeDelta = TimeDelta::minutes(15);
const HOUR: TimeDelta = TimeDelta::hours(1);
const DAY: TimeDelta = TimeDelta::days(1);
const DAYS_3: TimeDelta = TimeDelta::days(3);
const DAYS_7: TimeDelta = TimeDelta::days(7);

/// Everything that is asked at once.
#[derive(Debug)]
pub struct Happened {
    pub succeeded: Vec<Attempts>,
    pub failed: Vec<Attempts>,
    /// Within an hour.
    pub refunds: Vec<RefundSeen>,
    pub disputed: Vec<Disputed>,
    pub failed_thrice: Vec<FailedThrice>,
    /// Made within a day.
    pub recent: Vec<Recent>,
    /// Made within a day, by what they are for.
    pub by_purpose: Vec<ByPurpose>,
}

readable! {
    /// Attempts to pay of one mode that ended in one way.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Attempts {
        pub livemode: bool,
        last_1h: i64,
        last_15m: i64,
        last_5m: i64,
        oldest: Option<DateTime<Utc>>,
    }
}

readable! {
    /// Disputes of one mode by when they became such.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Disputed {
        pub livemode: bool,
        pub last_15m: i64,
        pub last_3d: i64,
        pub last_7d: i64,
    }
}

readable! {
    /// Unpaid invoices of one mode with three failures or more, by their latest.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct FailedThrice {
        pub livemode: bool,
        pub last_15m: i64,
        pub last_3d: i64,
    }
}

readable! {
    /// Objects by kind, mode and their status now.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Recent {
        pub kind: String,
        pub livemode: bool,
        pub status: String,
        pub objects: i64,
    }
}

readable! {
    /// Payments of one mode that are for the same, by what became of them.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ByPurpose {
        pub livemode: bool,
        pub payment_type: String,
        pub created: i64,
        pub succeeded: i64,
        /// Failed, and have not succeeded since.
        pub failed: i64,
        /// Of those that succeeded, in whole or in part.
        pub refunded: i64,
    }
}

impl Attempts {
    /// How many within each span. Where there are more than are counted, the newest tell how many there must be.
    pub fn within(&self, now: DateTime<Utc>) -> [(&'static str, i64); 3] {
        let spans =
            [("5m", self.last_5m, MINUTES_5), ("15m", self.last_15m, MINUTES_15), ("1h", self.last_1h, HOUR)];
        spans.map(|(name, counted, span)| {
            let reach = self.oldest.filter(|_| counted >= COUNT_LIMIT).map(|oldest| now - oldest);
            (name, projected(counted, reach, span))
        })
    }
}

impl Ledger {
    /// One state of the ledger, as of one moment.
    #[shared::built_once]
    pub async fn happened(&self, now: DateTime<Utc>) -> Result<Happened, LedgerError> {
        let (mut tx, until) = (self.read().await?, now + AHEAD);
        Ok({
            let (mut succeeded, mut failed) = (Vec::new(), Vec::new());
            for (found, statement) in [(&mut succeeded, SUCCEEDED), (&mut failed, FAILED)] {
                *found = query(statement)
                    .bind(now - HOUR)
                    .bind(now - MINUTES_15)
                    .bind(now - MINUTES_5)
                    .bind(until)
                    .all(&mut tx)
                    .await?;
            }
            Happened {
                succeeded,
                failed,
                refunds: query(REFUNDS).bind(now - HOUR).bind(until).all(&mut tx).await?,
                disputed: query(DISPUTED)
                    .bind(now - DAYS_7)
                    .bind(now - DAYS_3)
                    .bind(now - MINUTES_15)
                    .bind(until)
                    .all(&mut tx)
                    .await?,
                failed_thrice: query(FAILED_THRICE)
                    .bind(now - DAYS_3)
                    .bind(now - MINUTES_15)
                    .bind(until)
                    .bind(MANY_FAILURES)
                    .all(&mut tx)
                    .await?,
                recent: query(RECENT).bind(now - DAY).all(&mut tx).await?,
                by_purpose: query(BY_PURPOSE).bind(now - DAY).all(&mut tx).await?,
            }
        })
    }
}
