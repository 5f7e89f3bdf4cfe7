//! Idempotency keys, as Stripe keeps them.

use serde_json::{Value, json};

use super::Asker;
use crate::state::Admission;

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn header<'r>(reply: &'r crate::call::Reply, name: &str) -> Option<&'r str> {
    reply.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

#[test]
fn an_answer_is_replayed_with_the_request_that_it_was_first_given_to() {
    let mut stripe = Asker::new();
    let first = stripe.call("POST /customers", Some("k"), "name=Ada");
    let Admission::Admitted { livemode, .. } = stripe.state.admit(&first) else { panic!("it is new") };
    let made = stripe.state.execute(&first, livemode, None);
    assert_eq!(header(&made, "idempotent-replayed"), None);
    let again = stripe.reply("POST /customers", Some("k"), "name=Ada");
    assert_eq!((again.status, &again.body), (200, &made.body));
    assert_eq!(header(&again, "idempotent-replayed"), Some("true"));
    assert_eq!(header(&again, "original-request"), Some(first.id.as_str()));
}

#[test]
fn other_parameters_are_an_error_without_a_code() {
    let mut stripe = Asker::new();
    stripe.reply("POST /customers", Some("k"), "name=Ada");
    let reply = stripe.reply("POST /customers", Some("k"), "name=Bela");
    let error = &body(&reply.body)["error"];
    assert_eq!((reply.status, &error["type"], error.get("code")), (400, &json!("idempotency_error"), None));
    assert!(
        error["message"].as_str().unwrap().contains("same parameters they were first used with"),
        "{error}"
    );
}

#[test]
fn a_twin_of_a_running_request_is_answered_409() {
    let mut stripe = Asker::new();
    let call = stripe.call("POST /customers", Some("k"), "");
    assert!(matches!(stripe.state.admit(&call), Admission::Admitted { .. }));
    let reply = stripe.reply("POST /customers", Some("k"), "");
    let error = &body(&reply.body)["error"];
    assert_eq!((reply.status, &error["code"]), (409, &json!("idempotency_key_in_use")));
}

#[test]
fn refusals_of_execution_are_kept_and_those_of_validation_are_not() {
    let mut stripe = Asker::new();
    let intent = stripe.paid(500, "pm_card_visa");
    let form = format!("charge={}&amount=501", intent["latest_charge"].as_str().unwrap());
    for expected in [None, Some("true")] {
        let reply = stripe.reply("POST /refunds", Some("over"), &form);
        assert_eq!((reply.status, header(&reply, "idempotent-replayed")), (400, expected));
    }
    for _ in 0..2 {
        let reply = stripe.reply("POST /refunds", Some("bad"), "charge=ch_1&amount=x");
        assert_eq!((reply.status, header(&reply, "idempotent-replayed")), (400, None));
    }
    // The key is free: other parameters may use it.
    assert_eq!(stripe.reply("POST /customers", Some("bad"), "").status, 200);
}

#[test]
fn a_declined_payment_is_kept_with_its_intent_and_made_once() {
    let mut stripe = Asker::new();
    let form = "amount=500&currency=usd&payment_method=pm_card_chargeDeclined&confirm=true";
    let first = stripe.reply("POST /payment_intents", Some("k"), form);
    let again = stripe.reply("POST /payment_intents", Some("k"), form);
    assert_eq!((first.status, again.status, &first.body), (402, 402, &again.body));
    assert_eq!(stripe.done("GET /charges", "")["data"].as_array().unwrap().len(), 1);
}

#[test]
fn a_key_is_pruned_after_a_day_and_belongs_to_account_and_mode() {
    let mut stripe = Asker::new();
    let first = stripe.reply("POST /customers", Some("k"), "");
    stripe.passes(24 * 3_600 - 1);
    assert_eq!(stripe.reply("POST /customers", Some("k"), "").body, first.body);
    stripe.account = "acct_other".to_owned();
    let other = stripe.reply("POST /customers", Some("k"), "");
    assert_eq!((other.status, header(&other, "idempotent-replayed")), (200, None));
    stripe.account = String::new();
    stripe.passes(1);
    let later = stripe.reply("POST /customers", Some("k"), "");
    assert_eq!(header(&later, "idempotent-replayed"), None, "it is new again");
    assert_ne!(later.body, first.body);
}

#[test]
fn reads_and_deletes_heed_no_key() {
    let mut stripe = Asker::new();
    let id = stripe.done("POST /customers", "")["id"].as_str().unwrap().to_owned();
    assert_eq!(stripe.reply(&format!("DELETE /customers/{id}"), Some("k"), "").status, 200);
    assert_eq!(
        stripe.reply(&format!("DELETE /customers/{id}"), Some("k"), "").status,
        400,
        "it is gone, and not replayed"
    );
}

#[test]
fn events_name_the_request_and_the_key_that_caused_them() {
    let mut stripe = Asker::new();
    let call = stripe.call("POST /customers", Some("k"), "");
    let Admission::Admitted { livemode, .. } = stripe.state.admit(&call) else { panic!("it is new") };
    stripe.state.execute(&call, livemode, None);
    let events = stripe.done("GET /events", "");
    assert_eq!(events["data"][0]["request"], json!({ "id": call.id, "idempotency_key": "k" }));
    stripe.paid(500, "pm_card_visa");
    stripe.passes(10);
    let events = stripe.done("GET /events?type=charge.updated", "");
    assert_eq!(events["data"][0]["request"], json!({ "id": null, "idempotency_key": null }), "by itself");
}
