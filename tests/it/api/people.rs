//! Staff and tokens over the API: made, listed, changed by two where it takes two.

use domain::permissions::Role;
use serde_json::json;

use super::office::each_office;

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_adds_people_and_a_second_one_agrees_to_more() {
    each_office("staff", async |office| {
        let root = office.root();
        let added = root.post("/api/v1/staff", &json!({"name": "ann", "roles": ["support"]})).await;
        assert_eq!((added.status, &added.json()["roles"]), (201, &json!(["support"])), "{}", added.text);
        let twice = root.post("/api/v1/staff", &json!({"name": "Ann", "roles": ["support"]})).await;
        assert_eq!((twice.status, twice.code().as_str()), (409, "conflict"));
        let more = json!({"for": "ann", "roles": ["super_user"]});
        let more = root.post("/api/v1/tokens", &more).await;
        assert_eq!((more.status, more.code().as_str()), (422, "refused"), "{}", more.text);
        let made =
            root.post("/api/v1/tokens", &json!({"for": "ann", "roles": ["support"], "expires": "30d"})).await;
        let ann = office.api.by(made.json()["token"].as_str().unwrap());
        assert_eq!(ann.get("/api/v1/payments").await.status, 200);
        assert_eq!(ann.get("/api/v1/staff").await.code(), "forbidden");

        let bea = office.somebody("bea", Role::SuperUser);
        let asked = root
            .post("/api/v1/staff/ann/roles", &json!({"roles": ["billing_manager"], "reason": "promoted"}))
            .await;
        let change =
            asked.json()["pending"]["id"].as_str().expect("there are two administrators now").to_owned();
        assert_eq!(asked.json()["roles"], json!(["support"]), "nothing has changed yet");
        let path = format!("/api/v1/pending-changes/{change}/approve");
        assert_eq!(root.post(&path, &json!({})).await.code(), "refused", "four eyes are two people");
        assert_eq!(root.get("/api/v1/pending-changes").await.json()["items"][0]["id"], json!(change));
        let approved = bea.post(&path, &json!({})).await;
        assert_eq!(
            (approved.status, &approved.json()["state"]),
            (200, &json!("approved")),
            "{}",
            approved.text
        );
        let page = root.get("/api/v1/staff/ann").await.json();
        assert_eq!(page["roles"], json!(["billing_manager"]));
        assert_eq!(page["permissions"].as_array().unwrap().len(), 4);
        let listed = root.get("/api/v1/staff").await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 3);
        assert_eq!(root.get("/api/v1/staff/nobody").await.status, 404);
    })
    .await;
}
