//! Closing checkout: charges, subscriptions and retries of invoices are refused until it is opened again. Refunds,
//! credits and webhooks go on.

use chrono::{DateTime, Utc};
use domain::permissions::Permission;
use domain::{AuditChange, Key, Severity, Transition, audit_chain};
use ledger::tables::checkout_closings::Closing;
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use super::Refusal;
use crate::actor::Actor;

/// The audit's words.
const KIND: &str = "checkout";
const SUBJECT: &str = "charges";
/// How often a closing is asked for again where two people come and go at the same moment.
const ATTEMPTS: usize = 3;

/// What came of closing it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "closed", rename_all = "snake_case")]
pub enum Closed {
    Now(Closing),
    /// It was closed already, and that is left as it is.
    Before(Closing),
}

impl Closed {
    pub fn closing(&self) -> &Closing {
        match self {
            Self::Now(closing) | Self::Before(closing) => closing,
        }
    }
}

/// Closes checkout. In an emergency whoever holds the ledger's address may, without a token: nothing leaves by it.
#[shared::built_once]
pub async fn close(
    ledger: &Ledger,
    reason: &str,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<Closed, Refusal> {
    if !actor.is_declared() {
        actor.may(Permission::Manage)?;
    }
    let reason = super::reason(reason)?;
    for _ in 0..ATTEMPTS {
        let mut tx = ledger.begin().await?;
        if let Some(closing) = tx.close_checkout(&reason, &actor.name(), now).await? {
            let after = format!("closed: {reason}");
            append(&mut tx, ("open", &after), Severity::Critical, actor, now).await?;
            tx.commit().await?;
            return Ok(Closed::Now(closing));
        }
        if let Some(closing) = tx.checkout_closing().await? {
            return Ok(Closed::Before(closing));
        }
    }
    Err(LedgerError::Contended.into())
}

/// Opens it again, and gives back the closing that ended; `None` where none lasted.
#[shared::built_once]
pub async fn open(ledger: &Ledger, actor: &Actor, now: DateTime<Utc>) -> Result<Option<Closing>, Refusal> {
    actor.may(Permission::Manage)?;
    let mut tx = ledger.begin().await?;
    let Some(closing) = tx.open_checkout(&actor.name(), now).await? else { return Ok(None) };
    append(&mut tx, ("closed", "open"), Severity::Warning, actor, now).await?;
    tx.commit().await?;
    Ok(Some(closing))
}

async fn append(
    tx: &mut Transaction,
    (before, after): (&str, &str),
    severity: Severity,
    actor: &Actor,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let (before, after) = (Some(before.to_owned()), Some(after.to_owned()));
    let change = AuditChange { what: "state", before, after, severity };
    let last = tx.last_line(KIND, &subject()).await?;
    let moved =
        Transition { kind: KIND, key: subject(), revision: last.revision + 1, event_id: None, change };
    tx.append_audit(&[audit_chain::extend(&mut last.hash(), &moved, &actor.in_audit(), now)]).await
}

fn subject() -> Key {
    Key { id: SUBJECT.to_owned(), account: String::new(), livemode: true }
}
