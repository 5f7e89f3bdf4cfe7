//! The tables `fraud_due`: what batches changed and the fraud desk has not looked at yet; and `fraud_card_key`: the value under
//! which it names cards.

use chrono::{DateTime, Utc};
use domain::fraud::Due;
use domain::readable;
use shared::trace::random_hex;

use crate::engine::query::query;
use crate::engine::rows::Rows;
use crate::{LedgerError, Transaction};

readable! {
    /// What one batch changed.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct NotedBatch {
        pub id: String,
        pub objects: String,
    }
}

impl Transaction {
    /// Notes what a batch changed, where it changed anything that the fraud desk looks at.
    #[shared::built_once]
    pub async fn note_for_fraud_desk(&mut self, due: &Due, now: DateTime<Utc>) -> Result<(), LedgerError> {
        if due.is_empty() {
            return Ok(());
        }
        // In order of time, and none twice.
        let id = format!("{:016x}{}", now.timestamp_micros(), random_hex::<4>());
        query("INSERT INTO fraud_due (id, objects, noted_at) VALUES ($1, $2, $3)")
            .bind(id)
            .bind(due.text())
            .bind(now)
            .run(self)
            .await?;
        Ok(())
    }

    /// The oldest batches that nobody has looked at.
    #[shared::built_once]
    pub async fn fraud_due(&mut self, limit: i64) -> Result<Vec<NotedBatch>, LedgerError> {
        query("SELECT id, objects FROM fraud_due ORDER BY id LIMIT $1").bind(limit).all(self).await
    }

    /// Takes them; `false` where somebody else has taken one of them meanwhile.
    #[shared::built_once]
    pub async fn take_fraud_due(&mut self, batches: &[NotedBatch]) -> Result<bool, LedgerError> {
        let taken = Rows::of(batches)
            .text("done", |batch| &batch.id)
            .run(self, "DELETE FROM fraud_due WHERE id IN (SELECT done FROM input)")
            .await?;
        Ok(taken == batches.len() as u64)
    }

    /// When the oldest of them was noted.
    #[shared::built_once]
    pub async fn fraud_due_since(&mut self) -> Result<Option<DateTime<Utc>>, LedgerError> {
        query("SELECT noted_at FROM fraud_due ORDER BY id LIMIT 1").optional(self).await
    }

    /// Drawn once, by whoever needs it first.
    #[shared::built_once]
    pub async fn fraud_card_key(&mut self) -> Result<String, LedgerError> {
        const READ: &str = "SELECT value FROM fraud_card_key";
        if let Some(value) = query(READ).optional(self).await? {
            return Ok(value);
        }
        query("INSERT INTO fraud_card_key (number, value) VALUES (1, $1) ON CONFLICT (number) DO NOTHING")
            .bind(random_hex::<32>())
            .run(self)
            .await?;
        query(READ).one(self).await
    }
}
