//! Charges in short stories, each told in every order.

use serde_json::{Value, json};

use crate::rules::testing::{event, in_every_order};

fn charge(extra: &Value) -> Value {
    let mut object = json!({"id": "ch_1", "status": "succeeded", "amount": 1000, "amount_captured": 1000,
        "currency": "usd", "payment_intent": "pi_1"});
    object.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    object
}

fn refund(id: &str, amount: i64, extra: &Value) -> Value {
    let mut object =
        json!({"id": id, "status": "succeeded", "amount": amount, "currency": "usd", "charge": "ch_1"});
    object.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    object
}

#[test]
fn a_charge_without_a_payment_intent_is_its_own_payment() {
    let own = charge(&json!({"payment_intent": null, "invoice": "in_1", "metadata": {"user_id": "u1"},
        "payment_method_details": {"card": {"brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2031}}}));
    let world = in_every_order(&[event("charge.succeeded", 0, &own)]);
    let payment = world.payment("ch_1");
    assert_eq!((payment.state.status.as_str(), payment.state.amount_received), ("succeeded", 1000));
    assert_eq!((payment.user.id(), payment.invoice.as_deref()), (Some("u1"), Some("in_1")));
    let card = world.charge("ch_1").card;
    assert_eq!((card.card_last4.as_deref(), card.card_exp_year), (Some("4242"), Some(2031)));
}

#[test]
fn what_only_the_charge_reports_refunded_counts_until_the_refund_is_known() {
    let refunded = event("charge.refunded", 5, &charge(&json!({"amount_refunded": 400})));
    let bought = event("charge.succeeded", 0, &charge(&json!({})));
    let world = in_every_order(&[bought.clone(), refunded.clone()]);
    assert_eq!((world.charge("ch_1").amount_refunded, world.charge("ch_1").amount_unitemised), (400, 400));
    assert_eq!(world.payment("pi_1").amount_refunded, 400);
    let told = event("refund.created", 5, &refund("re_1", 400, &json!({})));
    let world = in_every_order(&[bought, refunded, told]);
    assert_eq!((world.charge("ch_1").amount_refunded, world.charge("ch_1").amount_unitemised), (400, 0));
}

#[test]
fn contradictions_are_flags_and_no_failures() {
    let story = [
        event("charge.succeeded", 0, &charge(&json!({}))),
        event("refund.created", 3, &refund("re_1", 900, &json!({}))),
        event("refund.created", 4, &refund("re_2", 200, &json!({}))),
        event("refund.created", 5, &refund("re_3", 5, &json!({"currency": "eur"}))),
    ];
    let charge = in_every_order(&story).charge("ch_1");
    assert_eq!(charge.anomaly.as_deref(), Some("refund_currency,refunds_exceed_charge"));
    assert_eq!(charge.amount_refunded, 1100, "another currency is not added up");
    assert_eq!(in_every_order(&story[1..]).charge("ch_1").anomaly, None, "nobody knows the charge yet");
}
