//! When anything happened last: what a page that is looked at again and again asks first.

use chrono::{DateTime, Utc};
use domain::readable;

use crate::engine::query::query;
use crate::{Ledger, LedgerError, Transaction};

readable! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Newest {
        /// The newest event was recorded.
        pub event_at: Option<DateTime<Utc>>,
        /// A person, a program or the executor did something.
        pub act_at: Option<DateTime<Utc>>,
    }
}

readable! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ModesSeen {
        /// `None` where no event has arrived.
        pub newest_is_live: Option<bool>,
        /// A payment of the live mode has succeeded.
        pub has_paid_live: bool,
    }
}

impl Transaction {
    /// One statement, at the ends of two indexes: every page that names no mode asks it.
    #[shared::built_once]
    pub async fn modes_seen(&mut self) -> Result<ModesSeen, LedgerError> {
        query(
            "SELECT (SELECT livemode FROM events ORDER BY recorded_at DESC LIMIT 1) AS newest_is_live, \
             EXISTS (SELECT 1 FROM payments WHERE livemode = TRUE AND succeeded_at IS NOT NULL) AS has_paid_live",
        )
        .one(self)
        .await
    }
}

impl Ledger {
    /// One statement, at the ends of two indexes.
    #[shared::built_once]
    pub async fn newest(&self) -> Result<Newest, LedgerError> {
        query(
            "SELECT (SELECT MAX(recorded_at) FROM events) AS event_at, \
             (SELECT MAX(at) FROM audit WHERE event_id IS NULL) AS act_at",
        )
        .one(&mut self.read().await?)
        .await
    }
}
