//! Notes of staff on what they work with, and who takes care of it. A note on a dispute may resolve or reopen it, too.

use chrono::{DateTime, Utc};
use domain::customers::Customer;
use domain::disputes::Dispute;
use domain::invoices::Invoice;
use domain::operations::Operation;
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::{AuditChange, Key, Object, Severity, Transition, audit_chain};
use ledger::tables::notes::{Assignment, Note};
use ledger::{Ledger, LedgerError, Transaction};

use super::administrators::StaffRefusal;
use super::operations::record;
use super::staff::{known, named};
use super::{Person, Refusal, text};
use crate::finder;

/// What notes stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotedKind {
    Payment,
    Refund,
    Dispute,
    Invoice,
    Customer,
    Operation,
}

/// What a note on a dispute does beside being kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    None,
    /// Staff are done with the dispute: it leaves what is still to be done.
    Resolves,
    /// They are not, after all.
    Reopens,
}

impl NotedKind {
    /// As the audit and the tables have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Payment => Payment::NAME,
            Self::Refund => Refund::NAME,
            Self::Dispute => Dispute::NAME,
            Self::Invoice => Invoice::NAME,
            Self::Customer => Customer::NAME,
            Self::Operation => domain::operations::NAME,
        }
    }

    /// `None` of what has a page and no notes.
    pub fn of(kind: finder::Kind) -> Option<Self> {
        match kind {
            finder::Kind::Payment => Some(Self::Payment),
            finder::Kind::Refund => Some(Self::Refund),
            finder::Kind::Dispute => Some(Self::Dispute),
            finder::Kind::Invoice => Some(Self::Invoice),
            finder::Kind::Customer => Some(Self::Customer),
            finder::Kind::Operation => Some(Self::Operation),
            _ => None,
        }
    }

    /// All that goes by this id: one an account and mode.
    #[shared::built_once]
    pub async fn keys(self, ledger: &Ledger, id: &str) -> Result<Vec<Key>, LedgerError> {
        async fn keys<T: Object>(ledger: &Ledger, id: &str) -> Result<Vec<Key>, LedgerError> {
            Ok(ledger.find::<T>(id).await?.iter().map(|object| object.key().clone()).collect())
        }
        match self {
            Self::Payment => keys::<Payment>(ledger, id).await,
            Self::Refund => keys::<Refund>(ledger, id).await,
            Self::Dispute => keys::<Dispute>(ledger, id).await,
            Self::Invoice => keys::<Invoice>(ledger, id).await,
            Self::Customer => keys::<Customer>(ledger, id).await,
            Self::Operation => {
                let found = ledger.read().await?.operation(id).await?;
                Ok(found.into_iter().map(|operation| operation.key).collect())
            }
        }
    }
}

/// The row of what is noted on, locked.
enum Locked {
    Payment(Payment),
    Refund(Refund),
    Dispute(Dispute),
    Invoice(Invoice),
    Customer(Customer),
    Operation(Operation),
}

impl Locked {
    async fn take(tx: &mut Transaction, kind: NotedKind, key: &Key) -> Result<Self, Refusal> {
        Ok(match kind {
            NotedKind::Payment => Self::Payment(lock(tx, key).await?),
            NotedKind::Refund => Self::Refund(lock(tx, key).await?),
            NotedKind::Dispute => Self::Dispute(lock(tx, key).await?),
            NotedKind::Invoice => Self::Invoice(lock(tx, key).await?),
            NotedKind::Customer => Self::Customer(lock(tx, key).await?),
            NotedKind::Operation => {
                let found = tx.lock_operation(&key.id).await?;
                Self::Operation(found.ok_or_else(|| nothing(kind.name(), key))?)
            }
        })
    }

    /// Writes the line of the audit, and the row whose chain it belongs to.
    async fn tell(
        self,
        tx: &mut Transaction,
        change: AuditChange,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<(), LedgerError> {
        match self {
            Self::Payment(row) => told(tx, row, change, by, now).await,
            Self::Refund(row) => told(tx, row, change, by, now).await,
            Self::Dispute(row) => told(tx, row, change, by, now).await,
            Self::Invoice(row) => told(tx, row, change, by, now).await,
            Self::Customer(row) => told(tx, row, change, by, now).await,
            Self::Operation(mut row) => record::step(tx, &mut row, change, by, now).await,
        }
    }
}

fn nothing(kind: &'static str, key: &Key) -> Refusal {
    Refusal::NoSuchObject { kind, id: key.id.clone() }
}

async fn lock<T: Object>(tx: &mut Transaction, key: &Key) -> Result<T, Refusal> {
    let keys = std::slice::from_ref(key);
    // To lock first would make an object that nobody has heard of.
    if tx.look_up::<T>(keys).await?.is_empty() {
        return Err(nothing(T::NAME, key));
    }
    tx.lock_rows::<T>(keys).await?.rows.pop().ok_or_else(|| nothing(T::NAME, key))
}

async fn told<T: Object>(
    tx: &mut Transaction,
    mut row: T,
    change: AuditChange,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let (kind, key) = (T::NAME, row.key().clone());
    let moved = |revision| Transition { kind, key: key.clone(), revision, event_id: None, change };
    let revision = row.revision().map(|revision| {
        *revision += 1;
        *revision
    });
    let Some(revision) = revision else {
        // Events tell the audit nothing of these objects: their chain is found by its last line.
        let last = tx.last_line(kind, &key).await?;
        let moved = moved(last.revision + 1);
        return tx.append_audit(&[audit_chain::extend(&mut last.hash(), &moved, by, now)]).await;
    };
    let moved = moved(revision);
    let mut hash = row.audit_hash().map(std::mem::take).unwrap_or_default();
    let line = audit_chain::extend(&mut hash, &moved, by, now);
    if let Some(kept) = row.audit_hash() {
        *kept = hash;
    }
    tx.write(&[&row]).await?;
    tx.append_audit(&[line]).await
}

fn change(what: &'static str, before: Option<String>, after: Option<String>) -> AuditChange {
    AuditChange { what, before, after, severity: Severity::Info }
}

/// Keeps a note for ever. The text stands in the notes alone; the audit says which one it is.
#[shared::built_once]
pub async fn note(
    ledger: &Ledger,
    (kind, key): (NotedKind, &Key),
    note: &str,
    by: &Person,
    now: DateTime<Utc>,
) -> Result<Note, Refusal> {
    write(ledger, (kind, key), note, Effect::None, by, now).await
}

/// A note that resolves a dispute says why it is done with, for staff. Stripe's status stays.
#[shared::built_once]
pub async fn note_dispute(
    ledger: &Ledger,
    dispute: &Key,
    note: &str,
    effect: Effect,
    by: &Person,
    now: DateTime<Utc>,
) -> Result<Note, Refusal> {
    write(ledger, (NotedKind::Dispute, dispute), note, effect, by, now).await
}

async fn write(
    ledger: &Ledger,
    (kind, key): (NotedKind, &Key),
    note: &str,
    effect: Effect,
    by: &Person,
    now: DateTime<Utc>,
) -> Result<Note, Refusal> {
    let note = text(if effect == Effect::None { "note" } else { "reason" }, note)?;
    let mut tx = ledger.begin().await?;
    let locked = Locked::take(&mut tx, kind, key).await?;
    let (stripe_status, respond_by) = match &locked {
        Locked::Dispute(row) => (Some(row.state.stripe_status.clone()), row.state.respond_by),
        _ => (None, None),
    };
    if effect == Effect::Reopens && tx.resolutions_of(std::slice::from_ref(key)).await?.is_empty() {
        return Err(Refusal::NotResolved);
    }
    let last = tx.notes_of(kind.name(), key).await?.last().map_or(0, |last| last.number);
    let note = Note {
        number: last + 1,
        resolves: effect == Effect::Resolves,
        reopens: effect == Effect::Reopens,
        note,
        written_by: by.name().to_owned(),
        written_at: now,
        stripe_status,
        respond_by,
    };
    tx.append_note(kind.name(), key, &note).await?;
    let what = match effect {
        Effect::None => "note",
        Effect::Resolves => "resolution",
        Effect::Reopens => "reopening",
    };
    let change = change(what, None, Some(format!("note {}", note.number)));
    locked.tell(&mut tx, change, by.name(), now).await?;
    tx.commit().await?;
    Ok(note)
}

/// Says who takes care of something; `None`: nobody any more. Where they do already, nothing changes.
#[shared::built_once]
pub async fn assign(
    ledger: &Ledger,
    (kind, key): (NotedKind, &Key),
    assignee: Option<&str>,
    by: &Person,
    now: DateTime<Utc>,
) -> Result<Assignment, Refusal> {
    let assignee = assignee.map(named).transpose()?;
    let mut tx = ledger.begin().await?;
    if let Some(name) = &assignee
        && known(&mut tx, name).await?.disabled_at.is_some()
    {
        return Err(StaffRefusal::IsDisabled(name.clone()).into());
    }
    let locked = Locked::take(&mut tx, kind, key).await?;
    let last = tx.last_assignment(kind.name(), key).await?;
    let before = last.as_ref().and_then(|last| last.assignee.clone());
    if let Some(last) = last.clone().filter(|last| last.assignee == assignee) {
        return Ok(last);
    }
    let assignment = Assignment {
        number: last.map_or(0, |last| last.number) + 1,
        assignee: assignee.clone(),
        assigned_by: by.name().to_owned(),
        assigned_at: now,
    };
    tx.append_assignment(kind.name(), key, &assignment).await?;
    locked.tell(&mut tx, change("assigned", before, assignee), by.name(), now).await?;
    tx.commit().await?;
    Ok(assignment)
}
