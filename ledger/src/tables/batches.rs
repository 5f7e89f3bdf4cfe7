//! The tables `batches` and `batch_items`: frozen lists of operations under one word. Append-only.

use chrono::{DateTime, Utc};
use domain::operations::Operation;
use domain::operations::batch::Batch;

use crate::engine::query::query;
use crate::{LedgerError, Transaction};

impl Transaction {
    #[shared::built_once]
    pub async fn insert_batch(&mut self, batch: &Batch, operations: &[Operation]) -> Result<(), LedgerError> {
        query(
            "INSERT INTO batches (id, account, livemode, items, sums, hash, reason, note, requested_by, known_by, \
             requested_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(&batch.id)
        .bind(&batch.account)
        .bind(batch.livemode)
        .bind(batch.items)
        .bind(&batch.sums)
        .bind(&batch.hash)
        .bind(&batch.reason)
        .bind(batch.note.clone())
        .bind(&batch.requested_by)
        .bind(&batch.known_by)
        .bind(batch.requested_at)
        .run(self)
        .await?;
        for (number, operation) in (1_i64..).zip(operations) {
            query("INSERT INTO batch_items (batch, number, operation) VALUES ($1, $2, $3)")
                .bind(&batch.id)
                .bind(number)
                .bind(operation.id())
                .run(self)
                .await?;
        }
        Ok(())
    }

    /// The last list of the same person, by whatever door they came, with the same content, asked for after a moment; one of
    /// which nothing was done nor will be is none.
    #[shared::built_once]
    pub async fn same_batch(
        &mut self,
        batch: &Batch,
        since: DateTime<Utc>,
    ) -> Result<Option<String>, LedgerError> {
        let asked_by = batch.requested_by.to_ascii_lowercase();
        let person = asked_by.strip_prefix("cli:").unwrap_or(&asked_by).trim();
        query(
            "SELECT id FROM batches WHERE requested_at > $1 AND hash = $2 AND LOWER(requested_by) IN ($3, 'cli:' || $3) \
             AND account = $4 AND livemode = $5 AND EXISTS (SELECT 1 FROM batch_items JOIN operations \
             ON operations.id = batch_items.operation WHERE batch_items.batch = batches.id AND operations.state IN \
             ('needs_confirmation', 'needs_approval', 'approved', 'executing', 'unknown', 'succeeded')) \
             ORDER BY requested_at DESC LIMIT 1",
        )
        .bind(since)
        .bind(&batch.hash)
        .bind(person)
        .bind(&batch.account)
        .bind(batch.livemode)
        .optional(self)
        .await
    }

    #[shared::built_once]
    pub async fn batch(&mut self, id: &str) -> Result<Option<Batch>, LedgerError> {
        query("SELECT * FROM batches WHERE id = $1").bind(id).optional(self).await
    }

    /// Those of which an item waits for a second person, the newest first. SQLite takes the index of open operations only
    /// by the index's own words.
    #[shared::built_once]
    pub async fn waiting_batches(&mut self, livemode: bool, limit: i64) -> Result<Vec<Batch>, LedgerError> {
        query(
            "SELECT * FROM batches WHERE livemode = $1 AND id IN (SELECT batch_items.batch FROM operations \
             JOIN batch_items ON batch_items.operation = operations.id WHERE operations.state = 'needs_approval' \
             AND operations.state IN ('needs_confirmation', 'needs_approval', 'approved', 'executing', 'unknown') \
             AND operations.livemode = $1) ORDER BY requested_at DESC, id LIMIT $2",
        )
        .bind(livemode)
        .bind(limit)
        .all(self)
        .await
    }

    /// Its operations as they are now, in the order of the list.
    #[shared::built_once]
    pub async fn batch_operations(&mut self, id: &str) -> Result<Vec<Operation>, LedgerError> {
        query(
            "SELECT operations.* FROM batch_items JOIN operations ON operations.id = batch_items.operation \
             WHERE batch_items.batch = $1 ORDER BY batch_items.number",
        )
        .bind(id)
        .all(self)
        .await
    }

    /// The batch that an operation belongs to.
    #[shared::built_once]
    pub async fn batch_of(&mut self, operation: &str) -> Result<Option<String>, LedgerError> {
        query("SELECT batch FROM batch_items WHERE operation = $1").bind(operation).optional(self).await
    }
}
