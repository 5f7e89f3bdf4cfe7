//! Lines of the audit about what is no object of Stripe's: staff, tokens, policies. Their chain is found by its last
//! line, which the lock of the act keeps still.

use chrono::{DateTime, Utc};
use domain::{AuditChange, Key, Severity, Transition, audit_chain};
use ledger::{Ledger, LedgerError, Transaction};

/// How often a line about a refusal is tried again where another line about the same comes at the same moment.
const ATTEMPTS: usize = 5;

/// What a line is about: the audit's name for its kind, and its id.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub kind: &'static str,
    pub id: &'a str,
}

/// The key of a subject: it belongs to no account and to both modes.
pub fn key_of(id: &str) -> Key {
    Key { id: id.to_owned(), account: String::new(), livemode: true }
}

/// Appends a line in the transaction of what it says.
#[shared::built_once]
pub async fn append(
    tx: &mut Transaction,
    subject: Subject<'_>,
    change: AuditChange,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let key = key_of(subject.id);
    let last = tx.last_line(subject.kind, &key).await?;
    let (revision, mut hash) = (last.revision + 1, last.hash());
    let moved = Transition { kind: subject.kind, key, revision, event_id: None, change };
    tx.append_audit(&[audit_chain::extend(&mut hash, &moved, actor, now)]).await
}

/// Notes that an act was refused, in a transaction of its own: the act's own is undone.
#[shared::built_once]
pub async fn note_refusal(
    ledger: &Ledger,
    subject: Subject<'_>,
    act: &str,
    why: &str,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let change = AuditChange {
        what: "refused",
        before: Some(act.to_owned()),
        after: Some(why.to_owned()),
        severity: Severity::Warning,
    };
    append_alone(ledger, subject, change, by, now).await
}

/// Appends a line in a transaction of its own, though no lock keeps its chain still.
pub(crate) async fn append_alone(
    ledger: &Ledger,
    subject: Subject<'_>,
    change: AuditChange,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let mut tries = 0;
    loop {
        let mut tx = ledger.begin().await?;
        let appended = append(&mut tx, subject, change.clone(), by, now).await;
        match appended {
            Ok(()) => return tx.commit().await,
            // The key refuses the second of two lines of one number: look again which is the last.
            Err(LedgerError::Data(_)) if tries < ATTEMPTS => tries += 1,
            Err(error) => return Err(error),
        }
    }
}
