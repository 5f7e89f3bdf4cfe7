//! All metrics of the gateway. Labels come from the configuration and from closed sets only.

use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use envelope::event_types;
use hyper::StatusCode;
use prometheus::{Histogram, IntCounterVec, IntGauge, IntGaugeVec, Registry};
use shared::http::ConnectionMetrics;
use shared::metrics::MetricsRegistry;
use shared::queue::{PublishError, QueueGauges};
use shared::spans::SpanCounts;

use crate::endpoints::Endpoints;
use crate::responses::{self, ABANDONED, OUTCOMES, Outcome, Rejection, Unavailable};
use crate::signature::Refusal;

/// From a local fsync to beyond the deadline of the answer.
const SECONDS_BUCKETS: [f64; 14] =
    [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
/// Every status that the gateway itself answers with.
const STATUSES: [StatusCode; 9] = [
    StatusCode::OK,
    StatusCode::BAD_REQUEST,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::NOT_IMPLEMENTED,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// How a refusal is answered to who keeps sending refused signatures.
const SLOWED: [&str; 2] = ["late", "at_once"];

pub(crate) struct Metrics {
    pub(crate) registry: Registry,
    webhooks: IntCounterVec,
    events_received: IntCounterVec,
    refusals: IntCounterVec,
    refusals_slowed: IntCounterVec,
    refusals_waiting: IntGauge,
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
    pub(crate) connections: ConnectionMetrics,
    pub(crate) clock_skew: IntGauge,
    pub(crate) queue: QueueGauges,
    pub(crate) spans: SpanCounts,
}

impl Metrics {
    pub(crate) fn new(endpoints: &Endpoints) -> Self {
        let new = MetricsRegistry::new();
        let metrics = Self {
            webhooks: new.counters(
                "webhooks_total",
                "Requests to a webhook path, by outcome. `accepted`, `wrong_mode` and `wrong_account` were answered 200; `abandoned`: the sender closed the connection before the answer.",
                &["endpoint", "outcome"],
            ),
            events_received: new.counters(
                "events_received_total",
                "Deliveries with a valid signature, by type, mode and outcome; repetitions count. Types without a rule are `other`.",
                &["endpoint", "mode", "outcome", "type"],
            ),
            refusals: new.counters(
                "signature_refusals_total",
                "Webhooks refused because of their signature, by reason.",
                &["endpoint", "reason"],
            ),
            refusals_slowed: new.counters(
                "refusals_slowed_total",
                "Refused signatures beyond an address's limit per minute. `late`: answered with a delay; `at_once`: answered without it because too many were waiting.",
                &["answer"],
            ),
            refusals_waiting: new.gauge("refusals_waiting", "Refusals whose answer is being delayed now."),
            unavailable: new.counters(
                "webhooks_unavailable_total",
                "Webhooks answered 503, by reason.",
                &["reason"],
            ),
            secrets_matched: new.counters(
                "signature_matches_total",
                "Valid signatures, by name of the secret.",
                &["endpoint", "secret"],
            ),
            secrets_last_matched: new.gauges(
                "signature_last_match_timestamp_seconds",
                "Time of the last valid signature, by name of the secret, in seconds since 1970.",
                &["endpoint", "secret"],
            ),
            answers: new.counters("answers_total", "Answers on all paths, by status.", &["status"]),
            last_event: new.gauges(
                "last_event_timestamp_seconds",
                "Time of the last accepted event, in seconds since 1970.",
                &["endpoint"],
            ),
            secrets_faulty: new.gauges(
                "secrets_file_faulty",
                "1 while an endpoint's secrets file is invalid and the previous secrets stay in force.",
                &["endpoint"],
            ),
            publish_seconds: new.histogram(
                "publish_seconds",
                "Time that the queue took to make an event durable, or to refuse it.",
                &SECONDS_BUCKETS,
            ),
            answer_seconds: new.histogram(
                "answer_seconds",
                "Time from a webhook's head to its answer.",
                &SECONDS_BUCKETS,
            ),
            in_flight: new.gauge("webhooks_in_flight", "Webhooks being read, verified or published now."),
            bodies_bytes: new.gauge("bodies_bytes", "Memory used by the bodies in progress."),
            connections: ConnectionMetrics::new(&new, ""),
            clock_skew: new.gauge(
                "clock_skew_seconds",
                "Our clock minus the time of the last valid signature; it includes Stripe's delay.",
            ),
            queue: QueueGauges::new(&new),
            spans: SpanCounts::new(&new),
            registry: new.registry(),
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
        for answer in SLOWED {
            self.refusals_slowed.with_label_values(&[answer]);
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
        InHand { metrics: self, endpoint, event: OnceLock::new(), label: ABANDONED }
    }

    /// A refusal whose answer waits until this is dropped.
    pub(crate) fn late_answer(&self) -> LateAnswer<'_> {
        self.refusals_slowed.with_label_values(&[SLOWED[0]]).inc();
        self.refusals_waiting.inc();
        LateAnswer(self)
    }

    pub(crate) fn too_many_wait(&self) {
        self.refusals_slowed.with_label_values(&[SLOWED[1]]).inc();
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

pub(crate) struct LateAnswer<'m>(&'m Metrics);

impl Drop for LateAnswer<'_> {
    fn drop(&mut self) {
        self.0.refusals_waiting.dec();
    }
}

pub(crate) struct InHand<'m> {
    metrics: &'m Metrics,
    endpoint: &'m str,
    /// Mode and type, once the signature is found good and the event is read.
    event: OnceLock<(&'static str, &'static str)>,
    label: &'static str,
}

impl InHand<'_> {
    pub(crate) fn is_event(&self, livemode: bool, kind: &str) {
        self.event.get_or_init(|| (event_types::mode(livemode), event_types::label(kind)));
    }

    pub(crate) fn end(mut self, outcome: &Outcome) {
        self.label = responses::label(outcome);
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
        if let Some((mode, kind)) = self.event.get() {
            self.metrics.events_received.with_label_values(&[self.endpoint, *mode, self.label, *kind]).inc();
        }
    }
}
