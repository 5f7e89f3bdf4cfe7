//! What the worker counts. What queue and ledger already count is read when somebody looks.

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    core::Collector,
};

use crate::ledger::refetch::Answer;
use crate::outcome::Outcome;
use crate::process::Handled;

/// The doc comments are the help texts.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub registry: Registry,
    handled: IntCounterVec,
    repeated: IntCounter,
    transitions: IntCounter,
    pub batches: Histogram,
    pub received_to_applied: Histogram,
    pub redelivered: IntCounter,
    pub fallbacks: IntCounter,
    pub stale_settles: IntCounter,
    pub paused: IntGauge,
    pub consumption_paused: IntGauge,
    pub queue_ready: IntGauge,
    pub queue_leased: IntGauge,
    pub queue_oldest_seconds: IntGauge,
    pub unfinished: IntGaugeVec,
    pub named_only: IntGaugeVec,
    pub named_only_since: IntGaugeVec,
    pub recorded: IntCounter,
    pub bodies_removed: IntCounter,
    pub stripe_missing: IntCounter,
    pub complete_until: IntGauge,
    pub stripe_history_left: IntGauge,
    pub stripe_checks_failed: IntCounter,
    pub refetched: IntCounterVec,
}

impl Metrics {
    #[expect(clippy::too_many_lines, reason = "a few lines for each metric")]
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let build = Opts::new("tidegate_build_info", "Always 1; which version runs.");
        let build = IntGaugeVec::new(build, &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(build))?;
        let metrics = Self {
            handled: IntCounterVec::new(
                Opts::new("tidegate_events_handled_total", "Events that got an outcome, each once."),
                &["outcome"],
            )?,
            repeated: IntCounter::new("tidegate_events_repeated_total", "Events that had come before.")?,
            transitions: IntCounter::new(
                "tidegate_transitions_total",
                "Statuses that moved, as in the audit.",
            )?,
            batches: Histogram::with_opts(
                HistogramOpts::new("tidegate_batch_events", "Events in one transaction.")
                    .buckets(vec![1.0, 4.0, 16.0, 32.0, 64.0, 128.0, 256.0]),
            )?,
            received_to_applied: Histogram::with_opts(
                HistogramOpts::new(
                    "tidegate_received_to_applied_seconds",
                    "From the gateway's receipt to the ledger's commit.",
                )
                .buckets(vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0]),
            )?,
            redelivered: IntCounter::new(
                "tidegate_events_redelivered_total",
                "Events lent a second time, after a lost worker or connection.",
            )?,
            fallbacks: IntCounter::new(
                "tidegate_batch_fallbacks_total",
                "Batches that failed and were handled one event at a time.",
            )?,
            stale_settles: IntCounter::new(
                "tidegate_stale_settles_total",
                "Settles that came after the lending had ended; the event is known when it comes again.",
            )?,
            paused: IntGauge::new("tidegate_worker_paused", "1 while the ledger does not answer.")?,
            consumption_paused: IntGauge::new(
                "tidegate_consumption_paused",
                "1 while somebody has paused consumption; `tidegate status` says who and why.",
            )?,
            queue_ready: IntGauge::new("tidegate_queue_ready_events", "Events that wait in the queue.")?,
            queue_leased: IntGauge::new("tidegate_queue_leased_events", "Events lent and not yet settled.")?,
            queue_oldest_seconds: IntGauge::new(
                "tidegate_queue_oldest_seconds",
                "Age of the oldest event in the queue, as far as this process can tell.",
            )?,
            unfinished: IntGaugeVec::new(
                Opts::new("tidegate_events_unfinished", "Events in the ledger that wait or are dead."),
                &["outcome"],
            )?,
            named_only: IntGaugeVec::new(
                Opts::new(
                    "tidegate_objects_named_only",
                    "Objects that others name and that no event has reported: children wait for them.",
                ),
                &["kind"],
            )?,
            named_only_since: IntGaugeVec::new(
                Opts::new(
                    "tidegate_objects_named_only_since_seconds",
                    "Stripe's stamp of the first event that named the longest waiting of them; 0 when there is none.",
                ),
                &["kind"],
            )?,
            recorded: IntCounter::new(
                "tidegate_deliveries_recorded_total",
                "Deliveries of Stripe's that the ledger knows of, first and further: with those in the queue, what was answered 200.",
            )?,
            bodies_removed: IntCounter::new(
                "tidegate_bodies_removed_total",
                "Raw bodies that were removed after their retention.",
            )?,
            stripe_missing: IntCounter::new(
                "tidegate_stripe_events_missing_total",
                "Events that Stripe listed and the ledger lacked, when they were compared; each was queued.",
            )?,
            complete_until: IntGauge::new(
                "tidegate_ledger_complete_until_seconds",
                "Up to which stamp of Stripe's the ledger was found complete; 0 while it was never compared.",
            )?,
            stripe_history_left: IntGauge::new(
                "tidegate_stripe_history_left_seconds",
                "How long Stripe will still list all that came after that stamp; 0 while it was never compared.",
            )?,
            stripe_checks_failed: IntCounter::new(
                "tidegate_stripe_checks_failed_total",
                "Comparisons with Stripe's events and readings of objects that failed.",
            )?,
            refetched: IntCounterVec::new(
                Opts::new("tidegate_objects_refetched_total", "Objects that were read again from Stripe."),
                &["answer"],
            )?,
            registry,
        };
        for name in Outcome::NAMES {
            metrics.handled.with_label_values(&[name]);
        }
        for name in Answer::NAMES {
            metrics.refetched.with_label_values(&[name]);
        }
        metrics.register()?;
        Ok(metrics)
    }

    /// Counts what a committed batch did.
    pub fn count(&self, handled: &Handled) {
        let by_outcome = [("applied", handled.applied), ("ignored", handled.ignored), ("dead", handled.dead)];
        for (name, number) in by_outcome {
            self.handled.with_label_values(&[name]).inc_by(number as u64);
        }
        self.repeated.inc_by(handled.repeated as u64);
        self.recorded.inc_by(handled.recorded);
        self.transitions.inc_by(handled.transitions as u64);
    }

    /// Counts an event that failed alone.
    pub fn count_failed(&self, outcome: &str) {
        self.handled.with_label_values(&[outcome]).inc();
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        let all: [Box<dyn Collector>; 23] = [
            Box::new(self.handled.clone()),
            Box::new(self.repeated.clone()),
            Box::new(self.transitions.clone()),
            Box::new(self.batches.clone()),
            Box::new(self.received_to_applied.clone()),
            Box::new(self.redelivered.clone()),
            Box::new(self.fallbacks.clone()),
            Box::new(self.stale_settles.clone()),
            Box::new(self.paused.clone()),
            Box::new(self.consumption_paused.clone()),
            Box::new(self.queue_ready.clone()),
            Box::new(self.queue_leased.clone()),
            Box::new(self.queue_oldest_seconds.clone()),
            Box::new(self.unfinished.clone()),
            Box::new(self.named_only.clone()),
            Box::new(self.named_only_since.clone()),
            Box::new(self.recorded.clone()),
            Box::new(self.bodies_removed.clone()),
            Box::new(self.stripe_missing.clone()),
            Box::new(self.complete_until.clone()),
            Box::new(self.stripe_history_left.clone()),
            Box::new(self.stripe_checks_failed.clone()),
            Box::new(self.refetched.clone()),
        ];
        all.into_iter().try_for_each(|collector| self.registry.register(collector))
    }
}
