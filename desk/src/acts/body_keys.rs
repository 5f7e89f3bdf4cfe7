//! Bringing all that is sealed under the newest key of `BODY_KEYS_FILE`, so that an older one can be thrown away; what was
//! stored before there was a key, too.

use chrono::{DateTime, Utc};
use domain::{AuditChange, Severity};
use ledger::tables::sealed_rows::ResealPlace;
use ledger::{Ledger, LedgerError};
use serde::Serialize;

use super::Person;
use crate::audit_line::{Subject, append};

/// The audit's name for the keys.
const BODY_KEY: &str = "body_key";

/// What a run did.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Resealed {
    pub rows: u64,
    /// Rows that cannot be read; they stay as they are.
    pub unread: u64,
}

/// Seals every row by the newest key that it does not seal yet, some at a time while workers go on. A run that was cut
/// off leaves fewer rows for the next one.
#[shared::built_once]
pub async fn reseal(
    ledger: &Ledger,
    by: &Person,
    now: DateTime<Utc>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Resealed, LedgerError> {
    ledger.check_body_keys().await?;
    let mut done = Resealed::default();
    let mut place = Some(ResealPlace::first());
    while let Some(after) = place {
        let mut tx = ledger.begin().await?;
        let step = tx.reseal(&after).await?;
        tx.commit().await?;
        done.rows += step.rows;
        done.unread += step.unread;
        place = step.next;
        progress(done.rows);
    }
    if let Some(newest) = ledger.body_keys().newest().filter(|_| done.rows > 0) {
        let change = AuditChange {
            what: "resealed",
            before: None,
            after: Some(format!("{} rows", done.rows)),
            severity: Severity::Warning,
        };
        let mut tx = ledger.begin().await?;
        append(&mut tx, Subject { kind: BODY_KEY, id: newest }, change, by.name(), now).await?;
        tx.commit().await?;
    }
    Ok(done)
}
