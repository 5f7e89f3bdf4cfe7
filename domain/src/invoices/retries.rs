//! Plans the retry of a failed invoice payment. The plan is data; whatever executes it checks later whether the
//! user is banned.

use chrono::{DateTime, Days, Utc};

use super::derive::Parts;
use super::{Invoice, Status};
use crate::payment_failures::PaymentFailure;
use crate::payments::{CANCELED, Payment};
use crate::policy::Policy;

/// Why no retry of ours is planned: what forbids it, the first of these that does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRetry {
    /// Or the invoice is settled, given up or not yet open.
    #[error("nothing failed")]
    NotFailed,
    #[error("the failed attempt is not known")]
    NoFailureKnown,
    #[error("it is sent to the customer; nothing is charged automatically")]
    SentByMail,
    #[error("Stripe plans the retries")]
    PlannedByStripe(DateTime<Utc>),
    #[error("its subscription has ended")]
    SubscriptionOver,
    /// It waits for the bank, or for its capture.
    #[error("{0} is in progress, and may still succeed")]
    Underway(String),
    #[error("{0} succeeded since; Stripe has not reported it paid yet")]
    Succeeded(String),
    /// Nothing is left that could be tried again.
    #[error("all of its unpaid payments are canceled")]
    AllCanceled,
    /// A code, or the reason of an outcome.
    #[error("a retry after {0} cannot succeed")]
    Forbidden(String),
    #[error("every planned retry has failed")]
    GivenUp,
}

impl Invoice {
    /// Every planned retry has failed too. While Stripe plans by itself, and of an invoice that is sent, only
    /// Stripe's own word makes it overdue.
    pub(super) fn is_given_up(&self, failures: &[&PaymentFailure], policy: &Policy) -> bool {
        !self.is_sent_by_mail()
            && self.state.next_payment_attempt_at.is_none()
            && policy.is_last(failures.len())
    }

    /// The next retry: so many days after the last failure.
    pub fn plan_retry(&self, parts: &Parts<'_>, policy: &Policy) -> Result<DateTime<Utc>, NoRetry> {
        if self.status != Status::Failed {
            return Err(NoRetry::NotFailed);
        }
        let failures = parts.failures();
        let last = failures.last().ok_or(NoRetry::NoFailureKnown)?;
        if self.is_sent_by_mail() {
            return Err(NoRetry::SentByMail);
        }
        if let Some(at) = self.state.next_payment_attempt_at {
            return Err(NoRetry::PlannedByStripe(at));
        }
        if parts.is_subscription_over {
            return Err(NoRetry::SubscriptionOver);
        }
        let payments = || parts.payments.iter().map(|part| part.payment);
        let named = |payment: &Payment| payment.key.id.clone();
        if let Some(payment) = payments().find(|payment| payment.is_underway()) {
            return Err(NoRetry::Underway(named(payment)));
        }
        if let Some(payment) = payments().find(|payment| payment.has_succeeded_since(last.failed_at)) {
            return Err(NoRetry::Succeeded(named(payment)));
        }
        let mut unpaid = payments().filter(|payment| !payment.has_succeeded()).peekable();
        if unpaid.peek().is_some() && unpaid.all(|payment| payment.state.status == CANCELED) {
            return Err(NoRetry::AllCanceled);
        }
        if let Some(cause) = last.causes().find(|cause| policy.never_retried.contains(*cause)) {
            return Err(NoRetry::Forbidden(cause.to_owned()));
        }
        let days = policy.retry_days.get(failures.len() - 1).ok_or(NoRetry::GivenUp)?;
        let planned = last.failed_at.at().and_then(|at| at.checked_add_days(Days::new(u64::from(*days))));
        planned.ok_or(NoRetry::NoFailureKnown)
    }

    fn is_sent_by_mail(&self) -> bool {
        self.state.collection_method.as_deref() == Some("send_invoice")
    }
}
