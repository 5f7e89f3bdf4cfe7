//! That somebody lacks the permission for an act stands in the audit, whichever door they came by.

use chrono::{DateTime, Utc};
use ledger::{Ledger, LedgerError};

use crate::actor::{Actor, Forbidden};
use crate::acts::staff;
use crate::audit_line::{Subject, note_refusal};

#[shared::built_once]
pub async fn note_forbidden(
    ledger: &Ledger,
    actor: &Actor,
    act: &str,
    forbidden: &Forbidden,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let (subject, why) = (Subject { kind: staff::KIND, id: actor.staff() }, forbidden.to_string());
    note_refusal(ledger, subject, act, &why, &actor.in_audit(), now).await
}
