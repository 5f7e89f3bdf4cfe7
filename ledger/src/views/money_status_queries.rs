//! What an on-call engineer should know about money, and which event types have arrived recently. Each
//! statement uses an index and reads a bounded number of rows.

use domain::readable;
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::engine::query::query;
use crate::tables::resolutions::{unanswered, unresolved};
use crate::views::gauges::DeadLetter;
use crate::{Ledger, LedgerError};

/// With how many days before this hour is compared.
pub const DAYS_COMPARED: i32 = 7;

/// Where the hour is older than the ledger, it says nothing about what is usual.
const BEGUN: &str = "SELECT MIN(recorded_at) FROM events";
const FAILED: &str = "SELECT \
    (SELECT COUNT(*) FROM (SELECT failed_at FROM payment_failures WHERE livemode = TRUE AND failed_at > $1 \
     AND failed_at <= $2 AND payment IS NOT NULL LIMIT 10000) l) AS live, \
    (SELECT COUNT(*) FROM (SELECT failed_at FROM payment_failures WHERE livemode = FALSE AND failed_at > $1 \
     AND failed_at <= $2 AND payment IS NOT NULL LIMIT 10000) t) AS test";
const UNANSWERED: &str = concat!(
    "SELECT livemode, amount, currency, respond_by, (SELECT COUNT(*) FROM operations o \
     WHERE o.subject_id = disputes.id AND o.account = disputes.account AND o.livemode = disputes.livemode \
     AND o.subject_kind = 'dispute' AND o.kind = 'evidence_stage' AND o.state = 'succeeded') AS staged \
     FROM disputes WHERE ",
    unanswered!(),
    " AND respond_by <= $1 AND ",
    unresolved!(),
    " ORDER BY respond_by LIMIT 10000"
);
const DEAD: &str = "SELECT id, account, livemode, fingerprint, object_id, amount, currency FROM events \
    WHERE outcome = 'dead' ORDER BY recorded_at LIMIT 10000";
const TYPES: &str = "SELECT type AS kind, COUNT(*) AS events FROM (SELECT type, source FROM events \
    ORDER BY recorded_at DESC LIMIT $1) newest WHERE source = 'stripe' GROUP BY type";

#[derive(Debug)]
pub struct MoneyStatus {
    pub failed: FailedByHour,
    /// The most urgent first.
    pub unanswered: Vec<Unanswered>,
    pub dead: Vec<DeadLetter>,
}

/// Failed attempts to pay, by Stripe's stamp.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailedByHour {
    pub last_hour: ByMode,
    /// In the same hour of days before, as far as the ledger reaches back.
    pub before: Vec<ByMode>,
}

readable! {
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
    pub struct ByMode {
        pub live: i64,
        pub test: i64,
    }
}

readable! {
    /// A dispute or an inquiry that waits for our answer, and that staff have not resolved.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Unanswered {
        pub livemode: bool,
        pub amount: i64,
        pub currency: String,
        pub respond_by: DateTime<Utc>,
        /// How many operations have stored evidence for it, which is no answer yet.
        pub staged: i64,
    }
}

impl Ledger {
    /// One state of the ledger. `due_until`: which deadlines are near.
    #[shared::built_once]
    pub async fn money_status(
        &self,
        now: DateTime<Utc>,
        due_until: DateTime<Utc>,
    ) -> Result<MoneyStatus, LedgerError> {
        let mut tx = self.read().await?;
        Ok({
            let begun: Option<DateTime<Utc>> = query(BEGUN).one(&mut tx).await?;
            let mut failed = FailedByHour::default();
            for day in 0..=DAYS_COMPARED {
                let end = now - TimeDelta::days(day.into());
                let from = end - TimeDelta::hours(1);
                if day > 0 && begun.is_none_or(|begun| from < begun) {
                    break;
                }
                let counted: ByMode = query(FAILED).bind(from).bind(end).one(&mut tx).await?;
                if day == 0 {
                    failed.last_hour = counted;
                } else {
                    failed.before.push(counted);
                }
            }
            MoneyStatus {
                failed,
                unanswered: query(UNANSWERED).bind(due_until).all(&mut tx).await?,
                dead: query(DEAD).all(&mut tx).await?,
            }
        })
    }

    /// The types of the newest events that came by webhook, and how many of each.
    #[shared::built_once]
    pub async fn types_of_late(&self, among_newest: i64) -> Result<BTreeMap<String, i64>, LedgerError> {
        let mut tx = self.read().await?;
        let types: Vec<(String, i64)> = { query(TYPES).bind(among_newest).all(&mut tx).await? };
        Ok(types.into_iter().collect())
    }
}
