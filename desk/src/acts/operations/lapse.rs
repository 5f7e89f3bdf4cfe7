//! Ends operations that nobody decided about in time, or that could not be sent in time: what they held is free again.

use chrono::{DateTime, Utc};
use ledger::{Ledger, LedgerError};

use super::record;

/// So many at a time: one transaction each.
const AT_ONCE: i64 = 100;

/// Lapses what is over, and tells how many that were.
#[shared::built_once]
pub async fn lapse_expired(ledger: &Ledger, now: DateTime<Utc>) -> Result<usize, LedgerError> {
    let mut lapsed = 0;
    for id in ledger.expired_operations(now, AT_ONCE).await? {
        let mut tx = ledger.begin().await?;
        let Some(mut operation) = tx.lock_operation(&id).await? else { continue };
        let is_held = operation.held_until.is_some_and(|until| until > now);
        if !operation.is_expired(now) || is_held {
            continue; // somebody decided, or is about to send it
        }
        let Ok(change) = operation.lapse(now) else { continue };
        record::step(&mut tx, &mut operation, change, "tidegate", now).await?;
        tx.commit().await?;
        lapsed += 1;
    }
    Ok(lapsed)
}
