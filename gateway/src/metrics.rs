//! All metrics of the gateway. Labels come from the configuration and from closed sets alone.

use chrono::{DateTime, Utc};
use hyper::StatusCode;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};
use shared::queue::PublishError;

use crate::answers::{self, ABANDONED, OUTCOMES, Outcome, Rejection, Unavailable};
use crate::endpoints::Endpoints;
use crate::signature::Refusal;

/// From a local fsync to beyond the deadline of the answer.
const SECONDS_BUCKETS: [f64; 14] =
    [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
/// Every status that the gateway itself answers with.
const STATUSES: [StatusCode; 8] = [
    StatusCode::OK,
    StatusCode::BAD_REQUEST,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// Why a connection can fail: see the server.
pub(crate) const CONNECTION_FAULTS: [&str; 3] = ["bad_request", "too_slow", "cut_off"];

pub(crate) struct Metrics {
    pub(crate) registry: Registry,
    webhooks: IntCounterVec,
    refusals: IntCounterVec,
    unavailable: IntCounterVec,
    secrets_matched: IntCounterVec,
    secrets_last_matched: IntGaugeVec,
    answers: IntCounterVec,
    last_event: IntGaugeVec,
    pub(crate) secrets_faulty: IntGaugeVec,
    pub(crate) publish_seconds: Histogram,
    pub(crate) answer_seconds: Histogram,
    in_flight: IntGauge,
    pub(crate) bodies_bytes: IntGauge,
    connections_open: IntGauge,
    connections_failed: IntCounterVec,
    pub(crate) connections_shed: IntCounter,
    pub(crate) clock_skew: IntGauge,
}

impl Metrics {
    pub(crate) fn new(endpoints: &Endpoints) -> Self {
        let new = Registering(Registry::new());
        new.0.register(Box::new(ProcessCollector::for_self())).expect("every name is used once");
        let build = new.gauges("build_info", "Always 1; which version runs.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let metrics = Self {
            webhooks: new.counters("webhooks_total", "Webhooks received.", &["endpoint", "outcome"]),
            refusals: new.counters(
                "signature_refusals_total",
                "Webhooks refused for their signature.",
                &["endpoint", "reason"],
            ),
            unavailable: new.counters(
                "webhooks_unavailable_total",
                "Webhooks answered 503, by what was wrong.",
                &["reason"],
            ),
            secrets_matched: new.counters(
                "signature_matches_total",
                "Signatures found good, by the name of the secret.",
                &["endpoint", "secret"],
            ),
            secrets_last_matched: new.gauges(
                "signature_last_match_timestamp_seconds",
                "When a signature was last found good, by the name of the secret, in seconds since 1970.",
                &["endpoint", "secret"],
            ),
            answers: new.counters("answers_total", "Answers of every path, by status.", &["status"]),
            last_event: new.gauges(
                "last_event_timestamp_seconds",
                "When the last event was accepted, in seconds since 1970.",
                &["endpoint"],
            ),
            secrets_faulty: new.gauges(
                "secrets_file_faulty",
                "1 while the file with an endpoint's secrets is no good and the former ones stay in use.",
                &["endpoint"],
            ),
            publish_seconds: new.seconds("publish_seconds", "How long the queue took to confirm or refuse."),
            answer_seconds: new.seconds("answer_seconds", "From a webhook's head to its answer."),
            in_flight: new.gauge("webhooks_in_flight", "Webhooks being read, verified or published now."),
            bodies_bytes: new.gauge("bodies_bytes", "Memory that the bodies in hand take now."),
            connections_open: new.gauge("connections_open", "Connections open to the public listener."),
            connections_failed: new.counters(
                "connections_failed_total",
                "Connections that ended in a request that is no HTTP, too slow, or cut off.",
                &["fault"],
            ),
            connections_shed: new.counter("connections_shed_total", "Connections refused as too many."),
            clock_skew: new.gauge(
                "clock_skew_seconds",
                "Our clock less the time of the last good signature; it includes Stripe's delay.",
            ),
            registry: new.0,
        };
        metrics.begin_at_zero(endpoints);
        metrics
    }

    /// A series that appears with its first event looks as if nothing had happened.
    fn begin_at_zero(&self, endpoints: &Endpoints) {
        for name in endpoints.keys() {
            for outcome in OUTCOMES {
                self.webhooks.with_label_values(&[name.as_str(), outcome]);
            }
            for refusal in Refusal::ALL {
                self.refusals.with_label_values(&[name.as_str(), refusal.label()]);
            }
            self.secrets_faulty.with_label_values(&[name]);
        }
        for fault in CONNECTION_FAULTS {
            self.connections_failed.with_label_values(&[fault]);
        }
        for status in STATUSES {
            self.answers.with_label_values(&[status.as_str()]);
        }
        let publish = [
            PublishError::Unavailable,
            PublishError::Blocked,
            PublishError::Refused,
            PublishError::Deadline,
            PublishError::Overloaded,
        ];
        let ours = [Unavailable::AnswerDeadline, Unavailable::QueueBroken, Unavailable::NoRoom];
        for reason in publish.map(Unavailable::Publish).into_iter().chain(ours) {
            self.unavailable.with_label_values(&[reason.label()]);
        }
    }

    /// Counts a webhook in hand, until `end` or until it is dropped with its connection.
    pub(crate) fn in_hand<'m>(&'m self, endpoint: &'m str) -> InHand<'m> {
        self.in_flight.inc();
        InHand { metrics: self, endpoint, label: ABANDONED }
    }

    /// Counts a connection until it is dropped, however it ends.
    pub(crate) fn connection(&self) -> OpenConnection<'_> {
        self.connections_open.inc();
        OpenConnection(self)
    }

    pub(crate) fn answered(&self, status: StatusCode) {
        self.answers.with_label_values(&[status.as_str()]).inc();
    }

    pub(crate) fn secret_matched(&self, endpoint: &str, secret: &str, at: DateTime<Utc>) {
        self.secrets_last_matched.with_label_values(&[endpoint, secret]).set(at.timestamp());
        self.secrets_matched.with_label_values(&[endpoint, secret]).inc();
    }

    pub(crate) fn last_event(&self, endpoint: &str, at: DateTime<Utc>) {
        self.last_event.with_label_values(&[endpoint]).set(at.timestamp());
    }
}

pub(crate) struct OpenConnection<'m>(&'m Metrics);

impl OpenConnection<'_> {
    pub(crate) fn failed(&self, fault: &'static str) {
        self.0.connections_failed.with_label_values(&[fault]).inc();
    }
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.connections_open.dec();
    }
}

pub(crate) struct InHand<'m> {
    metrics: &'m Metrics,
    endpoint: &'m str,
    label: &'static str,
}

impl InHand<'_> {
    pub(crate) fn end(mut self, outcome: &Outcome) {
        self.label = answers::label(outcome);
        match outcome {
            Err(Rejection::Signature(refusal)) => {
                self.metrics.refusals.with_label_values(&[self.endpoint, refusal.label()]).inc();
            }
            Err(Rejection::Unavailable(why)) => {
                self.metrics.unavailable.with_label_values(&[why.label()]).inc();
            }
            _ => {}
        }
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
        self.metrics.webhooks.with_label_values(&[self.endpoint, self.label]).inc();
    }
}

/// Makes metrics and registers them. Names and labels are constants, so nothing here depends on input.
struct Registering(Registry);

impl Registering {
    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.keep(IntCounterVec::new(options(name, help), labels))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.keep(IntGaugeVec::new(options(name, help), labels))
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.keep(IntCounter::with_opts(options(name, help)))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.keep(IntGauge::with_opts(options(name, help)))
    }

    fn seconds(&self, name: &str, help: &str) -> Histogram {
        let options = HistogramOpts { common_opts: options(name, help), buckets: SECONDS_BUCKETS.to_vec() };
        self.keep(Histogram::with_opts(options))
    }

    fn keep<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let collector = made.expect("names and labels are constant and legal");
        self.0.register(Box::new(collector.clone())).expect("every name is used once");
        collector
    }
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(format!("tidegate_{name}"), help)
}
