//! Looking at what Stripe sent, which holds data of cards and customers: the audit says who did, and for a while that
//! person sees it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::permissions::Permission;
use domain::{AuditChange, Severity};
use ledger::views::audit_list::AuditFilter;
use ledger::views::page::Part;
use ledger::views::search::Window;
use ledger::{Ledger, LedgerError};

use super::Refusal;
use super::dead_letters::EVENT;
use crate::actor::Actor;
use crate::audit_line::{Subject, append};

/// For so long a body is shown to whoever asked for it.
pub const SHOWN_FOR: TimeDelta = TimeDelta::minutes(10);
const SHOWN: &str = "body shown";
/// Acts about one event within that time.
const LINES_LIMIT: i64 = 50;

/// Notes that somebody looks; `false` where there is no such event.
#[shared::built_once]
pub async fn open(ledger: &Ledger, event: &str, by: &Actor, now: DateTime<Utc>) -> Result<bool, Refusal> {
    by.may(Permission::Manage)?;
    if ledger.event(event).await?.is_empty() {
        return Ok(false);
    }
    let mut tx = ledger.begin().await?;
    let change = AuditChange { what: SHOWN, before: None, after: None, severity: Severity::Info };
    append(&mut tx, Subject { kind: EVENT, id: event }, change, &by.in_audit(), now).await?;
    tx.commit().await?;
    Ok(true)
}

/// Whether this person has opened the bodies of this event a moment ago.
#[shared::built_once]
pub async fn is_open(
    ledger: &Ledger,
    event: &str,
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<bool, LedgerError> {
    if !by.has(Permission::Manage) {
        return Ok(false);
    }
    let filter = AuditFilter {
        subject: Some(event.to_owned()),
        actor: Some(by.in_audit()),
        window: Window { since: Some(now - SHOWN_FOR), until: None },
        ..AuditFilter::default()
    };
    let lines = ledger.read().await?.audit_lines(&filter, &Part::first(LINES_LIMIT)).await?;
    Ok(lines.rows.iter().any(|line| line.what == SHOWN))
}
