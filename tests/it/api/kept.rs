//! What stands until staff end it, over the API: blocks, holds, targets of notices; and payouts.

use serde_json::{Value, json};

use super::office::each_office_with;
use crate::staff::sales::sale;

const KEY: (&str, &str) = ("STAFF_KEY", "0123456789abcdef0123456789abcdef");

#[tokio::test(flavor = "multi_thread")]
async fn blocks_and_holds_are_placed_listed_and_lifted_by_those_who_may() {
    each_office_with("blocks", &[], async |office| {
        let root = office.root();
        let support = office.somebody("sue", domain::permissions::Role::Support);
        for (list, id, member, standing) in
            [("blocks", "user_7", "id", "blocked"), ("holds", "pi_7", "object_id", "on_hold")]
        {
            let path = format!("/api/v1/{list}");
            let body = json!({"id": id, "reason": "ticket 12"});
            assert_eq!(support.post(&path, &body).await.status, 403, "{path}");
            for _ in 0..2 {
                let placed = root.post(&path, &body).await;
                assert_eq!((placed.status, &placed.json()[standing]), (201, &json!(true)), "{}", placed.text);
            }
            let listed = support.get(&path).await.json();
            let items = listed["items"].as_array().unwrap();
            assert_eq!(items.len(), 1, "placed twice, it stands once: {listed}");
            assert_eq!((&items[0][member], &items[0]["reason"]), (&json!(id), &json!("ticket 12")));
            assert!(items[0]["placed_by"].as_str().unwrap().starts_with("root"), "{listed}");
            let end = format!("{path}/{id}/lift");
            assert_eq!(root.post(&end, &json!({})).await.status, 400, "a reason is needed");
            let ended = root.post(&end, &json!({"reason": "spoke to them"})).await;
            assert_eq!((ended.status, &ended.json()[standing]), (200, &json!(false)), "{}", ended.text);
            assert_eq!(root.post(&end, &json!({"reason": "again"})).await.status, 404);
            assert_eq!(root.get(&path).await.json()["items"], json!([]));
        }
        for (list, command, member) in [("blocks", "block", "id"), ("holds", "hold", "object_id")] {
            let path = format!("/api/v1/{list}");
            for id in ["pi_1", "pi_2", "pi_3"] {
                assert_eq!(root.post(&path, &json!({"id": id, "reason": "ticket 12"})).await.status, 201);
            }
            let ids = |page: &Value| {
                let items = page["items"].as_array().unwrap().iter();
                items.map(|item| item[member].as_str().unwrap().to_owned()).collect::<Vec<_>>()
            };
            let first = root.get(&format!("{path}?limit=2")).await.json();
            assert_eq!(ids(&first), ["pi_1", "pi_2"], "{first}");
            let next = first["next"].as_str().unwrap();
            let last = root.get(&format!("{path}?limit=2&starting_after={next}")).await.json();
            assert_eq!((ids(&last), &last["next"]), (vec!["pi_3".to_owned()], &Value::Null));
            let listed = office.json(&[command, "list", "--limit", "1"]);
            assert_eq!(ids(&listed), ["pi_1"]);
            let next = listed["next"].as_str().unwrap();
            assert_eq!(ids(&office.json(&[command, "list", "--after", next])), ["pi_2", "pi_3"]);
        }
        let odd = root.post("/api/v1/holds", &json!({"id": "no id", "reason": "x"})).await;
        assert_eq!(odd.status, 400, "{}", odd.text);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_added_with_a_secret_that_is_shown_once() {
    each_office_with("targets", &[KEY], async |office| {
        let root = office.root();
        let path = "/api/v1/notice-targets";
        let hook = json!({"name": "orders", "channel": "webhook", "address": "https://shop.example/hooks",
            "kinds": ["payment.*", "refund.made"], "least_severity": "warning", "ordered": true});
        let added = root.post_once(path, "key-1", &hook).await;
        assert_eq!(added.status, 201, "{}", added.text);
        let secret = added.json()["secret"].as_str().unwrap().to_owned();
        assert!(secret.starts_with("whsec_"));
        let again = root.post_once(path, "key-1", &hook).await;
        assert_eq!((again.status, &again.json()["secret"]), (201, &Value::Null), "{}", again.text);
        let target = &root.get(path).await.json()["items"][0];
        assert_eq!(
            (&target["kinds"], &target["is_ordered"]),
            (&json!("payment.*,refund.made"), &json!(true))
        );
        assert!(!target.to_string().contains(&secret));
        let rotated = root.post(&format!("{path}/orders/rotate"), &json!({})).await;
        assert_ne!(rotated.json()["secret"].as_str().unwrap(), secret);
        for (wanted, status) in [
            (json!({"name": "orders", "channel": "webhook", "address": "https://shop.example/"}), 409),
            (json!({"name": "plain", "channel": "webhook", "address": "http://shop.example/"}), 400),
            (json!({"name": "mail", "channel": "email"}), 400),
            (json!({"name": "odd", "channel": "pigeon"}), 400),
            (json!({"name": "kinds", "channel": "rabbitmq", "kinds": ["nothing.*"]}), 400),
        ] {
            let refused = root.post(path, &wanted).await;
            assert_eq!(refused.status, status, "{wanted}: {}", refused.text);
        }
        let bus = root.post(path, &json!({"name": "bus", "channel": "rabbitmq"})).await;
        assert_eq!((bus.status, &bus.json()["secret"]), (201, &Value::Null), "{}", bus.text);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payouts_are_listed_and_shown() {
    each_office_with("payouts", &[], async |office| {
        let events =
            [sale("one", "u", 900, 0).payout(0, "paid"), sale("two", "u", 800, 10).payout(0, "failed")];
        office.hears(&events).await;
        let root = office.root();
        let ids = async |query: &str| {
            let listed = root.get(&format!("/api/v1/payouts{query}")).await.json();
            let items = listed["items"].as_array().unwrap().iter();
            items.map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(ids("").await, ["po_two", "po_one"]);
        assert_eq!(ids("?status=failed").await, ["po_two"]);
        assert_eq!(ids("?currency=eur").await, Vec::<String>::new());
        let one = root.get("/api/v1/payouts/po_two").await.json();
        assert_eq!(one["payout"]["failure_code"], "account_closed");
        assert!(one["why"].as_str().unwrap().contains("in the Stripe balance again"), "{one}");
        assert_eq!(root.get("/api/v1/payouts/po_none").await.status, 404);
    })
    .await;
}
