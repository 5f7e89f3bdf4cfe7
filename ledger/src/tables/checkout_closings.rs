//! The table `checkout_closings`: who stopped charging, when and why. The row without an end is the one that lasts.

use chrono::{DateTime, Utc};
use domain::readable;
use serde::Serialize;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};

readable! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Closing {
        pub number: i64,
        pub reason: String,
        pub closed_by: String,
        pub closed_at: DateTime<Utc>,
    }
}

impl Transaction {
    /// The closing that lasts; `None` while charges are made.
    #[shared::built_once]
    pub async fn checkout_closing(&mut self) -> Result<Option<Closing>, LedgerError> {
        query("SELECT number, reason, closed_by, closed_at FROM checkout_closings WHERE opened_at IS NULL")
            .optional(self)
            .await
    }

    /// Closes; `None` where it is closed, or where somebody else closes it at this moment.
    #[shared::built_once]
    pub async fn close_checkout(
        &mut self,
        reason: &str,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Closing>, LedgerError> {
        query(
            "INSERT INTO checkout_closings (number, reason, closed_by, closed_at) \
                 SELECT (SELECT COALESCE(MAX(number), 0) + 1 FROM checkout_closings), $1, $2, $3 \
                 WHERE NOT EXISTS (SELECT 1 FROM checkout_closings WHERE opened_at IS NULL) ON CONFLICT DO NOTHING \
                 RETURNING number, reason, closed_by, closed_at",
        )
        .bind(reason)
        .bind(by)
        .bind(now)
        .optional(self)
        .await
    }

    /// Opens again, and gives back the closing that ended; `None` where none lasted.
    #[shared::built_once]
    pub async fn open_checkout(
        &mut self,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Closing>, LedgerError> {
        query(
            "UPDATE checkout_closings SET opened_by = $1, opened_at = $2 WHERE opened_at IS NULL \
                 RETURNING number, reason, closed_by, closed_at",
        )
        .bind(by)
        .bind(now)
        .optional(self)
        .await
    }
}
