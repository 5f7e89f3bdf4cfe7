//! Invoices and subscriptions: paid, tried again by Stripe's plan, and what is left when a first payment fails.

use serde_json::{Value, json};

use super::Asker;

const DAY_SECS: i64 = 86_400;

fn id(value: &Value) -> String {
    value.as_str().expect("an id").to_owned()
}

/// A customer with a card for their invoices.
fn customer(stripe: &mut Asker, card: &str) -> String {
    let customer = id(&stripe.done("POST /customers", "name=Ada&email=ada@example.com")["id"]);
    let card = id(
        &stripe.done(&format!("POST /payment_methods/{card}/attach"), &format!("customer={customer}"))["id"]
    );
    stripe.done(
        &format!("POST /customers/{customer}"),
        &format!("invoice_settings[default_payment_method]={card}"),
    );
    customer
}

fn invoice(stripe: &mut Asker, customer: &str, more: &str) -> String {
    stripe.done(
        "POST /invoiceitems",
        &format!("customer={customer}&amount=2000&currency=usd&description=Listing"),
    );
    id(&stripe.done("POST /invoices", &format!("customer={customer}&currency=usd{more}"))["id"])
}

fn price(stripe: &mut Asker) -> String {
    id(&stripe.done(
        "POST /prices",
        "currency=usd&unit_amount=1500&recurring[interval]=month&product_data[name]=Plan",
    )["id"])
}

#[test]
fn an_invoice_is_finalized_and_paid_by_its_own_intent() {
    let mut stripe = Asker::new();
    let customer = customer(&mut stripe, "pm_card_visa");
    let path = format!("POST /invoices/{}", invoice(&mut stripe, &customer, ""));
    let open = stripe.done(&format!("{path}/finalize"), "");
    assert_eq!((&open["status"], &open["amount_due"]), (&json!("open"), &json!(2_000)));
    let paid = stripe.done(&format!("{path}/pay"), "");
    assert_eq!(
        (&paid["status"], &paid["amount_paid"], &paid["attempt_count"]),
        (&json!("paid"), &json!(2_000), &json!(1))
    );
    let (status, error) = stripe.refused(&format!("{path}/pay"), "");
    assert_eq!((status, error.get("code")), (400, None), "it has no code of its own");
    let payments = stripe.done(&format!("GET /invoice_payments?invoice={}", id(&paid["id"])), "");
    assert_eq!(
        (&payments["data"][0]["status"], &payments["data"][0]["amount_paid"]),
        (&json!("paid"), &json!(2_000))
    );
    stripe.version = "2024-09-30.acacia".to_owned();
    let old = stripe.done(&format!("GET /invoices/{}?expand[]=payment_intent", id(&paid["id"])), "");
    assert_eq!((&old["paid"], &old["payment_intent"]["status"]), (&json!(true), &json!("succeeded")));
    assert_eq!(old["payment_intent"]["invoice"], old["id"]);
}

#[test]
fn stripes_plan_tries_again_and_taking_it_over_ends_it() {
    let mut stripe = Asker::new();
    let customer = customer(&mut stripe, "pm_card_chargeCustomerFail");
    let one = invoice(&mut stripe, &customer, "&auto_advance=true");
    let two = invoice(&mut stripe, &customer, "&auto_advance=true");
    stripe.passes(3_601);
    stripe.passes(3_601);
    let failed = stripe.done(&format!("GET /invoices/{one}"), "");
    assert_eq!((&failed["status"], &failed["attempt_count"]), (&json!("open"), &json!(1)));
    assert!(failed["next_payment_attempt"].is_i64(), "{failed}");
    let taken_over = stripe.done(&format!("POST /invoices/{two}"), "auto_advance=false");
    assert_eq!(
        (&taken_over["auto_advance"], &taken_over["next_payment_attempt"]),
        (&json!(false), &Value::Null)
    );
    let (status, error) = stripe.refused(&format!("POST /invoices/{one}/pay"), "");
    assert_eq!((status, &error["code"]), (402, &json!("card_declined")));
    let by_hand = stripe.done(&format!("GET /invoices/{one}"), "");
    assert_eq!(
        (&by_hand["attempt_count"], &by_hand["next_payment_attempt"]),
        (&json!(1), &failed["next_payment_attempt"]),
        "a try by hand moves neither"
    );
    stripe.passes(30 * DAY_SECS);
    let count = |invoice: Value| invoice["attempt_count"].as_i64().unwrap();
    assert_eq!(count(stripe.done(&format!("GET /invoices/{one}"), "")), 4);
    assert_eq!(count(stripe.done(&format!("GET /invoices/{two}"), "")), 1);
    stripe.done(&format!("POST /invoices/{one}/pay"), "payment_method=pm_card_visa");
    assert_eq!(stripe.done(&format!("POST /invoices/{two}/void"), "")["status"], "void");
    assert_eq!(stripe.refused(&format!("POST /invoices/{two}/pay"), "").0, 400);
}

#[test]
fn an_invoice_whose_card_wants_its_customer_says_so() {
    let mut stripe = Asker::new();
    let customer = customer(&mut stripe, "pm_card_authenticationRequired");
    let path = format!("POST /invoices/{}", invoice(&mut stripe, &customer, ""));
    stripe.done(&format!("{path}/finalize"), "");
    let (status, error) = stripe.refused(&format!("{path}/pay"), "");
    assert_eq!((status, &error["code"]), (402, &json!("invoice_payment_intent_requires_action")));
    assert!(stripe.events().contains(&"invoice.payment_action_required".to_owned()));
}

#[test]
fn a_subscription_is_active_when_its_first_invoice_is_paid() {
    let mut stripe = Asker::new();
    let customer = customer(&mut stripe, "pm_card_visa");
    let price = price(&mut stripe);
    let form = format!(
        "customer={customer}&items[0][price]={price}&payment_behavior=error_if_incomplete&off_session=true&metadata[a]=b&expand[]=latest_invoice"
    );
    let subscription = stripe.done("POST /subscriptions", &form);
    assert_eq!(
        (&subscription["status"], &subscription["latest_invoice"]["status"]),
        (&json!("active"), &json!("paid"))
    );
    let renewed = stripe.admin(&format!("/subscriptions/{}/renew", id(&subscription["id"])), &json!({}));
    assert_eq!(renewed["status"], "active");
    assert_eq!(
        stripe.done(&format!("GET /invoices?customer={customer}&status=paid"), "")["data"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let intents = stripe.done(&format!("GET /payment_intents?customer={customer}"), "");
    let statuses: Vec<_> = intents["data"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, ["succeeded"; 2], "an invoice has one payment");
    let path = format!("DELETE /subscriptions/{}", id(&subscription["id"]));
    assert_eq!(stripe.done(&path, "prorate=false")["status"], "canceled");
    assert_eq!(stripe.refused(&path, "").1["code"], "resource_missing");
    stripe.passes(3);
    assert_eq!(stripe.balance(), (2 * (1_500 - 74), 2 * (1_500 - 74)));
}

#[test]
fn a_first_payment_that_fails_leaves_none_or_an_incomplete_one() {
    let mut stripe = Asker::new();
    let customer = customer(&mut stripe, "pm_card_chargeCustomerFail");
    let price = price(&mut stripe);
    let form = format!("customer={customer}&items[0][price]={price}");
    let (status, error) =
        stripe.refused("POST /subscriptions", &format!("{form}&payment_behavior=error_if_incomplete"));
    assert_eq!((status, &error["code"]), (402, &json!("card_declined")));
    assert_eq!(stripe.done("GET /subscriptions?status=all", "")["data"], json!([]));
    assert_eq!(stripe.done("GET /invoices", "")["data"], json!([]));
    let incomplete = stripe.done("POST /subscriptions", &form);
    assert_eq!(incomplete["status"], "incomplete");
    stripe.passes(23 * 3_600 + 1);
    let path = format!("GET /subscriptions/{}?expand[]=latest_invoice", id(&incomplete["id"]));
    let lapsed = stripe.done(&path, "");
    assert_eq!(
        (&lapsed["status"], &lapsed["latest_invoice"]["status"]),
        (&json!("incomplete_expired"), &json!("void"))
    );
    let waiting = stripe.done("POST /subscriptions", &format!("{form}&payment_behavior=default_incomplete"));
    stripe.done(
        &format!("POST /invoices/{}/pay", id(&waiting["latest_invoice"])),
        "payment_method=pm_card_visa",
    );
    assert_eq!(stripe.done(&format!("GET /subscriptions/{}", id(&waiting["id"])), "")["status"], "active");
    let bare = id(&stripe.done("POST /customers", "")["id"]);
    let (status, error) =
        stripe.refused("POST /subscriptions", &format!("customer={bare}&items[0][price]={price}"));
    assert_eq!((status, &error["code"]), (400, &json!("resource_missing")));
    assert_eq!(
        stripe.refused("POST /subscriptions", &format!("customer={bare}&items[0][price]=price_none")).1["param"],
        "items[0][price]"
    );
}
