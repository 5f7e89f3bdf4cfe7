//! At start-up: checks that everything that the embedded queue handed over is in the ledger, which may have
//! lost its last commits.

use chrono::{DateTime, Utc};
use shared::queue::{Queue, Taken};

use ledger::{Ledger, LedgerError};

/// Compares the two, and says in the log what is lost. Events are taken all the same: those that are lost do not
/// come back by waiting.
pub(crate) async fn check(queue: &Queue, ledger: &Ledger, now: DateTime<Utc>) -> Result<(), LedgerError> {
    let Ok(Some(forgotten)) = queue.forgotten().await else { return Ok(()) };
    let mut tx = ledger.begin().await?;
    if tx.is_older_than_commits().await? {
        // What was handed over before the ledger began to count is taken for granted.
        let (queue, highest, deliveries) = (forgotten.queue, forgotten.highest, forgotten.count);
        tx.note_commit(&[], Some(&Taken { queue, highest, deliveries }), now).await?;
        return tx.commit().await;
    }
    let known = tx.highest_taken(&forgotten.queue).await?;
    if forgotten.highest > known {
        tracing::error!(
            forgotten = forgotten.highest,
            known,
            "the ledger has lost its last commits: `tidegate audit verify` says how many"
        );
    }
    Ok(())
}
