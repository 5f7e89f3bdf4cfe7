//! Whether the ledger's own figures add up, and whether it still has all that it ever committed: every event has
//! exactly one outcome and its own bytes, the audit is the one that was written, and what the queue has forgotten
//! is here. Reads one snapshot, writes nothing.

mod chain;
mod members;
mod seals;

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use serde::Serialize;
use shared::queue::Forgotten;

pub use self::chain::{Altered, Chains};
use self::members::Members;
pub use self::seals::Seals;
use domain::audit_chain::member_of_event;
use domain::event::Content;
use domain::identity::Identity;
use domain::outcome::OutcomeKind;
use domain::seal::Head;
use ledger::tables::archive::Archived;
use ledger::tables::bodies::Body;
use ledger::views::consistency::{AuditGap, Stored, UnpackedSegment};
use ledger::{Ledger, LedgerError, Transaction};

const EVENTS_AT_ONCE: i64 = 500;
const SEGMENTS_AT_ONCE: i64 = 8;
const FINDINGS_LIMIT: usize = 1_000;
/// Clocks of workers differ by less.
const CLOCKS: TimeDelta = TimeDelta::days(1);

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
    /// Packed bodies that cannot be read, and whose they are.
    pub damaged_segments: Vec<DamagedSegment>,
    /// Their bodies are gone before their time: a segment was lost.
    pub without_segment: Vec<String>,
    /// They were erased, and their bodies are here: something brought them back.
    pub erased_with_bodies: Vec<String>,
    /// Those that were erased.
    #[serde(skip)]
    erased: BTreeSet<Identity>,
    /// Their outcome and what belongs to it do not agree.
    pub inconsistent: Vec<String>,
    pub orphaned_bodies: i64,
    pub broken_audits: Vec<AuditGap>,
    pub chains: Chains,
    pub seals: Seals,
    /// Where the queue numbers its messages.
    pub queue: Option<Witnessed>,
}

/// A segment that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DamagedSegment {
    pub segment: i64,
    pub fault: String,
    /// The ids of its events.
    pub events: Vec<String>,
}

/// What an embedded queue has forgotten, beside what the ledger knows to have taken from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Witnessed {
    /// The highest message that the queue has forgotten, and that the ledger took.
    pub highest_forgotten: i64,
    pub highest_taken: i64,
    /// How many messages the queue has forgotten, and how often the ledger took one.
    pub forgotten: i64,
    pub taken: i64,
}

impl Witnessed {
    /// After a crash a message is taken a second time, so the ledger may count more.
    pub fn is_right(&self) -> bool {
        self.highest_forgotten <= self.highest_taken && self.forgotten <= self.taken
    }
}

/// What to hold the ledger against, beside itself.
#[derive(Clone, Debug, Default)]
pub struct Witnesses {
    /// As the queue told before the ledger was looked at.
    pub forgotten: Option<Forgotten>,
    /// A head that somebody kept.
    pub head: Option<Head>,
}

impl Verified {
    pub fn is_right(&self) -> bool {
        let sum: i64 = self.by_outcome.values().sum();
        sum == self.events
            && self.damaged.is_empty()
            && self.damaged_segments.is_empty()
            && self.without_segment.is_empty()
            && self.erased_with_bodies.is_empty()
            && self.inconsistent.is_empty()
            && self.orphaned_bodies == 0
            && self.broken_audits.is_empty()
            && self.chains.is_right()
            && self.seals.is_right()
            && self.queue.as_ref().is_none_or(Witnessed::is_right)
    }

    fn take(&mut self, stored: Stored) {
        self.events += 1;
        *self.by_outcome.entry(stored.outcome.clone()).or_default() += 1;
        *self.by_source.entry(stored.source.clone()).or_default() += 1;
        self.repetitions += stored.repetitions;
        let delivered = matches!(stored.source.as_str(), "stripe" | "unknown");
        self.deliveries += stored.repetitions + i64::from(delivered);
        if stored.is_erased {
            self.erased.insert(stored.place);
        }
        let outcome = stored.outcome.as_str();
        let is_consistent = stored.key.identity() == stored.place
            && OutcomeKind::WORDS.contains(&outcome)
            && stored.has_retry == (outcome == OutcomeKind::Waiting.as_str())
            && stored.has_reason == (outcome != OutcomeKind::Applied.as_str());
        if !is_consistent {
            self.inconsistent.push(stored.key.id);
        }
    }

    fn take_body(&mut self, archived: &Archived) {
        if let Some(envelope) = archived.envelope() {
            self.with_bytes += 1;
            if self.erased.contains(&archived.place) {
                self.erased_with_bodies.push(archived.key.id.clone());
            }
            if Content::of(&envelope).key != archived.key {
                self.damaged.push(archived.key.id.clone());
            }
        }
        if let Body::Unopened { .. } = archived.body {
            self.damaged.push(archived.key.id.clone());
        }
    }

    fn take_segment(&mut self, segment: &UnpackedSegment) {
        for archived in &segment.events {
            self.take_body(archived);
        }
        self.orphaned_bodies += i64::try_from(segment.orphaned).unwrap_or(i64::MAX);
        if let Some(fault) = segment.fault {
            let events = segment.events.iter().map(|archived| archived.key.id.clone()).collect();
            let (segment, fault) = (segment.number, fault.to_string());
            self.damaged_segments.push(DamagedSegment { segment, fault, events });
        }
    }
}

/// Looks at every event, every line of the audit and every block; tells how many events are done.
pub async fn verify(
    ledger: &Ledger,
    witnesses: &Witnesses,
    progress: &mut dyn FnMut(i64),
) -> Result<Verified, LedgerError> {
    let mut verified = Verified::default();
    let mut members = Members::new();
    let mut tx = ledger.read().await?;
    // Events from before the chain are counted by nobody.
    let began = tx.commits_began().await?.map(|began| began - CLOCKS);
    let mut after = Identity::first();
    loop {
        let page = tx.stored(after, EVENTS_AT_ONCE).await?;
        let Some(last) = page.last() else { break };
        after = last.place;
        for stored in page {
            if began.is_some_and(|began| stored.recorded_at >= began) {
                members.take(member_of_event(&stored.key));
            }
            verified.take(stored);
        }
        progress(verified.events);
    }
    look_at_bodies(&mut tx, &mut verified).await?;
    verified.broken_audits = tx.broken_audits(i64::try_from(FINDINGS_LIMIT).unwrap_or(i64::MAX)).await?;
    verified.chains = chain::walk(&mut tx, &mut members, FINDINGS_LIMIT).await?;
    let (mut highest_taken, mut taken) = (0, 0);
    let of_this_queue = witnesses.forgotten.as_ref().map(|forgotten| forgotten.queue.to_string());
    let mut on_commit = |commit: &domain::seal::Commit| {
        if commit.queue.is_some() && commit.queue == of_this_queue {
            highest_taken = highest_taken.max(commit.highest.unwrap_or_default());
            taken += commit.deliveries;
        }
    };
    verified.seals = seals::walk(&mut tx, &mut members, witnesses.head.as_ref(), &mut on_commit).await?;
    if let Some(differences) = members.differences() {
        seals::look_into(&mut tx, differences, began, &mut verified.seals).await?;
    }
    verified.queue = witnesses.forgotten.as_ref().map(|forgotten| Witnessed {
        highest_forgotten: forgotten.highest,
        highest_taken,
        forgotten: forgotten.count,
        taken,
    });
    Ok(verified)
}

/// Every segment once, and every body that has its own row.
async fn look_at_bodies(tx: &mut Transaction, verified: &mut Verified) -> Result<(), LedgerError> {
    let mut after = 0;
    loop {
        let page = tx.segments_after(after, SEGMENTS_AT_ONCE).await?;
        let Some(last) = page.last() else { break };
        after = last.number;
        for segment in &page {
            verified.take_segment(segment);
        }
    }
    let mut after = Identity::first();
    loop {
        let page = tx.with_own_bodies(after, EVENTS_AT_ONCE).await?;
        let Some(last) = page.last() else { break };
        after = last.place;
        for archived in &page {
            verified.take_body(archived);
        }
    }
    verified.orphaned_bodies += tx.orphaned_bodies().await?;
    let without = tx.without_their_segment(i64::try_from(FINDINGS_LIMIT).unwrap_or(i64::MAX)).await?;
    verified.without_segment = without.into_iter().map(|key| key.id).collect();
    Ok(())
}
