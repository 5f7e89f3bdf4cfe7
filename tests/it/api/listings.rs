//! Listings over the API: below /api/v1 and where the homepage knows them, by a program's token, with nothing of a secret
//! in a log or in the ledger.

use domain::permissions::Role;
use fake_stripe::FakeStripe;
use hyper::Method;
use serde_json::{Value, json};

use super::office::each_office_with;

#[tokio::test(flavor = "multi_thread")]
async fn the_homepage_puts_pays_promotes_rejects_and_deletes() {
    let stripe = FakeStripe::start(true).await.unwrap();
    let settings = stripe.settings();
    let mut settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.push(("CONSOLE_USER_CHECKOUTS_PER_MINUTE", "5"));
    each_office_with("listings", &settings, async |office| {
        let homepage = office.somebody("homepage", Role::Support);
        let put = async |path: &str, body: Value| {
            let json = [("content-type", "application/json")];
            homepage.send(Method::PUT, path, &json, body.to_string()).await
        };
        let own = json!({"user_id": "user_1", "category_id": "Housing"});
        let made = put("/api/marketplace/listings/lst_1", own.clone()).await;
        let listing = made.json()["listing"].clone();
        assert_eq!(
            (made.status, &listing["status"], &listing["fee"]),
            (200, &json!("pending_payment"), &json!(500)),
            "{}",
            made.text
        );
        let again = put("/api/v1/marketplace/listings/lst_1", own).await;
        assert_eq!((again.status, &again.json()["listing"]), (200, &listing), "the same once more");
        let found = homepage.get("/api/marketplace/listings/lst_1").await;
        assert_eq!((found.status, &found.json()["listing"]["id"]), (200, &json!("lst_1")));
        let taken =
            put("/api/marketplace/listings/lst_1", json!({"user_id": "user_2", "category_id": "Housing"}))
                .await;
        assert_eq!((taken.status, &taken.json()["reason"]), (403, &json!("not_the_owner")));
        let bad =
            put("/api/marketplace/listings/a%20b", json!({"user_id": "user_2", "category_id": "Housing"}))
                .await;
        assert_eq!((bad.status, &bad.json()["reason"]), (400, &json!("invalid_id")));

        let pay = "/api/marketplace/listings/lst_1/checkout";
        let user = json!({"user_id": "user_1"});
        let first = homepage.post_once(pay, "key-1", &user).await;
        assert_eq!(first.status, 200, "{}", first.text);
        let secret = first.json()["client_secret"].as_str().unwrap().to_owned();
        assert!(secret.starts_with(first.json()["payment_intent"].as_str().unwrap()));
        // A crash after the answer, and the same request again: the same intent, read from Stripe anew.
        office.crash().await;
        let repeated = homepage.post_once(pay, "key-1", &user).await;
        assert_eq!(repeated.json(), first.json());
        let other = homepage.post("/api/v1/marketplace/listings/lst_1/checkout", &user).await;
        assert_eq!(other.json()["client_secret"], first.json()["client_secret"]);
        let promoted = homepage
            .post("/api/marketplace/listings/lst_1/promote", &json!({"user_id": "user_1", "type": "bump"}))
            .await;
        assert_eq!(
            (promoted.status, &promoted.json()["reason"]),
            (409, &json!("wrong_state")),
            "{}",
            promoted.text
        );

        let listed = homepage.get("/api/marketplace/listings?status=pending_payment&category=Housing").await;
        assert_eq!(listed.json()["items"].as_array().unwrap().len(), 1, "{}", listed.text);
        let rejected =
            homepage.post("/api/marketplace/listings/lst_1/reject", &json!({"reason": "spam"})).await;
        assert_eq!(rejected.json()["listing"]["rejected"]["reason"], "spam", "{}", rejected.text);
        assert_eq!(
            homepage.post("/api/marketplace/listings/none/reject", &json!({"reason": "spam"})).await.status,
            404
        );
        let deleted =
            homepage.send(Method::DELETE, "/api/marketplace/listings/lst_1?user_id=user_1", &[], "").await;
        assert_eq!(deleted.json()["listing"]["status"], "deleted", "{}", deleted.text);

        // One user too often; another is not concerned.
        put("/api/marketplace/listings/lst_2", json!({"user_id": "user_9", "category_id": "Boats"})).await;
        let body = json!({"user_id": "user_9"});
        let mut statuses = Vec::new();
        for _ in 0..6 {
            statuses.push(homepage.post("/api/marketplace/listings/lst_2/checkout", &body).await.status);
        }
        assert_eq!(statuses, [200, 200, 200, 200, 200, 429]);

        // What is sold on what, and who may say so.
        let dearer =
            json!({"name": "listing_fee.Boats", "currency": "usd", "value": 700, "reason": "season"});
        assert_eq!(homepage.post("/api/v1/marketplace/terms", &dearer).await.status, 403);
        assert_eq!(office.root().post("/api/v1/marketplace/terms", &dearer).await.status, 201);
        let terms = homepage.get("/api/v1/marketplace/terms").await.json();
        let boats = terms["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|term| term["name"] == "listing_fee.boats")
            .unwrap()
            .clone();
        assert_eq!(boats["value"], 700);

        let refunds = homepage.get("/admin/api/marketplace/refunds").await;
        assert_eq!((refunds.status, &refunds.json()["items"]), (200, &json!([])));
        let none = office.root().post("/admin/api/marketplace/refunds/op_none/approve", &json!({})).await;
        assert_eq!(none.status, 404, "{}", none.text);
        let nobody = office.somebody("auditor", Role::Auditor);
        assert_eq!(nobody.post(pay, &user).await.status, 403);
        office.keeps_secret(&secret);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_of_one_network_ask_for_so_many_checkouts_and_no_address_is_kept() {
    let stripe = FakeStripe::start(true).await.unwrap();
    let settings = stripe.settings();
    let mut settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.push(("CONSOLE_NETWORK_CHECKOUTS_PER_MINUTE", "3"));
    each_office_with("networks", &settings, async |office| {
        let homepage = office.somebody("homepage", Role::Support);
        let asks = async |number: usize, act: &str, mut body: Value| {
            let path = format!("/api/marketplace/listings/lst_{number}");
            let own = json!({"user_id": format!("user_{number}"), "category_id": "Housing"});
            let media = [("content-type", "application/json")];
            assert_eq!(homepage.send(Method::PUT, &path, &media, own.to_string()).await.status, 200);
            body["user_id"] = own["user_id"].clone();
            homepage.post(&format!("{path}/{act}"), &body).await
        };
        // One network, though four users from four addresses: a promotion counts, too, before it is refused.
        for (number, address, act, status) in [
            (1, "2001:db8:1:2:3::1", "checkout", 200),
            (2, "2001:db8:1:2:4::9", "checkout", 200),
            (3, "2001:db8:1:2::7", "promote", 409),
            (4, "2001:db8:1:2:ffff::1", "checkout", 429),
            (4, "2001:db8:1:3::1", "checkout", 200),
            (5, "203.0.113.77", "checkout", 200),
        ] {
            let mut body = json!({"customer_ip": address});
            if act == "promote" {
                body["type"] = json!("bump");
            }
            let answer = asks(number, act, body).await;
            assert_eq!(answer.status, status, "{address}: {}", answer.text);
            assert!(!answer.text.contains(address), "{}", answer.text);
            if status == 429 {
                assert!(answer.json()["detail"].as_str().unwrap().contains("from this network"));
            }
        }
        assert_eq!(asks(6, "checkout", json!({})).await.status, 200, "without an address nothing is counted");
        for wrong in ["203.0.113.256", "203.0.113.77:443", "10.0.0.1, 203.0.113.77", "localhost", ""] {
            let answer = asks(7, "checkout", json!({ "customer_ip": wrong })).await;
            assert_eq!((answer.status, &answer.json()["parameter"]), (400, &json!("customer_ip")), "{wrong}");
            assert!(wrong.is_empty() || !answer.text.contains(wrong), "{}", answer.text);
        }
        for kept in ["203.0.113.77", "2001:db8:1:2:3::1", "2001:db8:1:2"] {
            office.keeps_secret(kept);
        }
    })
    .await;
}
