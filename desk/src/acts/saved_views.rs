//! Views: filters of a list that a person keeps under a name, for nobody else.

use chrono::{DateTime, Utc};
use domain::{AuditChange, Severity};
use ledger::Ledger;
use ledger::tables::saved_views::SavedView;

use super::Refusal;
use super::staff::KIND;
use crate::actor::Actor;
use crate::audit_line::{Subject, append};

const NAME_LIMIT_CHARS: usize = 60;
const ADDRESS_LIMIT_BYTES: usize = 2_000;
/// So many may one person keep: they are read with every list.
const VIEWS_LIMIT: usize = 100;

/// Keeps filters under a name; those that the person kept for the same list under the same name are replaced.
#[shared::built_once]
pub async fn keep(
    ledger: &Ledger,
    view: SavedView,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<SavedView, Refusal> {
    let name = super::text("name", &view.name)?;
    let is_address = view.path.starts_with('/') && !view.path.starts_with("//");
    let is_short = view.path.len() + view.query.len() <= ADDRESS_LIMIT_BYTES;
    let fault = |what, fault: &str| Err(Refusal::Text { what, fault: fault.to_owned() });
    if name.chars().count() > NAME_LIMIT_CHARS {
        return fault("name", "longer than 60 characters");
    }
    if !is_address || !is_short || view.query.contains('\0') || view.path.contains('\0') {
        return fault("address", "not the address of a list of the console");
    }
    let view = SavedView { name, staff: by.staff().to_owned(), saved_at: now, ..view };
    let mut tx = ledger.begin().await?;
    tx.lock_staff().await?;
    let before = tx.saved_views_of(by.staff(), None).await?;
    let replaced = before.iter().find(|kept| kept.path == view.path && kept.name == view.name);
    if before.len() >= VIEWS_LIMIT && replaced.is_none() {
        return fault("list of views", "full: delete one that you no longer use");
    }
    let kept = SavedView { id: replaced.map_or(view.id.clone(), |kept| kept.id.clone()), ..view };
    tx.keep_view(&kept).await?;
    note(&mut tx, "view saved", None, Some(&kept.name), by, now).await?;
    tx.commit().await?;
    Ok(kept)
}

/// Deletes one of the person's own; `None` where there is none of this id.
#[shared::built_once]
pub async fn delete(
    ledger: &Ledger,
    id: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<Option<SavedView>, Refusal> {
    let mut tx = ledger.begin().await?;
    tx.lock_staff().await?;
    let found = tx.saved_views_of(by.staff(), None).await?.into_iter().find(|view| view.id == id);
    let Some(view) = found else { return Ok(None) };
    tx.delete_view(by.staff(), id).await?;
    note(&mut tx, "view deleted", Some(&view.name), None, by, now).await?;
    tx.commit().await?;
    Ok(Some(view))
}

async fn note(
    tx: &mut ledger::Transaction,
    what: &'static str,
    before: Option<&String>,
    after: Option<&String>,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<(), ledger::LedgerError> {
    let change =
        AuditChange { what, before: before.cloned(), after: after.cloned(), severity: Severity::Info };
    append(tx, Subject { kind: KIND, id: by.staff() }, change, &by.in_audit(), now).await
}
