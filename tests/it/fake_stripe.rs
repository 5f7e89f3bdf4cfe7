//! The fake Stripe is held to what Stripe documents: a test against a double that forgives shows nothing.

use fake_stripe::{FakeStripe, Fault};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One request on its own connection; `None` where the connection was cut.
async fn ask(stripe: &FakeStripe, line: &str, key: Option<&str>, form: &str) -> Option<(u16, Value)> {
    let url = stripe.url();
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let idempotency = key.map(|key| format!("Idempotency-Key: {key}\r\n")).unwrap_or_default();
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n{idempotency}Content-Length: {}\r\n\r\n{form}",
        stripe.key(),
        form.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, serde_json::from_str(body).unwrap_or(Value::Null)))
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
