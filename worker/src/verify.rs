//! Whether the ledger's own figures add up: every event has exactly one outcome, its bytes are the ones that
//! were hashed, and the audit has no hole. Reads one snapshot, writes nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ledger::figures::{Broken, Stored};
use crate::ledger::{Ledger, LedgerError};
use crate::outcome::Outcome;
use crate::rules::event::{Content, EventKey};

const EVENTS_AT_ONCE: i64 = 500;
const FINDINGS_LIMIT: i64 = 1_000;

#[derive(Clone, Debug, Default, Serialize)]
pub struct Verified {
    pub events: i64,
    pub by_outcome: BTreeMap<String, i64>,
    /// First deliveries by where they came from.
    pub by_source: BTreeMap<String, i64>,
    pub repetitions: i64,
    /// Stripe's deliveries, first and further: with what waits in the queue, all that was answered 200.
    pub deliveries: i64,
    pub with_bytes: i64,
    /// Their bytes are not those that were hashed when they came.
    pub damaged: Vec<String>,
    /// Their outcome and what belongs to it do not agree.
    pub inconsistent: Vec<String>,
    pub orphaned_bodies: i64,
    pub broken_audits: Vec<Broken>,
}

impl Verified {
    pub fn is_right(&self) -> bool {
        let sum: i64 = self.by_outcome.values().sum();
        sum == self.events
            && self.damaged.is_empty()
            && self.inconsistent.is_empty()
            && self.orphaned_bodies == 0
            && self.broken_audits.is_empty()
    }

    fn take(&mut self, mut stored: Stored) {
        self.events += 1;
        *self.by_outcome.entry(stored.archived.outcome.clone()).or_default() += 1;
        *self.by_source.entry(stored.source.clone()).or_default() += 1;
        self.repetitions += stored.repetitions;
        let delivered = matches!(stored.source.as_str(), "stripe" | "unknown");
        self.deliveries += stored.repetitions + i64::from(delivered);
        let outcome = stored.archived.outcome.as_str();
        let is_consistent = Outcome::NAMES.contains(&outcome)
            && stored.has_retry == (outcome == "waiting")
            && stored.has_reason == (outcome != "applied");
        let id = stored.archived.key.id.clone();
        if !is_consistent {
            self.inconsistent.push(id.clone());
        }
        let key = stored.archived.key.clone();
        if let Some(envelope) = stored.archived.envelope() {
            self.with_bytes += 1;
            if Content::of(&envelope).key != key {
                self.damaged.push(id);
            }
        }
    }
}

/// Looks at every event; tells how many are done.
pub async fn verify(ledger: &Ledger, progress: &mut dyn FnMut(i64)) -> Result<Verified, LedgerError> {
    let mut verified = Verified::default();
    let mut after =
        EventKey { id: String::new(), account: String::new(), livemode: false, content_hash: String::new() };
    let mut tx = ledger.read().await?;
    loop {
        let page = tx.stored(&after, EVENTS_AT_ONCE).await?;
        let Some(last) = page.last() else { break };
        after = last.archived.key.clone();
        for stored in page {
            verified.take(stored);
        }
        progress(verified.events);
    }
    verified.orphaned_bodies = tx.orphaned_bodies().await?;
    verified.broken_audits = tx.broken_audits(FINDINGS_LIMIT).await?;
    Ok(verified)
}
