//! Counters of what the program does not know. They count when the ledger takes it in, whenever it happened: an
//! unknown status of last month is news today. For figures about money see `money.rs`.

use std::collections::BTreeMap;

use prometheus::IntCounterVec;
use shared::metrics::MetricsRegistry;

use domain::api_versions;
use domain::batch_counts::BatchCounts;

#[derive(Clone, Debug)]
pub(super) struct Domain {
    unknown_statuses: IntCounterVec,
    versions: IntCounterVec,
}

impl Domain {
    pub(super) fn new(register: &MetricsRegistry) -> Self {
        let domain = Self {
            unknown_statuses: register.counters(
                "unknown_statuses_total",
                "Objects that reached a status that no rule knows.",
                &["kind"],
            ),
            versions: register.counters(
                "events_by_api_version_total",
                "New events, by whether the rules know their API version.",
                &["version"],
            ),
        };
        domain.begin_at_zero();
        domain
    }

    /// A series that appears with its first event looks as if nothing had happened.
    fn begin_at_zero(&self) {
        for kind in ["payment", "charge", "refund", "dispute", "invoice", "subscription"] {
            self.unknown_statuses.with_label_values(&[kind]);
        }
        for version in api_versions::LABELS {
            self.versions.with_label_values(&[version]);
        }
    }

    /// Counts what a committed batch brought.
    pub(super) fn count(&self, counts: &BatchCounts, versions: &BTreeMap<&'static str, u64>) {
        for (kind, count) in &counts.unknown_statuses {
            self.unknown_statuses.with_label_values(&[*kind]).inc_by(*count);
        }
        for (version, count) in versions {
            self.versions.with_label_values(&[*version]).inc_by(*count);
        }
    }
}
