//! Captures, cancellations and disputes that are given up, from the request to the event that tells of them.

use desk::acts::operations::request::{Ask, Wanted, request};
use domain::Key;
use domain::operations::{Operation, OperationState, Reason};
use harness::process_guard::until;
use serde_json::json;
use shared::clock;

use super::OF_BOTH;
use super::scene::{PATIENCE, Scene, manager};

/// Asked for and confirmed by somebody who may manage money.
async fn ask(scene: &Scene, wanted: Wanted) -> Operation {
    let ask = Ask { wanted, reason: Reason::Other, note: None, confirmed: true };
    request(&scene.ledger, &ask, &manager("jane"), clock::now()).await.unwrap()
}

/// A payment whose money is held and not taken; the ledger has heard of it.
async fn authorized(scene: &Scene, amount: i64) -> Key {
    let asked = json!({ "amount": amount, "currency": "usd", "payment_method": "pm_card_visa", "confirm": true,
        "capture_method": "manual", "return_url": "https://shop.example/" });
    let intent = scene.stripe.ask("POST", "/payment_intents", &asked).unwrap();
    let key = Key { id: intent["id"].as_str().unwrap().to_owned(), account: String::new(), livemode: true };
    has(scene, "payments", &key.id, "requires_capture").await;
    key
}

/// Waits until the ledger has the object in this status.
async fn has(scene: &Scene, table: &str, id: &str, status: &str) {
    comes(scene, format!("SELECT count(*) FROM {table} WHERE id = '{id}' AND status = '{status}'"), 1).await;
}

/// Waits until the ledger counts so many.
async fn comes(scene: &Scene, statement: String, count: i64) {
    let statement: &'static str = Box::leak(statement.into_boxed_str());
    let ledger = scene.stack.ledger();
    let is_so = until(statement, PATIENCE, async || Ok(ledger.count(statement).await? == count)).await;
    assert!(is_so.is_ok(), "{statement}: {}", scene.stack.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_authorised_is_captured_or_given_up_and_a_dispute_is_lost_on_purpose() {
    for combination in OF_BOTH {
        let scene = Scene::begin(combination).await;
        let url = format!("http://{}/webhooks/stripe", scene.stack.gateway());
        scene.stripe.delivers_to(&url, scene.stack.secret());

        let payment = authorized(&scene, 5_000).await;
        let part = Wanted::Capture { payment: payment.clone(), amount: Some(2_000), currency: None };
        let capture = ask(&scene, part).await;
        scene.reaches(capture.id(), OperationState::Succeeded).await;
        has(&scene, "payments", &payment.id, "succeeded").await;
        let captured = scene.stripe.all("", "charge");
        assert_eq!(captured[0]["amount_captured"], 2_000, "exactly what was asked for");

        // Another capture took a part and left the rest held, as Stripe's `final_capture=false` does.
        let payment = authorized(&scene, 6_000).await;
        let first = json!({ "amount_to_capture": 2_500, "final_capture": false });
        scene.stripe.ask("POST", &format!("/payment_intents/{}/capture", payment.id), &first).unwrap();
        let received =
            format!("SELECT count(*) FROM payments WHERE id = '{}' AND amount_received = 2500", payment.id);
        comes(&scene, received, 1).await;
        has(&scene, "payments", &payment.id, "requires_capture").await;
        let rest = Wanted::Capture { payment: payment.clone(), amount: Some(3_501), currency: None };
        assert_eq!(ask(&scene, rest).await.error_code.as_deref(), Some("amount_exceeds_capturable"));
        let rest = Wanted::Capture { payment: payment.clone(), amount: Some(3_000), currency: None };
        let capture = ask(&scene, rest).await;
        scene.reaches(capture.id(), OperationState::Succeeded).await;
        let received = format!(
            "SELECT count(*) FROM payments WHERE id = '{}' AND amount_received = 5500 AND status = 'succeeded'",
            payment.id
        );
        comes(&scene, received, 1).await;

        let payment = authorized(&scene, 7_000).await;
        let cancel = ask(&scene, Wanted::Cancel { payment: payment.clone(), reason: None }).await;
        scene.reaches(cancel.id(), OperationState::Succeeded).await;
        has(&scene, "payments", &payment.id, "canceled").await;
        assert!(scene.stripe.all("", "refund").is_empty(), "what is let go was never taken");

        let paid = json!({ "amount": 900, "currency": "usd", "payment_method": "pm_card_createDispute",
            "confirm": true, "return_url": "https://shop.example/" });
        scene.stripe.ask("POST", "/payment_intents", &paid).unwrap();
        let disputes = || scene.stripe.all("", "dispute");
        until("the bank to dispute", PATIENCE, async || Ok(!disputes().is_empty())).await.unwrap();
        let id = disputes()[0]["id"].as_str().unwrap().to_owned();
        has(&scene, "disputes", &id, "opened").await;
        // The time to answer is over; the loss can be accepted all the same.
        let mut late = disputes()[0].clone();
        late["evidence_details"]["past_due"] = json!(true);
        scene.stripe.put("", &late);
        let dispute = Key { id: id.clone(), account: String::new(), livemode: true };
        let accept = ask(&scene, Wanted::DisputeAccept { dispute }).await;
        scene.reaches(accept.id(), OperationState::Succeeded).await;
        has(&scene, "disputes", &id, "lost").await;
        scene.end().await;
    }
}
