//! The notices of a batch of events: each step that the audit tells, for programs, and what people are to be told.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{About, Notice, NoticeKind, from_objects};
use crate::freshness::Seen;
use crate::object_graph::{Event, ObjectGraph};
use crate::tracked_rows::TrackedRows;
use crate::{Key, Kind, Object, Transition};

/// What a batch makes true. `transitions` are what the audit tells of it.
pub fn of_batch(
    graph: &ObjectGraph,
    events: &[Event],
    transitions: &[Transition],
    now: DateTime<Utc>,
) -> Vec<Notice> {
    let mut notices = from_objects::of_steps(graph, now);
    if !transitions.is_empty() {
        let moments: BTreeMap<&str, DateTime<Utc>> =
            events.iter().filter_map(|event| Some((event.id.as_str(), occurred_at(graph, event)?))).collect();
        let of_event = |moved: &Transition| {
            let at = moved.event_id.as_deref().and_then(|id| moments.get(id));
            at.copied().unwrap_or(now)
        };
        notices
            .extend(transitions.iter().filter_map(|moved| of_transition(graph, moved, of_event(moved), now)));
    }
    notices
}

/// When an event came true. One that is the first word about an object tells of the object's beginning, however
/// late somebody asked for it.
fn occurred_at(graph: &ObjectGraph, event: &Event) -> Option<DateTime<Utc>> {
    let first = event.observations.first()?;
    let (kind, key) = first.subject();
    let began_at = match kind {
        Kind::Payment => news(&graph.payments, key, |row| (&row.seen, row.created_at)),
        Kind::Charge => news(&graph.charges, key, |row| (&row.seen, row.state.created_at)),
        Kind::Refund => news(&graph.refunds, key, |row| (&row.seen, row.state.created_at)),
        Kind::Dispute => news(&graph.disputes, key, |row| (&row.seen, row.state.opened_at)),
        Kind::Invoice => news(&graph.invoices, key, |row| (&row.seen, row.state.created_at)),
        Kind::Subscription => news(&graph.subscriptions, key, |row| (&row.seen, row.state.created_at)),
        Kind::Payout => news(&graph.payouts, key, |row| (&row.seen, row.state.created_at)),
        Kind::Customer => news(&graph.customers, key, |row| (&row.seen, row.state.created_at)),
        _ => None,
    };
    Some(began_at.map_or(first.at(), |began_at| began_at.min(first.at())))
}

/// When an object began of which nothing had been reported before the batch.
pub(super) fn news<T: Object>(
    rows: &TrackedRows<T>,
    key: &Key,
    told: impl Fn(&T) -> (&Seen, Option<DateTime<Utc>>),
) -> Option<DateTime<Utc>> {
    if rows.as_loaded(key).is_some_and(|row| told(row).0.is_reported()) {
        return None;
    }
    rows.get(key).and_then(|row| told(row).1)
}

fn of_transition(
    graph: &ObjectGraph,
    moved: &Transition,
    occurred_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<Notice> {
    let object = Kind::named(moved.kind)?;
    let kind = match (object, moved.change.what) {
        (Kind::Payment, "failed attempt") => NoticeKind::PaymentAttemptFailed,
        (Kind::Payment, "status") => NoticeKind::PaymentChanged,
        (Kind::Invoice, "status") => NoticeKind::InvoiceChanged,
        (Kind::Refund, "status") => NoticeKind::RefundChanged,
        (Kind::Dispute, "status") => NoticeKind::DisputeChanged,
        (Kind::Subscription, "status") => NoticeKind::SubscriptionChanged,
        (Kind::Payout, "status") => NoticeKind::PayoutChanged,
        (Kind::Ban, "status") => NoticeKind::BanChanged,
        _ => return None,
    };
    let mut data = described(graph, object, &moved.key);
    data["before"] = json!(moved.change.before);
    data["after"] = json!(moved.change.after);
    let about = About { object_kind: moved.kind, object: &moved.key, number: moved.revision, occurred_at };
    Some(Notice::new(kind, moved.change.severity, about, &data, now))
}

/// What a receiver needs to find its own order by: ids and amounts as they are after the batch.
fn described(graph: &ObjectGraph, kind: Kind, key: &Key) -> Value {
    let found = match kind {
        Kind::Payment => graph.payments.get(key).map(|row| {
            json!({"amount": row.state.amount, "currency": row.state.currency, "amount_refunded": row.amount_refunded,
                "customer": row.customer.id(), "user_id": row.user.id(), "invoice": row.invoice})
        }),
        Kind::Invoice => graph.invoices.get(key).map(|row| {
            json!({"amount": row.state.amount_due, "currency": row.state.currency, "amount_paid": row.amount_paid,
                "customer": row.customer.id(), "subscription": row.subscription.id()})
        }),
        Kind::Refund => graph.refunds.get(key).map(|row| {
            json!({"amount": row.state.amount, "currency": row.state.currency, "charge": row.charge.id(),
                "payment": row.payment.id(), "reason": row.state.reason})
        }),
        Kind::Dispute => graph.disputes.get(key).map(|row| from_objects::of_dispute(graph, row)),
        Kind::Subscription => graph.subscriptions.get(key).map(|row| json!({"customer": row.customer.id()})),
        Kind::Payout => graph
            .payouts
            .get(key)
            .map(|row| json!({"amount": row.state.amount, "currency": row.state.currency})),
        Kind::Ban => graph.bans.get(key).map(|row| json!({"user_id": row.key.id, "chargebacks": row.chargebacks})),
        _ => None,
    };
    found.unwrap_or_else(|| json!({}))
}
