//! Acknowledging a difference that reconciliation found: why it is known, and who says so. It stays in sight until it
//! is gone.

use chrono::{DateTime, Utc};
use domain::{AuditChange, Key, Severity, Transition, audit_chain};
use ledger::Ledger;

use super::{Person, Refusal, text};

/// The audit's name for what reconciliation found.
pub const FINDING: &str = "finding";

/// `false` where there is no such finding that lasts; nothing is written then.
pub async fn acknowledge(
    ledger: &Ledger,
    id: &str,
    note: &str,
    by: &Person,
    now: DateTime<Utc>,
) -> Result<bool, Refusal> {
    let note = text("note", note)?;
    let mut tx = ledger.begin().await?;
    let found = tx.acknowledge_finding(id, &note, by.name(), now).await?;
    for (account, livemode) in &found {
        let key = Key { id: id.to_owned(), account: account.clone(), livemode: *livemode };
        let last = tx.last_line(FINDING, &key).await?;
        let (revision, mut hash) = (last.revision + 1, last.hash());
        let change = AuditChange {
            what: "acknowledged",
            before: None,
            after: Some(note.clone()),
            severity: Severity::Warning,
        };
        let moved = Transition { kind: FINDING, key, revision, event_id: None, change };
        tx.append_audit(&[audit_chain::extend(&mut hash, &moved, by.name(), now)]).await?;
    }
    tx.commit().await?;
    Ok(!found.is_empty())
}
