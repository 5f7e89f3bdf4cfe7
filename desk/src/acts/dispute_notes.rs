//! Notes of staff on a dispute: comment, resolve, reopen.

use chrono::{DateTime, Utc};
use domain::disputes::Dispute;
use domain::{AuditChange, Key, Severity, audit_chain};
use ledger::Ledger;
use ledger::tables::overrides::Note;

use super::{Person, Refusal, count, done, text};

/// What a note on a dispute does beside being kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    None,
    /// Staff are done with the dispute: it leaves what is still to be done.
    Resolves,
    /// They are not, after all.
    Reopens,
}

/// Notes something on a dispute; a note that resolves says why it is done with, for staff. Stripe's status stays.
pub async fn note_dispute(
    ledger: &Ledger,
    dispute: &Key,
    note: &str,
    effect: Effect,
    by: &Person,
    now: DateTime<Utc>,
) -> Result<Note, Refusal> {
    let note = text(if effect == Effect::None { "note" } else { "reason" }, note)?;
    let mut tx = ledger.begin().await?;
    let keys = std::slice::from_ref(dispute);
    // To touch would make a dispute that nobody has heard of.
    if tx.look_up::<Dispute>(keys).await?.is_empty() {
        return Err(Refusal::NoSuchDispute);
    }
    let mut locked = tx.lock_rows::<Dispute>(keys).await?.rows;
    let mut row = locked.pop().ok_or(Refusal::NoSuchDispute)?;
    if effect == Effect::Reopens && tx.resolutions_of(keys).await?.is_empty() {
        return Err(Refusal::NotResolved);
    }
    let note = Note {
        number: count(&tx.notes_of(dispute).await?) + 1,
        resolves: effect == Effect::Resolves,
        reopens: effect == Effect::Reopens,
        note,
        written_by: by.name().to_owned(),
        written_at: now,
        stripe_status: Some(row.state.stripe_status.clone()),
        respond_by: row.state.respond_by,
    };
    tx.append_note(dispute, &note).await?;
    row.revision += 1;
    // The text itself stands in the notes alone.
    let change = AuditChange {
        what: match effect {
            Effect::None => "note",
            Effect::Resolves => "resolution",
            Effect::Reopens => "reopening",
        },
        before: None,
        after: Some(format!("note {}", note.number)),
        severity: Severity::Info,
    };
    let done = done(&row, row.revision, change);
    let line = audit_chain::extend(&mut row.audit_hash, &done, by.name(), now);
    tx.write(&[&row]).await?;
    tx.append_audit(&[line]).await?;
    tx.commit().await?;
    Ok(note)
}
