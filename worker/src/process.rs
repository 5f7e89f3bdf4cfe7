//! One batch, one transaction: read the events, record them, merge what is new into the ledger, derive,
//! audit, commit. Start here to learn what happens to an event.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use shared::envelope::Envelope;

use crate::failpoint;
use crate::failure::Failure;
use crate::fold::fold;
use crate::ledger::events::Record;
use crate::ledger::objects::Stored;
use crate::ledger::{Ledger, LedgerError, Transaction};
use crate::load::{Keys, Locked, load};
use crate::outcome::Outcome;
use crate::rules::Permanent;
use crate::rules::event::{Content, EventKey, Meaning};
use crate::rules::policy::Policy;
use crate::rules::shelf::Shelf;
use crate::rules::world::{Event, World};

/// Who moves what events move, in the audit.
const STRIPE: &str = "stripe";

/// An envelope that the rules have read, before anything is written.
#[derive(Debug)]
pub struct Reading<'a> {
    pub envelope: &'a Envelope,
    pub key: EventKey,
    meaning: Result<Meaning, Permanent>,
}

/// How events are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Together,
    /// One event by itself, after its `started` mark; the caller has made sure that it is due.
    Alone,
}

/// What a batch did, for metrics and logs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Handled {
    pub applied: usize,
    pub ignored: usize,
    pub dead: usize,
    /// Came before; nothing was done again.
    pub repeated: usize,
    pub transitions: usize,
}

/// Handles a batch. `Err` means that nothing was written.
pub async fn process(
    ledger: &Ledger,
    envelopes: &[&Envelope],
    manner: Manner,
    now: DateTime<Utc>,
) -> Result<Handled, Failure> {
    let readings = envelopes.iter().map(|envelope| read(envelope)).collect::<Result<Vec<_>, _>>()?;
    let mut tx = ledger.begin().await?;
    let handled = write(&mut tx, readings, manner, ledger.policy(), now).await?;
    tx.commit().await?;
    Ok(handled)
}

/// Reads one envelope. A panic of a rule is caught: it is the event's failure, not the process's.
pub fn read(envelope: &Envelope) -> Result<Reading<'_>, Failure> {
    let read = || {
        let content = Content::of(envelope);
        failpoint::before_rules(envelope);
        let meaning = content.meaning(envelope);
        Reading { envelope, key: content.key, meaning }
    };
    catch_unwind(AssertUnwindSafe(read)).map_err(|_| Failure::panicked())
}

async fn write(
    tx: &mut Transaction,
    readings: Vec<Reading<'_>>,
    manner: Manner,
    policy: &Arc<Policy>,
    now: DateTime<Utc>,
) -> Result<Handled, Failure> {
    let mut batch = Batch::of(readings);
    let due = record(tx, &mut batch, manner, now).await?;
    let events: Vec<Event> =
        batch.events.into_iter().filter(|(key, _)| due.contains(key)).map(|(_, e)| e).collect();

    let (mut world, locked) = load(tx, &events, policy).await?;
    let transitions = fold(&mut world, &events)?;
    store(tx, &world, &locked).await?;
    tx.append_audit(&transitions, STRIPE, now).await?;

    let count = |name: &str| {
        batch.records.iter().filter(|r| due.contains(&r.key) && r.outcome.as_str() == name).count()
    };
    Ok(Handled {
        applied: count("applied"),
        ignored: count("ignored"),
        dead: count("dead"),
        repeated: batch.deliveries - due.len(),
        transitions: transitions.len(),
    })
}

/// A batch by event: each once, however often it came.
struct Batch<'a> {
    deliveries: usize,
    records: Vec<Record<'a>>,
    events: BTreeMap<EventKey, Event>,
    /// Further deliveries of an event of this same batch.
    again: BTreeMap<EventKey, Vec<&'a Envelope>>,
}

impl<'a> Batch<'a> {
    fn of(readings: Vec<Reading<'a>>) -> Self {
        let deliveries = readings.len();
        let mut records = BTreeMap::new();
        let mut events = BTreeMap::new();
        let mut again: BTreeMap<EventKey, Vec<&Envelope>> = BTreeMap::new();
        for Reading { envelope, key, meaning } in readings {
            if records.contains_key(&key) {
                again.entry(key).or_default().push(envelope);
                continue;
            }
            let (outcome, observations) = match meaning {
                Ok(Meaning::Observations(observations)) => (Outcome::Applied, observations),
                Ok(Meaning::Ignored(reason)) => (Outcome::Ignored { reason: reason.to_owned() }, Vec::new()),
                Err(permanent) => (Outcome::Dead { reason: permanent.to_string() }, Vec::new()),
            };
            events.insert(key.clone(), Event { id: key.id.clone(), observations });
            records.insert(key.clone(), Record { key, envelope, outcome, attempts: 1 });
        }
        Self { deliveries, records: records.into_values().collect(), events, again }
    }
}

/// Stores what is new and says which events are due: those without a row, and those that wait and whose time
/// has come. All others are repetitions, and counted.
async fn record(
    tx: &mut Transaction,
    batch: &mut Batch<'_>,
    manner: Manner,
    now: DateTime<Utc>,
) -> Result<BTreeSet<EventKey>, Failure> {
    let new: BTreeSet<EventKey> = tx.record(&batch.records, now).await?.into_iter().collect();
    let bodies: Vec<&Record<'_>> = batch.records.iter().filter(|record| new.contains(&record.key)).collect();
    tx.keep_bodies(&bodies).await?;

    let mut due = new;
    let mut repeated: BTreeMap<EventKey, Vec<&Envelope>> = std::mem::take(&mut batch.again);
    let mut concluded = Vec::new();
    let seen: Vec<EventKey> =
        batch.records.iter().map(|record| &record.key).filter(|key| !due.contains(key)).cloned().collect();
    for known in tx.known(&seen).await? {
        let place = batch.records.binary_search_by(|record| record.key.cmp(&known.key));
        let record = &mut batch.records[place.expect("only keys of this batch were asked for")];
        let time_has_come = manner == Manner::Alone || known.retry_at.is_some_and(|at| at <= now);
        if known.outcome == "waiting" && time_has_come {
            record.attempts = known.attempts + 1;
            concluded.push((known.key.clone(), record.outcome.clone(), record.attempts));
            due.insert(known.key);
        } else if known.trace_parent != record.envelope.header.trace_parent {
            // The same delivery once more, after a crash between commit and settle, is no repetition.
            repeated.entry(known.key).or_default().push(record.envelope);
        }
    }
    concluded.sort_by(|a, b| a.0.cmp(&b.0));
    tx.conclude(&concluded).await?;
    let repeated: Vec<_> = repeated
        .into_iter()
        .map(|(key, envelopes)| {
            let last =
                envelopes.last().map(|envelope| envelope.header.trace_parent.clone()).unwrap_or_default();
            (key, i64::try_from(envelopes.len()).unwrap_or(i64::MAX), last)
        })
        .collect();
    tx.count_repetitions(&repeated).await?;
    if manner == Manner::Alone {
        let keys: Vec<EventKey> = batch.records.iter().map(|record| record.key.clone()).collect();
        tx.unmark_started(&keys).await?;
    }
    Ok(due)
}

/// Writes what changed.
async fn store(tx: &mut Transaction, world: &World, locked: &Locked) -> Result<(), LedgerError> {
    write_locked(tx, &world.refunds, &locked.refunds).await?;
    write_locked(tx, &world.movements, &locked.movements).await?;
    write_locked(tx, &world.disputes, &locked.disputes).await?;
    write_locked(tx, &world.failures, &locked.failures).await?;
    write_locked(tx, &world.warnings, &locked.warnings).await?;
    write_locked(tx, &world.charges, &locked.charges).await?;
    write_locked(tx, &world.payments, &locked.payments).await?;
    write_locked(tx, &world.invoices, &locked.invoices).await?;
    write_locked(tx, &world.subscriptions, &locked.subscriptions).await?;
    write_locked(tx, &world.customers, &locked.customers).await?;
    write_locked(tx, &world.bans, &locked.users).await
}

/// A row that changed without its lock would be a lost update in waiting.
async fn write_locked<T: Stored>(
    tx: &mut Transaction,
    shelf: &Shelf<T>,
    locked: &Keys,
) -> Result<(), LedgerError> {
    let changed = shelf.changed();
    debug_assert!(changed.iter().all(|row| locked.contains(row.key())), "{} without a lock", T::TABLE);
    tx.write(&changed).await
}
