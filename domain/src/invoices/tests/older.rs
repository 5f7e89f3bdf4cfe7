//! Shapes of other years: invoices without a status, moments that stood elsewhere, money from outside of Stripe.

use super::*;
use crate::event::{Content, Meaning};
use crate::testing::envelope;

/// An invoice as it was before 2018-11-08.
fn without_status(extra: &Value) -> Value {
    let mut object = json!({"id": "in_1", "object": "invoice", "amount_due": 2000, "currency": "usd",
        "attempted": false, "closed": false, "forgiven": false, "paid": false, "attempt_count": 0,
        "date": 1_480_000_000, "billing": "charge_automatically"});
    object.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    object
}

#[test]
fn booleans_stand_for_the_status_before_2018_11_08() {
    for (extra, expected, received) in [
        (json!({}), Status::Draft, 0),
        (json!({"attempted": true, "attempt_count": 1}), Status::Sent, 0),
        (json!({"closed": true}), Status::Sent, 0),
        (json!({"closed": true, "forgiven": true}), Status::Uncollectible, 0),
        (json!({"closed": true, "attempted": true, "paid": true}), Status::Paid, 2000),
    ] {
        let invoice = in_every_order(&[event("invoice.updated", 0, &without_status(&extra))]).invoice("in_1");
        assert_eq!((invoice.status, invoice.amount_paid), (expected, received), "{extra}");
        assert_eq!(invoice.state.created_at, moment(1_480_000_000), "it was called `date`");
        assert_eq!(invoice.state.collection_method.as_deref(), Some("charge_automatically"));
    }
}

#[test]
fn an_invoice_without_status_and_booleans_is_refused_with_the_reason() {
    let body = json!({"data": {"object": {"id": "in_1", "amount_due": 5, "currency": "usd"}}}).to_string();
    let envelope = envelope("invoice.updated", &body);
    match Content::of(&envelope).meaning(&envelope) {
        Err(refused) => assert_eq!(
            (refused.field.as_str(), refused.fault),
            ("data.object.status", "is missing, and so is `paid`")
        ),
        Ok(Meaning::Ignored(_) | Meaning::Observations(_)) => panic!("it says nothing"),
    }
}

#[test]
fn moments_are_stripes_where_it_tells_them() {
    let transitions = json!({"amount_paid": 2000, "status_transitions": {
        "finalized_at": 1_700_000_003, "paid_at": 1_700_000_007, "voided_at": null}});
    let late = event("invoice.updated", 5_000, &invoice_object("paid", &transitions));
    let invoice = in_every_order(std::slice::from_ref(&late)).invoice("in_1");
    assert_eq!((invoice.finalized_at, invoice.paid_at, invoice.voided_at), (at(3), at(7), None));
    let void = json!({"status_transitions": {"voided_at": 1_700_000_009}});
    let void = event("invoice.voided", 60, &invoice_object("void", &void));
    assert_eq!(in_every_order(&[void]).invoice("in_1").voided_at, at(9));
    let top = event("invoice.updated", 60, &invoice_object("open", &json!({"finalized_at": 1_700_000_004})));
    assert_eq!(in_every_order(&[top]).invoice("in_1").finalized_at, at(4), "so it stood before 2019-03-14");
}

#[test]
fn moments_are_the_events_own_where_stripe_tells_none() {
    let paid = |second| event("invoice.paid", second, &invoice_object("paid", &json!({"amount_paid": 2000})));
    let invoice = in_every_order(&[
        event("invoice.finalized", 5, &invoice_object("open", &json!({}))),
        paid(30),
        paid(20),
    ]);
    assert_eq!((invoice.invoice("in_1").finalized_at, invoice.invoice("in_1").paid_at), (at(5), at(20)));
    let void = in_every_order(&[event("invoice.voided", 8, &invoice_object("void", &json!({})))]);
    assert_eq!(void.invoice("in_1").voided_at, at(8));
}

#[test]
fn what_was_paid_outside_of_stripe_is_received_and_fails_no_more() {
    let failed = event("invoice.payment_failed", 0, &invoice_object("open", &json!({})));
    let settled = json!({"paid_out_of_band": true, "amount_paid": 0, "amount_remaining": 2000});
    let settled = event("invoice.paid", 60, &invoice_object("paid", &settled));
    let invoice = in_every_order(&[failed, settled]).invoice("in_1");
    assert_eq!((invoice.status, invoice.amount_paid), (Status::Paid, 2000));
    assert_eq!((invoice.next_payment_retry_at, invoice.seen.needs_refetch), (None, false));
}

#[test]
fn a_customer_may_be_an_account() {
    let object = invoice_object("open", &json!({"customer": null, "customer_account": "acct_7"}));
    let graph = in_every_order(&[event("invoice.finalized", 0, &object)]);
    assert_eq!(graph.invoice("in_1").customer.id(), Some("acct_7"));
    let object = json!({"id": "sub_1", "status": "active", "customer": null, "customer_account": "acct_7"});
    let graph = in_every_order(&[event("customer.subscription.created", 0, &object)]);
    assert_eq!(graph.subscriptions.rows().next().unwrap().customer.id(), Some("acct_7"));
}
