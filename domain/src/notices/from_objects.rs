//! What people are told of a batch: how its objects stand after it, beside how they stood before. Steps in between
//! that nobody could act on are left out.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::changes::news;
use super::{About, Notice, NoticeKind};
use crate::disputes::{self, Dispute};
use crate::fraud_warnings::Warning;
use crate::invoices::{self, Invoice};
use crate::object_graph::ObjectGraph;
use crate::refunds::Refund;
use crate::{Object, Severity};

const SUCCEEDED: &str = "succeeded";
/// The last of the three letters to a customer says what happens next.
pub const LAST_DUNNING: i64 = 3;
/// The number of a notice of which an object has one.
const ONLY: i64 = 1;
/// The number of a dispute that an inquiry became.
const ESCALATED: i64 = 2;

pub(super) fn of_steps(graph: &ObjectGraph, now: DateTime<Utc>) -> Vec<Notice> {
    let mut notices = Vec::new();
    notices.extend(graph.refunds.steps().filter_map(|(before, after)| refund(graph, before, after, now)));
    notices.extend(graph.disputes.steps().filter_map(|(before, after)| dispute(graph, before, after, now)));
    notices.extend(graph.invoices.steps().filter_map(|(before, after)| dunning(before, after, now)));
    notices.extend(graph.warnings.steps().filter_map(|(before, after)| warning(graph, before, after, now)));
    notices
}

/// The customer hears of a refund once it has succeeded, and again where it failed after that.
fn refund(graph: &ObjectGraph, before: &Refund, after: &Refund, now: DateTime<Utc>) -> Option<Notice> {
    let had_succeeded = before.state.status == SUCCEEDED;
    let (kind, stamp) =
        if after.state.status == SUCCEEDED && !had_succeeded && before.succeeded_at.at().is_none() {
            (NoticeKind::RefundMade, after.succeeded_at)
        } else if after.has_failed() && had_succeeded {
            (NoticeKind::RefundCorrected, after.failed_at)
        } else {
            return None;
        };
    let charge = after.owner().and_then(|key| graph.charges.get(&key));
    if charge.map_or_else(|| after.is_release(), |charge| charge.has_released(after)) {
        return None;
    }
    let severity = if kind == NoticeKind::RefundMade { Severity::Info } else { Severity::Warning };
    let began_at = news(&graph.refunds, &after.key, |row| (&row.seen, row.state.created_at));
    let data = json!({"amount": after.state.amount, "currency": after.state.currency, "charge": after.charge.id(),
        "payment": after.payment.id()});
    Some(told(kind, severity, after, ONLY, earlier(stamp.at(), began_at, now), &data, now))
}

/// A new dispute is critical; an inquiry is a warning, and becomes a dispute later.
fn dispute(graph: &ObjectGraph, before: &Dispute, after: &Dispute, now: DateTime<Utc>) -> Option<Notice> {
    let is_new = |row: &Dispute| row.status == disputes::Status::Opened && !row.inquiry;
    let asks = |row: &Dispute| row.status == disputes::Status::Opened && row.inquiry;
    let (severity, number, stamp) =
        if is_new(after) && !is_new(before) && before.evidence_submitted_at.at().is_none() {
            let number = if before.inquiry { ESCALATED } else { ONLY };
            (Severity::Critical, number, after.disputed_at.at())
        } else if asks(after) && !asks(before) && before.evidence_submitted_at.at().is_none() {
            (Severity::Warning, ONLY, after.state.opened_at)
        } else {
            return None;
        };
    let began_at = news(&graph.disputes, &after.key, |row| (&row.seen, row.state.opened_at));
    let occurred_at = earlier(stamp, began_at, now);
    Some(told(
        NoticeKind::DisputeOpened,
        severity,
        after,
        number,
        occurred_at,
        &of_dispute(graph, after),
        now,
    ))
}

/// One letter for each failed attempt, up to the third; only the last one where several are learned at once. What
/// Stripe sends to be paid has no card that could fail.
fn dunning(before: &Invoice, after: &Invoice, now: DateTime<Utc>) -> Option<Notice> {
    let number = dunning_number(after)?;
    if dunning_number(before).is_some_and(|before| before >= number) {
        return None;
    }
    let occurred_at = after.payment_failed_at.unwrap_or(now);
    let severity = if number == LAST_DUNNING { Severity::Warning } else { Severity::Info };
    Some(told(NoticeKind::Dunning, severity, after, number, occurred_at, &of_invoice(after), now))
}

/// Which letter an invoice is due; none where it needs none.
pub fn dunning_number(invoice: &Invoice) -> Option<i64> {
    let is_charged = invoice.state.collection_method.as_deref() != Some("send_invoice");
    match invoice.status {
        _ if !is_charged || invoice.payment_retry_count == 0 => None,
        invoices::Status::Overdue => Some(LAST_DUNNING),
        invoices::Status::Failed => Some(invoice.payment_retry_count.min(LAST_DUNNING)),
        _ => None,
    }
}

fn warning(graph: &ObjectGraph, before: &Warning, after: &Warning, now: DateTime<Utc>) -> Option<Notice> {
    if before.seen.is_reported() || !after.seen.is_reported() {
        return None;
    }
    let charge = after.charge.id().map(|id| after.key.sibling(id));
    let charge = charge.and_then(|key| graph.charges.get(&key));
    let data = json!({"fraud_type": after.state.fraud_type, "actionable": after.state.actionable,
        "charge": after.charge.id(), "payment": charge.and_then(|charge| charge.payment.id()),
        "amount": charge.map(|charge| charge.state.amount), "currency": charge.map(|charge| &charge.state.currency)});
    let occurred_at = earlier(after.seen.first_event_at, after.state.created_at, now);
    Some(told(NoticeKind::FraudWarning, Severity::Warning, after, ONLY, occurred_at, &data, now))
}

/// What a notice says of a dispute.
pub(super) fn of_dispute(graph: &ObjectGraph, dispute: &Dispute) -> Value {
    let charge = dispute.owner().and_then(|key| graph.charges.get(&key).cloned());
    let mut data = dispute_alone(dispute);
    data["payment"] = json!(charge.as_ref().and_then(|charge| charge.payment.id()));
    data
}

pub(super) fn dispute_alone(dispute: &Dispute) -> Value {
    json!({"amount": dispute.state.amount, "currency": dispute.state.currency, "reason": dispute.state.reason,
        "inquiry": dispute.inquiry, "charge": dispute.charge.id(), "respond_by": dispute.state.respond_by})
}

fn of_invoice(invoice: &Invoice) -> Value {
    json!({"amount": invoice.state.amount_due, "currency": invoice.state.currency, "invoice_number": invoice.state.number,
        "customer": invoice.customer.id(), "subscription": invoice.subscription.id(), "is_stripes": invoice.is_stripes,
        "attempts": invoice.payment_retry_count, "next_attempt_at": invoice.next_payment_retry_at})
}

fn told<T: Object>(
    kind: NoticeKind,
    severity: Severity,
    object: &T,
    number: i64,
    occurred_at: DateTime<Utc>,
    data: &Value,
    now: DateTime<Utc>,
) -> Notice {
    let about = About { object_kind: T::NAME, object: object.key(), number, occurred_at };
    Notice::new(kind, severity, about, data, now)
}

fn earlier(
    stamp: Option<DateTime<Utc>>,
    began_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    [stamp, began_at].into_iter().flatten().min().unwrap_or(now)
}
