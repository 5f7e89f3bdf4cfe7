//! What staff read of an operation while it is under way: that it rests, why, and when it is tried again.

use domain::operations::{Operation, OperationState};
use fake_stripe::Fault;
use harness::process_guard::until;
use harness::stack::Combination;
use serde_json::{Value, json};

use super::OF_BOTH;
use super::scene::{PATIENCE, Scene};

async fn says(scene: &Scene, arguments: &[&str]) -> String {
    scene.stack.tidegate(arguments).await.unwrap()
}

/// The only row of `operations list`.
async fn listed(scene: &Scene) -> String {
    says(scene, &["operations", "list"]).await.lines().nth(1).unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_stripe_does_not_take_says_why_and_when_it_is_tried_again() {
    for combination in OF_BOTH {
        let scene = Scene::begin(combination).await;
        let payment = scene.payment(1, 5_000).await;
        scene.stripe.fails_at("POST /v1/refunds", [Fault::LockTimeout; 60]);
        let asked = scene.refund(&payment, 2_000).await;
        let mut rests = Operation::default();
        let rested = until("the operation to rest", PATIENCE, async || {
            rests = scene.operation(asked.id()).await;
            Ok(rests.sent_again_at().is_some())
        });
        assert!(rested.await.is_ok(), "{rests:?}\n{}", scene.stack.logs());
        let shown = says(&scene, &["operations", "show", asked.id()]).await;
        for part in ["Stripe did not take it yet: ", "A worker sends the same again at 20", "tried again"] {
            assert!(shown.contains(part), "{part} is not in\n{shown}");
        }
        assert!(!shown.contains("It is being sent") && !shown.contains("looked at again"), "{shown}");
        let row = listed(&scene).await;
        assert!(row.contains("executing") && row.contains(rests.message.as_deref().unwrap()), "{row}");
        scene.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_says_why_an_operation_is_in_doubt() {
    let scene = Scene::begin(Combination::SqliteSqlite).await;
    let payment = scene.payment(1, 5_000).await;
    scene.stripe.fails_at("POST /v1/refunds", [Fault::Trouble(500)]);
    let asked = scene.refund(&payment, 2_000).await;
    let doubted = scene.reaches(asked.id(), OperationState::Unknown).await;
    let row = listed(&scene).await;
    assert!(row.contains("unknown") && row.contains(doubted.message.as_deref().unwrap()), "{row}");
    let shown = says(&scene, &["operations", "show", asked.id()]).await;
    assert!(
        shown.contains("A worker asks Stripe again at 20") && shown.contains("looked up again"),
        "{shown}"
    );
    scene.end().await;
}

/// A pause stops what comes in, not what goes out: nobody need wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_approved_is_sent_while_the_workers_are_paused() {
    for combination in OF_BOTH {
        let scene = Scene::begin(combination).await;
        let payment = scene.payment(1, 5_000).await;
        let said = says(&scene, &["worker", "pause", "--reason", "a drill", "--by", "jane"]).await;
        assert!(said.contains("still sent to Stripe"), "{said}");
        let asked = scene.refund(&payment, 2_000).await;
        let sent = scene.reaches(asked.id(), OperationState::Succeeded).await;
        let made = sent.stripe_id.unwrap();
        let row = listed(&scene).await;
        assert!(row.contains(&made) && !row.contains("Stripe made"), "the column MADE says it: {row}");
        let shown: Value =
            serde_json::from_str(&says(&scene, &["operations", "show", asked.id(), "--json"]).await).unwrap();
        assert_eq!(shown["refund_status"], json!(null), "the ledger hears of it after the pause");
        says(&scene, &["worker", "resume", "--by", "jane"]).await;
        scene.has_refund(&made).await;
        scene.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_of_all_that_is_left_is_called_that_where_nothing_is() {
    let scene = Scene::begin(Combination::SqliteSqlite).await;
    let payment = scene.payment(1, 5_000).await;
    let asked = scene.refund(&payment, 5_000).await;
    let ended = scene.reaches(asked.id(), OperationState::Succeeded).await;
    scene.has_refund(ended.stripe_id.as_deref().unwrap()).await;
    let eligible = scene.refund_of_the_rest(&payment).await;
    assert_eq!(eligible.state, OperationState::Refused);
    let shown = says(&scene, &["operations", "show", eligible.id()]).await;
    assert!(shown.contains("refund what is left of payment pi_1"), "{shown}");
    assert!(!shown.contains("0.00 USD"), "{shown}");
    scene.end().await;
}
