//! Failed checks against Stripe, each kind by itself: one is made every hour, another every minute.

use prometheus::IntCounter;
use shared::metrics::MetricsRegistry;

#[derive(Clone)]
pub struct ChecksFailed {
    pub completeness: IntCounter,
    pub reconciliation: IntCounter,
    pub objects: IntCounter,
    pub checkouts: IntCounter,
}

impl ChecksFailed {
    pub(super) fn new(register: &MetricsRegistry) -> Self {
        let failed = register.counters(
            "stripe_checks_failed_total",
            "Checks against Stripe that failed, by what was checked: its list of events, its balance, uncertain objects, or unpaid checkouts.",
            &["check"],
        );
        let of = |check: &str| failed.with_label_values(&[check]);
        Self {
            completeness: of("completeness"),
            reconciliation: of("reconciliation"),
            objects: of("objects"),
            checkouts: of("checkouts"),
        }
    }
}
