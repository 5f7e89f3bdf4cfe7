//! The facts behind a derived status: disputes, refunds, payments and attempts, each with its latest event.
//! `Invoice::derive` and `Payment::derive` decide what they amount to.

use domain::disputes::{Dispute, Status};
use domain::object_graph::ObjectGraph;
use domain::payment_failures::PaymentFailure;
use domain::payments::Payment;
use domain::refunds::Refund;
use domain::{Key, Object};
use ledger::tables::audit::Line;
use serde::Serialize;

use super::failure_text::cause;
use crate::{money, wording};

/// One fact, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    pub kind: &'static str,
    pub id: String,
    pub says: String,
    /// The event behind the last step of its status, where the audit tells.
    pub event_id: Option<String>,
}

fn reason<T: Object>(key: &Key, says: String, timeline: &[Line]) -> Reason {
    let is_step = |line: &&Line| {
        let row = &line.row;
        row.subject_kind == T::NAME && row.subject_id == key.id && row.what == "status"
    };
    let last = timeline.iter().filter(is_step).max_by_key(|line| line.row.revision);
    let event_id = last.and_then(|line| line.row.event_id.clone());
    Reason { kind: T::NAME, id: key.id.clone(), says, event_id }
}

pub(super) fn lost(graph: &ObjectGraph, timeline: &[Line]) -> Vec<Reason> {
    disputes(graph, timeline, |dispute| dispute.status == Status::Lost)
}

/// Those that are open to an invoice: inquiries too, and what is in a status that nobody knows.
pub(super) fn open(graph: &ObjectGraph, timeline: &[Line]) -> Vec<Reason> {
    let is_odd = |dispute: &Dispute| dispute.status == Status::Unknown && dispute.seen.is_reported();
    disputes(graph, timeline, |dispute| dispute.is_open() || is_odd(dispute))
}

pub(super) fn all_disputes(graph: &ObjectGraph, timeline: &[Line]) -> Vec<Reason> {
    disputes(graph, timeline, |_| true)
}

fn disputes(graph: &ObjectGraph, timeline: &[Line], which: impl Fn(&Dispute) -> bool) -> Vec<Reason> {
    let tell = |dispute: &Dispute| {
        let amount = money::shown(dispute.state.amount, &dispute.state.currency);
        let inquiry = if dispute.inquiry { ", an inquiry" } else { "" };
        let says =
            format!("{}, {amount}{inquiry} ({})", dispute.status.as_str(), dispute.state.stripe_status);
        reason::<Dispute>(&dispute.key, says, timeline)
    };
    graph.disputes.rows().filter(|dispute| which(dispute)).map(tell).collect()
}

/// The refunds that give money back, and what charges report beyond them.
pub(super) fn refunds(graph: &ObjectGraph, timeline: &[Line]) -> Vec<Reason> {
    let tell = |refund: &Refund| {
        let says =
            format!("{}, {}", refund.state.status, money::shown(refund.state.amount, &refund.state.currency));
        reason::<Refund>(&refund.key, says, timeline)
    };
    let refunds = graph.refunds.rows().filter(|refund| !refund.has_failed()).map(tell);
    let reported = graph.charges.rows().filter(|charge| charge.amount_unitemised > 0).map(|charge| Reason {
        kind: "charge",
        id: charge.key.id.clone(),
        says: format!(
            "reports {} refunded, without a known refund",
            money::shown(charge.amount_unitemised, &charge.state.currency)
        ),
        event_id: None,
    });
    refunds.chain(reported).collect()
}

/// The payments that received something.
pub(super) fn received(graph: &ObjectGraph, timeline: &[Line]) -> Vec<Reason> {
    let tell = |payment: &Payment| {
        let received = money::shown(payment.state.amount_received, &payment.state.currency);
        reason::<Payment>(&payment.key, format!("{}, received {received}", payment.state.status), timeline)
    };
    graph.payments.rows().filter(|payment| payment.state.amount_received > 0).map(tell).collect()
}

/// The failures, in their order.
pub(super) fn failures(failures: &[&PaymentFailure]) -> Vec<Reason> {
    let tell = |failure: &&PaymentFailure| {
        let at = failure.failed_at.at().map(|at| format!(" at {}", wording::moment(at))).unwrap_or_default();
        let says = format!("failed{at}: {}", cause(failure));
        Reason { kind: "attempt", id: failure.key.id.clone(), says, event_id: None }
    };
    failures.iter().map(tell).collect()
}
