//! What Stripe refuses to say does not decide what it did: such an operation is unknown, and a person settles it.

use std::time::Duration;

use chrono::TimeDelta;
use desk::acts::operations::record;
use desk::acts::operations::retry::retry;
use desk::acts::operations::settle::{Found, settle};
use domain::Key;
use domain::operations::{
    Approval, DecisionKind, Operation, OperationState, Parameters, Reason, Request, Requester, parameters,
};
use fake_stripe::Fault;
use harness::process_guard::until;
use harness::stack::Combination;
use serde_json::json;
use shared::clock;

use super::scene::{PATIENCE, Scene, manager};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_loses_its_rights_leaves_what_it_sent_in_doubt() {
    let scene = Scene::begin(Combination::SqliteSqlite).await;

    let asked = refunded_and_unknown(&scene).await;
    assert_eq!(asked.attempt, 1);
    let refund = scene.stripe.all("", "refund")[0].clone();
    let found = Found::Done { stripe_id: refund["id"].as_str().unwrap().to_owned() };
    let joe = manager("joe");
    let early = settle(&scene.ledger, asked.id(), &found, "the dashboard", &joe, clock::now()).await;
    assert_eq!(early.unwrap_err().code(), "not_its_object", "the ledger has not heard of it");
    scene.tell("evt_refund_1", "refund.created", &refund).await;
    until("the ledger to hear of it", PATIENCE, async || {
        Ok(scene.stack.ledger().count("SELECT count(*) FROM refunds WHERE status = 'succeeded'").await? == 1)
    })
    .await
    .unwrap();
    let settled = settle(&scene.ledger, asked.id(), &found, "the dashboard", &joe, clock::now()).await;
    assert_eq!(settled.unwrap().state, OperationState::Succeeded);

    // A worker died while it sent, and the next one may not look.
    let payment = scene.payment(2, 5_000).await;
    let asked = scene.refund(&payment, 2_000).await;
    scene.reads(asked.id(), "not sent yet").await;
    dies_while_it_sends(&scene, asked.id(), || ()).await;
    scene.reaches(asked.id(), OperationState::Unknown).await;
    let nothing = settle(&scene.ledger, asked.id(), &Found::NotDone, "the dashboard", &joe, clock::now());
    assert_eq!(nothing.await.unwrap().state, OperationState::Failed);
    scene.end().await;
}

/// Somebody looked too early and said that it was not done; somebody else tries it again.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_after_all_is_not_done_again_by_whoever_tries_again() {
    let scene = Scene::begin(Combination::SqliteSqlite).await;
    let asked = refunded_and_unknown(&scene).await;
    let joe = manager("joe");
    let settled = settle(&scene.ledger, asked.id(), &Found::NotDone, "not there", &joe, clock::now());
    assert_eq!(settled.await.unwrap().state, OperationState::Failed);
    let again = retry(&scene.ledger, asked.id(), true, &joe, clock::now()).await.unwrap();
    scene.stripe.denies([]);
    let refused = scene.reaches(again.id(), OperationState::Refused).await;
    let why = refused.message.unwrap_or_default();
    assert!(why.contains(asked.id()) && why.contains("done after all"), "{why}");
    assert_eq!(scene.stripe.refunds_made(), 1, "no money leaves twice");
    scene.end().await;
}

/// Done, its answer lost, and then the key may ask for nothing of the kind.
async fn refunded_and_unknown(scene: &Scene) -> Operation {
    let payment = scene.payment(1, 5_000).await;
    scene.stripe.fails_at("POST /v1/refunds", [Fault::CutAfter]);
    let asked = scene.refund(&payment, 2_000).await;
    until("the refund", PATIENCE, async || Ok(scene.stripe.refunds_made() == 1)).await.unwrap();
    scene.stripe.denies(["/refunds"]);
    scene.reaches(asked.id(), OperationState::Unknown).await
}

/// As a worker leaves it that had committed its attempt; `then` happens before anybody can look at it.
async fn dies_while_it_sends(scene: &Scene, id: &str, then: impl FnOnce()) {
    let ago = clock::now() - TimeDelta::minutes(2);
    let mut tx = scene.ledger.begin().await.unwrap();
    let mut begun = tx.lock_operation(id).await.unwrap().unwrap();
    begun.begin_attempt(ago, ago).unwrap();
    begun.release();
    tx.write_operation(&begun).await.unwrap();
    then();
    tx.commit().await.unwrap();
}

/// Its first request may still be running, though Stripe lists nothing yet.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_goes_out_under_the_key_of_the_first_time() {
    let scene = Scene::begin(Combination::SqliteSqlite).await;
    let payment = scene.payment(1, 5_000).await;
    scene.stripe.denies(["/refunds"]);
    let asked = scene.refund(&payment, 2_000).await;
    scene.reads(asked.id(), "not sent yet").await;
    dies_while_it_sends(&scene, asked.id(), || scene.stripe.denies([])).await;
    let done = scene.reaches(asked.id(), OperationState::Succeeded).await;
    let key = done.idempotency_key.unwrap();
    assert!(scene.stripe.idempotency_keys().contains(&key), "{:?}", scene.stripe.idempotency_keys());
    scene.end().await;
}

/// Approved, as the rules would have it, and not sent as far as this ledger knows.
async fn approved_charge(scene: &Scene) -> Operation {
    let now = clock::now();
    let customer = Key { id: "cus_1".to_owned(), account: String::new(), livemode: true };
    let charge = parameters::Charge {
        customer: customer.id.clone(),
        payment_method: Some("pm_1".to_owned()),
        amount: 1_999,
        currency: "usd".to_owned(),
        description: None,
        invoice: None,
    };
    let request = Request {
        subject_kind: "customer",
        subject: customer.clone(),
        payment: None,
        customer: Some(customer.id),
        amount: 1_999,
        currency: "usd".to_owned(),
        parameters: Parameters::Charge(charge),
        reason: Reason::Other,
        note: None,
        confirmed: true,
        retry_of: None,
    };
    let requester = Requester {
        name: "jane".to_owned(),
        known_by: "session".to_owned(),
        is_program: false,
        may_manage: true,
    };
    let mut operation = Operation::asked("op_restored", &request, &requester, now);
    let mut tx = scene.ledger.begin().await.unwrap();
    let step = operation.created(OperationState::Approved, None, now + TimeDelta::days(7));
    (operation.approval, operation.approved_by, operation.approved_at) =
        (Approval::Own, Some("jane".to_owned()), Some(now));
    record::store(&mut tx, &mut operation, step, "jane", now).await.unwrap();
    let by = ("jane", "session");
    record::decided(&mut tx, &operation, DecisionKind::Approve, by, None, now).await.unwrap();
    tx.commit().await.unwrap();
    operation
}

/// At Stripe the charge's payment has this status.
fn made(scene: &Scene, status: &str) {
    let created = clock::now().timestamp();
    let received = if status == "succeeded" { 1_999 } else { 0 };
    scene.stripe.put("", &json!({ "id": "cus_1", "object": "customer", "created": created, "metadata": {} }));
    scene.stripe.put(
        "",
        &json!({ "id": "pi_1", "object": "payment_intent", "status": status,
        "amount": 1_999, "amount_received": received, "currency": "usd", "created": created, "customer": "cus_1",
        "metadata": { "tidegate_operation_id": "op_restored" } }),
    );
}

/// Stripe may bring to its end what it answered with an error, or what another worker's call has begun.
#[tokio::test(flavor = "multi_thread")]
async fn a_charge_that_may_be_paid_yet_is_not_called_failed() {
    for status in ["requires_confirmation", "requires_payment_method"] {
        let scene = Scene::begin(Combination::SqliteSqlite).await;
        made(&scene, status);
        let operation = approved_charge(&scene).await;
        let doubted = scene.reaches(operation.id(), OperationState::Unknown).await;
        let why = doubted.error_text.unwrap_or_default();
        assert!(why.contains("pi_1") && why.contains("may be paid yet"), "{why}");
        made(&scene, "succeeded");
        is_looked_at(&scene, operation.id()).await;
        let ended = scene.reaches(operation.id(), OperationState::Succeeded).await;
        assert_eq!(ended.stripe_id.as_deref(), Some("pi_1"));
        assert_eq!(scene.stripe.all("", "payment_intent").len(), 1, "{status}");
        scene.end().await;
    }
}

/// A worker looks at it now, and not when it has rested.
async fn is_looked_at(scene: &Scene, id: &str) {
    let mut tx = scene.ledger.begin().await.unwrap();
    let mut resting = tx.lock_operation(id).await.unwrap().unwrap();
    resting.look_again_at = Some(clock::now());
    tx.write_operation(&resting).await.unwrap();
    tx.commit().await.unwrap();
}

/// As where somebody deletes the data of test mode.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_paid_is_not_settled_as_not_done_until_stripe_has_it_no_more() {
    let scene = Scene::begin(Combination::SqliteSqlite).await;
    made(&scene, "requires_action");
    let operation = approved_charge(&scene).await;
    scene.reaches(operation.id(), OperationState::Unknown).await;
    let (id, joe) = (operation.id(), manager("joe"));
    let early = settle(&scene.ledger, id, &Found::NotDone, "not there", &joe, clock::now()).await;
    assert!(early.unwrap_err().to_string().contains("cancel the payment in Stripe's dashboard"));
    scene.stripe.forget("", "pi_1");
    is_looked_at(&scene, id).await;
    until("the worker to look", PATIENCE, async || {
        let kept = scene.ledger.read().await?.operation(id).await?.unwrap();
        Ok(kept.error_class.as_deref() == Some("unknown") && kept.held_until.is_none())
    })
    .await
    .unwrap();
    let settled = settle(&scene.ledger, id, &Found::NotDone, "deleted", &joe, clock::now()).await;
    assert_eq!(settled.unwrap().state, OperationState::Failed);
    assert!(scene.stripe.all("", "payment_intent").is_empty(), "and it is not sent again");
    scene.end().await;
}

/// Its answer is late, and whoever asks again is told that it still runs.
#[tokio::test(flavor = "multi_thread")]
async fn while_stripe_is_at_work_nobody_says_that_it_was_not_done() {
    let scene = Scene::begin(Combination::SqliteSqlite).await;
    let payment = scene.payment(1, 5_000).await;
    scene.stripe.fails_at("POST /v1/refunds", [Fault::CutDuring(Duration::from_mins(1))]);
    let asked = scene.refund(&payment, 2_000).await;
    let doubted = scene.reaches(asked.id(), OperationState::Unknown).await;
    assert_eq!(doubted.error_class.as_deref(), Some("twin_runs"), "{:?}", doubted.error_text);
    let joe = manager("joe");
    let early = settle(&scene.ledger, asked.id(), &Found::NotDone, "not there", &joe, clock::now()).await;
    assert_eq!(early.unwrap_err().code(), "busy");
    let after_its_key = clock::now() + TimeDelta::hours(24);
    let late = settle(&scene.ledger, asked.id(), &Found::NotDone, "not there", &joe, after_its_key).await;
    assert_eq!(late.unwrap().state, OperationState::Failed, "nothing runs for so long");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_that_the_ledger_forgot_is_found_at_stripe_and_not_made_again() {
    let scene = Scene::begin(Combination::SqliteSqlite).await;
    made(&scene, "succeeded");
    let operation = approved_charge(&scene).await;
    let ended = scene.reaches(operation.id(), OperationState::Succeeded).await;
    assert_eq!(ended.stripe_id.as_deref(), Some("pi_1"));
    assert_eq!(scene.stripe.all("", "payment_intent").len(), 1);
    scene.end().await;
}
