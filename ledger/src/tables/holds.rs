//! The table `holds`, and whose bodies outlive their retention: those of what is on hold, and of disputes with their
//! payments.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{Key, readable};
use serde::Serialize;

use crate::engine::query::query;
use crate::engine::rows::by_key;
use crate::{LedgerError, Transaction};

readable! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Hold {
        pub object_id: String,
        pub reason: String,
        pub placed_by: String,
        pub placed_at: DateTime<Utc>,
    }
}

impl Transaction {
    /// `false` where it is on hold already.
    #[shared::built_once]
    pub async fn place_hold(&mut self, hold: &Hold) -> Result<bool, LedgerError> {
        let placed = query(
            "INSERT INTO holds (object_id, reason, placed_by, placed_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (object_id) DO NOTHING",
        )
        .bind(&hold.object_id)
        .bind(&hold.reason)
        .bind(&hold.placed_by)
        .bind(hold.placed_at)
        .run(self)
        .await?;
        Ok(placed == 1)
    }

    /// `false` where it is not on hold.
    #[shared::built_once]
    pub async fn lift_hold(&mut self, object_id: &str) -> Result<bool, LedgerError> {
        Ok(query("DELETE FROM holds WHERE object_id = $1").bind(object_id).run(self).await? == 1)
    }

    /// Those of these keys whose bodies are to stay: they are on hold, or are a dispute that has not ended or ended after
    /// a moment, its charge, or its payment. Keys must be sorted.
    #[shared::built_once]
    pub async fn kept_longer(
        &mut self,
        keys: &[Key],
        ended_after: DateTime<Utc>,
    ) -> Result<BTreeSet<Key>, LedgerError> {
        const NOT_OVER: &str = "d.account = input.account AND d.livemode = input.livemode \
            AND (d.closed_at IS NULL OR d.closed_at > input.ended_after)";
        let statement = format!(
            "SELECT input.id, input.account, input.livemode FROM input JOIN holds h ON h.object_id = input.id \
             UNION SELECT input.id, input.account, input.livemode FROM input JOIN disputes d ON d.id = input.id \
             AND {NOT_OVER} \
             UNION SELECT input.id, input.account, input.livemode FROM input JOIN disputes d ON d.charge = input.id \
             AND {NOT_OVER} \
             UNION SELECT input.id, input.account, input.livemode FROM input JOIN charges c ON c.payment = input.id \
             AND c.account = input.account AND c.livemode = input.livemode JOIN disputes d ON d.charge = c.id \
             AND {NOT_OVER}"
        );
        let rows = by_key(keys).time("ended_after", |_| Some(ended_after));
        Ok(rows.fetch::<Key>(self, &statement).await?.into_iter().collect())
    }
}
