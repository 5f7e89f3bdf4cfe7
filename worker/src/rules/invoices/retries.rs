//! When an invoice's payment is planned again after it failed. The plan is data; whoever carries it out comes
//! later, and asks then whether the user is banned.

use chrono::{DateTime, Days, Utc};

use super::{Invoice, Status};
use crate::rules::failures::PaymentFailure;
use crate::rules::policy::Policy;

impl Invoice {
    /// Takes over what the failed attempts tell, and gives them in the order in which they happened.
    pub(super) fn tell_failures<'a>(&mut self, failures: &[&'a PaymentFailure]) -> Vec<&'a PaymentFailure> {
        let mut failures = failures.to_vec();
        failures.sort_by_key(|failure| failure.order());
        let last = failures.last();
        self.payment_retry_count = i64::try_from(failures.len()).unwrap_or(i64::MAX);
        self.payment_failed_at = match last {
            Some(last) => last.failed_at,
            None => self.failure_reported_at,
        };
        let code = last.and_then(|last| last.code.id());
        let decline_code = last.and_then(|last| last.decline.id());
        self.payment_failure_code = code.map(str::to_owned);
        self.payment_failure_reason = decline_code.or(code).map(str::to_owned);
        self.last_payment_retry_at = if failures.len() < 2 { None } else { self.payment_failed_at };
        failures
    }

    /// Every planned retry has failed too.
    pub(super) fn is_given_up(failures: &[&PaymentFailure], policy: &Policy) -> bool {
        failures.len() > policy.retry_days.len()
    }

    /// The next retry: so many days after the last failure. None where Stripe plans one itself, nor where it
    /// could not succeed.
    pub(super) fn plan_retry(&self, failures: &[&PaymentFailure], policy: &Policy) -> Option<DateTime<Utc>> {
        let last = failures.last()?;
        let is_forbidden = [last.code.id(), last.decline.id()]
            .into_iter()
            .flatten()
            .any(|code| policy.never_retried.contains(code));
        if self.status != Status::Failed || self.state.next_payment_attempt_at.is_some() || is_forbidden {
            return None;
        }
        let days = policy.retry_days.get(failures.len() - 1)?;
        last.failed_at?.checked_add_days(Days::new(u64::from(*days)))
    }
}
