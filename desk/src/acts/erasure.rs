//! Erasing what Stripe sent as one event. Its id, hash and outcome stay, so that it stays known; its objects stay as
//! they are, and are noted as those that can no longer be made again from events.

use chrono::{DateTime, Utc};
use domain::event::{Content, EventKey};
use domain::outcome::OutcomeKind;
use domain::{AuditChange, Key, Severity, Transition, audit_chain};
use ledger::views::stored_events::StoredEvent;
use ledger::{Ledger, LedgerError, Transaction};

use super::dead_letters::EVENT;
use super::{Person, Refusal};

/// Erases the bodies of events, each in a transaction of its own; says how many were not erased before.
#[shared::built_once]
pub async fn erase(
    ledger: &Ledger,
    events: &[StoredEvent],
    reason: &str,
    by: &Person,
    now: DateTime<Utc>,
) -> Result<usize, Refusal> {
    if let Some(waiting) = events.iter().find(|event| event.outcome == OutcomeKind::Waiting) {
        return Err(Refusal::StillWaiting { id: waiting.id.clone() });
    }
    let mut erased = 0;
    for event in events {
        let mut tx = ledger.begin().await?;
        if erase_one(&mut tx, &event.key(), reason, by, now).await? {
            tx.commit().await?;
            erased += 1;
        }
    }
    Ok(erased)
}

/// `false` where there is nothing to do; nothing is written then.
async fn erase_one(
    tx: &mut Transaction,
    event: &EventKey,
    reason: &str,
    by: &Person,
    now: DateTime<Utc>,
) -> Result<bool, LedgerError> {
    // A worker may apply it at this moment, for a replay.
    tx.lock_events(std::slice::from_ref(event)).await?;
    let Some(archived) = tx.archived(std::slice::from_ref(event)).await?.pop() else { return Ok(false) };
    if !tx.erase_body(event, now).await? {
        return Ok(false);
    }
    if archived.is_settled() {
        let envelope = archived.envelope();
        let subjects =
            envelope.map(|envelope| Content::of(&envelope).subjects(&envelope)).unwrap_or_default();
        let subjects: Vec<_> = subjects.into_iter().map(|(kind, key)| (kind.as_str(), key)).collect();
        tx.retire(&subjects).await?;
        if subjects.is_empty() {
            // Its body is lost, or no rule reads it any more: the audit knows what it moved.
            tx.retire_what_moved(event).await?;
        }
    }
    let key = Key { id: event.id.clone(), account: event.account.clone(), livemode: event.livemode };
    let last = tx.last_line(EVENT, &key).await?;
    let (revision, mut hash) = (last.revision + 1, last.hash());
    let change = AuditChange {
        what: "erased",
        before: Some(format!("content {}", event.content_hash)),
        after: Some(reason.to_owned()),
        severity: Severity::Warning,
    };
    let event_id = Some(key.id.clone());
    let moved = Transition { kind: EVENT, key, revision, event_id, change };
    tx.append_audit(&[audit_chain::extend(&mut hash, &moved, by.name(), now)]).await?;
    Ok(true)
}
