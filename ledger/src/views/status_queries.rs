//! The queries of `tidegate status`. Each uses an index and reads a bounded number of rows, so that it is cheap
//! on a ledger of many millions of events.

use chrono::{DateTime, Utc};
use domain::outcome::OutcomeKind;
use domain::readable;
use serde::Serialize;

use crate::engine::query::query;
use crate::{Ledger, LedgerError};

readable! {
    /// How many events were recorded since three moments.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
    pub struct Intake {
        pub last_minute: i64,
        pub last_hour: i64,
        pub last_day: i64,
    }
}

readable! {
    /// An event as it came, for latencies, clocks and outcomes.
    #[derive(Clone, Debug)]
    pub struct Recent {
        pub kind: String = "type",
        pub source: String,
        pub created_at: DateTime<Utc>,
        pub received_at: DateTime<Utc>,
        pub recorded_at: DateTime<Utc>,
        pub outcome: OutcomeKind,
        pub handler_version: i64,
    }
}

readable! {
    /// Dead letters of one cause.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct DeadCause {
        pub fingerprint: String,
        pub events: i64,
        pub last_hour: i64,
        pub first_at: DateTime<Utc>,
        pub last_at: DateTime<Utc>,
    }
}

readable! {
    /// Events that are tried again later.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
    pub struct Retries {
        pub events: i64,
        pub next_at: Option<DateTime<Utc>>,
    }
}

impl Ledger {
    #[shared::built_once]
    pub async fn intake(
        &self,
        minute: DateTime<Utc>,
        hour: DateTime<Utc>,
        day: DateTime<Utc>,
    ) -> Result<Intake, LedgerError> {
        let mut tx = self.read().await?;
        query(
            "SELECT (SELECT COUNT(*) FROM events WHERE recorded_at >= $1) AS last_minute, \
                 (SELECT COUNT(*) FROM events WHERE recorded_at >= $2) AS last_hour, \
                 (SELECT COUNT(*) FROM events WHERE recorded_at >= $3) AS last_day",
        )
        .bind(minute)
        .bind(hour)
        .bind(day)
        .one(&mut tx)
        .await
    }

    /// The newest events, the newest first.
    #[shared::built_once]
    pub async fn recent(&self, since: Option<DateTime<Utc>>, limit: i64) -> Result<Vec<Recent>, LedgerError> {
        let mut tx = self.read().await?;
        query(
            "SELECT type, source, created_at, received_at, recorded_at, outcome, handler_version FROM events \
                 WHERE recorded_at >= $1 ORDER BY recorded_at DESC LIMIT $2",
        )
        .bind(since.unwrap_or_default())
        .bind(limit)
        .all(&mut tx)
        .await
    }

    /// The causes of dead letters, the most frequent first.
    #[shared::built_once]
    pub async fn dead_causes(&self, hour: DateTime<Utc>) -> Result<Vec<DeadCause>, LedgerError> {
        let mut tx = self.read().await?;
        query(
                "SELECT COALESCE(fingerprint, reason) AS fingerprint, COUNT(*) AS events, \
                 COUNT(CASE WHEN COALESCE(last_failed_at, recorded_at) >= $1 THEN 1 END) AS last_hour, \
                 MIN(COALESCE(first_failed_at, recorded_at)) AS first_at, \
                 MAX(COALESCE(last_failed_at, recorded_at)) AS last_at \
                 FROM events WHERE outcome = 'dead' GROUP BY COALESCE(fingerprint, reason) ORDER BY 2 DESC, 1",
            )
            .bind(hour)
            .all(&mut tx)
            .await
    }

    /// What waits for its next attempt.
    #[shared::built_once]
    pub async fn retries(&self) -> Result<Retries, LedgerError> {
        let mut tx = self.read().await?;
        query("SELECT COUNT(*) AS events, MIN(retry_at) AS next_at FROM events WHERE outcome = 'waiting'")
            .one(&mut tx)
            .await
    }
}
