//! What Stripe refuses to say does not decide what it did: such an operation is unknown, and a person settles it.

use chrono::TimeDelta;
use desk::acts::operations::settle::{Found, settle};
use domain::operations::OperationState;
use fake_stripe::Fault;
use harness::process_guard::until;
use harness::stack::Combination;
use shared::clock;

use super::scene::{PATIENCE, Scene, manager};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_loses_its_rights_leaves_what_it_sent_in_doubt() {
    let scene = Scene::begin(Combination::SqliteSqlite).await;

    // Done, its answer lost, and then the key may ask for nothing of the kind.
    let payment = scene.payment(1, 5_000).await;
    scene.stripe.fails_at("POST /v1/refunds", [Fault::CutAfter]);
    let asked = scene.refund(&payment, 2_000).await;
    until("the refund", PATIENCE, async || Ok(scene.stripe.refunds_made() == 1)).await.unwrap();
    scene.stripe.denies(["/refunds"]);
    let unknown = scene.reaches(asked.id(), OperationState::Unknown).await;
    assert_eq!(unknown.attempt, 1);
    let made = scene.stripe.all("", "refund")[0]["id"].as_str().unwrap().to_owned();
    let found = Found::Done { stripe_id: made };
    let joe = manager("joe");
    let settled = settle(&scene.ledger, asked.id(), &found, "the dashboard", &joe, clock::now()).await;
    assert_eq!(settled.unwrap().state, OperationState::Succeeded);

    // A worker died while it sent, and the next one may not look.
    let payment = scene.payment(2, 5_000).await;
    let asked = scene.refund(&payment, 2_000).await;
    scene.reads(asked.id(), "not sent yet").await;
    let ago = clock::now() - TimeDelta::minutes(2);
    let mut tx = scene.ledger.begin().await.unwrap();
    let mut begun = tx.lock_operation(asked.id()).await.unwrap().unwrap();
    begun.begin_attempt(ago, ago).unwrap();
    begun.release();
    tx.write_operation(&begun).await.unwrap();
    tx.commit().await.unwrap();
    scene.reaches(asked.id(), OperationState::Unknown).await;
    let nothing = settle(&scene.ledger, asked.id(), &Found::NotDone, "the dashboard", &joe, clock::now());
    assert_eq!(nothing.await.unwrap().state, OperationState::Failed);
    scene.end().await;
}
