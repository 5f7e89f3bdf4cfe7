//! Derives an invoice's status and amounts from the objects around it.

use super::{Invoice, State, Status, failures};
use crate::UNKNOWN;
use crate::payment_failures::PaymentFailure;
use crate::payments::{Disputed, Payment};
use crate::policy::Policy;

/// A payment that is linked to an invoice, and what the invoice bears of what went back of it.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    pub payment: &'a Payment,
    pub refunded: i64,
    pub charged_back: i64,
    /// Whether it bears anything: not so where the payment paid only others.
    pub bears: bool,
}

/// Everything that an invoice derives from.
#[derive(Clone, Debug, Default)]
pub struct Parts<'a> {
    pub payments: Vec<Part<'a>>,
    /// The failed attempts of these payments.
    pub attempts: Vec<&'a PaymentFailure>,
    /// The failures that it reported itself.
    pub reports: Vec<&'a PaymentFailure>,
    /// What the invoice payments that Stripe calls paid come to: no report of the invoice may have come since.
    pub paid_in_parts: i64,
    pub is_subscription_over: bool,
}

impl<'a> Parts<'a> {
    /// Without what is in another currency, which adds up with nothing.
    fn counted_in(&self, currency: &str) -> Vec<Part<'a>> {
        self.payments.iter().filter(|part| !part.is_in_another(currency)).copied().collect()
    }

    /// Its failures, each once, in the order in which they happened.
    pub fn failures(&self) -> Vec<&'a PaymentFailure> {
        failures::union(self.attempts.iter().copied(), self.reports.iter().copied())
    }
}

impl Part<'_> {
    fn is_in_another(&self, currency: &str) -> bool {
        let own = &self.payment.state.currency;
        !own.is_empty() && !currency.is_empty() && own != currency
    }
}

impl Invoice {
    /// A pure function of the merged objects.
    pub fn derive(&mut self, parts: &Parts<'_>, policy: &Policy) {
        if !self.seen.is_reported() {
            // Nobody reports the merchant's own invoice; its payments tell what it asks for.
            self.state = if self.is_stripes { State::default() } else { own_state(&parts.payments) };
        }
        let counted = parts.counted_in(&self.state.currency);
        let sum = |amount: fn(&Part<'_>) -> i64| counted.iter().map(amount).fold(0, i64::saturating_add);
        let received =
            if self.is_stripes { self.received() } else { sum(|part| part.payment.state.amount_received) };
        let is_behind = self.is_stripes && self.seen.is_reported() && parts.paid_in_parts > received;
        let received = if is_behind { parts.paid_in_parts } else { received };
        self.amount_charged_back = sum(|part| part.charged_back);
        self.amount_refunded = sum(|part| part.refunded);
        self.amount_paid = (received - self.amount_charged_back).max(0);
        self.anomaly = (counted.len() < parts.payments.len()).then(|| "payment_currency".to_owned());

        let failures = parts.failures();
        self.tell_failures(&failures);
        let basis = if self.is_stripes {
            self.as_stripe_has_it(&counted, &failures, policy)
        } else {
            as_payments_have_it(&counted, &failures, received, policy)
        };
        let is_disputed = counted.iter().any(|part| part.bears && part.payment.disputed == Disputed::Open);
        self.status = self.as_money_has_it(basis, received, is_disputed);
        // What failed, and for which payment, only Stripe can tell.
        let is_unpaid = matches!(self.status, Status::Failed | Status::Overdue);
        let is_unlinked = parts.payments.is_empty() && !parts.reports.is_empty();
        self.seen.needs_refetch =
            self.seen.freshness.is_contested() || is_behind || (is_unpaid && is_unlinked);
        self.next_payment_retry_at = self.plan_retry(parts, policy).ok();
    }

    /// What Stripe's invoice still asks for, also where a part was paid since Stripe last told of it. Where chargebacks took
    /// all that came in, nobody knows how much that was: then it is what Stripe told last.
    pub fn remaining(&self) -> i64 {
        let taken_in = self.amount_paid.saturating_add(self.amount_charged_back);
        let untold = if self.amount_paid > 0 { (taken_in - self.received()).max(0) } else { 0 };
        self.state.amount_remaining.saturating_sub(untold).max(0)
    }

    /// What a Stripe invoice took in, before any of it went back.
    pub fn received(&self) -> i64 {
        let is_paid = self.state.stripe_status.as_deref() == Some("paid");
        if is_paid && self.state.paid_out_of_band {
            self.state.amount_due
        } else {
            self.state.stripe_amount_paid
        }
    }

    /// Money that went back says something only of an invoice that was paid.
    fn as_money_has_it(&self, basis: Status, received: i64, is_disputed: bool) -> Status {
        let (refunded, lost) = (self.amount_refunded, self.amount_charged_back);
        match basis {
            Status::Paid if lost > 0 && lost.saturating_add(refunded) >= received => Status::ChargedBack,
            Status::Paid if is_disputed => Status::Disputed,
            // While nobody says what was received, no refund is all of it.
            Status::Paid if received > 0 && refunded >= received => Status::Refunded,
            Status::Paid if lost > 0 => Status::PartiallyChargedBack,
            Status::Paid if refunded > 0 => Status::PartiallyRefunded,
            _ => basis,
        }
    }

    fn as_stripe_has_it(
        &self,
        payments: &[Part<'_>],
        failures: &[&PaymentFailure],
        policy: &Policy,
    ) -> Status {
        let has_failed = !failures.is_empty() || payments.iter().any(|part| part.payment.has_failed());
        match self.state.stripe_status.as_deref() {
            None => Status::Unknown,
            Some("deleted") => Status::Deleted,
            Some("void") => Status::Void,
            Some("paid") => Status::Paid,
            Some("uncollectible") => Status::Uncollectible,
            Some("draft") if self.finalized_at.is_none() => Status::Draft,
            Some(_) if self.overdue_at.is_some() || self.is_given_up(failures, policy) => Status::Overdue,
            Some(_) if has_failed => Status::Failed,
            Some(_) => Status::Sent,
        }
    }
}

fn as_payments_have_it(
    parts: &[Part<'_>],
    failures: &[&PaymentFailure],
    received: i64,
    policy: &Policy,
) -> Status {
    let mut payments = parts.iter().map(|part| part.payment);
    let is_paid = match stated_amount(parts) {
        Some(amount) => received > 0 && received >= amount,
        None => payments.clone().any(Payment::has_succeeded),
    };
    let has_failed = !failures.is_empty() || payments.clone().any(Payment::has_failed);
    let is_heard_of = |payment: &Payment| payment.state.status != UNKNOWN || payment.failed_attempts > 0;
    if !payments.any(is_heard_of) {
        return Status::Unknown;
    }
    match has_failed {
        _ if is_paid => Status::Paid,
        _ if policy.is_last(failures.len()) => Status::Overdue,
        true => Status::Failed,
        false => Status::Sent,
    }
}

/// What the payments' metadata ask for.
fn stated_amount(parts: &[Part<'_>]) -> Option<i64> {
    parts.iter().filter_map(|part| part.payment.purpose.invoice_amount).max()
}

fn own_state(parts: &[Part<'_>]) -> State {
    // Of several currencies the last in text order, so that a contradiction does not depend on order.
    let currency = parts.iter().map(|part| part.payment.state.currency.as_str()).max();
    State {
        currency: currency.unwrap_or_default().to_owned(),
        amount_due: stated_amount(parts).unwrap_or(0),
        ..State::default()
    }
}
