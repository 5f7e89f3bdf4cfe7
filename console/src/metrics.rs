//! All metrics of the console. Labels come from the table of endpoints and from closed sets only.

use hyper::StatusCode;
use prometheus::{Histogram, IntCounterVec, IntGauge, Registry};
use shared::http::ConnectionMetrics;
use shared::metrics::MetricsRegistry;

use crate::endpoint::Endpoint;

const SECONDS_BUCKETS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0];
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];
/// The endpoint of a request that names none.
pub(crate) const NO_ENDPOINT: &str = "none";
/// All pages together.
pub(crate) const PAGES: &str = "page";

/// Why nobody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotKnown {
    /// No header, another scheme, or nothing that could be a token.
    Missing,
    /// No token of ours, or one that is revoked or expired, or of somebody who is disabled.
    Refused,
}

/// What a rate is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RatedBy {
    Token,
    Address,
    /// Too many checkouts of one user of the merchant's.
    User,
    /// Too many checkouts of customers in one network.
    Network,
}

impl NotKnown {
    const ALL: [Self; 2] = [Self::Missing, Self::Refused];

    fn label(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Refused => "refused",
        }
    }
}

impl RatedBy {
    const ALL: [Self; 4] = [Self::Token, Self::Address, Self::User, Self::Network];

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Address => "address",
            Self::User => "user",
            Self::Network => "network",
        }
    }
}

pub(crate) struct Metrics {
    pub(crate) registry: Registry,
    pub(crate) connections: ConnectionMetrics,
    requests: IntCounterVec,
    pub(crate) request_seconds: Histogram,
    pub(crate) in_flight: IntGauge,
    not_known: IntCounterVec,
    rate_limited: IntCounterVec,
}

impl Metrics {
    pub(crate) fn new(endpoints: impl Iterator<Item = &'static Endpoint>) -> Self {
        let new = MetricsRegistry::new();
        let metrics = Self {
            connections: ConnectionMetrics::new(&new, "console_"),
            requests: new.counters(
                "console_requests_total",
                "Requests to the API, by endpoint and class of the status. `none`: no endpoint has this address and method.",
                &["endpoint", "status"],
            ),
            request_seconds: new.histogram(
                "console_request_seconds",
                "Time from a request's head to its answer.",
                &SECONDS_BUCKETS,
            ),
            in_flight: new.gauge("console_requests_in_flight", "Requests in progress."),
            not_known: new.counters(
                "console_authentication_failures_total",
                "Requests without a valid token, by reason. `refused`: unknown, revoked or expired, or its person is disabled.",
                &["reason"],
            ),
            rate_limited: new.counters(
                "console_rate_limited_total",
                "Requests refused because a token or an address made too many.",
                &["by"],
            ),
            registry: new.registry(),
        };
        for name in endpoints.map(|endpoint| endpoint.name).chain([NO_ENDPOINT, PAGES]) {
            for class in CLASSES {
                metrics.requests.with_label_values(&[name, class]);
            }
        }
        for reason in NotKnown::ALL {
            metrics.not_known.with_label_values(&[reason.label()]);
        }
        for by in RatedBy::ALL {
            metrics.rate_limited.with_label_values(&[by.label()]);
        }
        metrics
    }

    pub(crate) fn answered(&self, endpoint: &str, status: StatusCode) {
        let class = match status.as_u16() {
            ..300 => CLASSES[0],
            300..400 => CLASSES[1],
            400..500 => CLASSES[2],
            500.. => CLASSES[3],
        };
        self.requests.with_label_values(&[endpoint, class]).inc();
    }

    pub(crate) fn not_known(&self, reason: NotKnown) {
        self.not_known.with_label_values(&[reason.label()]).inc();
    }

    pub(crate) fn rate_limited(&self, by: RatedBy) {
        self.rate_limited.with_label_values(&[by.label()]).inc();
    }
}
