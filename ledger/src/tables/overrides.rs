//! The table `ban_overrides`: decisions of staff about users, append-only, because no event could restore them. Numbered
//! under the lock of the ban's row.

use chrono::{DateTime, Utc};
use domain::readable;
use serde::Serialize;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};
use domain::Key;
use domain::bans::Act;

readable! {
    /// One decision of staff about a user.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Override {
        pub number: i64,
        pub act: Act,
        pub until: Option<DateTime<Utc>>,
        pub reason: String,
        pub decided_by: String,
        pub decided_at: DateTime<Utc>,
    }
}

impl Transaction {
    /// Every decision about a user, oldest first.
    #[shared::built_once]
    pub async fn overrides_of(&mut self, user: &Key) -> Result<Vec<Override>, LedgerError> {
        query(
            "SELECT number, act, until, reason, decided_by, decided_at FROM ban_overrides \
                 WHERE id = $1 AND account = $2 AND livemode = $3 ORDER BY number",
        )
        .bind(&user.id)
        .bind(&user.account)
        .bind(user.livemode)
        .all(self)
        .await
    }

    #[shared::built_once]
    pub async fn append_override(&mut self, user: &Key, decision: &Override) -> Result<(), LedgerError> {
        {
            query(
                "INSERT INTO ban_overrides (id, account, livemode, number, act, until, reason, decided_by, decided_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(&user.id)
            .bind(&user.account)
            .bind(user.livemode)
            .bind(decision.number)
            .bind(decision.act.as_str())
            .bind(decision.until)
            .bind(&decision.reason)
            .bind(&decision.decided_by)
            .bind(decision.decided_at)
            .run(self)
            .await?;
        };
        Ok(())
    }
}
