//! The metrics of a listener's connections.

use prometheus::{IntCounter, IntCounterVec, IntGauge};

use crate::metrics::MetricsRegistry;

/// Why a connection can fail.
const FAULTS: [&str; 3] = [BAD_REQUEST, "too_slow", "cut_off"];
pub(crate) const BAD_REQUEST: &str = "bad_request";

pub struct ConnectionMetrics {
    open: IntGauge,
    failed: IntCounterVec,
    shed: IntCounter,
}

impl ConnectionMetrics {
    /// The names begin with the prefix: two listeners of one cluster are two series.
    pub fn new(new: &MetricsRegistry, prefix: &str) -> Self {
        let name = |name: &str| format!("{prefix}{name}");
        let metrics = Self {
            open: new.gauge(&name("connections_open"), "Open connections to the public listener."),
            failed: new.counters(
                &name("connections_failed_total"),
                "Connections that ended with a request that was invalid HTTP, too slow, or cut off.",
                &["fault"],
            ),
            shed: new
                .counter(&name("connections_shed_total"), "Connections refused because too many were open."),
        };
        for fault in FAULTS {
            metrics.failed.with_label_values(&[fault]);
        }
        metrics
    }

    /// Counts a connection until it is dropped, however it ends.
    pub(crate) fn opened(&self) -> OpenConnection<'_> {
        self.open.inc();
        OpenConnection(self)
    }

    pub(crate) fn shed(&self) {
        self.shed.inc();
    }

    /// A request that ends its connection, though hyper took it.
    pub fn misframed(&self) {
        self.failed.with_label_values(&[BAD_REQUEST]).inc();
    }
}

pub(crate) struct OpenConnection<'m>(&'m ConnectionMetrics);

impl OpenConnection<'_> {
    pub(crate) fn failed(&self, fault: &'static str) {
        self.0.failed.with_label_values(&[fault]).inc();
    }
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.open.dec();
    }
}
