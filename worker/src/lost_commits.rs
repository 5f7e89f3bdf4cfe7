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
    if is_lost(forgotten.highest, known) {
        tracing::error!(
            forgotten = forgotten.highest,
            known,
            "the ledger has lost its last commits: `tidegate audit verify` says how many"
        );
    }
    Ok(())
}

/// The queue let go of a message, and the ledger knows of none so late.
fn is_lost(forgotten: i64, known: i64) -> bool {
    forgotten > known
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_message_that_nobody_has_is_lost() {
        assert!(super::is_lost(8, 7));
        assert!(!super::is_lost(7, 7) && !super::is_lost(6, 7));
    }
}
