//! What checks turned up and nobody has resolved, and how Stripe's balance and the ledger differ.

use chrono::NaiveDate;
use domain::Severity;
use domain::findings::{Check, FindingState};
use domain::fraud::FraudRule;
use envelope::event_types::mode;
use ledger::views::finding_figures::{FindingFigures, OpenOfKind};
use prometheus::{IntGauge, IntGaugeVec};
use shared::metrics::MetricsRegistry;

#[derive(Debug)]
pub(super) struct FindingGauges {
    unresolved: IntGaugeVec,
    fraud: IntGaugeVec,
    fraud_due_since: IntGauge,
    difference: IntGaugeVec,
    above_tolerance: IntGaugeVec,
    compared_until: IntGaugeVec,
}

impl FindingGauges {
    pub(super) fn new(register: &MetricsRegistry) -> Self {
        Self {
            unresolved: register.gauges(
                "findings_unresolved",
                "Findings that are not resolved, by check, severity and state. Counts up to 10,000 of each check and mode.",
                &["check", "mode", "severity", "state"],
            ),
            fraud: register.gauges(
                "fraud_findings",
                "Findings of the fraud desk that are open, by rule: nobody has acknowledged, put off or resolved them.",
                &["mode", "rule"],
            ),
            fraud_due_since: register.gauge(
                "fraud_due_since_timestamp_seconds",
                "Time of the oldest batch that the fraud desk has not looked at, in seconds since 1970; 0 if there is none.",
            ),
            difference: register.gauges(
                "reconciliation_difference_minor_units",
                "The sum of what the open findings of reconciliation differ by, in the currency's minor unit.",
                &["currency", "mode"],
            ),
            above_tolerance: register.gauges(
                "reconciliation_above_tolerance",
                "Currencies whose open differences to Stripe's balance come to more than the policy reconciliation.tolerance, and one more where too many differ to be listed.",
                &["mode"],
            ),
            compared_until: register.gauges(
                "reconciliation_compared_until_timestamp_seconds",
                "End of the last day of our own account that was compared with Stripe's balance, in seconds since 1970; 0 if none was.",
                &["mode"],
            ),
        }
    }

    pub(super) fn show(&self, figures: &FindingFigures, label: fn(&str) -> &'static str) {
        // A currency whose last difference is gone must not stay.
        self.difference.reset();
        self.fraud_due_since.set(figures.fraud_due_since.map_or(0, |at| at.timestamp()));
        for livemode in [true, false] {
            let mode = mode(livemode);
            for check in Check::ALL {
                for severity in Severity::WORDS {
                    for state in FindingState::ALL.iter().filter(|state| **state != FindingState::Resolved) {
                        let of = figures.unresolved.iter().filter(|it| {
                            it.livemode == livemode
                                && it.found_by == *check
                                && it.severity == *severity
                                && it.state == state.as_str()
                        });
                        self.unresolved
                            .with_label_values(&[check.as_str(), mode, severity, state.as_str()])
                            .set(of.map(|it| it.findings).sum());
                    }
                }
            }
            for rule in FraudRule::WORDS {
                let is_of = |it: &&OpenOfKind| {
                    it.livemode == livemode && it.found_by == Check::FraudDesk && it.kind == *rule
                };
                let open = figures.open.iter().filter(is_of).map(|it| it.findings).sum();
                self.fraud.with_label_values(&[mode, rule]).set(open);
            }
            for it in figures.at_stake.iter().filter(|it| it.livemode == livemode) {
                self.difference.with_label_values(&[label(&it.currency), mode]).add(it.amount);
            }
            let above = figures.above_tolerance(livemode).count();
            self.above_tolerance.with_label_values(&[mode]).set(i64::try_from(above).unwrap_or(i64::MAX));
            let compared = figures.compared.iter().find(|(of, _)| *of == livemode);
            let until = compared.and_then(|(_, day)| day.parse::<NaiveDate>().ok()?.succ_opt());
            let until = until.map_or(0, |day| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp());
            self.compared_until.with_label_values(&[mode]).set(until);
        }
    }
}
