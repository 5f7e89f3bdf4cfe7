//! Notices: what was sent, and what waits or was given up in the ledger.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::notices::Channel;
use domain::notices::delivery::DeliveryState;
use ledger::tables::notices::DeliveryCount;
use prometheus::{IntCounterVec, IntGauge};
use shared::metrics::MetricsRegistry;

#[derive(Clone)]
pub struct Notices {
    concluded: IntCounterVec,
}

impl Notices {
    pub fn new(register: &MetricsRegistry) -> Self {
        Self {
            concluded: register.counters(
                "notices_attempts_total",
                "Attempts to deliver a notice, by channel and by the state that the delivery came to.",
                &["channel", "state"],
            ),
        }
    }

    pub fn count(&self, channel: Channel, state: DeliveryState) {
        self.concluded.with_label_values(&[channel.as_str(), state.as_str()]).inc();
    }
}

#[derive(Debug)]
pub(super) struct NoticeGauges {
    waiting: IntGauge,
    oldest: IntGauge,
    failed: IntGauge,
    broken: IntGauge,
}

impl NoticeGauges {
    pub(super) fn new(register: &MetricsRegistry) -> Self {
        Self {
            waiting: register.gauge(
                "notices_waiting",
                "Deliveries of notices that wait for their next attempt. Counts up to 10,000.",
            ),
            oldest: register.gauge(
                "notices_waiting_since_timestamp_seconds",
                "Time at which the oldest of them was noted, in seconds since 1970; 0 if there is none.",
            ),
            failed: register.gauge(
                "notices_failed",
                "Deliveries of notices that were given up and neither replayed nor forgotten. Counts up to 10,000.",
            ),
            broken: register.gauge(
                "notice_targets_broken",
                "Targets of notices that failed at least five times in a row and are left alone between attempts.",
            ),
        }
    }

    pub(super) fn show(&self, counts: &[DeliveryCount], broken: i64) {
        let mut all: BTreeMap<&str, (i64, Option<DateTime<Utc>>)> = BTreeMap::new();
        for DeliveryCount { state, deliveries, since, .. } in counts {
            let (sum, first) = all.entry(state.as_str()).or_default();
            *sum += deliveries;
            *first = [*first, *since].into_iter().flatten().min();
        }
        let of = |state: DeliveryState| all.get(state.as_str()).copied().unwrap_or_default();
        let (waiting, since) = of(DeliveryState::Pending);
        self.waiting.set(waiting);
        self.oldest.set(since.map_or(0, |since| since.timestamp()));
        self.failed.set(of(DeliveryState::Failed).0);
        self.broken.set(broken);
    }
}
