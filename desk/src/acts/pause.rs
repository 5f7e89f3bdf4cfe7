//! Pausing consumption: one row in the ledger stops every worker and survives restarts. Workers finish their
//! batches and receive nothing more; a paused worker is still healthy.

use chrono::{DateTime, Utc};
use serde::Serialize;

use domain::{AuditChange, Key, Severity, Transition, audit_chain};
use ledger::tables::pauses::Pause;
use ledger::{Ledger, LedgerError, Transaction};

/// The audit's words for what is paused: all workers of a ledger together.
const KIND: &str = "worker";
const SUBJECT: &str = "consumption";
/// How often a pause is asked for again where two people come and go at the same moment.
const ATTEMPTS: usize = 3;

/// What came of asking for a pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "paused", rename_all = "snake_case")]
pub enum Paused {
    Now(Pause),
    /// Another pause lasts already, and is left as it is.
    Before(Pause),
}

/// Stops consumption by every worker within about a second. Does nothing while it is paused already.
#[shared::built_once]
pub async fn pause(
    ledger: &Ledger,
    reason: &str,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Paused, LedgerError> {
    for _ in 0..ATTEMPTS {
        let mut tx = ledger.begin().await?;
        if let Some(pause) = tx.begin_pause(reason, by, now).await? {
            let change = change("running", "paused", Severity::Warning);
            append(&mut tx, change, by, now).await?;
            tx.commit().await?;
            return Ok(Paused::Now(pause));
        }
        if let Some(pause) = tx.lasting_pause().await? {
            return Ok(Paused::Before(pause));
        }
    }
    Err(LedgerError::Contended)
}

/// Lets workers go on, and gives back the pause that ended; `None` where none lasted.
#[shared::built_once]
pub async fn resume(ledger: &Ledger, by: &str, now: DateTime<Utc>) -> Result<Option<Pause>, LedgerError> {
    let mut tx = ledger.begin().await?;
    let Some(pause) = tx.end_pause(by, now).await? else { return Ok(None) };
    let change = change("paused", "running", Severity::Info);
    append(&mut tx, change, by, now).await?;
    tx.commit().await?;
    Ok(Some(pause))
}

fn change(before: &str, after: &str, severity: Severity) -> AuditChange {
    AuditChange {
        what: "consumption",
        before: Some(before.to_owned()),
        after: Some(after.to_owned()),
        severity,
    }
}

async fn append(
    tx: &mut Transaction,
    change: AuditChange,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let last = tx.last_line(KIND, &subject()).await?;
    let moved =
        Transition { kind: KIND, key: subject(), revision: last.revision + 1, event_id: None, change };
    tx.append_audit(&[audit_chain::extend(&mut last.hash(), &moved, by, now)]).await
}

fn subject() -> Key {
    Key { id: SUBJECT.to_owned(), account: String::new(), livemode: true }
}
