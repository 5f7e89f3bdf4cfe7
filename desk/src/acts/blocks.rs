//! Blocking a customer or a user: nothing is charged until staff lift it. A ban follows from chargebacks; a block is a
//! person's word, at once.

use chrono::{DateTime, Utc};
use domain::{AuditChange, Severity};
use ledger::Ledger;
use ledger::tables::blocks::Block;

use super::{Person, Refusal, reason, text};
use crate::audit_line::{Subject, append};

/// The audit's name for who is not charged.
pub const BLOCK: &str = "block";

/// `false` where there is a block already; nothing is written then.
#[shared::built_once]
pub async fn place(
    ledger: &Ledger,
    id: &str,
    why: &str,
    by: &Person,
    now: DateTime<Utc>,
) -> Result<bool, Refusal> {
    let (id, why) = (text("id", id)?, reason(why)?);
    let block =
        Block { id: id.clone(), reason: why.clone(), placed_by: by.name().to_owned(), placed_at: now };
    let mut tx = ledger.begin().await?;
    if !tx.place_block(&block).await? {
        return Ok(false);
    }
    let change = AuditChange { what: "placed", before: None, after: Some(why), severity: Severity::Warning };
    append(&mut tx, Subject { kind: BLOCK, id: &id }, change, by.name(), now).await?;
    tx.commit().await?;
    Ok(true)
}

/// `false` where there is none; nothing is written then.
#[shared::built_once]
pub async fn lift(
    ledger: &Ledger,
    id: &str,
    why: &str,
    by: &Person,
    now: DateTime<Utc>,
) -> Result<bool, Refusal> {
    let why = reason(why)?;
    let mut tx = ledger.begin().await?;
    if !tx.lift_block(id).await? {
        return Ok(false);
    }
    let change = AuditChange { what: "lifted", before: None, after: Some(why), severity: Severity::Warning };
    append(&mut tx, Subject { kind: BLOCK, id }, change, by.name(), now).await?;
    tx.commit().await?;
    Ok(true)
}
