//! One batch, one transaction: read the events, record them, merge what is new into the ledger, derive,
//! audit, commit. Start here to learn what happens to an event.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use envelope::Envelope;
use shared::clock;
use shared::queue::Taken;

use crate::failpoint;
use crate::journal::{self, Entry};
use crate::repetitions;
use domain::Permanent;
use domain::blame::Blame;
use domain::deaths::Death;
use domain::event::{Content, EventKey, Meaning};
use domain::facts::Facts;
use domain::outcome::Outcome;
use domain::policy::Policy;
use domain::risk::Risk;
use domain::versions;
use domain::world::Event;
use ledger::failure::Failure;
use ledger::graph::fold::fold;
use ledger::graph::load::{Reach, load};
use ledger::graph::store::store;
use ledger::tables::events::{Concluded, Record, Repetitions};
use ledger::tables::replays::Replayed;
use ledger::tables::seals::commit_of;
use ledger::{Ledger, LedgerError, Transaction};

/// Who moves what events move, in the audit.
const STRIPE: &str = "stripe";
/// How often a batch is begun again at once, because an object moved to what it has locked.
const AGAIN_LIMIT: u32 = 3;

/// An envelope that the rules have read, before anything is written.
#[derive(Debug)]
pub struct Reading<'a> {
    pub envelope: &'a Envelope,
    pub key: EventKey,
    meaning: Result<Meaning, Permanent>,
    risk: Risk,
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
    /// Stripe's deliveries that the ledger now knows of, first and further, each once.
    pub recorded: u64,
    pub transitions: usize,
    /// What was buried, by cause.
    pub deaths: Vec<Death>,
    /// The same by class, without what was dead before.
    pub buried: BTreeMap<&'static str, u64>,
    /// API versions, of what came for the first time.
    pub versions: BTreeMap<&'static str, u64>,
    pub facts: Facts,
    /// Of an event that was handled alone: how often it was tried, with this time.
    pub attempts: Option<i64>,
}

/// Handles a batch. `Err` means that nothing was written.
pub async fn process(
    ledger: &Ledger,
    envelopes: &[&Envelope],
    manner: Manner,
    now: DateTime<Utc>,
) -> Result<Handled, Failure> {
    let (handled, _) = process_each(ledger, envelopes, None, manner, now).await?;
    Ok(handled)
}

/// The same, for whoever wants to know of each event that was due what became of it. `taken` says which messages
/// of the queue they came by, where the queue numbers its messages.
pub(crate) async fn process_each<'a>(
    ledger: &Ledger,
    envelopes: &[&'a Envelope],
    taken: Option<&Taken>,
    manner: Manner,
    now: DateTime<Utc>,
) -> Result<(Handled, Vec<Entry<'a>>), Failure> {
    let mut left = AGAIN_LIMIT;
    loop {
        let readings = envelopes.iter().map(|envelope| read(envelope)).collect::<Result<Vec<_>, _>>()?;
        let mut tx = ledger.begin().await?;
        match write(&mut tx, readings, taken, manner, ledger.policy(), now).await {
            Ok((handled, entries)) => {
                tx.commit().await?;
                journal::tell(&entries, clock::now());
                return Ok((handled, entries));
            }
            Err(Failure::Transient(LedgerError::Moved)) if left > 0 => left -= 1,
            Err(failure) => return Err(failure),
        }
    }
}

/// Reads one envelope. A panic of a rule is caught: it is the event's failure, not the process's.
pub fn read(envelope: &Envelope) -> Result<Reading<'_>, Failure> {
    let read = || {
        let content = Content::of(envelope);
        if !content.fits(envelope) {
            return Err(Failure::Blame(Blame::Unfit)); // alone it is told apart, and becomes a suspect
        }
        failpoint::before_rules(envelope);
        let meaning = content.meaning(envelope);
        let risk = if meaning.is_err() { content.risk(envelope) } else { Risk::default() };
        Ok(Reading { envelope, key: content.key, meaning, risk })
    };
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(Failure::panicked()))
}

async fn write<'a>(
    tx: &mut Transaction,
    readings: Vec<Reading<'a>>,
    taken: Option<&Taken>,
    manner: Manner,
    policy: &Arc<Policy>,
    now: DateTime<Utc>,
) -> Result<(Handled, Vec<Entry<'a>>), Failure> {
    let mut batch = Batch::of(readings);
    let due = record(tx, &mut batch, manner, now).await?;
    let events: Vec<Event> =
        batch.events.into_iter().filter(|(key, _)| due.contains(key)).map(|(_, e)| e).collect();

    let (mut world, locked) = load(tx, &events, policy, Reach::Lock).await?;
    let transitions = fold(&mut world, &events)?;
    let facts = Facts::of(&world);
    let lines = world.chain(&transitions, STRIPE, now);
    let commit = commit_of(&batch.new.iter().collect::<Vec<_>>(), &lines, taken, now);
    store(tx, &world, &locked, &lines, commit.as_ref()).await?;

    let (deliveries, recorded) = (batch.deliveries, batch.recorded);
    let mut handled = Handled {
        recorded,
        transitions: transitions.len(),
        facts,
        repeated: deliveries - due.len(),
        ..Handled::default()
    };
    let mut entries = Vec::with_capacity(due.len());
    for record in batch.records.into_iter().filter(|record| due.contains(&record.key)) {
        match &record.outcome {
            Outcome::Applied => handled.applied += 1,
            Outcome::Ignored { .. } => handled.ignored += 1,
            Outcome::Dead { failed } => {
                handled.dead += 1;
                handled.deaths.push(Death::of(&failed.fingerprint, &record.envelope.header));
                if !batch.were_dead.contains(&record.key) {
                    *handled.buried.entry(failed.class()).or_default() += 1;
                }
            }
            Outcome::Waiting { .. } => {} // reading alone comes to no such outcome
        }
        if batch.new.contains(&record.key) {
            *handled
                .versions
                .entry(versions::label(record.envelope.header.api_version.as_deref()))
                .or_default() += 1;
        }
        entries.push(Entry { envelope: record.envelope, outcome: record.outcome, attempts: record.attempts });
    }
    if manner == Manner::Alone {
        handled.attempts = entries.first().map(|entry| entry.attempts);
    }
    Ok((handled, entries))
}

/// A batch by event: each once, however often it came.
struct Batch<'a> {
    deliveries: usize,
    recorded: u64,
    /// Those that the ledger had not heard of, and those that were dead already.
    new: BTreeSet<EventKey>,
    were_dead: BTreeSet<EventKey>,
    records: Vec<Record<'a>>,
    events: BTreeMap<EventKey, Event>,
    /// Every delivery of each event, in the order of arrival.
    envelopes: BTreeMap<EventKey, Vec<&'a Envelope>>,
}

impl<'a> Batch<'a> {
    fn of(readings: Vec<Reading<'a>>) -> Self {
        let deliveries = readings.len();
        let mut records = BTreeMap::new();
        let mut events = BTreeMap::new();
        let mut envelopes: BTreeMap<EventKey, Vec<&Envelope>> = BTreeMap::new();
        for Reading { envelope, key, meaning, risk } in readings {
            envelopes.entry(key.clone()).or_default().push(envelope);
            if records.contains_key(&key) {
                continue;
            }
            let (outcome, observations) = match meaning {
                Ok(Meaning::Observations(observations)) => (Outcome::Applied, observations),
                Ok(Meaning::Ignored(reason)) => (Outcome::Ignored { reason: reason.to_owned() }, Vec::new()),
                Err(permanent) => (Outcome::Dead { failed: permanent.failed() }, Vec::new()),
            };
            events.insert(key.clone(), Event { id: key.id.clone(), observations });
            records.insert(key.clone(), Record { key, envelope, outcome, attempts: 1, risk });
        }
        let records = records.into_values().collect();
        let (new, were_dead) = (BTreeSet::new(), BTreeSet::new());
        Self { deliveries, recorded: 0, new, were_dead, records, events, envelopes }
    }

    /// The replays that are asked for, sorted.
    fn replays(&self) -> Vec<(EventKey, String)> {
        let asked = self.envelopes.iter().flat_map(|(key, envelopes)| {
            let replays = envelopes.iter().filter_map(|envelope| envelope.header.replay.clone());
            replays.map(|replay| (key.clone(), replay))
        });
        asked.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// Stores what is new and says which events are due: those without a row, those that wait and whose time has
/// come, and those that a replay asks for. All others are repetitions, and counted.
async fn record(
    tx: &mut Transaction,
    batch: &mut Batch<'_>,
    manner: Manner,
    now: DateTime<Utc>,
) -> Result<BTreeSet<EventKey>, Failure> {
    let new: BTreeSet<EventKey> = tx.record(&batch.records, now).await?.into_iter().collect();
    let bodies: Vec<&Record<'_>> = batch.records.iter().filter(|record| new.contains(&record.key)).collect();
    tx.keep_bodies(&bodies).await?;
    let mut replays = batch.replays();
    let ran: BTreeSet<_> = tx.replayed(&replays).await?.into_iter().collect();
    replays.retain(|replay| !ran.contains(replay));

    let first = bodies.iter().filter(|record| repetitions::is_stripes(record.envelope)).count() as u64;
    let mut due = new.clone();
    let mut repeated: Vec<Repetitions> =
        due.iter().filter_map(|key| repetitions::of(key, &batch.envelopes[key], None)).collect();
    let mut concluded = Vec::new();
    let seen: Vec<EventKey> =
        batch.records.iter().map(|record| &record.key).filter(|key| !due.contains(key)).cloned().collect();
    for known in tx.known(&seen).await? {
        repeated.extend(repetitions::of(&known.key, &batch.envelopes[&known.key], Some(&known)));
        let place = batch.records.binary_search_by(|record| record.key.cmp(&known.key));
        let record = &mut batch.records[place.expect("only keys of this batch were asked for")];
        let time_has_come = manner == Manner::Alone || known.retry_at.is_some_and(|at| at <= now);
        let is_replayed = replays.iter().any(|(key, _)| *key == known.key);
        if (known.outcome == "waiting" && time_has_come) || is_replayed {
            record.attempts = known.attempts + 1;
            // What was applied stays applied, whatever a stricter rule says of it now.
            if known.outcome != "applied" {
                let (key, outcome, risk) = (known.key.clone(), record.outcome.clone(), record.risk.clone());
                concluded.push(Concluded { key, outcome, attempts: record.attempts, risk });
            }
            if known.outcome == "dead" {
                batch.were_dead.insert(known.key.clone());
            }
            due.insert(known.key);
        }
    }
    concluded.sort_by(|a, b| a.key.cmp(&b.key));
    tx.conclude(&concluded, now).await?;
    repeated.sort_by(|a, b| a.key.cmp(&b.key));
    tx.count_repetitions(&repeated).await?;
    batch.new = new;
    batch.recorded = first + repeated.iter().map(|repeated| repeated.times.unsigned_abs()).sum::<u64>();
    let outcome = |key: &EventKey| {
        let place = batch.records.binary_search_by(|record| record.key.cmp(key));
        batch.records[place.expect("a replay is of an event of this batch")].outcome.clone()
    };
    let replayed: Vec<Replayed> =
        replays.into_iter().map(|(key, replay)| Replayed { outcome: outcome(&key), key, replay }).collect();
    tx.note_replays(&replayed, now).await?;
    if manner == Manner::Alone {
        let keys: Vec<EventKey> = batch.records.iter().map(|record| record.key.clone()).collect();
        tx.unmark_started(&keys).await?;
    }
    Ok(due)
}
