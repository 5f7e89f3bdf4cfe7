//! Keeping bodies beyond their retention, with a reason: for a lawsuit, or an investigation. A hold is on whatever has an id:
//! an event, a payment, a customer. Each is in the audit when it is placed and when it is lifted.

use chrono::{DateTime, Utc};
use domain::{AuditChange, Severity};
use envelope::is_identifier;
use ledger::Ledger;
use ledger::tables::holds::Hold;

use super::{Person, Refusal, reason};
use crate::audit_line::{Subject, append};

/// The audit's name for what is kept longer.
pub const HOLD: &str = "hold";

/// `false` where it is on hold already; nothing is written then.
#[shared::built_once]
pub async fn place(
    ledger: &Ledger,
    object_id: &str,
    why: &str,
    by: &Person,
    now: DateTime<Utc>,
) -> Result<bool, Refusal> {
    if !is_identifier(object_id) {
        return Err(Refusal::Text { what: "id", fault: "not an id of Stripe's".to_owned() });
    }
    let why = reason(why)?;
    let hold = Hold {
        object_id: object_id.to_owned(),
        reason: why.clone(),
        placed_by: by.name().to_owned(),
        placed_at: now,
    };
    let mut tx = ledger.begin().await?;
    if !tx.place_hold(&hold).await? {
        return Ok(false);
    }
    let change = AuditChange { what: "placed", before: None, after: Some(why), severity: Severity::Warning };
    append(&mut tx, Subject { kind: HOLD, id: object_id }, change, by.name(), now).await?;
    tx.commit().await?;
    Ok(true)
}

/// `false` where it is not on hold; nothing is written then.
#[shared::built_once]
pub async fn lift(
    ledger: &Ledger,
    object_id: &str,
    why: &str,
    by: &Person,
    now: DateTime<Utc>,
) -> Result<bool, Refusal> {
    let why = reason(why)?;
    let mut tx = ledger.begin().await?;
    if !tx.lift_hold(object_id).await? {
        return Ok(false);
    }
    let change = AuditChange { what: "lifted", before: None, after: Some(why), severity: Severity::Warning };
    append(&mut tx, Subject { kind: HOLD, id: object_id }, change, by.name(), now).await?;
    tx.commit().await?;
    Ok(true)
}
