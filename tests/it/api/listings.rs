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
