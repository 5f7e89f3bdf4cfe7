//! What happened to money, as counters. They count what the ledger committed, not what was delivered: a
//! repetition, a replay or a second event about the same thing adds nothing.

use std::collections::BTreeMap;

use prometheus::IntCounterVec;
use shared::event_types::mode;
use shared::register::Register;

use crate::rules::facts::Facts;
use crate::rules::{statuses, versions};

#[derive(Clone, Debug)]
pub(super) struct Domain {
    transitions: IntCounterVec,
    failed_attempts: IntCounterVec,
    refunded: IntCounterVec,
    disputes_opened: IntCounterVec,
    failed_thrice: IntCounterVec,
    unknown_statuses: IntCounterVec,
    versions: IntCounterVec,
}

impl Domain {
    pub(super) fn new(register: &Register) -> Self {
        let domain = Self {
            transitions: register.counters(
                "transitions_total",
                "Steps of payments, refunds, disputes, invoices, subscriptions and users' bans to a status, as in the audit. \
                 A payment comes to `succeeded` once. Statuses that we do not know are `other`.",
                &["kind", "mode", "status"],
            ),
            failed_attempts: register.counters(
                "payment_attempts_failed_total",
                "Failed attempts to pay, each once, however many events tell of it.",
                &["mode"],
            ),
            refunded: register.counters(
                "payments_refunded_total",
                "Payments of which something was refunded for the first time, itemised or not.",
                &["mode"],
            ),
            disputes_opened: register.counters(
                "disputes_opened_total",
                "Disputes heard of for the first time; an inquiry counts when it becomes a dispute.",
                &["mode"],
            ),
            failed_thrice: register.counters(
                "invoices_failed_thrice_total",
                "Invoices that came to three failed attempts to pay and are not paid; each once.",
                &["mode"],
            ),
            unknown_statuses: register.counters(
                "unknown_statuses_total",
                "Objects that came to a status of Stripe's that no rule was written for.",
                &["kind"],
            ),
            versions: register.counters(
                "events_by_api_version_total",
                "Events that came for the first time, by whether the rules were written for their API version.",
                &["version"],
            ),
        };
        domain.begin_at_zero();
        domain
    }

    /// A series that appears with its first event looks as if nothing had happened.
    fn begin_at_zero(&self) {
        for mode in [mode(true), mode(false)] {
            for (kind, statuses) in statuses::told() {
                for status in statuses {
                    self.transitions.with_label_values(&[kind, mode, status]);
                }
            }
            for counter in [&self.failed_attempts, &self.refunded, &self.disputes_opened, &self.failed_thrice]
            {
                counter.with_label_values(&[mode]);
            }
        }
        for kind in ["payment", "charge", "refund", "dispute", "invoice", "subscription"] {
            self.unknown_statuses.with_label_values(&[kind]);
        }
        for version in versions::LABELS {
            self.versions.with_label_values(&[version]);
        }
    }

    /// Counts what a committed batch made true.
    pub(super) fn count(&self, facts: &Facts, versions: &BTreeMap<&'static str, u64>) {
        for ((kind, status, livemode), count) in &facts.moved {
            self.transitions.with_label_values(&[*kind, mode(*livemode), *status]).inc_by(*count);
        }
        let by_mode = [
            (&self.failed_attempts, &facts.failed_attempts),
            (&self.refunded, &facts.refunded),
            (&self.disputes_opened, &facts.disputes_opened),
            (&self.failed_thrice, &facts.failed_thrice),
        ];
        for (counter, counts) in by_mode {
            for (livemode, count) in counts {
                counter.with_label_values(&[mode(*livemode)]).inc_by(*count);
            }
        }
        for (kind, count) in &facts.unknown_statuses {
            self.unknown_statuses.with_label_values(&[*kind]).inc_by(*count);
        }
        for (version, count) in versions {
            self.versions.with_label_values(&[*version]).inc_by(*count);
        }
    }
}
