//! What the fraud desk found within the last hour, read from the ledger once a minute. Every worker reports the same ledger:
//! use the maximum, never the sum.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use desk::views::fraud;
use domain::fraud::{FraudFinding, FraudRule};
use envelope::event_types::mode;
use ledger::{Ledger, LedgerError};
use prometheus::IntGaugeVec;
use shared::metrics::MetricsRegistry;

/// However often somebody looks, the rules run once in this time.
const FRESH: Duration = Duration::from_mins(1);
const SPAN: TimeDelta = TimeDelta::hours(24);
const RECENT: TimeDelta = TimeDelta::hours(1);

#[derive(Debug)]
pub(super) struct FraudGauges {
    findings: IntGaugeVec,
    read_at: std::sync::Mutex<Option<Instant>>,
}

impl FraudGauges {
    pub(super) fn new(register: &MetricsRegistry) -> Self {
        Self {
            findings: register.gauges(
                "fraud_findings",
                "What the rules of the fraud desk found within the last hour, by Stripe's time. Read once a minute.",
                &["mode", "rule"],
            ),
            read_at: std::sync::Mutex::default(),
        }
    }

    pub(super) async fn read(&self, ledger: &Ledger, now: DateTime<Utc>) -> Result<(), LedgerError> {
        let is_fresh = |at: &Instant| at.elapsed() < FRESH;
        if self.read_at.lock().expect("nobody panics with it").as_ref().is_some_and(is_fresh) {
            return Ok(());
        }
        let found = fraud::read(&mut ledger.read().await?, now - SPAN).await?;
        for ((rule, livemode), count) in counts(&found, now) {
            self.findings.with_label_values(&[mode(livemode), rule.as_str()]).set(count);
        }
        *self.read_at.lock().expect("nobody panics with it") = Some(Instant::now());
        Ok(())
    }
}

/// Of each rule, also where there is nothing.
fn counts(found: &[FraudFinding], now: DateTime<Utc>) -> BTreeMap<(FraudRule, bool), i64> {
    let mut counts: BTreeMap<(FraudRule, bool), i64> =
        FraudRule::ALL.iter().flat_map(|rule| [((*rule, true), 0), ((*rule, false), 0)]).collect();
    for one in found.iter().filter(|one| one.at > now - RECENT) {
        *counts.entry((one.rule, one.livemode)).or_default() += 1;
    }
    counts
}
