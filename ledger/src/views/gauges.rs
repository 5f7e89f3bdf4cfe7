//! Gauges of the ledger: a fixed number of statements, each on an index and over a bounded number of rows, so
//! that a scrape is cheap for any ledger.

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Kind, readable};
use sqlx::AssertSqlSafe;

use crate::engine::query::query;
use crate::tables::resolutions::{PAST_DUE, unanswered, unresolved};
use crate::{Ledger, LedgerError};

/// Every count ends here, and says so in its help text: more is told as this many.
pub const COUNT_LIMIT: i64 = 10_000;
/// Over how long disputes are summed up.
pub const DISPUTES_SPAN: TimeDelta = TimeDelta::days(90);

/// All statements, for those who check on what they rest.
pub fn statements() -> [&'static str; 10] {
    [
        UNFINISHED,
        DEAD,
        NAMED_ONLY,
        &UNCERTAIN,
        EVIDENCE_DUE,
        PAST_DUE,
        RECENT_DISPUTES,
        BANNED,
        OPERATIONS,
        GOODS_DUE,
    ]
}

const UNFINISHED: &str = "SELECT \
    (SELECT COUNT(*) FROM (SELECT retry_at FROM events WHERE outcome = 'waiting' LIMIT 10000) w) AS waiting, \
    (SELECT COUNT(*) FROM (SELECT recorded_at FROM events WHERE outcome = 'dead' LIMIT 10000) d) AS dead, \
    (SELECT MIN(o.recorded_at) FROM (SELECT recorded_at FROM events WHERE outcome = 'waiting' ORDER BY retry_at \
     LIMIT 10000) o) AS waiting_since, \
    (SELECT MIN(recorded_at) FROM events WHERE outcome = 'dead') AS dead_since";
const DEAD: &str = "SELECT id, account, livemode, fingerprint, object_id, amount, currency FROM events \
    WHERE outcome = 'dead' ORDER BY recorded_at LIMIT 10000";
const NAMED_ONLY: &str = "SELECT 'charge' AS kind, \
    (SELECT COUNT(*) FROM (SELECT first_event_at FROM charges WHERE status = 'unknown' AND created_at IS NULL LIMIT 10000) c) AS count, \
    (SELECT MIN(first_event_at) FROM charges WHERE status = 'unknown' AND created_at IS NULL) AS since \
    UNION ALL SELECT 'payment', \
    (SELECT COUNT(*) FROM (SELECT first_event_at FROM payments WHERE status = 'unknown' AND created_at IS NULL LIMIT 10000) p), \
    (SELECT MIN(first_event_at) FROM payments WHERE status = 'unknown' AND created_at IS NULL) \
    UNION ALL SELECT 'invoice', \
    (SELECT COUNT(*) FROM (SELECT first_event_at FROM invoices WHERE status = 'unknown' AND created_at IS NULL AND is_stripes LIMIT 10000) i), \
    (SELECT MIN(first_event_at) FROM invoices WHERE status = 'unknown' AND created_at IS NULL AND is_stripes)";
static UNCERTAIN: LazyLock<String> = LazyLock::new(|| {
    let counts = Kind::ALL.iter().filter(|kind| kind.can_be_uncertain()).map(|kind| {
        let table = kind.table();
        format!("SELECT '{kind}' AS kind, COUNT(*) AS objects FROM (SELECT id FROM {table} WHERE needs_refetch LIMIT 10000) {kind}")
    });
    counts.collect::<Vec<_>>().join(" UNION ALL ")
});
const EVIDENCE_DUE: &str = concat!(
    "SELECT livemode, respond_by, EXISTS (SELECT 1 FROM operations o WHERE o.subject_id = disputes.id \
     AND o.subject_kind = 'dispute' AND o.account = disputes.account AND o.livemode = disputes.livemode \
     AND o.kind = 'evidence_stage' AND o.state = 'succeeded') AS is_stored FROM disputes WHERE ",
    unanswered!(),
    " AND respond_by > $1 AND respond_by <= $2 AND ",
    unresolved!(),
    " ORDER BY respond_by LIMIT 10000"
);
const RECENT_DISPUTES: &str = "SELECT livemode, status, COUNT(*) AS disputes FROM (SELECT livemode, status, inquiry FROM disputes \
    WHERE COALESCE(opened_at, first_event_at) >= $1 ORDER BY COALESCE(opened_at, first_event_at) DESC LIMIT 10000) d \
    WHERE NOT inquiry GROUP BY livemode, status";
const BANNED: &str = "SELECT livemode, COUNT(*) AS users FROM (SELECT livemode FROM bans \
    WHERE (status = 'banned' OR override_act <> 'none') AND status = 'banned' LIMIT 10000) b GROUP BY livemode";

const OPERATIONS: &str = "SELECT livemode, kind, state, COUNT(*) AS operations, MIN(requested_at) AS since FROM \
    (SELECT livemode, kind, state, requested_at FROM operations \
    WHERE state IN ('needs_confirmation', 'needs_approval', 'approved', 'executing', 'unknown') \
    ORDER BY state, requested_at LIMIT 10000) o GROUP BY livemode, kind, state";

const GOODS_DUE: &str = "SELECT MIN(turns_at) FROM goods WHERE turns_at <= $1";

/// Everything that is asked at once.
#[derive(Debug)]
pub struct Gauges {
    pub unfinished: Unfinished,
    pub dead: Vec<DeadLetter>,
    pub named_only: Vec<NamedOnly>,
    /// Kind, and how many objects.
    pub uncertain: Vec<(String, i64)>,
    /// Mode, until when evidence counts, and whether it is stored at Stripe without being submitted.
    pub evidence_due: Vec<(bool, DateTime<Utc>, bool)>,
    /// Since when nothing is charged.
    pub checkout_closed_since: Option<DateTime<Utc>>,
    /// Mode, status, and how many.
    pub recent_disputes: Vec<(bool, String, i64)>,
    /// Mode, and how many users.
    pub banned: Vec<(bool, i64)>,
    pub operations: Vec<OpenOperations>,
    /// Since when the clock has something to make of goods.
    pub goods_due_since: Option<DateTime<Utc>>,
}

readable! {
    /// Operations of one mode, kind and state that have not ended, and when the oldest of them was asked for.
    #[derive(Debug)]
    pub struct OpenOperations {
        pub livemode: bool,
        pub kind: String,
        pub state: String,
        pub operations: i64,
        pub since: Option<DateTime<Utc>>,
    }
}

readable! {
    #[derive(Debug)]
    pub struct Unfinished {
        pub waiting: i64,
        pub dead: i64,
        pub waiting_since: Option<DateTime<Utc>>,
        pub dead_since: Option<DateTime<Utc>>,
    }
}

readable! {
    #[derive(Debug)]
    pub struct DeadLetter {
        pub id: String,
        pub account: String,
        pub livemode: bool,
        pub fingerprint: Option<String>,
        pub object_id: Option<String>,
        pub amount: Option<i64>,
        pub currency: Option<String>,
    }
}

readable! {
    /// Objects of one kind that were named and not yet reported: how many, at most `COUNT_LIMIT`, and since when by
    /// Stripe's stamp.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
    pub struct NamedOnly {
        pub kind: String,
        pub count: i64,
        pub since: Option<DateTime<Utc>>,
    }
}

impl Ledger {
    #[shared::built_once]
    pub async fn named_only(&self) -> Result<Vec<NamedOnly>, LedgerError> {
        let mut tx = self.read().await?;
        query(NAMED_ONLY).all(&mut tx).await
    }

    /// One state of the ledger, as of one moment.
    #[shared::built_once]
    pub async fn gauges(&self, now: DateTime<Utc>, due_until: DateTime<Utc>) -> Result<Gauges, LedgerError> {
        let mut tx = self.read().await?;
        Ok({
            Gauges {
                unfinished: query(UNFINISHED).one(&mut tx).await?,
                dead: query(DEAD).all(&mut tx).await?,
                named_only: query(NAMED_ONLY).all(&mut tx).await?,
                uncertain: query(AssertSqlSafe(UNCERTAIN.as_str())).all(&mut tx).await?,
                checkout_closed_since: tx.checkout_closing().await?.map(|closing| closing.closed_at),
                evidence_due: query(EVIDENCE_DUE).bind(now).bind(due_until).all(&mut tx).await?,
                recent_disputes: query(RECENT_DISPUTES).bind(now - DISPUTES_SPAN).all(&mut tx).await?,
                banned: query(BANNED).all(&mut tx).await?,
                operations: query(OPERATIONS).all(&mut tx).await?,
                goods_due_since: query(GOODS_DUE).bind(now).one::<(Option<DateTime<Utc>>,)>(&mut tx).await?.0,
            }
        })
    }
}
