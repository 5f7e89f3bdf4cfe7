//! Idempotency-Key: a repetition does nothing and is answered alike, whatever happened in between.

use chrono::TimeDelta;
use domain::permissions::Role;
use envelope::hex::hex;
use futures_util::future::join_all;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::office::{Office, each_office};
use super::reads::furnish;

const NOTES: &str = "/api/v1/disputes/dp_a/notes";

/// What the console takes for one and the same request.
fn request_hash(method: &str, target: &str, body: &str) -> String {
    let mut hash = Sha256::new();
    for part in [method, target, body] {
        hash.update(u64::try_from(part.len()).unwrap().to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

async fn notes(office: &Office) -> usize {
    let page = office.root().get("/api/v1/disputes/dp_a").await.json();
    page["notes"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_is_done_once_and_another_is_refused() {
    each_office("once", async |office| {
        furnish(office).await;
        let (root, body) = (office.root(), json!({"note": "called the customer"}));
        let first = root.post_once(NOTES, "k1", &body).await;
        let again = root.post_once(NOTES, "k1", &body).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (201, None), "{}", first.text);
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
        assert_eq!((first.json(), notes(office).await), (again.json(), 1));
        let other = root.post_once(NOTES, "k1", &json!({"note": "another"})).await;
        assert_eq!((other.status, other.code().as_str()), (409, "idempotency_key_reused"));
        let elsewhere = root.post_once("/api/v1/disputes/dp_a/resolve", "k1", &json!({"reason": "x"})).await;
        assert_eq!(elsewhere.code(), "idempotency_key_reused");
        let sam = office.somebody("sam", Role::Support);
        assert_eq!(sam.post_once(NOTES, "k1", &body).await.status, 201, "another token has keys of its own");
        assert_eq!(notes(office).await, 2);
        // What was refused did nothing, and frees its key.
        let refused = root.post_once("/api/v1/disputes/dp_a/reopen", "k2", &json!({"reason": "x"})).await;
        assert_eq!(refused.code(), "conflict");
        assert_eq!(root.post_once(NOTES, "k2", &body).await.status, 201);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_are_done_once() {
    each_office("twins", async |office| {
        furnish(office).await;
        let (root, body) = (office.root(), json!({"note": "twice at once"}));
        let replies = join_all((0..12).map(|_| root.post_once(NOTES, "twin", &body))).await;
        for reply in &replies {
            let is_twin = reply.status == 409 && reply.code() == "idempotency_key_in_use";
            assert!(reply.status == 201 || is_twin, "{}", reply.text);
        }
        assert!(replies.iter().any(|reply| reply.status == 201));
        assert_eq!(notes(office).await, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_answers_outlive_the_process_and_a_day_ends_them() {
    each_office("kept", async |office| {
        furnish(office).await;
        let (root, body) = (office.root(), json!({"note": "before the crash"}));
        let first = root.post_once(NOTES, "k1", &body).await;
        office.crash().await;
        assert_eq!(root.post_once(NOTES, "k1", &body).await.json(), first.json());
        // Begun by a process that ended before it had an answer.
        let tokens = office.json(&["tokens", "list", "--for", "root"]);
        let owner = format!("token {}", tokens["items"][0]["id"].as_str().unwrap());
        let (hash, now) = (request_hash("POST", NOTES, &body.to_string()), shared::clock::now());
        for (key, age) in
            [("lost", TimeDelta::minutes(11)), ("running", TimeDelta::zero()), ("old", TimeDelta::hours(25))]
        {
            let mut tx = office.ledger.begin().await.unwrap();
            tx.begin_request(&owner, key, &hash, now - age).await.unwrap();
            tx.commit().await.unwrap();
        }
        assert_eq!(root.post_once(NOTES, "old", &body).await.status, 201, "a day is over");
        assert_eq!(root.post_once(NOTES, "lost", &body).await.code(), "idempotency_outcome_unknown");
        assert_eq!(root.post_once(NOTES, "running", &body).await.code(), "idempotency_key_in_use");
        assert_eq!(notes(office).await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_once_is_not_kept() {
    each_office("secrets", async |office| {
        let (root, body) = (office.root(), json!({"for": "root", "roles": ["auditor"]}));
        let first = root.post_once("/api/v1/tokens", "t1", &body).await;
        let secret = first.json()["token"].as_str().unwrap().to_owned();
        assert!(
            secret.starts_with("tdg_") && office.api.by(&secret).get("/api/v1/payments").await.status == 200
        );
        let again = root.post_once("/api/v1/tokens", "t1", &body).await;
        assert_eq!((again.status, again.json().get("token")), (201, None), "{}", again.text);
        assert_eq!(again.json()["about"], first.json()["about"], "and no second token was made");
    })
    .await;
}
