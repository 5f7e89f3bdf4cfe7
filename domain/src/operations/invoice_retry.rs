//! Whether an invoice may be tried again: by staff at any time, by the clock when its plan says so. Never beside
//! Stripe's own plan, and never more often than the card networks allow.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::customer::{Blocked, is_payment_method, may_collect};
use super::decision::Judged;
use super::refund::busy;
use super::refused::Refused;
use super::{Operation, network_limits, parameters};
use crate::invoices::{Invoice, Parts, Status};
use crate::policy::Policy;

/// What is known of an invoice that was not paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvoiceFacts {
    pub status: Status,
    /// Else the merchant's own.
    pub is_stripes: bool,
    pub is_sent_by_mail: bool,
    /// When Stripe tries by itself.
    pub stripes_next: Option<DateTime<Utc>>,
    /// Our own plan, and why there is none.
    pub plan: Option<DateTime<Utc>>,
    pub no_plan: Option<String>,
    /// The failed attempts, in their order.
    pub failed_at: Vec<DateTime<Utc>>,
    /// After this code no try with the same card can succeed.
    pub forbidden: Option<String>,
    /// A payment of it that the bank works on, or that has succeeded.
    pub underway: Option<String>,
    /// Its payments that can still take the money.
    pub live: Vec<String>,
    pub payments: BTreeSet<String>,
    pub banned: Option<String>,
    pub blocked: Option<Blocked>,
    pub closed: Option<String>,
}

impl InvoiceFacts {
    /// From the ledger's rows; who is banned, and whether checkout is closed, is added by whoever reads them.
    pub fn of_rows(invoice: &Invoice, parts: &Parts<'_>, policy: &Policy) -> Self {
        let failures = parts.failures();
        let last = failures.last();
        let forbidden =
            last.and_then(|last| last.causes().find(|cause| policy.never_retried.contains(*cause)));
        let payments = || parts.payments.iter().map(|part| part.payment);
        let id = |payment: &crate::payments::Payment| payment.key.id.clone();
        let last_failed_at = last.map(|last| last.failed_at).unwrap_or_default();
        let underway =
            payments().find(|payment| payment.is_underway() || payment.has_succeeded_since(last_failed_at));
        let live = payments().filter(|payment| !payment.is_settled() && payment.key.id.starts_with("pi_"));
        let plan = invoice.plan_retry(parts, policy);
        Self {
            status: invoice.status,
            is_stripes: invoice.is_stripes,
            is_sent_by_mail: invoice.state.collection_method.as_deref() == Some("send_invoice"),
            stripes_next: invoice.state.next_payment_attempt_at,
            no_plan: plan.as_ref().err().map(ToString::to_string),
            plan: plan.ok(),
            failed_at: failures.iter().filter_map(|failure| failure.failed_at.at()).collect(),
            forbidden: forbidden.map(str::to_owned),
            underway: underway.map(id),
            live: live.map(id).collect(),
            payments: payments().map(id).collect(),
            banned: None,
            blocked: None,
            closed: None,
        }
    }
}

pub(super) fn judge(
    retry: &parameters::InvoiceRetry,
    operation: &Operation,
    facts: &InvoiceFacts,
    others: &[Operation],
    now: DateTime<Utc>,
) -> Result<Judged, Refused> {
    may_collect(facts.closed.as_deref(), facts.banned.as_deref(), facts.blocked.as_ref())?;
    match facts.status {
        Status::Unknown => return Err(Refused::NotReported { what: "invoice" }),
        Status::Sent | Status::Failed | Status::Overdue => {}
        status => return Err(Refused::WrongStatus { status: status.to_string(), done: "tried again" }),
    }
    if facts.is_sent_by_mail {
        return Err(Refused::PaidByHand);
    }
    match facts.stripes_next {
        Some(at) if !retry.takes_over => return Err(Refused::PlannedByStripe { at }),
        _ => {}
    }
    if let Some(payment) = &facts.underway {
        return Err(Refused::PaymentUnderway { payment: payment.clone() });
    }
    is_payment_method(retry.payment_method.as_deref())?;
    // Another card may succeed where this one cannot.
    if let Some(code) = facts.forbidden.as_ref().filter(|_| retry.payment_method.is_none()) {
        return Err(Refused::NeverRetried { code: code.clone() });
    }
    network_limits::within(&facts.failed_at, now)?;
    if !facts.is_stripes {
        confirms_the_only_one(retry, facts)?;
    }
    if let Some(other) = others.iter().find(|other| other.state.is_open()) {
        return Err(busy(other, "invoice"));
    }
    if operation.is_planned() {
        is_due(retry, facts, now)?;
    }
    let warning = facts.stripes_next.filter(|_| retry.takes_over);
    let warning = warning.map(|_| "Stripe's own retries and reminders for this invoice end with that.");
    Ok(Judged { paid_at: None, warnings: warning.map(str::to_owned).into_iter().collect() })
}

/// One payment intent has at most one successful charge: so it is that one which is confirmed again.
fn confirms_the_only_one(retry: &parameters::InvoiceRetry, facts: &InvoiceFacts) -> Result<(), Refused> {
    match (&retry.payment_intent, &facts.live[..]) {
        (_, []) => Err(Refused::NothingToConfirm),
        (Some(intent), [only]) if intent == only => Ok(()),
        (intent, live) => {
            let other = live.iter().find(|id| Some(*id) != intent.as_ref()).unwrap_or(&live[0]);
            Err(Refused::OtherWayToPay { payment: other.clone() })
        }
    }
}

/// What the clock asked for holds while the plan does: a later failure has a retry of its own.
fn is_due(retry: &parameters::InvoiceRetry, facts: &InvoiceFacts, now: DateTime<Utc>) -> Result<(), Refused> {
    let failures = i64::try_from(facts.failed_at.len()).unwrap_or(i64::MAX);
    match facts.plan {
        Some(at) if at <= now + LEAD && retry.number == Some(failures) => Ok(()),
        Some(at) => Err(Refused::NotPlanned {
            why: format!("retry {failures} is planned for {}", at.format("%Y-%m-%d %H:%M UTC")),
        }),
        None => {
            Err(Refused::NotPlanned { why: facts.no_plan.clone().unwrap_or_else(|| "no plan".to_owned()) })
        }
    }
}

/// So long before it is due the clock asks for a retry: people see it, and may cancel it.
pub const LEAD: TimeDelta = TimeDelta::hours(24);
/// At least so long it is to be seen, should it be overdue already.
pub const SEEN: TimeDelta = TimeDelta::hours(1);
/// What was planned longer ago is a person's to decide: nothing old is collected by switching retries on.
pub const TOO_OLD: TimeDelta = TimeDelta::days(7);

/// When a planned retry is sent; `None` where the clock has no say.
pub fn send_at(planned: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let is_in_time = planned <= now + LEAD && planned > now - TOO_OLD;
    is_in_time.then(|| planned.max(now + SEEN))
}

#[cfg(test)]
mod tests;
