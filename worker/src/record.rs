//! Stores what is new of a batch and notes what becomes of each of its events, in a fixed number of statements.
//! Which events are due is decided in between, by `domain::due`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::due::{Before, Due, Manner, decide};
use domain::event::{Content, EventKey};
use domain::outcome::Outcome;
use ledger::tables::archive::Archived;
use ledger::tables::bodies::Body;
use ledger::tables::events::{Concluded, Known, Record, Repetitions};
use ledger::tables::replays::Replayed;
use ledger::{LedgerError, Transaction};

use crate::batch::Batch;
use crate::repetitions;

/// What becomes of the events of a batch.
pub(crate) struct Recorded {
    pub(crate) due: BTreeMap<EventKey, Due>,
    /// Stripe's deliveries that the ledger now knows of, first and further, each once.
    pub(crate) deliveries: u64,
}

impl Recorded {
    pub(crate) fn is_handled(&self, key: &EventKey) -> bool {
        self.due.get(key).is_some_and(|due| due.is_handled())
    }

    /// Those that the ledger had not heard of.
    pub(crate) fn first_seen(&self) -> impl Iterator<Item = &EventKey> {
        self.due.iter().filter(|(_, due)| **due == Due::First).map(|(key, _)| key)
    }
}

pub(crate) async fn record(
    tx: &mut Transaction,
    batch: &mut Batch<'_>,
    manner: Manner,
    now: DateTime<Utc>,
) -> Result<Recorded, LedgerError> {
    let new = tx.record(&batch.records, now).await?;
    let mut replays = batch.replays();
    let ran: BTreeSet<_> = tx.replayed(&replays).await?.into_iter().collect();
    replays.retain(|replay| !ran.contains(replay));
    let seen: Vec<EventKey> =
        batch.records.iter().map(|record| &record.key).filter(|key| !new.contains(key)).cloned().collect();
    let known: BTreeMap<EventKey, Known> =
        tx.known(&seen).await?.into_iter().map(|known| (known.key.clone(), known)).collect();

    let mut due = BTreeMap::new();
    for record in &mut batch.records {
        let before = known.get(&record.key).map(|known| Before {
            outcome: known.outcome,
            attempts: known.attempts,
            retry_at: known.retry_at,
        });
        let is_replayed = replays.iter().any(|(key, _)| *key == record.key);
        let decided = decide(before, is_replayed, manner, now);
        record.attempts = decided.attempts();
        due.insert(record.key.clone(), decided);
    }
    let concluded = batch.records.iter().filter(|record| due[&record.key].replaces_outcome());
    tx.conclude(&concluded.map(concluded_by).collect::<Vec<_>>(), now).await?;
    let again = |record: &&Record<'_>| {
        matches!(due[&record.key], Due::Again(_)) && !matches!(record.outcome, Outcome::Ignored { .. })
    };
    keep_what_is_handled(tx, &batch.records.iter().filter(again).collect::<Vec<_>>()).await?;
    let repeated =
        batch.envelopes.iter().filter_map(|(key, envelopes)| repetitions::of(key, envelopes, known.get(key)));
    let repeated: Vec<Repetitions> = repeated.collect();
    tx.count_repetitions(&repeated).await?;
    tx.note_replays(&replayed(batch, replays), now).await?;
    if manner != Manner::Batch {
        let keys: Vec<EventKey> = batch.records.iter().map(|record| record.key.clone()).collect();
        tx.unmark_started(&keys).await?;
    }
    let first = batch.records.iter().filter(|record| new.contains(&record.key));
    let first = first.filter(|record| repetitions::is_stripes(record.envelope)).count() as u64;
    let further: u64 = repeated.iter().map(|repeated| repeated.times.unsigned_abs()).sum();
    Ok(Recorded { due, deliveries: first + further })
}

/// What is handled again may have no body any more: it was lost, or somebody had it erased since it was queued. The next
/// rebuild must not take it for an event that never was, and what failed again is tried again.
async fn keep_what_is_handled(tx: &mut Transaction, again: &[&Record<'_>]) -> Result<(), LedgerError> {
    let keys: Vec<EventKey> = again.iter().map(|record| record.key.clone()).collect();
    let archived: BTreeMap<EventKey, Archived> =
        tx.archived(&keys).await?.into_iter().map(|archived| (archived.key.clone(), archived)).collect();
    let (mut bodies, mut subjects) = (Vec::new(), BTreeSet::new());
    for Record { key, envelope, body, outcome, .. } in again {
        match archived.get(key).map(|archived| (&archived.body, archived.is_owed)) {
            None | Some((Body::Bytes(_), _)) => {}
            Some((Body::Gone, false)) if *outcome != Outcome::Applied => {}
            Some((Body::Gone, false)) => subjects.extend(Content::of(envelope).subjects(envelope)),
            Some(_) => bodies.push((key.clone(), body.0.clone())),
        }
    }
    // One that does not open makes room.
    tx.remove_bodies(&bodies.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>()).await?;
    tx.keep_bodies(&bodies).await?;
    let subjects: BTreeSet<_> = subjects.into_iter().map(|(kind, key)| (kind.as_str(), key)).collect();
    tx.retire(&subjects.into_iter().collect::<Vec<_>>()).await
}

fn concluded_by(record: &Record<'_>) -> Concluded {
    let (key, outcome, risk) = (record.key.clone(), record.outcome.clone(), record.risk.clone());
    Concluded { key, outcome, attempts: record.attempts, risk }
}

fn replayed(batch: &Batch<'_>, replays: Vec<(EventKey, String)>) -> Vec<Replayed> {
    let outcome = |key: &EventKey| {
        let place = batch.records.binary_search_by(|record| record.key.cmp(key));
        batch.records[place.expect("a replay is of an event of this batch")].outcome.clone()
    };
    replays.into_iter().map(|(key, replay)| Replayed { outcome: outcome(&key), key, replay }).collect()
}
