//! The fake Stripe is held to what Stripe documents: a test against a double that forgives shows nothing.

use fake_stripe::{Delivering, FakeStripe, Fault};
use serde_json::{Value, json};

use crate::fake_stripe_client::ask_at;
use crate::in_process_gateway::{Edge, PATH, SECRET};

/// `None` where the connection was cut.
async fn ask(stripe: &FakeStripe, line: &str, key: Option<&str>, form: &str) -> Option<(u16, Value)> {
    let url = stripe.url();
    ask_at(url.trim_start_matches("http://").trim_end_matches('/'), stripe.key(), line, key, form).await
}

#[tokio::test]
async fn an_account_and_its_endpoints_are_told_to_a_key_that_may_read_them() {
    let stripe = FakeStripe::start(true).await.unwrap();
    stripe.has_endpoint("https://a.example/webhooks/stripe", &["*"], &json!({ "status": "disabled" }));
    let (status, account) = ask(&stripe, "GET /v1/account", None, "").await.unwrap();
    assert_eq!(
        (status, &account["object"], &account["charges_enabled"]),
        (200, &json!("account"), &json!(true))
    );
    let (_, endpoints) = ask(&stripe, "GET /v1/webhook_endpoints?limit=100", None, "").await.unwrap();
    let endpoint = &endpoints["data"][0];
    assert_eq!((&endpoint["status"], &endpoint["livemode"]), (&json!("disabled"), &json!(true)));
    assert!(endpoint.get("secret").is_none() && endpoint["api_version"].is_null(), "{endpoint}");
    stripe.denies(["/webhook_endpoints"]);
    let (status, denied) = ask(&stripe, "GET /v1/webhook_endpoints", None, "").await.unwrap();
    assert_eq!((status, &denied["error"]["code"]), (403, &json!("more_permissions_required")));
    assert_eq!(ask(&stripe, "GET /v1/account", None, "").await.unwrap().0, 200);
}

async fn with_a_charge() -> FakeStripe {
    let stripe = FakeStripe::start(false).await.unwrap();
    stripe.put(
        "",
        &json!({ "id": "ch_1", "object": "charge", "status": "succeeded", "amount": 500,
        "amount_captured": 500, "amount_refunded": 0, "currency": "usd" }),
    );
    stripe
}

#[tokio::test]
async fn a_refund_is_made_once_for_one_key_whatever_happens_on_the_way() {
    let stripe = with_a_charge().await;
    let refund = async |key: &str, form: &str| ask(&stripe, "POST /v1/refunds", Some(key), form).await;
    stripe.fails([Fault::CutBefore, Fault::CutAfter]);
    assert_eq!(refund("one", "charge=ch_1&amount=200").await, None);
    assert_eq!(stripe.refunds_made(), 0);
    assert_eq!(refund("one", "charge=ch_1&amount=200").await, None);
    assert_eq!(stripe.refunds_made(), 1, "cut after it was made");
    let (status, made) = refund("one", "charge=ch_1&amount=200").await.unwrap();
    assert_eq!((status, &made["amount"], stripe.refunds_made()), (200, &json!(200), 1));
    assert_eq!(refund("one", "charge=ch_1&amount=300").await.unwrap().0, 400, "other parameters");
    assert_eq!(refund("two", "charge=ch_1&amount=301").await.unwrap().0, 400, "more than is left");

    stripe.fails([Fault::Trouble(500)]);
    for _ in 0..2 {
        assert_eq!(refund("three", "charge=ch_1").await.unwrap().0, 500, "a failure is kept, too");
    }
    assert_eq!(refund("four", "charge=ch_1").await.unwrap().1["amount"], 300, "the rest");
    let (_, charge) = ask(&stripe, "GET /v1/charges/ch_1", None, "").await.unwrap();
    assert_eq!((&charge["refunded"], &charge["amount_refunded"]), (&json!(true), &json!(500)));
    let (_, refunds) = ask(&stripe, "GET /v1/refunds?charge=ch_1&limit=1", None, "").await.unwrap();
    assert_eq!((refunds["data"].as_array().unwrap().len(), &refunds["has_more"]), (1, &json!(true)));
    let (_, events) = ask(&stripe, "GET /v1/events?types[]=refund.created", None, "").await.unwrap();
    assert_eq!(events["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_request_that_is_still_running_is_answered_409() {
    let stripe = with_a_charge().await;
    stripe.fails([Fault::Slow(std::time::Duration::from_secs(2))]);
    let first = ask(&stripe, "POST /v1/refunds", Some("one"), "charge=ch_1");
    let second = async {
        while stripe.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        ask(&stripe, "POST /v1/refunds", Some("one"), "charge=ch_1").await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.unwrap().0, second.unwrap().0, stripe.refunds_made()), (200, 409, 1));
}

#[tokio::test]
async fn too_many_requests_are_answered_429() {
    let stripe = with_a_charge().await;
    stripe.limits(3);
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(ask(&stripe, "GET /v1/charges/ch_1", None, "").await.unwrap().0);
    }
    assert_eq!(answers[..3], [200; 3]);
    assert!(answers.contains(&429), "{answers:?}");
}

#[tokio::test]
async fn what_is_cut_while_it_runs_is_done_and_its_key_says_so() {
    let stripe = with_a_charge().await;
    stripe.fails_at("POST /v1/refunds", [Fault::CutDuring(std::time::Duration::from_millis(500))]);
    let refund = async || ask(&stripe, "POST /v1/refunds", Some("one"), "charge=ch_1").await;
    assert_eq!(refund().await, None);
    assert_eq!(refund().await.unwrap().0, 409, "it is still running");
    let answer = loop {
        match refund().await.unwrap() {
            (409, _) => tokio::task::yield_now().await,
            answer => break answer,
        }
    };
    assert_eq!((answer.0, stripe.refunds_made()), (200, 1));
}

#[tokio::test]
async fn trouble_locks_and_approvals_are_told_as_stripe_tells_them() {
    let stripe = with_a_charge().await;
    stripe.fails([Fault::TroubleAfter(500), Fault::LockTimeout, Fault::ApprovalRequired]);
    for _ in 0..2 {
        assert_eq!(
            ask(&stripe, "POST /v1/refunds", Some("a"), "charge=ch_1&amount=100").await.unwrap().0,
            500
        );
    }
    assert_eq!(stripe.refunds_made(), 1, "done, though it was answered 500");
    let (status, locked) =
        ask(&stripe, "POST /v1/refunds", Some("b"), "charge=ch_1&amount=100").await.unwrap();
    assert_eq!((status, &locked["error"]["code"]), (429, &json!("lock_timeout")));
    let (_, waits) = ask(&stripe, "POST /v1/refunds", Some("b"), "charge=ch_1&amount=100").await.unwrap();
    assert_eq!((&waits["error"]["code"], stripe.refunds_made()), (&json!("approval_required"), 1));
    let waiting = stripe.admin("GET", "/approvals", &json!({})).unwrap();
    stripe
        .admin("POST", &format!("/approvals/{}", waiting["waiting"][0].as_str().unwrap()), &json!({}))
        .unwrap();
    assert_eq!(stripe.refunds_made(), 2);
    let (status, paths) = ask(&stripe, "GET /_fake/", None, "").await.unwrap();
    assert_eq!((status, paths["paths"].as_array().unwrap().len()), (200, fake_stripe::ADMIN_PATHS.len()));
}

#[tokio::test]
async fn events_are_delivered_signed_late_twice_and_again_until_they_are_taken() {
    let edge = Edge::start().await;
    let stripe = FakeStripe::start(false).await.unwrap();
    stripe.delivers_to(&format!("http://{}{PATH}", edge.address), SECRET);
    stripe.delivers_to("http://127.0.0.1:9/nobody", "whsec_other");
    let late = std::time::Duration::from_millis(300);
    stripe.delivers(Delivering { late, twice_percent: 100, ..Delivering::default() });
    let form = "amount=500&currency=usd&payment_method=pm_card_visa&confirm=true";
    assert_eq!(ask(&stripe, "POST /v1/payment_intents", None, form).await.unwrap().0, 200);
    while edge.waiting().await < 6 {
        tokio::task::yield_now().await;
    }
    let mut kinds = Vec::new();
    for _ in 0..6 {
        let envelope = edge.envelope().await;
        let event: Value = serde_json::from_slice(&envelope.body).unwrap();
        kinds.push(event["type"].as_str().unwrap().to_owned());
    }
    kinds.sort();
    let twice =
        ["charge.succeeded", "payment_intent.created", "payment_intent.succeeded"].map(|kind| [kind, kind]);
    assert_eq!(kinds, twice.concat());
    assert!(stripe.deliveries_pending() > 0, "the endpoint where nobody listens is tried again");
    edge.end().await.unwrap();
}
