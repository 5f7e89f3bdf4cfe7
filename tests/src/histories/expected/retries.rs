//! The failures of an invoice, of which one may be told twice, and the plan that follows from them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::invoices::Invoice;
use super::super::payments::Payment;
use super::super::stripe::{DAY_SECS, Stripe};
use super::super::truth::Truth;
use super::moment;
use super::payments::Failure;

/// After failure n the next attempt is planned so many days later; after the last of them it is overdue.
pub(super) const RETRY_DAYS: [i64; 3] = [3, 7, 14];
/// Codes, bank's codes and reasons of an outcome, after which nobody tries again by himself.
const FINAL_CODES: &[&str] = &[
    "expired_card",
    "incorrect_cvc",
    "incorrect_number",
    "stolen_card",
    "lost_card",
    "pickup_card",
    "fraudulent",
    "do_not_honor",
    "authentication_required",
    "revocation_of_authorization",
    "revocation_of_all_authorizations",
    "transaction_not_allowed",
    "highest_risk_level",
];
const ONE_FAILURE_SECS: i64 = 300;

/// A failure as an invoice counts it; without a payment's attempt nobody knows why.
pub(super) struct Counted<'a> {
    at: i64,
    key: String,
    codes: Vec<&'a str>,
}

impl Stripe {
    /// What an invoice reports of failures is a row for each moment, and names no payment.
    pub(super) fn expect_reports(&self, truth: &mut Truth, id: &str, invoice: &Invoice) {
        for at in &invoice.failures_told {
            let row = json!({ "payment": null, "invoice": id, "code": null, "failed_at": moment(*at) });
            self.expect(truth, "failure", &format!("{id}:{at}"), row);
        }
    }

    /// Each once: a report within five minutes of an attempt that no other report stands for is that attempt.
    pub(super) fn failures_of_invoice<'a>(
        id: &str,
        payments: &[(&'a String, &'a Payment)],
        reports: &BTreeSet<i64>,
    ) -> Vec<Counted<'a>> {
        let attempts = payments.iter().flat_map(|(id, payment)| Self::failures_of(id, payment));
        let mut attempts: Vec<Failure<'_>> = attempts.collect();
        attempts.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
        let mut taken = vec![false; attempts.len()];
        let mut counted: Vec<Counted<'_>> = Vec::new();
        for at in reports {
            let near = |place: &usize| !taken[*place] && (attempts[*place].at - at).abs() <= ONE_FAILURE_SECS;
            match (0..attempts.len()).find(near) {
                Some(place) => taken[place] = true,
                None => counted.push(Counted { at: *at, key: format!("{id}:{at}"), codes: Vec::new() }),
            }
        }
        counted.extend(attempts.into_iter().map(|failure| {
            let decline = failure.attempt.decline;
            let codes = decline.decline_code.into_iter().chain([decline.code]).collect();
            Counted { at: failure.at, key: failure.key, codes }
        }));
        counted.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
        counted
    }

    /// Whether nothing may be tried again now, whatever failed and whenever.
    fn forbids_retry(&self, invoice: Option<&Invoice>, payments: &[(&String, &Payment)], since: i64) -> bool {
        let by_invoice = invoice.is_some_and(|invoice| {
            let subscription = invoice.subscription.as_ref().and_then(|id| self.subscriptions.get(id));
            let has_ended = subscription.is_some_and(|subscription| {
                subscription.told && matches!(subscription.status, "canceled" | "incomplete_expired")
            });
            invoice.next_attempt.is_some() || invoice.is_sent_by_mail || has_ended
        });
        let told = || payments.iter().map(|(_, payment)| payment).filter(|payment| payment.told);
        let is_underway = told().any(|payment| matches!(payment.status, "processing" | "requires_capture"));
        let has_succeeded = told().any(|payment| payment.success_told.is_some_and(|at| at >= since));
        let is_paid = |payment: &Payment| payment.told && payment.status == "succeeded";
        let unpaid: Vec<_> = payments.iter().filter(|(_, payment)| !is_paid(payment)).collect();
        let is_canceled = |payment: &Payment| payment.told && payment.status == "canceled";
        let all_canceled = !unpaid.is_empty() && unpaid.iter().all(|(_, payment)| is_canceled(payment));
        by_invoice || is_underway || has_succeeded || all_canceled
    }

    pub(super) fn retries(
        &self,
        invoice: Option<&Invoice>,
        payments: &[(&String, &Payment)],
        failures: &[Counted<'_>],
        status: &str,
    ) -> Value {
        let last = failures.last();
        let is_final = |failure: &Counted<'_>| failure.codes.iter().any(|code| FINAL_CODES.contains(code));
        let days = failures.len().checked_sub(1).and_then(|place| RETRY_DAYS.get(place));
        let may_retry = |failure: &&Counted<'_>| {
            status == "failed" && !is_final(failure) && !self.forbids_retry(invoice, payments, failure.at)
        };
        let next = last.filter(may_retry).zip(days).map(|(failure, days)| failure.at + days * DAY_SECS);
        json!({
            "payment_failed_at": moment(last.map(|failure| failure.at)),
            "payment_failure_code": last.and_then(|failure| failure.codes.last()),
            "payment_retry_count": failures.len(),
            "last_payment_retry_at": moment(last.filter(|_| failures.len() > 1).map(|failure| failure.at)),
            "next_payment_retry_at": moment(next),
        })
    }
}
