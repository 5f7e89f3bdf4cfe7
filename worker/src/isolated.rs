//! Handles one event in isolation, after committing a `started` mark: an event that kills or hangs its worker
//! is identified and harms no other. Used for what was redelivered more than once, for events of a failed batch, and for retries.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use envelope::Envelope;
use shared::queue::Taken;

use crate::process::{Handled, Manner, process_each};
use crate::repetitions;
use domain::blame::{self, Blame};
use domain::dead_letter_streaks::NewDeadLetter;
use domain::event::{Content, EventKey};
use domain::outcome::{Outcome, OutcomeKind};
use domain::redaction::KeptBody;
use ledger::failure::Failure;
use ledger::tables::events::{Concluded, Record};
use ledger::tables::replays::Replayed;
use ledger::{Ledger, LedgerError, Transaction};

/// When an event that failed alone is handled again.
#[derive(Clone, Debug)]
pub struct Retries {
    /// The waits before each further attempt; after the last the event is buried.
    pub distances: Vec<Duration>,
    /// How far a waiting event's time is put off while somebody handles it, so that nobody else does. Longer than the
    /// watchdog lets a rule take; where the ledger takes longer than that, somebody else may find it begun and count an
    /// attempt that was none.
    pub claim: Duration,
}

impl Retries {
    /// No event waits longer than this, unless a clock ran ahead when it was put off.
    pub fn longest(&self) -> Duration {
        self.distances.iter().copied().max().unwrap_or_default().max(self.claim)
    }
}

/// Whether the mark of the event at hand is ours, from an earlier try that the ledger cut short. Such a mark
/// is no attempt: an outage uses up none.
#[derive(Debug, Default)]
pub struct Mark {
    is_mine: bool,
    /// The message that the event came by.
    taken: Option<Taken>,
}

impl Mark {
    pub fn of(taken: Option<Taken>) -> Self {
        Self { is_mine: false, taken }
    }
}

/// What came of handling an event alone.
#[derive(Debug)]
pub enum IsolatedOutcome {
    Handled(Handled),
    /// It failed, and has the outcome that follows.
    Failed {
        blame: Blame,
        outcome: &'static str,
        /// Where it was buried.
        new_dead_letter: Option<NewDeadLetter>,
        /// Its class, where it was not dead before.
        buried: Option<&'static str>,
        /// How often it has failed.
        attempts: i64,
        /// One where the ledger had not heard of it.
        recorded: u64,
    },
    /// It was handled before, or waits for its time.
    NotDue {
        /// One where this was a further delivery of it.
        recorded: u64,
    },
}

/// Handles one event. `Err` is transient or broken: the event has no outcome yet. To try again, pass
/// the same `mark`; to give up, call `give_back`.
pub async fn handle(
    ledger: &Ledger,
    envelope: &Envelope,
    retries: &Retries,
    now: DateTime<Utc>,
    mark: &mut Mark,
) -> Result<IsolatedOutcome, Failure> {
    let key = Content::of(envelope).key;
    let (PriorAttempts { attempts, was_dead }, blame) =
        match begin(ledger, &key, envelope, now, now + retries.claim, mark).await? {
            Begin::NotDue { recorded } => return Ok(IsolatedOutcome::NotDue { recorded }),
            Begin::NeverCameBack(prior) => (prior, Blame::NeverCameBack),
            Begin::Marked(prior) => {
                match process_each(ledger, &[envelope], mark.taken.as_ref(), Manner::Isolated, now).await {
                    Ok((handled, _)) => return Ok(IsolatedOutcome::Handled(handled)),
                    Err(Failure::Blame(blame)) => (prior, blame),
                    // Not the event's failure: the mark stays ours for the next try.
                    Err(failure) => return Err(failure),
                }
            }
        };
    let attempts = attempts + 1;
    let outcome = blame::outcome(&blame, &envelope.header, attempts, &retries.distances, now);
    let name = outcome.as_str();
    let (new_dead_letter, buried) = match &outcome {
        Outcome::Dead { failed } => {
            let new_dead_letter = NewDeadLetter::of(&failed.fingerprint, &envelope.header);
            (Some(new_dead_letter), (!was_dead).then(|| failed.class()))
        }
        _ => (None, None),
    };
    let content = Content::of(envelope);
    let (risk, body) = (content.risk(envelope), KeptBody(content.kept(envelope)));
    let record = Record { key, envelope, body, outcome, attempts, risk };
    let recorded = conclude(ledger, record, mark.taken.as_ref(), now).await?;
    Ok(IsolatedOutcome::Failed { blame, outcome: name, new_dead_letter, buried, attempts, recorded })
}

/// Marks redelivered events as begun together, and gives back those that nobody has begun like that or alone. What does
/// not fit its head is none of them: alone it becomes a suspect, under another key.
pub async fn begin_together(
    ledger: &Ledger,
    envelopes: &[&Envelope],
    now: DateTime<Utc>,
) -> Result<BTreeSet<EventKey>, LedgerError> {
    let fitting = envelopes.iter().filter_map(|envelope| {
        let content = Content::of(envelope);
        content.fits(envelope).then_some(content.key)
    });
    let keys: BTreeSet<EventKey> = fitting.collect();
    let mut tx = ledger.begin().await?;
    let begun = tx.mark_started_together(&keys.into_iter().collect::<Vec<_>>(), now).await?;
    tx.commit().await?;
    Ok(begun)
}

enum Begin {
    /// The mark is committed.
    Marked(PriorAttempts),
    /// A mark was there: an attempt ended without a word.
    NeverCameBack(PriorAttempts),
    NotDue {
        recorded: u64,
    },
}

/// What the ledger has of an event that is handled now.
#[derive(Clone, Copy, Default)]
struct PriorAttempts {
    attempts: i64,
    was_dead: bool,
}

async fn begin(
    ledger: &Ledger,
    key: &EventKey,
    envelope: &Envelope,
    now: DateTime<Utc>,
    claimed_until: DateTime<Utc>,
    mark: &mut Mark,
) -> Result<Begin, LedgerError> {
    let mut tx = ledger.begin().await?;
    let known = tx.known(std::slice::from_ref(key)).await?.pop();
    let prior = match known {
        None => PriorAttempts::default(),
        Some(known)
            if known.outcome == OutcomeKind::Waiting
                && (mark.is_mine || tx.claim(key, now, claimed_until).await?) =>
        {
            PriorAttempts { attempts: known.attempts, was_dead: false }
        }
        Some(known) if is_asked_for(&mut tx, key, envelope).await? => {
            PriorAttempts { attempts: known.attempts, was_dead: known.outcome == OutcomeKind::Dead }
        }
        Some(known) => {
            // Handled, and perhaps by somebody who died before it was settled: no blame is left over. Of one that waits
            // whoever has it may have died: that counts when its time comes.
            if known.outcome != OutcomeKind::Waiting {
                tx.unmark_started(std::slice::from_ref(key)).await?;
            }
            // Perhaps another delivery of the event, whose own worker died: it was accepted, so it counts.
            let repeated = repetitions::of(key, &[envelope], Some(&known));
            tx.count_repetitions(repeated.as_slice()).await?;
            tx.note_commit(&[], mark.taken.as_ref(), now).await?;
            tx.commit().await?;
            return Ok(Begin::NotDue { recorded: u64::from(repeated.is_some()) });
        }
    };
    // Before the commit: where its answer is lost, the mark that is found next time is ours all the same.
    mark.is_mine |= tx.mark_started(key, now).await?;
    tx.commit().await?;
    Ok(if mark.is_mine { Begin::Marked(prior) } else { Begin::NeverCameBack(prior) })
}

/// Takes the mark away from an event that goes back untouched: a clean stop is no attempt. A claim is left to
/// run out; the event then simply comes a little later.
pub async fn give_back(ledger: &Ledger, envelope: &Envelope, mark: &Mark) -> Result<(), LedgerError> {
    if !mark.is_mine {
        return Ok(());
    }
    let mut tx = ledger.begin().await?;
    tx.unmark_started(&[Content::of(envelope).key]).await?;
    tx.commit().await
}

/// A replay that has not run yet makes an event due, whatever became of it before.
async fn is_asked_for(
    tx: &mut Transaction,
    key: &EventKey,
    envelope: &Envelope,
) -> Result<bool, LedgerError> {
    let Some(replay) = envelope.header.replay.clone() else { return Ok(false) };
    Ok(tx.replayed(&[(key.clone(), replay)]).await?.is_empty())
}

/// Says whether this is a delivery of Stripe's that the ledger had not heard of: one, or none.
async fn conclude(
    ledger: &Ledger,
    record: Record<'_>,
    taken: Option<&Taken>,
    now: DateTime<Utc>,
) -> Result<u64, LedgerError> {
    ledger.prepare_months([record.key.created_at].into_iter()).await?;
    let mut tx = ledger.begin().await?;
    let key = std::slice::from_ref(&record.key);
    let is_new = !tx.record(std::slice::from_ref(&record), now).await?.is_empty();
    if !is_new && tx.known(key).await?.iter().all(|known| known.outcome != OutcomeKind::Applied) {
        let Record { key, outcome, attempts, risk, .. } = &record;
        let (key, outcome, risk) = (key.clone(), outcome.clone(), risk.clone());
        tx.conclude(&[Concluded { key, outcome, attempts: *attempts, risk }], now).await?;
    }
    if let Some(replay) = record.envelope.header.replay.clone() {
        let (key, outcome) = (record.key.clone(), record.outcome.clone());
        tx.note_replays(&[Replayed { key, replay, outcome }], now).await?;
    }
    tx.unmark_started(key).await?;
    tx.note_commit(if is_new { key } else { &[] }, taken, now).await?;
    tx.commit().await?;
    Ok(u64::from(is_new && repetitions::is_stripes(record.envelope)))
}
