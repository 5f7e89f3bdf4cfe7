//! Refunds, letter by letter.

use serde_json::{Value, json};

use super::Asker;

fn id(value: &Value) -> String {
    value.as_str().expect("an id").to_owned()
}

#[test]
fn partial_refunds_add_up_to_the_charge() {
    let mut stripe = Asker::new();
    let intent = stripe.paid(5_500, "pm_card_visa");
    let charge = id(&intent["latest_charge"]);
    let refund =
        stripe.done("POST /refunds", &format!("charge={charge}&amount=2500&metadata[a]=b&reason=duplicate"));
    assert_eq!(
        (&refund["status"], &refund["payment_intent"], &refund["metadata"], &refund["reason"]),
        (&json!("succeeded"), &intent["id"], &json!({ "a": "b" }), &json!("duplicate"))
    );
    let (status, error) = stripe.refused("POST /refunds", &format!("charge={charge}&amount=4000"));
    assert_eq!((status, error.get("code"), &error["param"]), (400, None, &json!("amount")));
    assert_eq!(
        error["message"],
        "Refund amount ($40.00) is greater than unrefunded amount on charge ($30.00)"
    );
    let rest = stripe.done("POST /refunds", &format!("payment_intent={}", id(&intent["id"])));
    assert_eq!(rest["amount"], 3_000, "without an amount, all that is left");
    let shown = stripe.done(&format!("GET /charges/{charge}?expand[]=refunds"), "");
    assert_eq!((&shown["amount_refunded"], &shown["refunded"]), (&json!(5_500), &json!(true)));
    assert_eq!(shown["refunds"]["data"].as_array().unwrap().len(), 2);
    let (status, error) = stripe.refused("POST /refunds", &format!("charge={charge}"));
    assert_eq!((status, &error["code"]), (400, &json!("charge_already_refunded")));
    assert_eq!(error["message"], format!("Charge {charge} has already been refunded."));
}

#[test]
fn what_cannot_be_refunded_is_refused_as_stripe_refuses_it() {
    let mut stripe = Asker::new();
    let (status, error) = stripe.refused("POST /refunds", "charge=ch_none");
    assert_eq!((status, &error["code"], &error["param"]), (404, &json!("resource_missing"), &json!("id")));
    assert_eq!(error["message"], "No such charge: 'ch_none'");
    let (status, error) = stripe.refused("POST /refunds", "amount=5");
    assert_eq!((status, error.get("code"), error.get("param")), (400, None, None));
    let (status, error) = stripe.refused("POST /refunds", "charge=ch_none&amount=0");
    assert_eq!((status, &error["code"]), (400, &json!("parameter_invalid_integer")));
    let (status, error) = stripe.refused("POST /refunds", "charge=ch_none&reason=expired_uncaptured_charge");
    assert_eq!((status, &error["param"]), (400, &json!("reason")));
    assert_eq!(
        error["message"],
        "Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer"
    );

    let disputed = id(&stripe.paid(500, "pm_card_createDispute")["latest_charge"]);
    let (status, error) = stripe.refused("POST /refunds", &format!("charge={disputed}"));
    assert_eq!((status, &error["code"]), (400, &json!("charge_disputed")));
    assert_eq!(error["message"], format!("Charge {disputed} has been charged back; cannot issue a refund."));
    let inquired = id(&stripe.paid(500, "pm_card_createDisputeInquiry")["latest_charge"]);
    stripe.done("POST /refunds", &format!("charge={inquired}"));

    let form = "amount=500&currency=usd&payment_method=pm_card_visa&confirm=true&capture_method=manual";
    let held = id(&stripe.done("POST /payment_intents", form)["latest_charge"]);
    let (status, error) = stripe.refused("POST /refunds", &format!("charge={held}"));
    assert_eq!((status, error.get("code")), (400, None));
    assert!(error["message"].as_str().unwrap().starts_with("You must cancel the PaymentIntent"), "{error}");
    let (_, declined) =
        stripe.refused("POST /payment_intents", &form.replace("pm_card_visa", "pm_card_chargeDeclined"));
    let (status, error) = stripe.refused("POST /refunds", &format!("charge={}", id(&declined["charge"])));
    assert_eq!(status, 400);
    assert!(
        error["message"].as_str().unwrap().ends_with("does not have a successful charge to refund."),
        "{error}"
    );
}

#[test]
fn a_refund_that_the_balance_cannot_pay_stays_pending() {
    let mut stripe = Asker::new();
    stripe.admin("/settings", &json!({ "refunds_need_balance": true }));
    let charge = id(&stripe.paid(1_000, "pm_card_visa")["latest_charge"]);
    let refund = stripe.done("POST /refunds", &format!("charge={charge}"));
    assert_eq!(
        (&refund["status"], &refund["pending_reason"]),
        (&json!("pending"), &json!("insufficient_funds"))
    );
    assert_eq!(refund["balance_transaction"], Value::Null);
    let settled = stripe.admin(&format!("/refunds/{}", id(&refund["id"])), &json!({ "status": "succeeded" }));
    assert_eq!(settled["status"], "succeeded");
    assert_ne!(settled["balance_transaction"], Value::Null);
    let (sum, balance) = stripe.balance();
    assert_eq!((sum, balance), (-59, -59), "the fee of 2.9 % and 30 cents is not returned");
}

#[test]
fn cards_that_refund_late_or_fail_later_do() {
    let mut stripe = Asker::new();
    let late = id(&stripe.paid(1_000, "pm_card_pendingRefund")["latest_charge"]);
    let fails = id(&stripe.paid(1_000, "pm_card_refundFail")["latest_charge"]);
    let late = stripe.done("POST /refunds", &format!("charge={late}"));
    let failing = stripe.done("POST /refunds", &format!("charge={fails}&amount=400"));
    assert_eq!((&late["status"], &failing["status"]), (&json!("pending"), &json!("succeeded")));
    let before = stripe.balance().0;
    stripe.passes(3);
    let late = stripe.done(&format!("GET /refunds/{}", id(&late["id"])), "");
    let failed = stripe.done(&format!("GET /refunds/{}", id(&failing["id"])), "");
    assert_eq!((&late["status"], &failed["status"]), (&json!("succeeded"), &json!("failed")));
    assert_eq!(failed["failure_reason"], "expired_or_canceled_card");
    let back =
        stripe.done(&format!("GET /balance_transactions/{}", id(&failed["failure_balance_transaction"])), "");
    assert_eq!((&back["type"], &back["amount"]), (&json!("refund_failure"), &json!(400)));
    assert_eq!(stripe.balance().0, before + 400);
    let charge = stripe.done(&format!("GET /charges/{fails}"), "");
    assert_eq!(charge["amount_refunded"], 0);
    assert!(stripe.events().contains(&"refund.failed".to_owned()));
}

#[test]
fn lists_are_paged_newest_first_by_charge_and_by_intent() {
    let mut stripe = Asker::new();
    let (one, two) = (stripe.paid(1_000, "pm_card_visa"), stripe.paid(1_000, "pm_card_visa"));
    let mut made = Vec::new();
    for amount in 1..=5 {
        made.push(id(&stripe.done("POST /refunds", &format!("charge={}&amount={amount}", id(&one["latest_charge"])))["id"]));
    }
    stripe.done("POST /refunds", &format!("charge={}", id(&two["latest_charge"])));
    made.reverse();
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = stripe.done(&format!("GET /refunds?payment_intent={}&limit=2{after}", id(&one["id"])), "");
        seen.extend(page["data"].as_array().unwrap().iter().map(|refund| id(&refund["id"])));
        if page["has_more"] != true {
            break;
        }
        after = format!("&starting_after={}", seen.last().unwrap());
    }
    assert_eq!(seen, made);
    let by_charge = stripe.done(&format!("GET /refunds?charge={}&limit=100", id(&one["latest_charge"])), "");
    assert_eq!(by_charge["data"].as_array().unwrap().len(), 5);
    assert_eq!(stripe.done("GET /refunds", "")["data"].as_array().unwrap().len(), 6);
}

#[test]
fn only_metadata_may_change_and_only_one_that_waits_for_its_customer_is_canceled() {
    let mut stripe = Asker::new();
    let charge = id(&stripe.paid(1_000, "pm_card_visa")["latest_charge"]);
    let refund = id(&stripe.done("POST /refunds", &format!("charge={charge}&metadata[a]=1"))["id"]);
    let changed = stripe.done(&format!("POST /refunds/{refund}"), "metadata[b]=2&metadata[a]=");
    assert_eq!(changed["metadata"], json!({ "b": "2" }));
    assert_eq!(stripe.refused(&format!("POST /refunds/{refund}"), "amount=5").1["code"], "parameter_unknown");
    let (status, error) = stripe.refused(&format!("POST /refunds/{refund}/cancel"), "");
    assert_eq!(
        (status, error.get("code"), &error["message"]),
        (400, None, &json!("Canceling this refund is unsupported."))
    );
    stripe.admin(&format!("/refunds/{refund}"), &json!({ "status": "requires_action" }));
    assert_eq!(stripe.done(&format!("POST /refunds/{refund}/cancel"), "")["status"], "canceled");
    assert_eq!(stripe.done(&format!("GET /charges/{charge}"), "")["amount_refunded"], 0);
    let (sum, balance) = stripe.balance();
    assert_eq!((sum, balance), (1_000 - 59, 1_000 - 59));
}
