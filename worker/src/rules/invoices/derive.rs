//! What hangs on an invoice's payments: its status for staff, and its money.

use super::{Invoice, State, Status};
use crate::rules::UNKNOWN;
use crate::rules::failures::PaymentFailure;
use crate::rules::payments::{Disputed, Payment};
use crate::rules::policy::Policy;

impl Invoice {
    /// A pure function of the merged objects: of this invoice, the payments that count for it, and their
    /// failures.
    pub fn derive(&mut self, payments: &[&Payment], failures: &[&PaymentFailure], policy: &Policy) {
        if !self.seen.is_reported() {
            // Nobody reports the merchant's own invoice; its payments tell what it asks for.
            self.state = if self.is_stripes { State::default() } else { own_state(payments) };
        }
        let currency = self.state.currency.clone();
        let is_other = |payment: &&Payment| {
            !payment.state.currency.is_empty() && !currency.is_empty() && payment.state.currency != currency
        };
        let counted: Vec<&Payment> = payments.iter().filter(|payment| !is_other(payment)).copied().collect();
        let sum = |amount: fn(&Payment) -> i64| {
            counted.iter().map(|payment| amount(payment)).fold(0, i64::saturating_add)
        };
        let received = if self.is_stripes {
            self.state.stripe_amount_paid
        } else {
            sum(|payment| payment.state.amount_received)
        };
        let charged_back = sum(|payment| payment.amount_charged_back);
        self.amount_charged_back = charged_back;
        self.amount_refunded = sum(|payment| payment.amount_refunded);
        self.amount_paid = (received - charged_back).max(0);
        self.anomaly = payments.iter().any(is_other).then(|| "payment_currency".to_owned());

        let failures = self.tell_failures(failures);
        let basis = if self.is_stripes {
            self.as_stripe_has_it(&counted, &failures, policy)
        } else {
            as_payments_have_it(&counted, &failures, received, policy)
        };
        let is_disputed = counted.iter().any(|payment| payment.disputed == Disputed::Open);
        self.status = match basis {
            Status::Unknown | Status::Deleted | Status::Void => basis,
            _ if charged_back > 0 && charged_back >= received => Status::ChargedBack,
            _ if is_disputed => Status::Disputed,
            _ if self.amount_refunded > 0 && self.amount_refunded >= received => Status::Refunded,
            _ if charged_back > 0 => Status::PartiallyChargedBack,
            _ if self.amount_refunded > 0 => Status::PartiallyRefunded,
            _ => basis,
        };
        self.next_payment_retry_at = self.plan_retry(&failures, policy);
    }

    fn as_stripe_has_it(
        &self,
        payments: &[&Payment],
        failures: &[&PaymentFailure],
        policy: &Policy,
    ) -> Status {
        let has_failed = self.failure_reported_at.is_some()
            || !failures.is_empty()
            || payments.iter().any(|payment| payment.has_failed());
        match self.state.stripe_status.as_deref() {
            None => Status::Unknown,
            Some("deleted") => Status::Deleted,
            Some("void") => Status::Void,
            Some("paid") => Status::Paid,
            Some("uncollectible") => Status::Uncollectible,
            Some("draft") if self.finalized_at.is_none() => Status::Draft,
            Some(_) if self.overdue_at.is_some() || Self::is_given_up(failures, policy) => Status::Overdue,
            Some(_) if has_failed => Status::Failed,
            Some(_) => Status::Sent,
        }
    }
}

fn as_payments_have_it(
    payments: &[&Payment],
    failures: &[&PaymentFailure],
    received: i64,
    policy: &Policy,
) -> Status {
    let is_paid = match stated_amount(payments) {
        Some(amount) => received > 0 && received >= amount,
        None => payments.iter().any(|payment| payment.has_succeeded()),
    };
    let has_failed = !failures.is_empty() || payments.iter().any(|payment| payment.has_failed());
    let is_heard_of = |payment: &&Payment| payment.state.status != UNKNOWN || payment.failed_attempts > 0;
    match payments.iter().filter(|payment| is_heard_of(payment)).count() {
        0 => Status::Unknown,
        _ if is_paid => Status::Paid,
        _ if Invoice::is_given_up(failures, policy) => Status::Overdue,
        _ if has_failed => Status::Failed,
        _ => Status::Sent,
    }
}

/// What the payments' metadata ask for.
fn stated_amount(payments: &[&Payment]) -> Option<i64> {
    payments.iter().filter_map(|payment| payment.purpose.invoice_amount).max()
}

fn own_state(payments: &[&Payment]) -> State {
    // Of several currencies the last in text order, so that a contradiction does not depend on order.
    let currency = payments.iter().map(|payment| payment.state.currency.as_str()).max();
    State {
        currency: currency.unwrap_or_default().to_owned(),
        amount_due: stated_amount(payments).unwrap_or(0),
        ..State::default()
    }
}
