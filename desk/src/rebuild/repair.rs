//! Puts the rebuilt objects in the place of those that differ: a row at a time under its lock, and only where
//! it still is what was compared. Who changed it meanwhile knew it, and the next comparison tells.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{Comparison, Difference, Rebuilt};
use domain::event::EventKey;
use domain::fulfilments::goods_of;
use domain::object_graph::InGraph;
use domain::outcome::Outcome;
use domain::risk::Risk;
use domain::tracked_rows::{TrackedRows, without_revision};
use domain::{AuditChange, Key, Kind, Object, Severity, Transition, audit_chain, of_kind};
use ledger::tables::events::Concluded;
use ledger::{Ledger, LedgerError};

/// What a repair did.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct Repaired {
    pub repaired: usize,
    /// Changed by an event since it was compared: left as it is.
    pub moved_meanwhile: usize,
    pub revived: usize,
}

/// Repairs every difference. `actor` stands in the audit.
#[shared::built_once]
pub async fn repair(
    ledger: &Ledger,
    rebuilt: &Rebuilt,
    comparison: &Comparison,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<Repaired, LedgerError> {
    let mut done = Repaired::default();
    let graph = &rebuilt.graph;
    for difference in &comparison.differences {
        let payment = graph.payments.get(&difference.key).filter(|_| difference.kind == Kind::Payment);
        let goods = payment.and_then(goods_of).into_iter().collect();
        let at = At { ledger, difference, actor, now, goods };
        let repaired = of_kind!(difference.kind, |Row| at.write(Row::rows(graph)).await?);
        done.repaired += usize::from(repaired);
        done.moved_meanwhile += usize::from(!repaired);
    }
    let concluded = |key: &EventKey| Concluded {
        key: key.clone(),
        outcome: Outcome::Applied,
        attempts: 1,
        risk: Risk::default(),
    };
    let mut revived: Vec<Concluded> = rebuilt.revived.iter().map(concluded).collect();
    revived.sort_by(|a, b| a.key.cmp(&b.key));
    for chunk in revived.chunks(500) {
        let mut tx = ledger.begin().await?;
        tx.conclude(chunk, now).await?;
        tx.commit().await?;
        done.revived += chunk.len();
    }
    Ok(done)
}

struct At<'a> {
    ledger: &'a Ledger,
    difference: &'a Difference,
    actor: &'a str,
    now: DateTime<Utc>,
    /// What follows from the payment that is put right, where it is one.
    goods: BTreeSet<Key>,
}

impl At<'_> {
    async fn write<T: Object>(&self, rebuilt: &TrackedRows<T>) -> Result<bool, LedgerError> {
        let key = &self.difference.key;
        let mut tx = self.ledger.begin().await?;
        let present = tx.lock_rows::<T>(std::slice::from_ref(key)).await?.rows;
        let telling = present.first().and_then(without_revision);
        if telling.map(|row| serde_json::to_value(&row).unwrap_or_default()) != self.difference.ledger {
            return Ok(false);
        }
        let mut row = rebuilt.get(key).cloned().unwrap_or_else(|| T::placeholder(key.clone()));
        if let Some(revision) = row.revision() {
            // A lost row leaves its audit behind, which goes on from there.
            let last = tx.last_line(T::NAME, key).await?;
            *revision = last.revision + 1;
            let change = AuditChange {
                what: "rebuilt",
                before: Some(self.difference.columns.join(", ")).filter(|columns| !columns.is_empty()),
                after: None,
                severity: Severity::Warning,
            };
            let (kind, revision) = (T::NAME, *revision);
            let moved = Transition { kind, key: key.clone(), revision, event_id: None, change };
            let mut hash = last.hash();
            let line = audit_chain::extend(&mut hash, &moved, self.actor, self.now);
            tx.append_audit(&[line]).await?;
            row.audit_hash().into_iter().for_each(|last| last.clone_from(&hash));
        }
        tx.write(&[&row]).await?;
        tx.note_goods(&self.goods).await?;
        tx.commit().await?;
        Ok(true)
    }
}
