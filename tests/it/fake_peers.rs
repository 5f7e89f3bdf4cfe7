//! The fake Stripe beside what others made: Stripe's own libraries for Python and Node drive it and understand its
//! answers, and a Stripe with memory of another author answers the same requests alike.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use fake_stripe::FakeStripe;
use harness::binaries::workspace;
use serde_json::{Value, json};

use crate::fake_stripe_client::ask_at;

/// Where `scripts/peers` puts them. One that is missing is a failure, not a reason to pass.
fn installed() -> (PathBuf, PathBuf) {
    let (installed, scripts) = (workspace().join("target/peers"), workspace().join("tests/peers"));
    assert!(installed.join("installed").is_file(), "the peers are missing: run scripts/peers");
    (installed, scripts)
}

/// What a library saw.
async fn drive(stripe: &FakeStripe, command: Vec<PathBuf>) -> Value {
    let arguments = [stripe.url(), stripe.files_url(), stripe.key().to_owned()];
    let output = tokio::task::spawn_blocking(move || {
        Command::new(&command[0]).args(&command[1..]).args(arguments).output().expect("the peer starts")
    });
    let output = output.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a peer tells JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn stripes_own_libraries_drive_the_fake() {
    let (installed, scripts) = installed();
    let python = vec![installed.join("python/bin/python"), scripts.join("drive.py")];
    let node = vec!["node".into(), scripts.join("drive.mjs"), installed.join("node")];
    let classes = |python: &'static str, node: &'static str| [python, node];
    for (place, command) in [python, node].into_iter().enumerate() {
        let stripe = FakeStripe::start(false).await.unwrap();
        let seen = drive(&stripe, command).await;
        let error = |name: &str, class: [&str; 2], status: u16, code: Value, more: Value| {
            let mut expected = json!({ "class": class[place], "status": status, "code": code, "param": null,
                "decline_code": null, "intent": null, "request_id": true });
            for (field, value) in more.as_object().unwrap() {
                expected[field] = value.clone();
            }
            assert_eq!(seen[name], expected, "{name}");
        };
        let invalid = classes("InvalidRequestError", "StripeInvalidRequestError");
        let card = classes("CardError", "StripeCardError");
        assert_eq!(seen["created"], "requires_confirmation");
        assert_eq!(seen["confirmed"], "succeeded");
        assert_eq!(seen["refund"], json!(["succeeded", 1_000, "test"]));
        assert_eq!(seen["listed"], json!([100, 100, 100, 1_000]), "newest first, page by page");
        assert_eq!(seen["replayed"], json!([true, "true"]));
        assert_eq!(seen["dispute"], json!(["needs_response", 0, "under_review", true]));
        error("over", invalid, 400, Value::Null, json!({ "param": "amount" }));
        let waits = "requires_payment_method";
        error(
            "declined",
            card,
            402,
            json!("card_declined"),
            json!({ "decline_code": "insufficient_funds", "intent": waits }),
        );
        let code = "authentication_required";
        error("authentication", card, 402, json!(code), json!({ "decline_code": code, "intent": waits }));
        error(
            "other_parameters",
            classes("IdempotencyError", "StripeIdempotencyError"),
            400,
            Value::Null,
            json!({}),
        );
        error(
            "no_key",
            classes("AuthenticationError", "StripeAuthenticationError"),
            401,
            Value::Null,
            json!({}),
        );
        error("charged_back", invalid, 400, json!("charge_disputed"), json!({}));
        error("closed", invalid, 400, Value::Null, json!({}));
        let events = seen["events"].as_array().unwrap();
        for kind in
            ["charge.dispute.closed", "charge.refunded", "payment_intent.payment_failed", "refund.created"]
        {
            assert!(events.contains(&json!(kind)), "{kind}: {events:?}");
        }
        // The libraries send a key with every POST.
        assert!(stripe.all("", "refund").len() == 4 && stripe.refunds_made() == 4);
    }
}

/// The other Stripe, as a process that ends with the test.
struct Stateful {
    process: Child,
    host: String,
}

impl Stateful {
    fn start() -> Self {
        let (installed, scripts) = installed();
        let mut process = Command::new("node")
            .arg(scripts.join("stateful.mjs"))
            .arg(installed.join("node"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut port = String::new();
        BufReader::new(process.stdout.take().expect("a pipe"))
            .read_line(&mut port)
            .expect("it prints its port");
        Self { process, host: format!("127.0.0.1:{}", port.trim()) }
    }
}

impl Drop for Stateful {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}

/// What both must agree about: the status, the error, and how the object stands.
fn judged(status: u16, body: &Value) -> Value {
    let error = &body["error"];
    let listed =
        body["data"].as_array().map(|data| data.iter().map(|one| one["amount"].clone()).collect::<Vec<_>>());
    json!({
        "http": status, "type": error["type"], "code": error["code"], "param": error["param"], "decline_code": error["decline_code"],
        "status": body["status"], "amount": body["amount"], "amount_refunded": body["amount_refunded"], "refunded": body["refunded"],
        "captured": body["captured"], "disputed": body["dispute"].is_string(), "reason": body["reason"],
        "refundable": body["is_charge_refundable"], "listed": listed,
    })
}

/// Each step: a request, in which `$NAME` is the id that an earlier step has remembered under that name.
const STEPS: &[(&str, &str, &str)] = &[
    ("POST /v1/charges", "amount=5500&currency=usd&source=tok_visa&metadata[a]=b", "one"),
    ("POST /v1/refunds", "charge=$one&amount=2500", "refund"),
    ("POST /v1/refunds", "charge=$one&amount=3001", ""),
    ("GET /v1/charges/$one", "", ""),
    ("GET /v1/refunds/$refund", "", ""),
    ("GET /v1/refunds?charge=$one", "", ""),
    ("POST /v1/refunds", "charge=$one&amount=0", ""),
    ("POST /v1/refunds", "charge=$one&amount=-1", ""),
    ("POST /v1/refunds", "charge=$one", ""),
    ("GET /v1/charges/$one", "", ""),
    ("POST /v1/refunds", "charge=$one&amount=1", ""),
    ("POST /v1/refunds", "charge=$one", ""),
    ("GET /v1/refunds?charge=$one&limit=1", "", ""),
    ("POST /v1/refunds", "charge=ch_none", ""),
    ("GET /v1/refunds/re_none", "", ""),
    ("GET /v1/charges/ch_none", "", ""),
    ("POST /v1/charges", "amount=0&currency=usd&source=tok_visa", ""),
    ("POST /v1/charges", "amount=49&currency=usd&source=tok_visa", ""),
    ("POST /v1/charges", "amount=100000000&currency=usd&source=tok_visa", ""),
    ("POST /v1/charges", "amount=500&currency=usd&source=tok_chargeDeclined", ""),
    ("POST /v1/charges", "amount=500&currency=usd&source=tok_chargeDeclinedInsufficientFunds", ""),
    ("POST /v1/charges", "amount=500&currency=usd&source=tok_chargeDeclinedFraudulent", ""),
    ("POST /v1/charges", "amount=500&currency=usd&source=tok_chargeDeclinedIncorrectCvc", ""),
    ("POST /v1/charges", "amount=500&currency=usd&source=tok_chargeDeclinedExpiredCard", ""),
    ("POST /v1/charges", "amount=500&currency=usd&source=tok_chargeDeclinedProcessingError", ""),
    ("POST /v1/charges", "amount=700&currency=usd&source=tok_visa&capture=false", "held"),
    ("POST /v1/charges/$held/capture", "", ""),
    ("POST /v1/charges/$held/capture", "", ""),
    ("POST /v1/refunds", "charge=$held&amount=200", ""),
    ("POST /v1/charges", "amount=900&currency=usd&source=tok_createDispute", "disputed"),
    ("GET /v1/charges/$disputed", "", "dispute=dispute"),
    ("GET /v1/disputes/$dispute", "", ""),
    ("POST /v1/refunds", "charge=$disputed", ""),
    ("POST /v1/charges", "amount=900&currency=usd&source=tok_createDisputeProductNotReceived", "late"),
    ("GET /v1/charges/$late", "", "second=dispute"),
    ("GET /v1/disputes/$second", "", ""),
    ("POST /v1/charges", "amount=900&currency=usd&source=tok_createDisputeInquiry", "asked"),
    ("GET /v1/charges/$asked", "", "inquiry=dispute"),
    ("GET /v1/disputes/$inquiry", "", ""),
    ("POST /v1/refunds", "charge=$asked&amount=400", ""),
    ("GET /v1/disputes/du_none", "", ""),
];

/// Where the other is known to differ from Stripe: the step, the field, and why ours is right.
const OTHERS_ERRORS: &[(&str, &str, &str)] = &[
    ("GET /v1/disputes/du_none", "param", "Stripe names the parameter `dispute`; recorded in its sandbox"),
    (
        "GET /v1/refunds?charge=$one&limit=1",
        "listed",
        "Stripe lists the newest first; the other turns those of one second around",
    ),
    ("GET /v1/refunds/re_none", "param", "Stripe names the parameter `refund`; recorded in its sandbox"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_stripe_that_others_made_answers_alike() {
    let (fake, other) = (FakeStripe::start(false).await.unwrap(), Stateful::start());
    let host = fake.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for (line, form, remembered) in STEPS {
        let mut answers = Vec::new();
        for (host, key, ids) in [(&host, fake.key(), &mut ours), (&other.host, "sk_test_other", &mut theirs)]
        {
            let (line, form) = (filled(line, ids), filled(form, ids));
            let (status, body) = ask_at(host, key, &line, None, &form).await.expect("an answer");
            if !remembered.is_empty() {
                let (name, field) = remembered.split_once('=').unwrap_or((remembered, "id"));
                ids.push((name.to_owned(), body[field].as_str().unwrap_or_default().to_owned()));
            }
            answers.push((judged(status, &body), body));
        }
        let (mut our, mut their) = (answers[0].0.clone(), answers[1].0.clone());
        if *line == "POST /v1/charges" {
            // The bank disputes with the charge, or a moment after it.
            (our["disputed"], their["disputed"]) = (Value::Null, Value::Null);
        }
        for (_, field, _) in OTHERS_ERRORS.iter().filter(|(step, ..)| step == line) {
            (our[field], their[field]) = (Value::Null, Value::Null);
        }
        assert_eq!(our, their, "{line} {form}\nours: {}\ntheirs: {}", answers[0].1, answers[1].1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_kept_as_others_keep_them() {
    let (fake, other) = (FakeStripe::start(false).await.unwrap(), Stateful::start());
    let host = fake.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let form = "amount=500&currency=usd&source=tok_visa";
    for (host, key) in [(&host, fake.key()), (&other.host, "sk_test_other")] {
        let made = ask_at(host, key, "POST /v1/charges", Some("k"), form).await.unwrap();
        assert_eq!(ask_at(host, key, "POST /v1/charges", Some("k"), form).await.unwrap(), made);
        let (status, body) =
            ask_at(host, key, "POST /v1/charges", Some("k"), "amount=501&currency=usd&source=tok_visa")
                .await
                .unwrap();
        assert_eq!(
            (status, &body["error"]["type"], body["error"].get("code")),
            (400, &json!("idempotency_error"), None)
        );
        let declined = "amount=500&currency=usd&source=tok_chargeDeclined";
        let first = ask_at(host, key, "POST /v1/charges", Some("d"), declined).await.unwrap();
        assert_eq!(
            (first.0, ask_at(host, key, "POST /v1/charges", Some("d"), declined).await.unwrap()),
            (402, first)
        );
        let (_, charges) = ask_at(host, key, "GET /v1/charges", None, "").await.unwrap();
        assert_eq!(charges["data"].as_array().unwrap().len(), 2, "each was made once");
    }
}

fn filled(text: &str, ids: &[(String, String)]) -> String {
    ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(&format!("${name}"), id))
}
