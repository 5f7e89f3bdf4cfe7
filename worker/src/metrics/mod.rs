//! The worker's metrics. What queue and ledger already count is read at scrape time.

mod checks;
mod domain;
mod findings;
mod goods;
mod ledger;
mod money;
mod notices;
mod operations;

use std::collections::BTreeMap;
use std::sync::Arc;

use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge, Registry};
use shared::metrics::MetricsRegistry;
use shared::queue::QueueGauges;
use shared::spans::SpanCounts;

use self::checks::ChecksFailed;
use self::domain::Domain;
use self::goods::Goods;
use self::ledger::LedgerGauges;
use self::notices::Notices;
use self::operations::Operations;
use crate::process::Handled;
use ::domain::outcome::{Failed, OutcomeKind};
use ::ledger::tables::refetch::RefetchAnswer;

/// From a commit at once to what an outage delays.
const LATENCY_BUCKETS: [f64; 13] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0];
const BATCH_BUCKETS: [f64; 8] = [1.0, 4.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];
/// Labels of retries; a longer plan counts what follows together.
const STEPS: [&str; 6] = ["1", "2", "3", "4", "5", "more"];

#[derive(Clone)]
pub struct Metrics {
    pub registry: Registry,
    handled: IntCounterVec,
    repeated: IntCounter,
    pub recorded: IntCounter,
    pub batches: Histogram,
    pub received_to_applied: Histogram,
    pub redelivered: IntCounter,
    pub fallbacks: IntCounter,
    pub stale_settles: IntCounter,
    retries: IntCounterVec,
    buried: IntCounterVec,
    domain: Domain,
    pub ledger_unavailable: IntGauge,
    pub consumption_paused: IntGauge,
    pub queue: Arc<QueueGauges>,
    pub ledger: Arc<LedgerGauges>,
    pub spans: SpanCounts,
    pub bodies_removed: IntCounter,
    pub stripe_missing: IntCounter,
    pub stripe_checks_failed: ChecksFailed,
    pub refetched: IntCounterVec,
    pub operations: Operations,
    pub notices: Notices,
    pub goods: Goods,
}

impl Metrics {
    pub fn new() -> Self {
        let new = MetricsRegistry::new();
        let metrics = Self {
            handled: new.counters(
                "events_handled_total",
                "Outcomes of events: of the first attempt, a further one, or a replay.",
                &["outcome"],
            ),
            repeated: new.counter("events_repeated_total", "Deliveries of events that were already stored."),
            recorded: new.counter(
                "deliveries_recorded_total",
                "Deliveries recorded in the ledger, first and repeated. Together with those in the queue, this is what was answered 200.",
            ),
            batches: new.histogram("batch_events", "Events per transaction.", &BATCH_BUCKETS),
            received_to_applied: new.histogram(
                "received_to_applied_seconds",
                "Time from receipt by the gateway to the commit, for webhooks.",
                &LATENCY_BUCKETS,
            ),
            redelivered: new.counter(
                "events_redelivered_total",
                "Events delivered again after a lost worker or connection.",
            ),
            fallbacks: new.counter(
                "batch_fallbacks_total",
                "Batches that failed and were handled one event at a time.",
            ),
            stale_settles: new.counter(
                "stale_settles_total",
                "Settles that came after the delivery had ended; the event is recognised when it comes again.",
            ),
            retries: new.counters(
                "retries_planned_total",
                "Unexplained failures after which the event waits for another attempt, by number of the attempt.",
                &["step"],
            ),
            buried: new.counters(
                "dead_letters_total",
                "Events that became dead letters, by class. A replay that fails again adds nothing.",
                &["class"],
            ),
            domain: Domain::new(&new),
            ledger_unavailable: new.gauge("ledger_unavailable", "1 while the ledger does not answer."),
            consumption_paused: new.gauge(
                "consumption_paused",
                "1 while consumption is paused; `tidegate status` says by whom and why.",
            ),
            queue: Arc::new(QueueGauges::new(&new)),
            ledger: Arc::new(LedgerGauges::new(&new)),
            spans: SpanCounts::new(&new),
            bodies_removed: new.counter(
                "bodies_removed_total",
                "Raw bodies deleted after their retention.",
            ),
            stripe_missing: new.counter(
                "stripe_events_missing_total",
                "Events that Stripe listed and the ledger lacked; each was queued.",
            ),
            stripe_checks_failed: ChecksFailed::new(&new),
            refetched: new.counters(
                "objects_refetched_total",
                "Objects read again from Stripe, by its answer.",
                &["answer"],
            ),
            operations: Operations::new(&new),
            notices: Notices::new(&new),
            goods: Goods::new(&new),
            registry: new.registry(),
        };
        metrics.begin_at_zero();
        metrics
    }

    fn begin_at_zero(&self) {
        for name in OutcomeKind::WORDS {
            self.handled.with_label_values(&[name]);
        }
        for class in Failed::CLASSES {
            self.buried.with_label_values(&[class]);
        }
        for step in STEPS {
            self.retries.with_label_values(&[step]);
        }
        for name in RefetchAnswer::NAMES {
            self.refetched.with_label_values(&[name]);
        }
    }

    /// Counts what a committed batch did.
    pub fn count(&self, handled: &Handled) {
        let by_outcome = [("applied", handled.applied), ("ignored", handled.ignored), ("dead", handled.dead)];
        for (name, number) in by_outcome {
            self.handled.with_label_values(&[name]).inc_by(number as u64);
        }
        self.repeated.inc_by(handled.repeated as u64);
        self.recorded.inc_by(handled.recorded);
        self.count_buried(&handled.buried);
        self.domain.count(&handled.counts, &handled.versions);
    }

    /// Counts an event that failed alone, for the so many-th time.
    pub fn count_failed(&self, outcome: &str, attempts: i64, buried: Option<&'static str>) {
        self.handled.with_label_values(&[outcome]).inc();
        if outcome == "waiting" {
            let place = usize::try_from(attempts.max(1) - 1).unwrap_or(usize::MAX).min(STEPS.len() - 1);
            self.retries.with_label_values(&[STEPS[place]]).inc();
        }
        self.count_buried(&buried.map(|class| (class, 1)).into_iter().collect());
    }

    fn count_buried(&self, buried: &BTreeMap<&'static str, u64>) {
        for (class, count) in buried {
            self.buried.with_label_values(&[*class]).inc_by(*count);
        }
    }
}
