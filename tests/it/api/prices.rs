//! What listings are sold on is set by an administrator; a price that jumps, by two.

use domain::permissions::Role;
use serde_json::json;

use super::office::each_office;

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_jumps_waits_for_a_second_administrator() {
    each_office("prices", async |office| {
        let root = office.root();
        let terms = "/api/v1/marketplace/terms";
        let price =
            |value: i64| json!({"name": "bump", "currency": "usd", "value": value, "reason": "a sale"});
        let now = async || {
            let listed = office.root().get(terms).await.json();
            let of = |term: &&serde_json::Value| term["name"] == "bump";
            listed["items"].as_array().unwrap().iter().find(of).unwrap()["value"].as_i64().unwrap()
        };
        // Alone, one sets what one likes; the first run says so.
        let alone = root.post(terms, &price(20)).await;
        assert_eq!(
            (alone.status, &alone.json()["pending"], now().await),
            (201, &json!(null), 20),
            "{}",
            alone.text
        );
        assert_eq!(root.post(terms, &price(200)).await.status, 201);

        let joe = office.somebody("joe", Role::SuperUser);
        // Within a day it was 0.20, and 2.00: nothing is near to both.
        let set = root.post(terms, &price(199)).await.json();
        assert_eq!((&set["before"], &set["pending"]["kind"]), (&json!(200), &json!("term")), "{set}");
        assert_eq!((&set["pending"]["subject"], now().await), (&json!("listing bump usd"), 200));
        let change = set["pending"]["id"].as_str().unwrap().to_owned();
        let again = root.post(terms, &price(198)).await;
        assert_eq!(again.status, 409, "one change of a term waits: {}", again.text);
        let approve = format!("/api/v1/pending-changes/{change}/approve");
        let own = root.post(&approve, &json!({})).await;
        assert!(own.status == 403 || own.status == 409 || own.status == 422, "{}: {}", own.status, own.text);
        assert_eq!(now().await, 200);
        let approved = joe.post(&approve, &json!({})).await;
        assert_eq!((approved.status, now().await), (200, 199), "{}", approved.text);

        // What was set meanwhile is not set back by an approval that comes late.
        let days =
            |value: i64| json!({"name": "listing_evidence_days", "value": value, "reason": "less to keep"});
        let waits = root.post(terms, &days(60)).await.json();
        assert_eq!(waits["pending"]["state"], "waiting", "less time for evidence: {waits}");
        assert_eq!(joe.post(terms, &days(120)).await.json()["pending"], json!(null), "more takes one");
        let late = format!("/api/v1/pending-changes/{}/approve", waits["pending"]["id"].as_str().unwrap());
        assert_eq!(joe.post(&late, &json!({})).await.status, 409);
        let audit = root.get("/api/v1/audit?object=listing%20bump%20usd").await.json();
        let lines = audit["items"].as_array().unwrap();
        assert_eq!(lines.len(), 4, "three that counted, and one that was refused: {audit}");
    })
    .await;
}
