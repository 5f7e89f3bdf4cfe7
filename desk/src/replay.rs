//! Replays: stored events, or those of a file, run again through the same queue and rules as live traffic. A
//! plan names its events, oldest first; a preview shows which rows would change; a run queues them and can be
//! resumed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use envelope::suspect::Suspicion;
use envelope::{Envelope, Header, Source};
use futures_util::future::join_all;
use serde::Serialize;
use shared::clock;
use shared::queue::{PublishError, Queue};
use thiserror::Error;

use crate::actor::Actor;
use crate::audit_line::{self, Subject, append_alone};
use crate::views::cards::Cards;
use domain::event::{Content, EventKey, Meaning};
use domain::object_graph::{Event, InGraph, ObjectGraph};
use domain::outcome::Outcome;
use domain::risk::Risk;
use domain::tracked_rows::TrackedRows;
use domain::{AuditChange, Key, Kind, Object, Permanent, Severity, each_kind};
use ledger::failure::Failure;
use ledger::graph::fold::fold;
use ledger::graph::load::{LockMode, load};
use ledger::tables::archive::Archived;
use ledger::tables::events::Concluded;
use ledger::tables::replays::{Item, Plan, Replayed};
use ledger::{Ledger, LedgerError, Transaction};

/// The audit's name for replays.
pub const REPLAY: &str = "replay";
/// More events than this are not folded to look ahead: the first ones tell what to expect.
pub const LOOK_AHEAD_EVENTS: usize = 5_000;
/// How many are published at once.
const AT_ONCE: usize = 64;
const ITEMS_AT_ONCE: usize = 500;

#[derive(Debug, Error)]
pub enum ReplayError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the rules cannot fold these events: {0}")]
    Rules(Failure),
    #[error("the queue does not take them: {0}")]
    Queue(#[from] PublishError),
}

/// What a replay would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LookAhead {
    /// So many events were looked at.
    pub events: usize,
    pub would_apply: usize,
    /// They would fail again, by reason.
    pub would_fail: BTreeMap<String, usize>,
    /// Messages that were not what was published: each is checked again when the plan runs, and what it changes is not
    /// foretold.
    pub suspects: usize,
    pub without_bytes: usize,
    pub changes: Vec<Change>,
}

/// A row that would change.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    pub kind: Kind,
    pub key: Key,
    /// Names of the columns, with what they are and what they would be.
    pub columns: BTreeMap<String, (serde_json::Value, serde_json::Value)>,
}

/// Events in the order of a plan, and what those bring along that the ledger does not have.
#[derive(Debug)]
pub struct Chosen {
    pub key: EventKey,
    pub brought: Option<Envelope>,
}

/// Stores a plan; gives its id.
#[shared::built_once]
pub async fn plan(
    ledger: &Ledger,
    selection: &str,
    chosen: &[Chosen],
    by: &Actor,
    now: DateTime<Utc>,
) -> Result<String, LedgerError> {
    let span = shared::trace::child_of(None);
    let replay = format!("replay_{}_{}", now.format("%Y%m%d"), &shared::trace::span_of(&span)[..8]);
    let plan = Plan {
        replay: replay.clone(),
        selection: selection.to_owned(),
        planned_by: by.in_audit(),
        planned_at: now,
        events: 0,
        queued: 0,
    };
    let mut tx = ledger.begin().await?;
    tx.make_plan(&plan).await?;
    let mut number = 0;
    for chunk in chosen.chunks(ITEMS_AT_ONCE) {
        let items: Vec<Item> = chunk
            .iter()
            .map(|chosen| {
                number += 1;
                Item {
                    number,
                    key: chosen.key.clone(),
                    header: chosen.brought.as_ref().map(Envelope::header_json),
                    body: chosen.brought.as_ref().map(|envelope| envelope.body.to_vec()),
                }
            })
            .collect();
        tx.add_items(&replay, &items).await?;
    }
    let change = told("planned", format!("{} events", chosen.len()));
    audit_line::append(&mut tx, Subject { kind: REPLAY, id: &replay }, change, &by.in_audit(), now).await?;
    tx.commit().await?;
    Ok(replay)
}

fn told(what: &'static str, after: String) -> AuditChange {
    AuditChange { what, before: None, after: Some(after), severity: Severity::Warning }
}

/// Folds the events over the ledger as it is, without a lock and without writing. `cards`: what its reader sees of them.
#[shared::built_once]
pub async fn look_ahead(ledger: &Ledger, chosen: &[Chosen], cards: Cards) -> Result<LookAhead, ReplayError> {
    let chosen = &chosen[..chosen.len().min(LOOK_AHEAD_EVENTS)];
    let mut told = LookAhead { events: chosen.len(), ..LookAhead::default() };
    let mut tx = ledger.read().await?;
    let mut events = Vec::new();
    for chunk in chosen.chunks(ITEMS_AT_ONCE) {
        let wanted = chunk.iter().map(|chosen| (chosen.key.clone(), chosen.brought.clone())).collect();
        for (_, found) in envelopes(&mut tx, wanted).await? {
            let Some(envelope) = found else {
                told.without_bytes += 1;
                continue;
            };
            if Suspicion::of_kind(&envelope.header.kind).is_some() {
                told.suspects += 1;
                continue;
            }
            match Content::of(&envelope).meaning(&envelope) {
                Ok(Meaning::Observations(observations)) => {
                    events.push(Event { id: envelope.header.id, observations });
                }
                Ok(Meaning::Ignored(_)) => {}
                Err(permanent) => *told.would_fail.entry(permanent.failed().fingerprint).or_default() += 1,
            }
        }
    }
    told.would_apply = events.len();
    let (before, _) =
        load(&mut tx, &events, ledger.policy(), LockMode::ReadOnly).await.map_err(ReplayError::Rules)?;
    let mut after = before.clone();
    fold(&mut after, &events).map_err(ReplayError::Rules)?;
    told.changes = changes(&before, &after);
    for change in &mut told.changes {
        cards.hide_columns(&mut change.columns);
    }
    Ok(told)
}

/// Queues the events of a plan that are not queued yet, oldest first, and returns how many it queued. Running a plan
/// again, or twice at the same time, does no harm: an event runs once for each replay.
#[shared::built_once]
pub async fn run(
    ledger: &Ledger,
    queue: &Queue,
    replay: &str,
    by: &Actor,
    (rate, limit): (Option<u32>, usize),
    progress: &mut (dyn FnMut(usize) + Send),
) -> Result<usize, ReplayError> {
    let mut queued = 0;
    let at_once = rate.map_or(AT_ONCE, |rate| (rate / 4).clamp(1, 64) as usize);
    while queued < limit {
        let begun = tokio::time::Instant::now();
        let wanted = i64::try_from(at_once.min(limit - queued)).unwrap_or(i64::MAX);
        let items = ledger.read().await?.next_items(replay, wanted).await?;
        if items.is_empty() {
            break;
        }
        if queued == 0 {
            let (change, by) = (told("run", "queued from here on".to_owned()), by.in_audit());
            append_alone(ledger, Subject { kind: REPLAY, id: replay }, change, &by, clock::now()).await?;
        }
        let numbers: Vec<i64> = items.iter().map(|item| item.number).collect();
        let Taken { envelopes, noted, cleared } = take(ledger, queue, replay, items).await?;
        for published in join_all(envelopes.iter().map(|envelope| queue.publish(envelope))).await {
            published?;
        }
        let now = clock::now();
        let mut tx = ledger.begin().await?;
        tx.note_replays(&noted, now).await?;
        clear(&mut tx, cleared, now).await?;
        tx.mark_queued(replay, &numbers, now).await?;
        tx.commit().await?;
        queued += numbers.len();
        progress(queued);
        if let Some(rate) = rate {
            let share = Duration::from_secs(numbers.len() as u64) / rate.max(1);
            tokio::time::sleep_until(begun + share).await;
        }
    }
    Ok(queued)
}

/// What is done with a plan's items.
#[derive(Default)]
struct Taken {
    /// For the queue.
    envelopes: Vec<Envelope>,
    /// What came of those that are not queued under their own name.
    noted: Vec<Replayed>,
    /// Suspects that verify by now: they are queued as what they are.
    cleared: Vec<(EventKey, Outcome)>,
}

async fn take(ledger: &Ledger, queue: &Queue, replay: &str, items: Vec<Item>) -> Result<Taken, LedgerError> {
    let wanted = items.into_iter().map(|item| {
        let brought = item.header.zip(item.body).and_then(|(header, body)| {
            let header: Header = serde_json::from_str(&header).ok()?;
            Some(Envelope { header, body: body.into() })
        });
        (item.key, brought)
    });
    let mut tx = ledger.read().await?;
    let mut taken = Taken::default();
    for (key, found) in envelopes(&mut tx, wanted.collect()).await? {
        let (envelopes, outcome) = match found.map(|found| (Suspicion::of_kind(&found.header.kind), found)) {
            None => {
                let reason = "its body is no longer stored, or cannot be read".to_owned();
                (vec![], Some(Outcome::Ignored { reason }))
            }
            Some((None, envelope)) => (vec![envelope], None),
            Some((Some(suspicion), suspect)) => match queue.reopen(&suspect) {
                opened if opened.is_empty() => {
                    (opened, Some(Outcome::Dead { failed: Permanent::suspect(suspicion).failed() }))
                }
                mut opened => {
                    // Stripe's delivery was counted as the suspect.
                    for envelope in opened.iter_mut().filter(|it| it.header.source != Source::Object) {
                        envelope.header.source = Source::Replay;
                    }
                    // Of a group, one line names them all.
                    let ids: Vec<&str> = opened.iter().map(|envelope| envelope.header.id.as_str()).collect();
                    let reason = format!("verified since, and replayed as {}", ids.join(", "));
                    taken.cleared.push((key.clone(), Outcome::Ignored { reason: reason.clone() }));
                    (opened, Some(Outcome::Ignored { reason }))
                }
            },
        };
        for mut envelope in envelopes {
            envelope.header.replay = Some(replay.to_owned());
            envelope.header.received_at = clock::now();
            envelope.header.trace_parent = shared::trace::child_of(None);
            taken.envelopes.push(envelope);
        }
        if let Some(outcome) = outcome {
            taken.noted.push(Replayed { key, replay: replay.to_owned(), outcome });
        }
    }
    taken.noted.sort_by(|a, b| a.key.cmp(&b.key));
    taken.cleared.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(taken)
}

/// What a file brought of each event, or what the ledger has of it. One that the ledger knows is from where it first came
/// from, whoever brings it: what an object told stays an estimate.
async fn envelopes(
    tx: &mut Transaction,
    wanted: Vec<(EventKey, Option<Envelope>)>,
) -> Result<Vec<(EventKey, Option<Envelope>)>, LedgerError> {
    let keys: BTreeSet<EventKey> = wanted.iter().map(|(key, _)| key.clone()).collect();
    let archived = tx.archived(&keys.into_iter().collect::<Vec<_>>()).await?;
    let stored: BTreeMap<EventKey, Archived> =
        archived.into_iter().map(|archived| (archived.key.clone(), archived)).collect();
    let found = wanted.into_iter().map(|(key, brought)| {
        let stored = stored.get(&key);
        let mut found = brought.or_else(|| stored?.envelope());
        if let (Some(envelope), Some(stored)) = (&mut found, stored) {
            envelope.header.source = Source::named(&stored.source);
        }
        (key, found)
    });
    Ok(found.collect())
}

/// Suspects that were queued as what they are need nobody any more.
async fn clear(
    tx: &mut Transaction,
    cleared: Vec<(EventKey, Outcome)>,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let concluded: Vec<Concluded> = cleared
        .into_iter()
        .map(|(key, outcome)| Concluded { key, outcome, attempts: 1, risk: Risk::default() })
        .collect();
    tx.conclude(&concluded, now).await
}

/// What matters most to staff comes first.
fn changes(before: &ObjectGraph, after: &ObjectGraph) -> Vec<Change> {
    const FIRST: [Kind; 5] = [Kind::Ban, Kind::Invoice, Kind::Payment, Kind::Dispute, Kind::Refund];
    let mut changes = Vec::new();
    each_kind!(|Row| add(&mut changes, Row::rows(before), Row::rows(after)));
    let place = |kind| FIRST.iter().position(|first| *first == kind).unwrap_or(FIRST.len());
    changes.sort_by_key(|change| (place(change.kind), Reverse(change.kind)));
    changes
}

/// How fresh a report was is nothing that staff look for.
fn add<T: Object>(changes: &mut Vec<Change>, before: &TrackedRows<T>, after: &TrackedRows<T>) {
    let hidden: BTreeSet<&str> = ["revision", "first_event_at", "last_event_at"].into();
    for row in after.changed() {
        let old = before.get(row.key()).cloned().unwrap_or_else(|| T::placeholder(row.key().clone()));
        let value = |row: &T| serde_json::to_value(row).unwrap_or_default();
        let (old, new) = (value(&old), value(row));
        let names = new.as_object().into_iter().flatten().map(|(name, _)| name);
        let columns: BTreeMap<_, _> = names
            .filter(|name| !hidden.contains(name.as_str()) && !name.ends_with("freshness"))
            .filter(|name| old[name.as_str()] != new[name.as_str()])
            .map(|name| (name.clone(), (old[name.as_str()].clone(), new[name.as_str()].clone())))
            .collect();
        if !columns.is_empty() {
            changes.push(Change { kind: T::KIND, key: row.key().clone(), columns });
        }
    }
}
