//! When anything happened last: what a page that is looked at again and again asks first.

use chrono::{DateTime, Utc};
use domain::readable;

use crate::engine::query::query;
use crate::{Ledger, LedgerError};

readable! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Newest {
        /// The newest event was recorded.
        pub event_at: Option<DateTime<Utc>>,
        /// A person, a program or the executor did something.
        pub act_at: Option<DateTime<Utc>>,
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
