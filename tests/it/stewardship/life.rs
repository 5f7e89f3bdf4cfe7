//! Some days of a merchant at the fake Stripe, with everything in them that a ledger keeps.

use fake_stripe::FakeStripe;
use serde_json::{Value, json};

const DAY_SECS: i64 = 86_400;

/// Lives them, from four weeks ago until now: Stripe still lists the events.
pub(super) fn live(stripe: &FakeStripe) {
    stripe.passes(-28 * DAY_SECS);
    let buyers: Vec<String> =
        ["user_anna", "user_ben", "user_carl"].map(|user| customer(stripe, user)).into();
    let mut payments = Vec::new();
    for (day, more) in (0..8).zip(0..) {
        let (buyer, user) = (&buyers[day % 3], ["user_anna", "user_ben", "user_carl"][day % 3]);
        payments.push(pays(stripe, Some((buyer, user)), "pm_card_visa", 1_000 + more));
        stripe.passes(DAY_SECS);
    }
    post(stripe, "/refunds", &json!({ "payment_intent": payments[0], "amount": 200 }));
    post(stripe, "/refunds", &json!({ "payment_intent": payments[1], "reason": "duplicate" }));
    let late = pays(stripe, None, "pm_card_refundFail", 500);
    post(stripe, "/refunds", &json!({ "payment_intent": late }));
    for card in ["pm_card_visa_chargeDeclinedInsufficientFunds", "pm_card_radarBlock"] {
        let _declined = stripe.ask("POST", "/payment_intents", &intent(None, card, 700));
        stripe.passes(DAY_SECS);
    }
    for (card, evidence) in [
        ("pm_card_createDispute", Some("winning_evidence")),
        ("pm_card_createDispute", Some("losing_evidence")),
        ("pm_card_createDisputeProductNotReceived", None),
        ("pm_card_createDisputeInquiry", None),
    ] {
        let payment = pays(stripe, Some((&buyers[2], "user_carl")), card, 2_500);
        let of_payment = json!({ "payment_intent": payment });
        let dispute = stripe.ask("GET", "/disputes", &of_payment).unwrap()["data"][0]["id"].clone();
        if let Some(evidence) = evidence {
            let path = format!("/disputes/{}", dispute.as_str().unwrap());
            post(stripe, &path, &json!({ "evidence": { "uncategorized_text": evidence } }));
        }
        stripe.passes(DAY_SECS);
    }
    let charges = stripe.ask("GET", "/charges", &json!({ "payment_intent": payments[4] })).unwrap();
    stripe.admin("POST", "/warnings", &json!({ "charge": charges["data"][0]["id"] })).unwrap();
    let plan = post(
        stripe,
        "/prices",
        &json!({ "currency": "usd", "unit_amount": 2_900, "recurring": { "interval": "month" },
            "product_data": { "name": "Shop" } }),
    );
    for (buyer, user) in [(&buyers[0], "user_anna"), (&buyers[1], "user_ben")] {
        post(
            stripe,
            "/subscriptions",
            &json!({ "customer": buyer, "items": [{ "price": plan["id"] }],
            "metadata": { "user_id": user } }),
        );
    }
    let ended = stripe.all("", "subscription")[0]["id"].clone();
    let _canceled = stripe.ask("DELETE", &format!("/subscriptions/{}", ended.as_str().unwrap()), &json!({}));
    stripe.passes(DAY_SECS);
    let item = json!({ "customer": buyers[1], "amount": 4_500, "currency": "usd" });
    post(stripe, "/invoiceitems", &item);
    let invoice = post(stripe, "/invoices", &json!({ "customer": buyers[1], "auto_advance": false }));
    let path = format!("/invoices/{}", invoice["id"].as_str().unwrap());
    post(stripe, &format!("{path}/finalize"), &json!({ "auto_advance": false }));
    post(stripe, "/payouts", &json!({ "amount": 1_000, "currency": "usd" }));
    stripe.passes(12 * DAY_SECS);
}

fn customer(stripe: &FakeStripe, user: &str) -> String {
    let asked = json!({ "email": format!("{user}@example.com"), "metadata": { "user_id": user } });
    let id = post(stripe, "/customers", &asked)["id"].as_str().unwrap().to_owned();
    let card = post(stripe, "/payment_methods/pm_card_visa/attach", &json!({ "customer": id }));
    let default = json!({ "invoice_settings": { "default_payment_method": card["id"] } });
    post(stripe, &format!("/customers/{id}"), &default);
    id
}

fn pays(stripe: &FakeStripe, buyer: Option<(&str, &str)>, card: &str, amount: i64) -> String {
    post(stripe, "/payment_intents", &intent(buyer, card, amount))["id"].as_str().unwrap().to_owned()
}

fn intent(buyer: Option<(&str, &str)>, card: &str, amount: i64) -> Value {
    let mut intent = json!({ "amount": amount, "currency": "usd", "confirm": true, "payment_method": card });
    if let Some((customer, user)) = buyer {
        intent["customer"] = json!(customer);
        intent["metadata"] = json!({ "user_id": user });
    }
    intent
}

fn post(stripe: &FakeStripe, path: &str, parameters: &Value) -> Value {
    stripe.ask("POST", path, parameters).unwrap_or_else(|refusal| panic!("{path}: {refusal}"))
}
