//! Operations over the API: the ladder of refunds, four eyes, the addresses that other programs know.

use domain::permissions::Role;
use serde_json::json;

use super::office::{Office, each_office};
use crate::staff::sales::sale;

/// Payments of 45.00, 200.00 and 6,000.00 USD.
async fn payments(office: &Office) {
    for (name, amount, second) in [("small", 4_500, 0), ("middle", 20_000, 50), ("large", 600_000, 100)] {
        office.hears(&sale(name, "user_1", amount, second).paid()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_climbs_the_ladder() {
    each_office("ladder", async |office| {
        payments(office).await;
        let (ann, bob) = (office.somebody("ann", Role::BillingManager), office.somebody("bob", Role::BillingManager));

        let small = json!({"amount": "5.00", "currency": "usd", "reason": "requested_by_customer"});
        let asked = ann.post_once("/api/payments/pi_small/refund", "r1", &small).await;
        let document = asked.json();
        assert_eq!((asked.status, &document["refund"]["status"]), (202, &json!("pending")), "{}", asked.text);
        let operation = &document["operation"];
        assert_eq!((&operation["state"], &operation["amount"]), (&json!("approved"), &json!(500)));
        assert!(operation["id"].as_str().unwrap().starts_with("op_"));
        assert_eq!(document["requires_confirmation"], false);
        let again = ann.post_once("/api/payments/pi_small/refund", "r1", &small).await;
        assert_eq!(again.json()["operation"]["id"], operation["id"], "a repetition asks for nothing");

        let middle = json!({"kind": "refund", "payment": "pi_middle", "amount": 15_000, "currency": "usd"});
        let asked = ann.post("/api/v1/operations", &middle).await.json();
        assert_eq!(asked["operation"]["state"], "needs_confirmation", "{asked}");
        assert_eq!((&asked["requires_confirmation"], &asked["refund"]["status"]), (&json!(true), &json!("requires_confirmation")));
        assert!(asked["message"].as_str().is_some_and(|message| !message.is_empty()), "{asked}");
        assert_eq!((&asked["pending_refund"]["amount"], &asked["pending_refund"]["payment"]), (&json!(15_000), &json!("pi_middle")));
        let id = asked["operation"]["id"].as_str().unwrap();
        let stolen = bob.post(&format!("/api/v1/operations/{id}/confirm"), &json!({})).await;
        assert_eq!((stolen.status, &stolen.json()["reason"]), (403, &json!("not_the_requester")));
        let confirmed = ann.post(&format!("/api/v1/operations/{id}/confirm"), &json!({})).await;
        assert_eq!((confirmed.status, &confirmed.json()["operation"]["state"]), (202, &json!("approved")), "{}", confirmed.text);

        let large = json!({"kind": "refund", "payment": "pi_large", "amount": "5500.00", "currency": "usd", "confirm": true, "reason": "duplicate"});
        let asked = ann.post("/api/v1/operations", &large).await.json();
        assert_eq!((&asked["operation"]["state"], &asked["requires_approval"]), (&json!("needs_approval"), &json!(true)), "{asked}");
        let id = asked["operation"]["id"].as_str().unwrap().to_owned();
        let waiting = bob.get("/api/v1/approvals").await.json();
        assert_eq!(waiting["items"][0]["operation"]["id"], json!(id));
        let approve = format!("/api/v1/operations/{id}/approve");
        let own = ann.post(&approve, &json!({})).await;
        assert_eq!((own.status, &own.json()["reason"]), (403, &json!("four_eyes")), "{}", own.text);
        let sam = office.somebody("sam", Role::Support);
        assert_eq!(sam.post(&approve, &json!({})).await.code(), "forbidden");
        let other = bob.post(&approve, &json!({"parameters_hash": "0"})).await;
        assert_eq!((other.status, other.code().as_str()), (409, "conflict"));
        let approved = bob.post(&approve, &json!({"reason": "checked with the customer"})).await;
        assert_eq!((approved.status, &approved.json()["operation"]["approved_by"]), (202, &json!("bob")), "{}", approved.text);
        let page = bob.get(&format!("/api/v1/operations/{id}")).await.json();
        assert!(page["decisions"].as_array().unwrap().iter().any(|line| line["decision"] == "approve"), "{page}");
        let denied = page["timeline"].as_array().unwrap().iter().filter(|line| line["what"] == "denied").count();
        assert_eq!(denied, 2, "who tried and may not is in the audit: {page}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_rules_refuse_is_said_and_kept() {
    each_office("refused", async |office| {
        payments(office).await;
        let ann = office.somebody("ann", Role::BillingManager);
        let path = "/api/payments/pi_small/refund";
        let much = ann.post_once(path, "much", &json!({"amount": 4_501, "currency": "usd"})).await;
        assert_eq!((much.status, much.code().as_str()), (422, "refused"), "{}", much.text);
        let refused = much.json();
        assert_eq!(refused["operation"]["state"], "refused");
        let again = ann.post_once(path, "much", &json!({"amount": 4_501, "currency": "usd"})).await;
        assert_eq!(
            again.json()["operation"]["id"],
            refused["operation"]["id"],
            "the same key, the same answer"
        );
        let other = ann.post(path, &json!({"amount": 100, "currency": "eur"})).await;
        assert_eq!(other.status, 422, "{}", other.text);
        let decimals = ann.post(path, &json!({"amount": "1.001", "currency": "usd"})).await;
        assert_eq!((decimals.status, decimals.code().as_str()), (400, "invalid_parameter"));
        assert_eq!(ann.post("/api/payments/pi_none/refund", &json!({"amount": 1})).await.status, 404);

        let taken = ann.post(path, &json!({"amount": 4_000, "currency": "usd"})).await.json();
        let id = taken["operation"]["id"].as_str().unwrap();
        assert_eq!(
            ann.post(path, &json!({"amount": 501, "currency": "usd"})).await.status,
            422,
            "it counts as spent"
        );
        let canceled = ann.post(&format!("/api/v1/operations/{id}/cancel"), &json!({})).await;
        assert_eq!(
            (canceled.status, &canceled.json()["operation"]["state"]),
            (200, &json!("canceled")),
            "{}",
            canceled.text
        );
        assert_eq!(
            ann.post(path, &json!({"amount": 501, "currency": "usd"})).await.status,
            202,
            "and is free again"
        );
        let twice = ann.post(&format!("/api/v1/operations/{id}/cancel"), &json!({})).await;
        assert_eq!((twice.status, twice.code().as_str()), (409, "conflict"));
        let listed = ann.get("/api/v1/operations?state=refused").await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 3, "{listed}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_addresses_that_programs_know_answer_alike() {
    each_office("aliases", async |office| {
        payments(office).await;
        office.hears(&sale("gone", "user_2", 900, 200).lost()).await;
        let ann = office.somebody("ann", Role::BillingManager);
        for (alias, path) in [
            ("/api/payments/history?status=succeeded", "/api/v1/payments?status=succeeded"),
            ("/api/payments/disputes", "/api/v1/disputes"),
        ] {
            let (one, other) = (ann.get(alias).await, ann.get(path).await);
            assert_eq!((one.status, one.json()), (200, other.json()), "{alias}");
        }
        let eligible = ann.get("/api/payments/refund-eligible").await.json();
        let ids: Vec<&str> = eligible["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["payment"]["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, ["pi_large", "pi_middle", "pi_small"], "what was charged back is not");
        assert_eq!(eligible["items"][0]["money"]["left"], 600_000);
        assert_eq!(eligible["items"][0]["requires_confirmation"], true, "that comes before the approval");
        let lost = ann.get("/api/payments/refund-eligible?payment=pi_gone").await.json();
        assert_eq!(
            (&lost["items"][0]["eligible"], lost["items"][0]["message"].is_string()),
            (&json!(false), true),
            "{lost}"
        );
        for path in [
            "/api/v1/metrics?hours=8784",
            "/api/payments/metrics?hours=8784",
            "/payments/api/metrics/?hours=8784",
        ] {
            let figures = ann.get(path).await;
            assert_eq!(
                (figures.status, &figures.json()["payments_succeeded"]),
                (200, &json!(4)),
                "{path}: {}",
                figures.text
            );
        }
        let resolved =
            ann.post("/api/payments/disputes/dp_gone/resolve", &json!({"reason": "accepted"})).await;
        assert_eq!(
            (resolved.status, &resolved.json()["note"]["resolves"]),
            (201, &json!(true)),
            "{}",
            resolved.text
        );
    })
    .await;
}
