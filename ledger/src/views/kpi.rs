//! What happened to money within stretches of time, by event time, summed in the database: a fixed number of
//! statements, however many stretches there are. `desk` makes rates of it.

use chrono::{DateTime, Utc};
use domain::readable;

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::{LedgerError, Transaction};

/// So many of the newest events tell how long it takes until an event is applied.
pub const LATENCY_SAMPLE: i64 = 10_000;

/// From a moment on, and before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// Whose figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub livemode: bool,
    /// Of all accounts where it is `None`.
    pub account: Option<String>,
}

readable! {
    /// Objects of one stretch and one currency.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Summed {
        /// Which stretch.
        pub number: i64,
        pub currency: String,
        pub objects: i64,
        /// How many payments they are about.
        pub payments: i64,
        pub amount: i64,
    }
}

readable! {
    /// Failed attempts of one stretch and one code: the bank's where it gave one, else Stripe's.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct FailedByCode {
        pub number: i64,
        pub code: String,
        pub attempts: i64,
    }
}

readable! {
    /// A dispute that was won or lost.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Decided {
        pub number: i64,
        pub status: String,
        pub opened_at: Option<DateTime<Utc>>,
        pub closed_at: DateTime<Utc>,
    }
}

readable! {
    /// When an event came and when it was recorded, with its effects.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Applied {
        pub received_at: DateTime<Utc>,
        pub recorded_at: DateTime<Utc>,
    }
}

readable! {
    /// Events that were accepted and are not applied.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Unprocessed {
        pub waiting: i64,
        pub dead: i64,
    }
}

/// All that happened.
#[derive(Debug)]
pub struct Figures {
    pub succeeded: Vec<Summed>,
    pub failed: Vec<FailedByCode>,
    pub refunded: Vec<Summed>,
    pub disputed: Vec<Summed>,
    pub decided: Vec<Decided>,
    pub applied: Vec<Applied>,
    pub unprocessed: Unprocessed,
}

/// The condition that a row is of the scope and within the stretch, by the given moment.
macro_rules! within {
    ($moment:literal) => {
        concat!(
            "livemode = of_livemode AND (of_account IS NULL OR account = of_account) AND ",
            $moment,
            " >= from_at AND ",
            $moment,
            " < until_at"
        )
    };
}

const SUCCEEDED: &str = concat!(
    "SELECT number, currency, COUNT(*) AS objects, COUNT(*) AS payments, CAST(SUM(amount_received) AS BIGINT) AS amount \
     FROM input JOIN payments ON ",
    within!("succeeded_at"),
    " WHERE status = 'succeeded' GROUP BY number, currency"
);
/// What an invoice reports of the same failure names no payment.
const FAILED: &str = concat!(
    "SELECT number, COALESCE(decline_code, code, 'unknown') AS code, COUNT(*) AS attempts \
     FROM input JOIN payment_failures ON ",
    within!("failed_at"),
    " WHERE payment IS NOT NULL GROUP BY number, COALESCE(decline_code, code, 'unknown')"
);
/// What was authorised only, and refunds that failed, gave nothing back. Where Stripe tells only a sum, the charge does.
const REFUNDED: &str = concat!(
    "SELECT number, currency, CAST(SUM(objects) AS BIGINT) AS objects, COUNT(DISTINCT payment) AS payments, \
     CAST(SUM(amount) AS BIGINT) AS amount FROM (SELECT number, currency, 1 AS objects, amount, \
     COALESCE(payment, charge, id) AS payment FROM input JOIN refunds ON ",
    within!("COALESCE(created_at, first_event_at)"),
    " WHERE status NOT IN ('failed', 'canceled') \
     AND COALESCE(reason, '') NOT IN ('expired_uncaptured_charge', 'partial_capture') \
     UNION ALL SELECT number, currency, 1, amount_unitemised, COALESCE(payment, id) FROM input JOIN charges ON ",
    within!("refund_reported_at"),
    " WHERE amount_unitemised > 0) r GROUP BY number, currency"
);
const DISPUTED: &str = concat!(
    "SELECT number, currency, COUNT(*) AS objects, COUNT(DISTINCT charge) AS payments, CAST(SUM(amount) AS BIGINT) AS amount \
     FROM input JOIN disputes ON ",
    within!("disputed_at"),
    " GROUP BY number, currency"
);
const DECIDED: &str = concat!(
    "SELECT number, status, opened_at, closed_at FROM input JOIN disputes ON ",
    within!("closed_at"),
    " WHERE status IN ('won', 'lost') ORDER BY closed_at DESC LIMIT 100000"
);
const APPLIED: &str = "SELECT received_at, recorded_at FROM events WHERE recorded_at >= $1 AND recorded_at < $2 \
    AND livemode = $3 AND source = 'stripe' AND outcome = 'applied' ORDER BY recorded_at DESC LIMIT $4";
const UNPROCESSED: &str = "SELECT (SELECT COUNT(*) FROM events WHERE outcome = 'waiting' AND livemode = $1) AS waiting, \
    (SELECT COUNT(*) FROM events WHERE outcome = 'dead' AND livemode = $1) AS dead";

impl Transaction {
    /// What happened within each of these stretches, which are in order; nothing outside them is looked at.
    #[shared::built_once]
    pub async fn kpi_figures(
        &mut self,
        scope: &Scope,
        stretches: &[Stretch],
    ) -> Result<Figures, LedgerError> {
        let numbered: Vec<(i64, &Stretch)> = (0..).zip(stretches).collect();
        let input = || {
            Rows::of(&numbered)
                .int("number", |(number, _)| *number)
                .time("from_at", |(_, stretch)| Some(stretch.from))
                .time("until_at", |(_, stretch)| Some(stretch.until))
                .flag("of_livemode", |_| scope.livemode)
                .maybe_text("of_account", |_| scope.account.as_deref())
        };
        let (first, last) = (stretches.first(), stretches.last());
        let (from, until) =
            first.zip(last).map_or_else(Default::default, |(first, last)| (first.from, last.until));
        Ok(Figures {
            succeeded: input().fetch(self, SUCCEEDED).await?,
            failed: input().fetch(self, FAILED).await?,
            refunded: input().fetch(self, REFUNDED).await?,
            disputed: input().fetch(self, DISPUTED).await?,
            decided: input().fetch(self, DECIDED).await?,
            applied: query(APPLIED)
                .bind(from)
                .bind(until)
                .bind(scope.livemode)
                .bind(LATENCY_SAMPLE)
                .all(self)
                .await?,
            unprocessed: query(UNPROCESSED).bind(scope.livemode).one(self).await?,
        })
    }
}
