//! Gauges of recent money movements, by event time: a backfill of last month changes none of them. Every worker
//! reports the same ledger: use the maximum, never the sum.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::Kind;
use envelope::event_types::mode;
use prometheus::IntGaugeVec;
use shared::metrics::MetricsRegistry;

use domain::figures::payments_refunded;
use domain::statuses;
use ledger::tables::resolutions::PastDue;
use ledger::views::event_time::{Attempts, ByPurpose, Happened, Recent};

/// The kinds of which those made within a day are shown by status.
const RECENT: [Kind; 4] = [Kind::Payment, Kind::Invoice, Kind::Refund, Kind::Subscription];

/// For so long figures about the last minutes outlive the answer that they come from.
const STALE: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct MoneyGauges {
    succeeded: IntGaugeVec,
    failed: IntGaugeVec,
    refunded: IntGaugeVec,
    disputed: IntGaugeVec,
    failed_thrice: IntGaugeVec,
    recent: IntGaugeVec,
    by_purpose: IntGaugeVec,
    overdue: IntGaugeVec,
    /// When the ledger was asked for what is shown.
    asked: Mutex<Option<Instant>>,
}

impl MoneyGauges {
    pub(super) fn new(register: &MetricsRegistry) -> Self {
        Self {
            succeeded: register.gauges(
                "payments_succeeded",
                "Payments that succeeded within the window, by Stripe's time. Above 10,000, the number is projected from the newest 10,000.",
                &["mode", "window"],
            ),
            failed: register.gauges(
                "payment_attempts_failed",
                "Payment attempts that failed within the window, by Stripe's time, each counted once. Above 10,000, the number is projected from the newest 10,000.",
                &["mode", "window"],
            ),
            refunded: register.gauges(
                "payments_refunded",
                "Payments with a refund within the window, by Stripe's time of the refund. Reads the newest 10,000 refunds.",
                &["mode", "window"],
            ),
            disputed: register.gauges(
                "disputes_opened",
                "Disputes opened within the window, by Stripe's time; an inquiry counts when it becomes a dispute. Counts up to 10,000.",
                &["mode", "window"],
            ),
            failed_thrice: register.gauges(
                "invoices_failed_thrice",
                "Unpaid invoices with at least three failed payment attempts, the last within the window, by Stripe's time. Reads the 10,000 that failed last.",
                &["mode", "window"],
            ),
            recent: register.gauges(
                "objects_recent",
                "Payments, invoices, refunds and subscriptions created at Stripe within a day, by current status. Counts the newest 10,000 per kind.",
                &["kind", "mode", "status"],
            ),
            by_purpose: register.gauges(
                "payments_by_type",
                "Payments created at Stripe within a day whose metadata say what they are for (`payment_type`), by what became of them: created counts all, failed those that have not succeeded since, refunded those in whole or in part. Of each mode the 40 most frequent types of the newest 10,000 payments.",
                &["mode", "payment_type", "outcome"],
            ),
            overdue: register.gauges(
                "disputes_overdue",
                "Disputes and inquiries past their deadline without an answer that staff have not resolved. Counts up to 10,000.",
                &["mode"],
            ),
            asked: Mutex::default(),
        }
    }

    /// What the ledger said of this time, when it was asked at this instant.
    pub(super) fn show(&self, happened: &Happened, past_due: &[PastDue], now: DateTime<Utc>, asked: Instant) {
        let mut shown = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = Some(asked);
        for livemode in [true, false] {
            let mode = mode(livemode);
            show_attempts(&self.succeeded, &happened.succeeded, livemode, now);
            show_attempts(&self.failed, &happened.failed, livemode, now);
            self.refunded
                .with_label_values(&[mode, "1h"])
                .set(payments_refunded(&happened.refunds, livemode));
            let disputed = happened.disputed.iter().find(|disputed| disputed.livemode == livemode);
            let disputed = disputed.map_or([0; 3], |it| [it.last_15m, it.last_3d, it.last_7d]);
            for (window, count) in ["15m", "3d", "7d"].into_iter().zip(disputed) {
                self.disputed.with_label_values(&[mode, window]).set(count);
            }
            let failed = happened.failed_thrice.iter().find(|failed| failed.livemode == livemode);
            let failed = failed.map_or([0; 2], |it| [it.last_15m, it.last_3d]);
            for (window, count) in ["15m", "3d"].into_iter().zip(failed) {
                self.failed_thrice.with_label_values(&[mode, window]).set(count);
            }
            let overdue = past_due.iter().find(|past_due| past_due.livemode == livemode);
            self.overdue.with_label_values(&[mode]).set(overdue.map_or(0, |past_due| past_due.count));
            self.show_recent(&happened.recent, livemode);
        }
        self.show_purposes(&happened.by_purpose);
    }

    /// A type that nobody has paid for within a day is gone.
    fn show_purposes(&self, found: &[ByPurpose]) {
        self.by_purpose.reset();
        for row in found {
            let counts = [
                ("created", row.created),
                ("succeeded", row.succeeded),
                ("failed", row.failed),
                ("refunded", row.refunded),
            ];
            for (outcome, count) in counts {
                let labels = [mode(row.livemode), row.payment_type.as_str(), outcome];
                self.by_purpose.with_label_values(&labels).set(count);
            }
        }
    }

    /// What was true of the last minutes is not true for ever: without an answer of the ledger's there is no figure.
    pub(super) fn forget_stale(&self, now: Instant) {
        let shown = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.is_some_and(|asked| now.duration_since(asked) <= STALE) {
            return;
        }
        for gauges in [
            &self.succeeded,
            &self.failed,
            &self.refunded,
            &self.disputed,
            &self.failed_thrice,
            &self.by_purpose,
        ] {
            gauges.reset();
        }
    }

    fn show_recent(&self, recent: &[Recent], livemode: bool) {
        let mode = mode(livemode);
        for kind in RECENT {
            let of_kind = recent.iter().filter(|it| it.kind == kind.as_str() && it.livemode == livemode);
            for status in statuses::audited(kind).iter().copied().chain([statuses::OTHER]) {
                let counts = of_kind.clone().filter(|it| statuses::label(kind, &it.status) == status);
                let count = counts.map(|it| it.objects).sum();
                self.recent.with_label_values(&[kind.as_str(), mode, status]).set(count);
            }
        }
    }
}

fn show_attempts(gauges: &IntGaugeVec, attempts: &[Attempts], livemode: bool, now: DateTime<Utc>) {
    for attempts in attempts.iter().filter(|attempts| attempts.livemode == livemode) {
        for (window, count) in attempts.within(now) {
            gauges.with_label_values(&[mode(livemode), window]).set(count);
        }
    }
}
