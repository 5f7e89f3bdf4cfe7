//! The failures of an invoice: failed attempts of linked payments, and its own reports, because since
//! 2025-03-31 a failed payment may not name its invoice. A failure reported both ways counts once.

use chrono::{DateTime, TimeDelta, Utc};

use super::Invoice;
use crate::payment_failures::PaymentFailure;

/// A report and an attempt so close together are one failure.
const ONE_FAILURE: TimeDelta = TimeDelta::minutes(5);

/// All of them, in the order in which they happened. Paired in order of time: each report with the earliest
/// attempt near enough that no earlier report took. Of a pair the attempt stays, for it has the code.
pub(super) fn union<'a>(
    attempts: impl Iterator<Item = &'a PaymentFailure>,
    reports: impl Iterator<Item = &'a PaymentFailure>,
) -> Vec<&'a PaymentFailure> {
    let mut failures = sorted(attempts);
    let mut free = failures
        .iter()
        .filter_map(|attempt| attempt.failed_at.at())
        .collect::<Vec<_>>()
        .into_iter()
        .peekable();
    let mut alone = Vec::new();
    for report in sorted(reports) {
        let Some(at) = report.failed_at.at() else { continue };
        let is_too_early = |attempt: &DateTime<Utc>| *attempt < at - ONE_FAILURE;
        while free.next_if(is_too_early).is_some() {}
        if free.next_if(|attempt| *attempt <= at + ONE_FAILURE).is_none() {
            alone.push(report);
        }
    }
    failures.extend(alone);
    failures.sort_by_key(|failure| failure.order());
    failures
}

fn sorted<'a>(failures: impl Iterator<Item = &'a PaymentFailure>) -> Vec<&'a PaymentFailure> {
    let mut failures: Vec<&PaymentFailure> = failures.collect();
    failures.sort_by_key(|failure| failure.order());
    failures.dedup_by_key(|failure| &failure.key);
    failures
}

impl Invoice {
    /// Takes over what the failures tell, given in their order.
    pub(super) fn tell_failures(&mut self, failures: &[&PaymentFailure]) {
        let last = failures.last();
        self.payment_retry_count = i64::try_from(failures.len()).unwrap_or(i64::MAX);
        self.payment_failed_at = last.and_then(|last| last.failed_at.at());
        let code = last.and_then(|last| last.code.id());
        let decline_code = last.and_then(|last| last.decline.id());
        self.payment_failure_code = code.map(str::to_owned);
        self.payment_failure_reason = decline_code.or(code).map(str::to_owned);
        self.last_payment_retry_at = if failures.len() < 2 { None } else { self.payment_failed_at };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::Moment;
    use crate::{Key, Object};

    fn failure(id: &str, minute: i64) -> PaymentFailure {
        let key = Key { id: id.to_owned(), account: String::new(), livemode: false };
        let failed_at = Moment::told(DateTime::from_timestamp(1_700_000_000 + minute * 60, 0).unwrap());
        PaymentFailure { failed_at, ..PaymentFailure::placeholder(key) }
    }

    #[test]
    fn a_report_and_an_attempt_of_five_minutes_are_one_failure() {
        let table: &[(&[i64], &[i64], &[&str])] = &[
            (&[0], &[0], &["a0"]),
            (&[0], &[5], &["a0"]),
            (&[5], &[0], &["a5"]),
            (&[0], &[6], &["a0", "r6"]),
            (&[6], &[0], &["r0", "a6"]),
            (&[], &[0, 1], &["r0", "r1"]),
            (&[0, 1], &[], &["a0", "a1"]),
            // Each attempt is taken once, in order of time.
            (&[3], &[0, 4], &["a3", "r4"]),
            (&[0, 4], &[2], &["a0", "a4"]),
            (&[0, 4], &[4, 8], &["a0", "a4"]),
            (&[0, 20], &[1, 21, 40], &["a0", "a20", "r40"]),
        ];
        for (attempts, reports, expected) in table {
            let make = |prefix: &str, minutes: &[i64]| -> Vec<PaymentFailure> {
                minutes.iter().map(|minute| failure(&format!("{prefix}{minute}"), *minute)).collect()
            };
            let (attempts, reports) = (make("a", attempts), make("r", reports));
            let names = |failures: Vec<&PaymentFailure>| -> Vec<String> {
                failures.into_iter().map(|failure| failure.key.id.clone()).collect()
            };
            assert_eq!(names(union(attempts.iter(), reports.iter())), *expected);
            assert_eq!(names(union(attempts.iter().rev(), reports.iter().rev())), *expected, "any order");
        }
    }
}
