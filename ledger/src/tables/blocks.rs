//! The table `blocks`: customers and users who are not charged, whatever the account and mode.

use chrono::{DateTime, Utc};
use domain::readable;
use serde::Serialize;

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::{LedgerError, Transaction};

readable! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Block {
        /// Of a customer, or of a user of the merchant's own.
        pub id: String,
        pub reason: String,
        pub placed_by: String,
        pub placed_at: DateTime<Utc>,
    }
}

impl Transaction {
    /// `false` where there is one already.
    #[shared::built_once]
    pub async fn place_block(&mut self, block: &Block) -> Result<bool, LedgerError> {
        let placed = query(
            "INSERT INTO blocks (id, reason, placed_by, placed_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(&block.id)
        .bind(&block.reason)
        .bind(&block.placed_by)
        .bind(block.placed_at)
        .run(self)
        .await?;
        Ok(placed == 1)
    }

    /// `false` where there is none.
    #[shared::built_once]
    pub async fn lift_block(&mut self, id: &str) -> Result<bool, LedgerError> {
        Ok(query("DELETE FROM blocks WHERE id = $1").bind(id).run(self).await? == 1)
    }

    /// The blocks of these customers and users.
    #[shared::built_once]
    pub async fn blocks_of(&mut self, ids: &[String]) -> Result<Vec<Block>, LedgerError> {
        Rows::of(ids)
            .text("wanted", |id| id)
            .fetch(
                self,
                "SELECT id, reason, placed_by, placed_at FROM blocks JOIN input ON id = wanted ORDER BY id",
            )
            .await
    }
}
