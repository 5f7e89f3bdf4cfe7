//! Discarding dead letters, with a reason. Their bytes stay, and a replay restores them.

use chrono::{DateTime, Utc};
use domain::outcome::{Outcome, OutcomeKind};
use domain::risk::Risk;
use domain::{AuditChange, Key, Severity, Transition, audit_chain};
use ledger::tables::events::Concluded;
use ledger::views::stored_events::StoredEvent;
use ledger::{Ledger, LedgerError};

use super::Person;

/// The audit's name for events, which staff may decide about.
pub const EVENT: &str = "event";
const AT_ONCE: usize = 100;

/// Puts dead letters aside: ignored, with who and why. Their bytes stay for as long as those of all others,
/// and a replay can still bring them back.
#[shared::built_once]
pub async fn discard(
    ledger: &Ledger,
    letters: &[StoredEvent],
    reason: &str,
    by: &Person,
    now: DateTime<Utc>,
) -> Result<usize, LedgerError> {
    let mut discarded = 0;
    for chunk in letters.chunks(AT_ONCE) {
        let mut keys: Vec<_> = chunk.iter().map(StoredEvent::key).collect();
        keys.sort();
        keys.dedup();
        let mut tx = ledger.begin().await?;
        // A worker may apply them at this moment, for a replay.
        tx.lock_events(&keys).await?;
        let known = tx.known(&keys).await?;
        let mut concluded: Vec<Concluded> = known
            .into_iter()
            .filter(|known| known.outcome == OutcomeKind::Dead)
            .map(|known| Concluded {
                key: known.key,
                outcome: Outcome::Ignored { reason: format!("discarded by {}: {reason}", by.name()) },
                attempts: known.attempts,
                risk: Risk::default(),
            })
            .collect();
        concluded.sort_by(|a, b| a.key.cmp(&b.key));
        tx.conclude(&concluded, now).await?;
        for letter in &concluded {
            let key = Key {
                id: letter.key.id.clone(),
                account: letter.key.account.clone(),
                livemode: letter.key.livemode,
            };
            let last = tx.last_line(EVENT, &key).await?;
            let (revision, mut hash) = (last.revision + 1, last.hash());
            let change = AuditChange {
                what: "discarded",
                before: Some("dead".to_owned()),
                after: Some(reason.to_owned()),
                severity: Severity::Warning,
            };
            let event_id = Some(key.id.clone());
            let moved = Transition { kind: EVENT, key, revision, event_id, change };
            tx.append_audit(&[audit_chain::extend(&mut hash, &moved, by.name(), now)]).await?;
        }
        tx.commit().await?;
        discarded += concluded.len();
    }
    Ok(discarded)
}
