//! What Stripe's support is given: its own ids and numbers, and nothing about people or business.

use domain::operations::OperationState;
use fake_stripe::Fault;
use serde_json::{Value, json};

use super::OF_BOTH;
use super::scene::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn stripes_support_gets_request_ids_and_no_name() {
    for combination in OF_BOTH {
        let scene = Scene::begin(combination).await;
        let payment = scene.payment(1, 4_873_619).await;
        scene.stripe.fails_at("POST /v1/refunds", [Fault::Trouble(500)]);
        let failed = scene.reaches(scene.refund(&payment, 2_000).await.id(), OperationState::Unknown).await;
        let other = scene.payment(2, 4_873_619).await;
        let made = scene.reaches(scene.refund(&other, 1_000).await.id(), OperationState::Succeeded).await;
        scene.has_refund(made.stripe_id.as_deref().unwrap()).await;
        // Why it died names a value of its body.
        let mut secret = json!({ "id": "pi_odd", "object": "payment_intent", "status": "processing",
            "amount": "gesine.mustermann@example.com", "currency": "usd", "created": 1_780_000_000 });
        secret["metadata"] = json!({ "user_id": "user_gesine" });
        scene.tell("evt_odd", "payment_intent.processing", &secret).await;
        let dead = "SELECT count(*) FROM events WHERE outcome = 'dead'";
        harness::process_guard::until("the dead letter", super::scene::PATIENCE, async || {
            Ok(scene.stack.ledger().count(dead).await? == 1)
        })
        .await
        .unwrap();

        let folder = scene.stack.folder().join("support");
        let arguments = ["report", "support", "--since", "1h", "--out", folder.to_str().unwrap(), "--json"];
        let told = scene.stack.tidegate(&arguments).await.unwrap();
        let manifest: Value = serde_json::from_str(&told).unwrap();
        let names: Vec<&str> =
            manifest["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["events.csv", "operations.csv", "calls.csv", "report.html"]);
        let of = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let (events, operations, calls) = (of("events.csv"), of("operations.csv"), of("calls.csv"));
        for (text, wanted) in [
            (&events, "evt_odd,payment_intent.processing"),
            (&events, "evt_charge_succeeded_1"),
            (&operations, failed.id()),
            (&operations, made.stripe_id.as_deref().unwrap()),
            (&calls, made.request_id.as_deref().unwrap()),
            (&calls, ",500,"),
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        let head = "received,event,type,created,api_version,came_by,deliveries,outcome,mode,account";
        assert!(events.starts_with(head), "{events}");
        let all = [events, operations, calls, of("report.html"), of("manifest.json")].concat();
        // Amounts that no time and no hash contains.
        for private in ["jane", "gesine", "example.com", "4873619", "48736.19", "requested_by", "note"] {
            assert!(!all.contains(private), "{private}: {all}");
        }
        assert!(scene.stack.tidegate(&["report", "verify", folder.to_str().unwrap()]).await.is_ok());
        scene.end().await;
    }
}
