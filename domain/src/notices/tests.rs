//! Small stories of notices, without a ledger.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::by_time::{expires_soon, is_spike};
use super::delivery::{Delivery, DeliveryState, Sent, patience};
use super::texts::{Facts, Templates};
use super::*;
use crate::disputes::{Dispute, Status};
use crate::object_graph::{Event, ObjectGraph};
use crate::policy::Policy;
use crate::testing::event;

/// The stories of `testing` begin here.
fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

/// Applies the events as one batch, and gives the kinds that are noted for people, with their numbers.
fn batch(graph: &mut ObjectGraph, events: &[Event], now: DateTime<Utc>) -> Vec<Notice> {
    let mut fresh = ObjectGraph::new(Arc::new(Policy::default()));
    macro_rules! load {
        ($($rows:ident),*) => { $(for row in graph.$rows.rows() { fresh.load(row.clone()); })* };
    }
    load!(refunds, movements, disputes, failures, warnings, invoice_payments, payouts, charges, payments);
    load!(subscriptions, invoices, customers, bans);
    let transitions: Vec<_> = events.iter().flat_map(|event| fresh.apply(event)).collect();
    let notices = of_batch(&fresh, events, &transitions, now);
    *graph = fresh;
    notices
}

fn people(notices: &[Notice]) -> Vec<(NoticeKind, i64)> {
    let told = notices.iter().filter(|notice| notice.kind.audience() != Audience::Programs);
    told.map(|notice| (notice.kind, notice.number)).collect()
}

fn refund(second: i64, status: &str) -> Event {
    let refund = json!({"id": "re_1", "object": "refund", "amount": 500, "currency": "usd", "charge": "ch_1",
        "status": status, "created": 1_700_000_000});
    event("refund.updated", second, &refund)
}

#[test]
fn a_refund_is_told_once_it_has_succeeded_and_corrected_when_it_fails_after_that() {
    let mut graph = ObjectGraph::default();
    let now = start() + TimeDelta::hours(1);
    assert_eq!(people(&batch(&mut graph, &[refund(0, "pending")], now)), []);
    let made = batch(&mut graph, &[refund(5, "succeeded")], now);
    assert_eq!(people(&made), [(NoticeKind::RefundMade, 1)]);
    assert!(made.iter().any(|notice| notice.kind == NoticeKind::RefundChanged && !notice.is_old));
    assert_eq!(batch(&mut graph, &[refund(5, "succeeded"), refund(0, "pending")], now), [], "nothing moved");
    let corrected = batch(&mut graph, &[refund(9, "failed")], now);
    assert_eq!(people(&corrected), [(NoticeKind::RefundCorrected, 1)]);
    let mut graph = ObjectGraph::default();
    let at_once = batch(&mut graph, &[refund(5, "succeeded"), refund(9, "failed")], now);
    assert_eq!(people(&at_once), [], "nobody was told that it was made");
}

#[test]
fn the_same_notice_has_the_same_id_for_ever_and_another_one_another() {
    let (mut one, mut other) = (ObjectGraph::default(), ObjectGraph::default());
    let ids = |graph: &mut ObjectGraph, hours| {
        let notices = batch(graph, &[refund(5, "succeeded")], start() + TimeDelta::hours(hours));
        notices.into_iter().map(|notice| notice.key.id).collect::<Vec<_>>()
    };
    let first = ids(&mut one, 1);
    assert_eq!(first, ids(&mut other, 9));
    assert!(first.len() == 2 && first[0] != first[1]);
}

#[test]
fn what_is_old_when_it_is_learned_is_noted_and_not_sent() {
    let target = Target { name: "all".to_owned(), kinds: "*".to_owned(), ..Target::default() };
    let routed_at = |events: &[Event], now| {
        routed(batch(&mut ObjectGraph::default(), events, now), std::slice::from_ref(&target))
    };
    let young = start() + TimeDelta::days(2);
    let (notices, deliveries) = routed_at(&[refund(5, "succeeded")], young);
    assert_eq!((notices.len(), deliveries.len()), (2, 2));
    let (notices, deliveries) = routed_at(&[refund(5, "succeeded")], start() + TimeDelta::days(4));
    assert!(notices.len() == 2 && notices.iter().all(|notice| notice.is_old) && deliveries.is_empty());
    // Read from Stripe today, for the first time: the event is young, what it tells is not.
    let months = 90 * 86_400;
    let (notices, deliveries) =
        routed_at(&[refund(months, "succeeded")], start() + TimeDelta::seconds(months + 60));
    assert!(notices.iter().all(|notice| notice.is_old) && deliveries.is_empty());
    // An old refund that the ledger knew fails today: that is news.
    let mut graph = ObjectGraph::default();
    batch(&mut graph, &[refund(5, "succeeded")], young);
    let late = batch(&mut graph, &[refund(months, "failed")], start() + TimeDelta::seconds(months + 60));
    assert!(late.len() == 2 && late.iter().all(|notice| !notice.is_old));
}

#[test]
fn each_failed_attempt_is_one_letter_and_what_is_learned_at_once_is_the_last_one() {
    let failed = |second: i64, attempt: i64| {
        let invoice = json!({"id": "in_1", "object": "invoice", "status": "open", "amount_due": 1999, "amount_paid": 0,
            "amount_remaining": 1999, "currency": "usd", "attempt_count": attempt, "attempted": true,
            "collection_method": "charge_automatically", "created": 1_700_000_000, "customer": "cus_1",
            "next_payment_attempt": 1_700_900_000 + second, "status_transitions": {"finalized_at": 1_700_000_000}});
        event("invoice.payment_failed", second, &invoice)
    };
    let day = 86_400;
    let numbers = |batches: &[&[Event]]| {
        let (mut graph, mut all) = (ObjectGraph::default(), Vec::new());
        for events in batches {
            all.extend(people(&batch(&mut graph, events, start() + TimeDelta::days(11))));
        }
        all
    };
    let (first, second, third) = (failed(0, 1), failed(3 * day, 2), failed(10 * day, 3));
    let each: &[&[Event]] =
        &[std::slice::from_ref(&first), std::slice::from_ref(&second), std::slice::from_ref(&third)];
    let dunning =
        |numbers: &[i64]| numbers.iter().map(|number| (NoticeKind::Dunning, *number)).collect::<Vec<_>>();
    assert_eq!(numbers(each), dunning(&[1, 2, 3]));
    assert_eq!(numbers(&[&[first.clone(), second.clone(), third.clone()]]), dunning(&[3]));
    assert_eq!(numbers(&[&[second], &[first], &[third]]), dunning(&[1, 2, 3]), "whatever comes first");
}

#[test]
fn evidence_is_asked_for_by_the_nearest_reminder() {
    let now = start();
    let due = |left: TimeDelta| {
        let mut dispute = Dispute { status: Status::Opened, ..Dispute::default() };
        dispute.state.respond_by = Some(now + left);
        by_time::of_dispute(&dispute, now)
            .map(|notice| (notice.kind, notice.int("days").unwrap(), notice.severity))
    };
    let of = |days, severity| Some((NoticeKind::EvidenceDue, days, severity));
    for (left, expected) in [
        (TimeDelta::days(8), None),
        (TimeDelta::days(7), of(7, Severity::Warning)),
        (TimeDelta::days(2), of(3, Severity::Warning)),
        (TimeDelta::hours(5), of(1, Severity::Critical)),
        (TimeDelta::hours(-1), Some((NoticeKind::EvidenceOverdue, 0, Severity::Critical))),
    ] {
        assert_eq!(due(left), expected, "{left}");
    }
    let answered = Dispute { status: Status::UnderReview, ..Dispute::default() };
    assert!(by_time::of_dispute(&answered, now).is_none());
}

#[test]
fn a_card_is_good_until_its_month_ends_and_a_spike_needs_numbers() {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    assert!(expires_soon(2026, 12, at("2026-12-02T00:00:00Z")));
    assert!(!expires_soon(2026, 12, at("2026-11-30T00:00:00Z")), "31 days and more are left");
    assert!(!expires_soon(2026, 12, at("2027-01-01T00:00:00Z")), "it has expired");
    assert!(!expires_soon(2026, 13, at("2026-12-02T00:00:00Z")));
    assert!(is_spike(6, 14) && !is_spike(5, 15) && !is_spike(19, 0));
}

#[test]
fn a_delivery_is_tried_for_three_days_and_then_given_up() {
    let target = Target { name: "orders".to_owned(), ..Target::default() };
    let (mut delivery, mut now) = (Delivery::of("ntc_1", &target, start()), start());
    let later = Sent::Later("503".to_owned(), None);
    let mut attempts = 0;
    while delivery.state == DeliveryState::Pending {
        now = delivery.next_at + TimeDelta::seconds(31); // a look, and a receiver that never answers
        delivery.conclude(&later, now);
        attempts += 1;
    }
    assert_eq!((attempts, delivery.state), (10, DeliveryState::Failed));
    assert!((TimeDelta::days(3)..patience()).contains(&(now - start())));
    assert!((TimeDelta::days(3)..TimeDelta::days(4)).contains(&patience()));
    let mut asked = Delivery::of("ntc_1", &target, start());
    asked.conclude(&Sent::Later("429".to_owned(), Some(TimeDelta::hours(1))), start());
    assert_eq!(asked.next_at, start() + TimeDelta::hours(1));
}

#[test]
fn a_target_that_fails_is_left_alone_and_one_that_is_gone_is_disabled() {
    let mut target = Target { name: "orders".to_owned(), ..Target::default() };
    let later = Sent::Later("503".to_owned(), None);
    for _ in 0..4 {
        target.take(&later, start());
    }
    assert!(!target.is_broken(start()));
    target.take(&later, start());
    assert!(target.is_broken(start()) && target.is_probed());
    assert!(!target.is_broken(start() + TimeDelta::seconds(10)));
    for _ in 0..20 {
        target.take(&later, start());
    }
    assert!(!target.is_broken(start() + TimeDelta::minutes(10)), "never longer than ten minutes");
    target.take(&Sent::Delivered, start());
    assert!(!target.is_probed());
    target.take(&Sent::Gone("410".to_owned()), start());
    assert_eq!(target.state, TargetState::Disabled);
    assert_eq!(Delivery::of("ntc_2", &target, start()).state, DeliveryState::Held);
}

#[test]
fn a_target_takes_what_it_asks_for_and_customers_only_what_is_theirs() {
    let wanted = |channel, address: &str, kinds: &[&str]| NewTarget {
        name: "t-1".to_owned(),
        channel,
        address: address.to_owned(),
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        least_severity: Severity::Warning,
        is_ordered: false,
        allows_private: false,
    };
    let now = start();
    let check = |wanted: &NewTarget| checked(wanted, "jane", now);
    let target = check(&wanted(Channel::Webhook, "https://shop.example/x", &["dispute.*"])).unwrap();
    let takes = |target: &Target| {
        samples::all(now)
            .into_iter()
            .filter(|(_, notice)| target.wants(&Notice { severity: Severity::Critical, ..notice.clone() }))
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
    };
    assert_eq!(takes(&target), ["dispute_opened", "evidence_due", "evidence_overdue"]);
    assert!(samples::all(now).iter().all(|(_, notice)| !target.wants(notice)), "they are not severe enough");
    let customers = check(&wanted(Channel::Email, CUSTOMER, &[])).unwrap();
    let theirs = [
        "dunning_1",
        "dunning_2",
        "dunning_3",
        "refund_made",
        "refund_corrected",
        "refund_rejected",
        "card_expires",
    ];
    assert_eq!(takes(&customers), theirs);
    for (bad, expected) in [
        (wanted(Channel::Webhook, "http://shop.example/x", &[]), BadTarget::Url),
        (wanted(Channel::Webhook, "https://user@shop.example/x", &[]), BadTarget::Url),
        (wanted(Channel::Webhook, "https:///x", &[]), BadTarget::Url),
        (wanted(Channel::Email, "a@b\r\nBcc: c@d", &[]), BadTarget::Mail),
        (
            wanted(Channel::Email, CUSTOMER, &["dispute.*"]),
            BadTarget::NotForCustomers("dispute.*".to_owned()),
        ),
        (wanted(Channel::Rabbitmq, "", &["refunds.*"]), BadTarget::Kind("refunds.*".to_owned())),
        (
            NewTarget { name: "a b".to_owned(), ..wanted(Channel::Rabbitmq, "", &[]) },
            BadTarget::Name("a b".to_owned()),
        ),
    ] {
        assert_eq!(check(&bad).unwrap_err(), expected);
    }
}

#[test]
fn every_template_says_something_and_leaves_nothing_open() {
    let (now, templates) = (start(), Templates::built_in());
    for facts in [samples::facts(now), Facts::default()] {
        for (name, notice) in samples::all(now) {
            let message = templates.message(&notice, &facts);
            for text in [&message.subject, &message.text, &message.html] {
                assert!(!text.contains("{{") && !text.contains("}}"), "{name}: {text}");
            }
            assert!(message.subject.len() > 8 && message.text.len() > 40, "{name}: {message:?}");
            assert!(message.html.starts_with("<!doctype html>") && message.html.contains("<h1"), "{name}");
        }
    }
}

#[test]
fn a_value_is_never_markup_and_never_a_template() {
    let object = Key { id: "in_1".to_owned(), account: String::new(), livemode: true };
    let about = About { object_kind: "invoice", object: &object, number: 1, occurred_at: start() };
    let odd = "<script>{{merchant}}\r\nBcc: x@y";
    let data: Value = json!({"amount": 1999, "currency": "usd", "invoice_number": odd});
    let notice = Notice::new(NoticeKind::Dunning, Severity::Info, about, &data, start());
    let facts = Facts { merchant: "A & B".to_owned(), ..samples::facts(start()) };
    let message = Templates::built_in().message(&notice, &facts);
    assert!(message.html.contains("&lt;script&gt;{{merchant}}") && message.html.contains("A &amp; B"));
    assert!(message.text.contains("A & B") && message.text.contains("19.99 USD"));
    assert!(!message.subject.contains('\n'));
}
