//! Approved operations are sent to Stripe: what each of its answers makes of an operation, and what staff read then.

mod billing;
mod evidence;
mod in_doubt;
mod kinds;
mod said;
pub(crate) mod scene;
mod support;

use std::time::Duration;

use domain::operations::OperationState;
use fake_stripe::Fault;
use harness::stack::Combination;
use serde_json::json;

use self::scene::Scene;

const OF_BOTH: [Combination; 2] = [Combination::SqliteSqlite, Combination::RabbitPostgres];

/// What goes wrong with the next refunds, the state that follows, how many refunds Stripe then has, and the words that
/// staff read.
type Line = (&'static str, &'static [Fault], OperationState, usize, &'static str);

const TABLE: &[Line] = &[
    ("200", &[], OperationState::Succeeded, 1, "Stripe made re_"),
    ("cut before", &[Fault::CutBefore], OperationState::Succeeded, 1, "Stripe made re_"),
    ("cut after", &[Fault::CutAfter], OperationState::Succeeded, 1, "Stripe made re_"),
    ("unreadable", &[Fault::Malformed], OperationState::Succeeded, 1, "Stripe made re_"),
    (
        "too slow",
        &[Fault::Slow(Duration::from_millis(2_300))],
        OperationState::Succeeded,
        1,
        "Stripe made re_",
    ),
    ("429", &[Fault::Busy(1)], OperationState::Succeeded, 1, "Stripe made re_"),
    ("500, and done", &[Fault::TroubleAfter(500)], OperationState::Succeeded, 1, "Stripe made re_"),
    (
        "approval required",
        &[Fault::ApprovalRequired],
        OperationState::Unknown,
        0,
        "until the merchant approves it in Stripe's dashboard",
    ),
    (
        "500, and not done",
        &[Fault::Trouble(500)],
        OperationState::Unknown,
        0,
        "it is overloaded or has a problem",
    ),
    // An answer in between: an endpoint that fails five times in a row rests.
    ("429 lock_timeout", &[Fault::LockTimeout], OperationState::Succeeded, 1, "Stripe made re_"),
    (
        "cut four times",
        &[Fault::CutBefore, Fault::CutBefore, Fault::CutBefore, Fault::CutBefore],
        OperationState::Unknown,
        0,
        "the connection to Stripe was lost",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_leads_to_its_state_and_its_words() {
    for combination in OF_BOTH {
        let scene = Scene::begin(combination).await;
        for (number, (name, faults, state, refunds, words)) in TABLE.iter().enumerate() {
            eprintln!("{name} on {combination:?}");
            let payment = scene.payment(number, 5_000).await;
            let before = scene.stripe.refunds_made();
            scene.stripe.fails_at("POST /v1/refunds", faults.iter().copied());
            let asked = scene.refund(&payment, 2_000).await;
            let ended = scene.reaches(asked.id(), *state).await;
            assert_eq!(scene.stripe.refunds_made() - before, *refunds, "{name}");
            let message = ended.message.clone().unwrap_or_default();
            assert!(message.contains(words), "{name}: {message}");
            assert_eq!(ended.attempt, 1, "{name}: one key for all that was sent");
            if *state == OperationState::Succeeded {
                scene.has_refund(ended.stripe_id.as_deref().unwrap()).await;
            }
        }
        scene.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stripe_says_right_before_sending_decides() {
    let scene = Scene::begin(Combination::SqliteSqlite).await;
    let (given_back, disputed) = (scene.payment(1, 5_000).await, scene.payment(2, 5_000).await);
    // People acted in Stripe's dashboard, and nobody was told.
    scene.stripe.put(
        "",
        &json!({ "id": "re_other", "object": "refund", "amount": 4_000, "currency": "usd",
        "status": "succeeded", "charge": "ch_1", "payment_intent": given_back.id, "created": 1_780_000_000,
        "metadata": {} }),
    );
    scene.stripe.put(
        "",
        &json!({ "id": "dp_1", "object": "dispute", "status": "needs_response", "charge": "ch_2",
        "payment_intent": disputed.id, "amount": 5_000, "currency": "usd", "created": 1_780_000_000,
        "is_charge_refundable": false, "evidence_details": {} }),
    );
    let refused = [(&given_back, "is more than the 10.00 USD"), (&disputed, "the payment is disputed")];
    for (payment, words) in refused {
        let asked = scene.refund(payment, 2_000).await;
        let ended = scene.reaches(asked.id(), OperationState::Refused).await;
        assert!(ended.message.as_deref().unwrap_or_default().contains(words), "{:?}", ended.message);
        assert_eq!(ended.attempt, 0, "nothing was sent");
    }
    assert_eq!(scene.stripe.refunds_made(), 0);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definite_refusal_fails_with_what_stripe_says() {
    let scene = Scene::begin(Combination::SqliteSqlite).await;
    // The list shows one charge, and the payment intent refunds another, which has nothing left.
    let payment = scene.payment(5, 5_000).await;
    scene.stripe.put(
        "",
        &json!({ "id": "ch_0", "object": "charge", "status": "succeeded", "amount": 900,
        "amount_captured": 900, "amount_refunded": 900, "captured": true, "currency": "usd",
        "created": 1_700_000_000, "payment_intent": payment.id }),
    );
    scene.stripe.put("", &json!({ "id": payment.id, "object": "payment_intent", "status": "succeeded",
        "amount": 5_000, "currency": "usd", "created": 1_700_000_000, "latest_charge": "ch_0", "metadata": {} }));
    let asked = scene.refund(&payment, 2_000).await;
    let ended = scene.reaches(asked.id(), OperationState::Failed).await;
    let code = ended.error_code.as_deref();
    assert_eq!((code, ended.error_class.as_deref()), (Some("charge_already_refunded"), Some("refused")));
    let text = ended.error_text.unwrap_or_default();
    assert!(text.contains("Charge ch_0 has already been refunded."), "{text}");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_stops_all_sending_and_nothing_is_lost() {
    let mut scene =
        Scene::begin_with(Combination::SqliteSqlite, &[("STRIPE_SECRET_KEY", "sk_live_0123456789")]).await;
    let payment = scene.payment(1, 5_000).await;
    let asked = scene.refund(&payment, 2_000).await;
    scene.reads(asked.id(), "Stripe refused the key (401)").await;
    let waiting = scene.operation(asked.id()).await;
    assert_eq!((waiting.state, waiting.attempt), (OperationState::Approved, 0));
    let metrics = scene.stack.metrics("tidegate").await.unwrap();
    assert!(metrics.contains("tidegate_stripe_key_refused 1"), "{metrics}");
    // A new key, and a restart.
    let key = scene.stripe.key().to_owned();
    scene.stack.set("tidegate", "STRIPE_SECRET_KEY", &key);
    scene.stack.stop("tidegate").unwrap();
    scene.stack.spawn("tidegate").unwrap();
    scene.reaches(asked.id(), OperationState::Succeeded).await;
    assert_eq!(scene.stripe.refunds_made(), 1);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_an_operation_stays_approved() {
    let scene = Scene::begin_with(Combination::SqliteSqlite, &[("STRIPE_SECRET_KEY", "")]).await;
    let payment = scene.payment(1, 5_000).await;
    let asked = scene.refund(&payment, 2_000).await;
    assert_eq!(asked.state, OperationState::Approved);
    scene.payment(2, 5_000).await; // so long the worker has worked
    let waiting = scene.operation(asked.id()).await;
    assert_eq!((waiting.state, waiting.attempt), (OperationState::Approved, 0));
    let shown = scene.stack.tidegate(&["operations", "show", asked.id()]).await.unwrap();
    assert!(shown.contains("No worker sends operations of live mode now"), "{shown}");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_were_changed_behind_our_back_are_never_sent() {
    let scene = Scene::begin_with(Combination::SqliteSqlite, &[("STRIPE_SECRET_KEY", "")]).await;
    let payment = scene.payment(1, 5_000).await;
    let asked = scene.refund(&payment, 2_000).await;
    scene
        .change("UPDATE operations SET parameters = REPLACE(parameters, '2000', '5000'), amount = 5000")
        .await;
    let mut scene = scene;
    let key = scene.stripe.key().to_owned();
    scene.stack.set("tidegate", "STRIPE_SECRET_KEY", &key);
    scene.stack.stop("tidegate").unwrap();
    scene.stack.spawn("tidegate").unwrap();
    let ended = scene.reaches(asked.id(), OperationState::Refused).await;
    assert!(ended.message.unwrap_or_default().contains("their hash is another"));
    assert_eq!(scene.stripe.refunds_made(), 0);
    scene.end().await;
}
