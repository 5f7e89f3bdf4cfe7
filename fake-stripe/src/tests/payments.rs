//! Payment intents: their states, declines, authentication, and what they do to the balance.

use serde_json::{Value, json};

use super::Asker;

fn id(value: &Value) -> String {
    value.as_str().expect("an id").to_owned()
}

#[test]
fn a_payment_succeeds_and_its_balance_transaction_comes_later() {
    let mut stripe = Asker::new();
    let intent = stripe.paid(10_000, "pm_card_visa");
    assert_eq!((&intent["status"], &intent["amount_received"]), (&json!("succeeded"), &json!(10_000)));
    assert_eq!(stripe.events(), ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]);
    let path = format!("GET /charges/{}", id(&intent["latest_charge"]));
    assert_eq!(stripe.done(&path, "")["balance_transaction"], Value::Null);
    stripe.passes(3);
    let transaction = id(&stripe.done(&path, "")["balance_transaction"]);
    let transaction = stripe.done(&format!("GET /balance_transactions/{transaction}"), "");
    assert_eq!(
        (&transaction["fee"], &transaction["net"], &transaction["status"]),
        (&json!(320), &json!(9_680), &json!("pending"))
    );
    assert_eq!(stripe.balance(), (9_680, 9_680));
    stripe.passes(3 * 86_400);
    assert_eq!(stripe.done("GET /balance", "")["available"][1]["amount"], 9_680);
}

#[test]
fn a_decline_is_402_with_the_intent_inside() {
    let mut stripe = Asker::new();
    for (card, code, decline_code, advice_code) in [
        ("pm_card_chargeDeclined", "card_declined", Some("generic_decline"), "try_again_later"),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            Some("insufficient_funds"),
            "try_again_later",
        ),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", Some("stolen_card"), "do_not_try_again"),
        ("pm_card_radarBlock", "card_declined", Some("fraudulent"), "do_not_try_again"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None, "confirm_card_data"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None, "confirm_card_data"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None, "try_again_later"),
    ] {
        let form = format!("amount=500&currency=usd&payment_method={card}&confirm=true&off_session=true");
        let (status, error) = stripe.refused("POST /payment_intents", &form);
        assert_eq!(
            (status, &error["type"], &error["code"]),
            (402, &json!("card_error"), &json!(code)),
            "{card}"
        );
        assert_eq!(
            (error["decline_code"].as_str(), &error["advice_code"]),
            (decline_code, &json!(advice_code)),
            "{card}"
        );
        let intent = &error["payment_intent"];
        assert_eq!(
            (&intent["status"], &intent["payment_method"]),
            (&json!("requires_payment_method"), &Value::Null)
        );
        assert_eq!(intent["last_payment_error"]["charge"], error["charge"]);
        let kept = stripe.done(&format!("GET /payment_intents/{}", id(&intent["id"])), "");
        assert_eq!(kept["status"], "requires_payment_method", "it exists");
        let charge = stripe.done(&format!("GET /charges/{}", id(&error["charge"])), "");
        assert_eq!((&charge["status"], &charge["paid"]), (&json!("failed"), &json!(false)));
    }
    assert_eq!(stripe.balance(), (0, 0));
}

#[test]
fn a_card_that_wants_its_customer_is_refused_off_session_and_waits_on_session() {
    let mut stripe = Asker::new();
    let form = "amount=500&currency=usd&payment_method=pm_card_authenticationRequired&confirm=true";
    let (status, error) = stripe.refused("POST /payment_intents", &format!("{form}&off_session=true"));
    assert_eq!((status, &error["type"]), (402, &json!("card_error")));
    assert_eq!(
        (&error["code"], &error["decline_code"]),
        (&json!("authentication_required"), &json!("authentication_required"))
    );
    assert_eq!(error["payment_intent"]["status"], "requires_payment_method");
    // Of the methods that the Dashboard manages nobody can say beforehand that none must ask its customer.
    let (status, error) =
        stripe.refused("POST /payment_intents", &format!("{form}&error_on_requires_action=true"));
    assert_eq!((status, &error["param"]), (400, &json!("error_on_requires_action")));
    let intent = stripe.done("POST /payment_intents", form);
    assert_eq!((&intent["status"], &intent["latest_charge"]), (&json!("requires_action"), &Value::Null));
    let done =
        stripe.admin(&format!("/payment_intents/{}", id(&intent["id"])), &json!({ "authenticated": true }));
    assert_eq!(done["status"], "succeeded");
    let (status, _) =
        stripe.refused("POST /payment_intents", "amount=500&currency=usd&error_on_requires_action=true");
    assert_eq!(status, 400, "only with confirm");
}

#[test]
fn the_same_intent_may_be_confirmed_again_after_a_decline_and_succeeds_once() {
    let mut stripe = Asker::new();
    let (_, error) = stripe.refused(
        "POST /payment_intents",
        "amount=500&currency=usd&payment_method=pm_card_chargeDeclined&confirm=true",
    );
    let path = format!("POST /payment_intents/{}/confirm", id(&error["payment_intent"]["id"]));
    assert_eq!(stripe.done(&path, "payment_method=pm_card_visa")["status"], "succeeded");
    let (status, error) = stripe.refused(&path, "payment_method=pm_card_visa");
    assert_eq!((status, &error["code"]), (400, &json!("payment_intent_unexpected_state")));
    assert_eq!(error["payment_intent"]["status"], "succeeded");
}

#[test]
fn an_authorization_is_captured_in_part_or_canceled() {
    let mut stripe = Asker::new();
    let form = "amount=6500&currency=usd&payment_method=pm_card_visa&confirm=true&capture_method=manual";
    let held = stripe.done("POST /payment_intents", form);
    assert_eq!((&held["status"], &held["amount_capturable"]), (&json!("requires_capture"), &json!(6_500)));
    assert_eq!(stripe.balance(), (0, 0));
    let path = format!("POST /payment_intents/{}", id(&held["id"]));
    assert_eq!(
        stripe.refused(&format!("{path}/capture"), "amount_to_capture=6501").1["code"],
        "amount_too_large"
    );
    let captured = stripe.done(&format!("{path}/capture"), "amount_to_capture=5000");
    assert_eq!((&captured["status"], &captured["amount_received"]), (&json!("succeeded"), &json!(5_000)));
    assert_eq!(stripe.refused(&format!("{path}/cancel"), "").1["code"], "payment_intent_unexpected_state");
    let charge = stripe.done(&format!("GET /charges/{}", id(&held["latest_charge"])), "");
    assert_eq!((&charge["amount"], &charge["amount_captured"]), (&json!(6_500), &json!(5_000)));
    assert_eq!(stripe.balance(), (5_000 - 175, 5_000 - 175), "captured by hand, settled at once");

    let held = stripe.done("POST /payment_intents", form);
    let path = format!("POST /payment_intents/{}", held["id"].as_str().unwrap());
    let part = stripe.done(&format!("{path}/capture"), "amount_to_capture=1500&final_capture=false");
    assert_eq!(
        (&part["status"], &part["amount_received"], &part["amount_capturable"]),
        (&json!("requires_capture"), &json!(1_500), &json!(5_000))
    );
    assert_eq!(
        stripe.refused(&format!("{path}/capture"), "amount_to_capture=5001").1["code"],
        "amount_too_large"
    );
    let last = stripe.done(&format!("{path}/capture"), "amount_to_capture=2000");
    assert_eq!(
        (&last["status"], &last["amount_received"], &last["amount_capturable"]),
        (&json!("succeeded"), &json!(3_500), &json!(0))
    );

    let held = stripe.done("POST /payment_intents", form);
    let path = format!("POST /payment_intents/{}/cancel", id(&held["id"]));
    let canceled = stripe.done(&path, "cancellation_reason=abandoned");
    assert_eq!((&canceled["status"], &canceled["amount_capturable"]), (&json!("canceled"), &json!(0)));
    assert_eq!(stripe.refused(&path, "").0, 400);
}

#[test]
fn before_basil_what_is_let_go_of_an_authorization_is_a_refund() {
    let form = "amount=6500&currency=usd&payment_method=pm_card_visa&confirm=true&capture_method=manual";
    for (version, refunds) in [("2024-09-30.acacia", 2), ("2025-03-31.basil", 0)] {
        let mut stripe = Asker::new();
        stripe.version = version.to_owned();
        let held = stripe.done("POST /payment_intents", form);
        stripe.done(&format!("POST /payment_intents/{}/capture", id(&held["id"])), "amount_to_capture=5000");
        let charge = stripe.done(&format!("GET /charges/{}", id(&held["latest_charge"])), "");
        let released = if refunds > 0 { 1_500 } else { 0 };
        assert_eq!(
            (&charge["amount_captured"], &charge["amount_refunded"]),
            (&json!(5_000), &json!(released)),
            "{version}"
        );
        let moved =
            stripe.done(&format!("GET /balance_transactions/{}", id(&charge["balance_transaction"])), "");
        assert_eq!(moved["amount"], 5_000 + released, "{version}");
        assert_eq!(stripe.balance(), (5_000 - 175, 5_000 - 175), "{version}: the same in the end");
        let refund = format!("charge={}", id(&charge["id"]));
        assert_eq!(stripe.done("POST /refunds", &refund)["amount"], 5_000, "{version}: all that was taken");

        let held = stripe.done("POST /payment_intents", form);
        stripe.done(&format!("POST /payment_intents/{}/cancel", id(&held["id"])), "");
        let charge = stripe.done(&format!("GET /charges/{}", id(&held["latest_charge"])), "");
        assert_eq!(charge["refunded"], refunds > 0, "{version}");
        let listed = stripe.done("GET /refunds", "");
        assert_eq!(listed["data"].as_array().unwrap().len(), 1 + refunds, "{version}");
    }
}

#[test]
fn without_its_customer_no_intent_is_confirmed_that_is_to_keep_its_method() {
    let mut stripe = Asker::new();
    let held = stripe.done("POST /payment_intents", "amount=500&currency=usd&setup_future_usage=off_session");
    let path = format!("POST /payment_intents/{}/confirm", id(&held["id"]));
    let form = "payment_method=pm_card_visa&off_session=true";
    assert_eq!(stripe.refused(&path, form).1["param"], "off_session");
    let paid = stripe.done(&path, &format!("{form}&setup_future_usage="));
    assert_eq!((&paid["status"], &paid["setup_future_usage"]), (&json!("succeeded"), &Value::Null));
}

#[test]
fn a_payment_method_is_named_never_guessed() {
    let mut stripe = Asker::new();
    let customer = id(&stripe.done("POST /customers", "name=Ada&email=ada@example.com")["id"]);
    let card =
        id(&stripe.done("POST /payment_methods/pm_card_visa/attach", &format!("customer={customer}"))["id"]);
    stripe.done(
        &format!("POST /customers/{customer}"),
        &format!("invoice_settings[default_payment_method]={card}"),
    );
    let (status, error) = stripe.refused(
        "POST /payment_intents",
        &format!("amount=500&currency=usd&customer={customer}&confirm=true"),
    );
    assert_eq!(
        (status, &error["code"]),
        (400, &json!("payment_intent_unexpected_state")),
        "the default of invoices is not used"
    );
    stripe.done(
        "POST /payment_intents",
        &format!("amount=500&currency=usd&customer={customer}&payment_method={card}&confirm=true"),
    );
    let other = id(&stripe.done("POST /customers", "")["id"]);
    let (status, error) = stripe.refused(
        "POST /payment_intents",
        &format!("amount=500&currency=usd&customer={other}&payment_method={card}&confirm=true"),
    );
    assert_eq!((status, error.get("code"), &error["param"]), (400, None, &json!("payment_method")));
    let methods = stripe.done(&format!("GET /customers/{customer}/payment_methods"), "");
    assert_eq!(methods["data"].as_array().unwrap().len(), 1);
    assert_eq!(stripe.done(&format!("DELETE /customers/{other}"), "")["deleted"], true);
    assert_eq!(
        stripe.done(&format!("GET /customers/{other}"), ""),
        json!({ "id": other, "object": "customer", "deleted": true })
    );
    let (status, error) =
        stripe.refused("POST /payment_intents", &format!("amount=500&currency=usd&customer={other}"));
    assert_eq!(
        (status, &error["code"], &error["param"]),
        (400, &json!("resource_missing"), &json!("customer"))
    );
}

#[test]
fn versions_differ_as_documented() {
    let mut stripe = Asker::new();
    let form = "amount=500&currency=usd&payment_method_types[]=card";
    assert_eq!(
        stripe.refused("POST /payment_intents", form).1["code"],
        "payment_method_types_no_longer_supported"
    );
    stripe.version = "2024-09-30.acacia".to_owned();
    let reply = stripe.reply("POST /payment_intents", None, form);
    assert!(reply.headers.contains(&("stripe-version", stripe.version.clone())), "{:?}", reply.headers);
    let intent: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(intent.get("invoice"), Some(&Value::Null));
    assert_eq!(stripe.refused("GET /invoice_payments", "").0, 404);
}

#[test]
fn payouts_take_what_is_available_and_consist_of_it() {
    let mut stripe = Asker::new();
    for amount in [10_000, 2_000] {
        stripe.paid(amount, "pm_card_visa");
    }
    stripe.passes(3 * 86_400);
    let payout = stripe.admin("/payouts", &json!({ "currency": "usd" }));
    assert_eq!(payout["amount"], 9_680 + 1_912);
    let inside = stripe.done(&format!("GET /balance_transactions?payout={}", id(&payout["id"])), "");
    let inside = inside["data"].as_array().unwrap();
    let sum: i64 =
        inside.iter().filter(|one| one["type"] != "payout").map(|one| one["net"].as_i64().unwrap()).sum();
    assert_eq!((sum, inside.len()), (9_680 + 1_912, 3), "with the payout's own row");
    assert_eq!(stripe.balance(), (0, 0));
    stripe.passes(2 * 86_400);
    assert_eq!(stripe.done(&format!("GET /payouts/{}", id(&payout["id"])), "")["status"], "paid");
    stripe.admin(&format!("/payouts/{}", id(&payout["id"])), &json!({ "status": "failed" }));
    assert_eq!(stripe.balance(), (11_592, 11_592));
    assert_eq!(
        stripe.refused("POST /payouts", "amount=11593&currency=usd").1["code"],
        "balance_insufficient"
    );
    let manual = stripe.done("POST /payouts", "amount=592&currency=usd");
    let (status, _) = stripe.refused(&format!("GET /balance_transactions?payout={}", id(&manual["id"])), "");
    assert_eq!(status, 400, "a manual one cannot be itemised");
    assert_eq!(stripe.balance(), (11_000, 11_000));
}
