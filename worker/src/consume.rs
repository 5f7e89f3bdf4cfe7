//! The loop of a lane: receive, process, settle. It settles only committed events, keeps its events while the
//! ledger is unavailable, and returns those that it has not started.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use chrono::{DateTime, Utc};
use envelope::Envelope;
use envelope::suspect::Suspicion;
use shared::clock;
use shared::queue::affinity::Affinity;
use shared::queue::{Delivery, Queue, Settle, Tag, Taken};
use shared::spans::Spans;
use tokio_util::sync::CancellationToken;

use crate::fatal_signal::FatalSignal;
use crate::isolated::{self, IsolatedOutcome, Mark, Retries};
use crate::ledger_availability::LedgerAvailability;
use crate::metrics::Metrics;
use crate::pause_signal::PauseSignal;
use crate::process::{Manner, process_each};
use crate::repetitions;
use crate::spans;
use crate::watchdog::Watchdog;
use desk::acts::pause::{self, Paused};
use domain::blame::Blame;
use domain::dead_letter_streaks::{DeadLetterStreaks, NewDeadLetter};
use domain::event::{Content, EventKey};
use ledger::Ledger;
use ledger::failure::Failure;
use ledger::tables::pauses::Pause;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Of a batch that fails, so many events are handled one at a time instead of in halves.
const ISOLATE_LIMIT: usize = 8;

/// What all lanes of a worker share.
#[derive(Clone)]
pub struct Lanes {
    pub queue: Queue,
    pub ledger: Ledger,
    pub metrics: Metrics,
    pub spans: Spans,
    pub availability: Arc<LedgerAvailability>,
    pub(crate) pause_signal: Arc<PauseSignal>,
    pub watchdog: Watchdog,
    pub retries: Arc<Retries>,
    pub streaks: Arc<Mutex<DeadLetterStreaks>>,
    pub batch_events: usize,
    pub shutdown: CancellationToken,
    /// Cancelled when the rest of the drain deadline is kept for what is in hand.
    pub drain_cutoff: CancellationToken,
    /// Once raised, nothing may be acknowledged any more.
    pub fatal: FatalSignal,
}

/// Why a piece of work got no result.
enum Stop {
    /// Told to stop while the ledger was unavailable, or it failed for good: what is in hand is released.
    Interrupted,
    Blame(Blame),
}

impl Lanes {
    /// Whether nothing more is to be begun.
    pub(crate) fn are_stopping(&self) -> bool {
        self.shutdown.is_cancelled() || self.fatal.is_set()
    }

    /// Waits for so long; `false` when the worker stops meanwhile.
    pub(crate) async fn rest(&self, pause: Duration) -> bool {
        tokio::select! {
            () = self.shutdown.cancelled() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }

    /// Runs one lane to its end: told to stop, it handles what was prefetched, if there is time.
    pub async fn run(self, lane: usize, lanes: usize) {
        let affinity = Affinity::of_lane(lane, lanes);
        loop {
            if self.shutdown.is_cancelled() && self.availability.outage().is_some() {
                return; // nothing can be worked off
            }
            let deliveries = tokio::select! {
                biased;
                () = self.drain_cutoff.cancelled() => return,
                () = self.pause_signal.paused() => {
                    tokio::select! {
                        () = self.shutdown.cancelled() => return,
                        () = self.pause_signal.resumed() => continue,
                    }
                }
                deliveries = self.queue.receive_preferring(self.batch_events, affinity) => deliveries,
            };
            if deliveries.is_empty() {
                return;
            }
            // Somebody may have begun these and not come back; so nobody new shares their fate.
            let (suspects, fresh): (Vec<_>, Vec<_>) = deliveries.into_iter().partition(|d| d.redelivered);
            self.metrics.redelivered.inc_by(suspects.len() as u64);
            self.process_batch(lane, &fresh, Manner::Batch).await;
            self.process_redelivered(lane, suspects).await;
        }
    }

    /// Whether consumption is paused, as the ledger says now.
    pub(crate) fn set_pause(&self, pause: Option<Pause>) {
        self.queue.set_paused(pause.is_some());
        self.pause_signal.set(pause);
    }

    /// A worker that was killed leaves hundreds of events, and hardly ever was one of them the cause. So they are handled
    /// together once more, and alone only if that does not come back either.
    async fn process_redelivered(&self, lane: usize, suspects: Vec<Delivery>) {
        let Some(begun) = self.begin_together(lane, &suspects).await else {
            let tags = suspects.iter().map(|suspect| (suspect.tag, Settle::Release));
            return self.settle(tags.collect()).await;
        };
        let (together, alone): (Vec<_>, Vec<_>) =
            suspects.into_iter().partition(|suspect| begun.contains(&Content::of(&suspect.envelope).key));
        self.process_batch(lane, &together, Manner::Redelivered).await;
        for suspect in &alone {
            self.process_isolated(lane, suspect).await;
        }
    }

    /// Which of them nobody has begun like this before; `None` when told to stop before the ledger said so.
    async fn begin_together(&self, lane: usize, suspects: &[Delivery]) -> Option<BTreeSet<EventKey>> {
        if suspects.len() < 2 {
            return Some(BTreeSet::new());
        }
        let envelopes: Vec<&Envelope> = suspects.iter().map(|suspect| &suspect.envelope).collect();
        let mut pauses = pauses();
        loop {
            let attempt = isolated::begin_together(&self.ledger, &envelopes, clock::now());
            let attempt = self.watchdog.watch(lane, attempt).await;
            match self.judge(attempt.map_err(Failure::from), &mut pauses).await {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(Ok(begun)) => return Some(begun),
                ControlFlow::Break(Err(Stop::Blame(_))) => return Some(BTreeSet::new()),
                ControlFlow::Break(Err(Stop::Interrupted)) => return None,
            }
        }
    }

    /// A batch that fails is halved until few events are left around the one to blame. Those are handled alone.
    async fn process_batch(&self, lane: usize, deliveries: &[Delivery], manner: Manner) {
        let mut parts = vec![deliveries];
        while let Some(part) = parts.pop() {
            if part.is_empty() || self.try_batch(lane, part, manner).await {
                continue;
            }
            if part.len() > ISOLATE_LIMIT {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
                continue;
            }
            for delivery in part {
                self.process_isolated(lane, delivery).await;
            }
        }
    }

    /// `false` where one of the events is to blame: nothing was written, and nothing is settled.
    async fn try_batch(&self, lane: usize, deliveries: &[Delivery], manner: Manner) -> bool {
        let envelopes: Vec<&Envelope> = deliveries.iter().map(|delivery| &delivery.envelope).collect();
        let tags: Vec<Tag> = deliveries.iter().map(|delivery| delivery.tag).collect();
        let taken = self.queue.taken(&tags);
        let (began, mut pauses) = (self.spans.begin(), pauses());
        let result = loop {
            let attempt = process_each(&self.ledger, &envelopes, taken.as_ref(), manner, clock::now());
            let attempt = self.watchdog.watch(lane, attempt).await;
            if let ControlFlow::Break(result) = self.judge(attempt, &mut pauses).await {
                break result;
            }
        };
        let settle = match result {
            Ok((handled, entries)) => {
                spans::batch(&self.spans, began, &envelopes, &entries);
                self.metrics.batches.observe(f64::from(u32::try_from(envelopes.len()).unwrap_or(u32::MAX)));
                self.metrics.count(&handled);
                self.observe_latency(&envelopes, clock::now());
                self.pause_if_too_many(&handled.new_dead_letters, &envelopes).await;
                Settle::Done
            }
            Err(Stop::Interrupted) => Settle::Release,
            Err(Stop::Blame(blame)) => {
                tracing::warn!(events = deliveries.len(), %blame, "a batch failed: its events are handled in smaller batches");
                spans::fell_back(&self.spans, began, &envelopes);
                self.metrics.fallbacks.inc();
                return false;
            }
        };
        self.settle(tags.into_iter().map(|tag| (tag, settle)).collect()).await;
        true
    }

    async fn process_isolated(&self, lane: usize, delivery: &Delivery) {
        let taken = self.queue.taken(&[delivery.tag]);
        // There may be hundreds, of several commits each: one that a stop cuts in two would count as an attempt.
        let handled = if self.drain_cutoff.is_cancelled() {
            None
        } else {
            self.handle_isolated(lane, &delivery.envelope, taken).await
        };
        let settle = match handled {
            Some(_) => Settle::Done,
            None => Settle::Release,
        };
        self.settle(vec![(delivery.tag, settle)]).await;
    }

    /// Handles one event by itself; `None` when told to stop before it had an outcome.
    pub async fn handle_isolated(
        &self,
        lane: usize,
        envelope: &Envelope,
        taken: Option<Taken>,
    ) -> Option<IsolatedOutcome> {
        let suspect = suspect_of(envelope);
        let envelope = suspect.as_ref().unwrap_or(envelope);
        let began = self.spans.begin();
        let (mut pauses, mut mark) = (pauses(), Mark::of(taken));
        let result = loop {
            let attempt = isolated::handle(&self.ledger, envelope, &self.retries, clock::now(), &mut mark);
            let attempt = self.watchdog.watch(lane, attempt).await;
            if let ControlFlow::Break(result) = self.judge(attempt, &mut pauses).await {
                break result;
            }
        };
        match result {
            Ok(isolated) => {
                spans::isolated(&self.spans, began, envelope, &isolated);
                match &isolated {
                    IsolatedOutcome::Handled(handled) => {
                        self.metrics.count(handled);
                        self.observe_latency(&[envelope], clock::now());
                        self.pause_if_too_many(&handled.new_dead_letters, &[envelope]).await;
                    }
                    IsolatedOutcome::Failed {
                        blame,
                        outcome,
                        new_dead_letter,
                        buried,
                        attempts,
                        recorded,
                    } => {
                        self.metrics.recorded.inc_by(*recorded);
                        self.pause_if_too_many(new_dead_letter.as_slice(), &[envelope]).await;
                        let (event_id, event_type) = (&envelope.header.id, &envelope.header.kind);
                        tracing::warn!(event_id, event_type, %blame, outcome, attempts, "an isolated event failed");
                        self.metrics.count_failed(outcome, *attempts, *buried);
                    }
                    IsolatedOutcome::NotDue { recorded } => self.metrics.recorded.inc_by(*recorded),
                }
                Some(isolated)
            }
            Err(Stop::Interrupted) => {
                if let Err(error) = isolated::give_back(&self.ledger, envelope, &mark).await {
                    let event_id = &envelope.header.id;
                    tracing::info!(event_id, %error, "an event's start mark could not be removed: it will count as an attempt");
                }
                None
            }
            // Writing the outcome of a failed event was refused: no rule foresees it. Keep it in the queue.
            Err(Stop::Blame(blame)) => {
                tracing::error!(event_id = envelope.header.id, %blame, "an event's failure cannot be recorded");
                tokio::time::sleep(LONGEST_PAUSE).await;
                None
            }
        }
    }

    /// Whether an attempt is the end of the matter. Where the ledger is away it is not: the work in hand is
    /// held through a growing, jittered pause, and tried again. Attempts themselves are never cancelled: a
    /// cancelled `begin` would spoil its connection.
    async fn judge<T>(
        &self,
        attempt: Result<T, Failure>,
        pauses: &mut ExponentialBackoff,
    ) -> ControlFlow<Result<T, Stop>> {
        match attempt {
            Ok(value) => {
                self.availability.record_answer();
                return ControlFlow::Break(Ok(value));
            }
            Err(Failure::Blame(blame)) => return ControlFlow::Break(Err(Stop::Blame(blame))),
            Err(Failure::Fatal(error)) => {
                self.fatal.report(&error);
            }
            Err(Failure::Transient(error)) => self.availability.record_outage(&error.to_string()),
        }
        if self.fatal.is_set() {
            return ControlFlow::Break(Err(Stop::Interrupted));
        }
        tokio::select! {
            () = self.shutdown.cancelled() => ControlFlow::Break(Err(Stop::Interrupted)),
            () = tokio::time::sleep(pauses.next().unwrap_or(LONGEST_PAUSE)) => ControlFlow::Continue(()),
        }
    }

    /// Pauses consumption when one cause makes too many dead letters in a row. Somebody has to look; nothing is
    /// lost meanwhile.
    async fn pause_if_too_many(&self, new_dead_letters: &[NewDeadLetter], envelopes: &[&Envelope]) {
        let too_many = {
            let mut counted = self.streaks.lock().unwrap_or_else(PoisonError::into_inner);
            // Of a batch with dead letters nobody knows which others of their kind were applied: none counts.
            let others =
                envelopes.iter().filter(|_| new_dead_letters.is_empty()).map(|envelope| &envelope.header);
            counted.see(new_dead_letters, others)
        };
        let Some((cause, count)) = too_many else { return };
        let reason = format!("{count} events in a row became dead letters for one cause: {cause}");
        tracing::error!(cause, count, "consumption is paused: run `tidegate dead-letters groups`");
        match pause::pause(&self.ledger, &reason, "tidegate", clock::now()).await {
            Ok(Paused::Now(pause) | Paused::Before(pause)) => self.set_pause(Some(pause)),
            Err(error) => tracing::error!(%error, "consumption could not be paused"),
        }
    }

    async fn settle(&self, settlements: Vec<(Tag, Settle)>) {
        match self.queue.settle(&settlements).await {
            Ok(settled) => self.metrics.stale_settles.inc_by(settled.stale as u64),
            // Each is settled later, or comes again and is known then.
            Err(error) => {
                tracing::warn!(%error, events = settlements.len(), "settling failed: the events are settled later, or delivered again");
            }
        }
    }

    fn observe_latency(&self, envelopes: &[&Envelope], now: DateTime<Utc>) {
        for envelope in envelopes.iter().filter(|envelope| repetitions::is_stripes(envelope)) {
            let elapsed = (now - envelope.header.received_at).to_std().unwrap_or_default();
            self.metrics.received_to_applied.observe(elapsed.as_secs_f64());
        }
    }
}

/// What an event becomes whose head does not fit its body: nobody knows which of the two is right.
fn suspect_of(envelope: &Envelope) -> Option<Envelope> {
    let fits = Content::of(envelope).fits(envelope);
    (!fits).then(|| Suspicion::Head.envelope(envelope.header_json().as_bytes(), &envelope.body, clock::now()))
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .without_max_times()
        .build()
}
