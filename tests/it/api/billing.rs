//! Charges, subscriptions and credits over the API, and the switch that stops charging.

use domain::permissions::Role;
use serde_json::json;

use super::office::each_office;
use crate::staff::sales::sale;

/// The two examples of a shop, as a program types them, with their words and limits.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_charged_and_subscribed() {
    each_office("billing", async |office| {
        office.hears(&sale("small", "user_1", 4_500, 0).paid()).await;
        let customer = "cus_small";
        let ann = office.somebody("ann", Role::BillingManager);
        let ask = async |body: &serde_json::Value| ann.post("/api/v1/operations", body).await;

        let charge = json!({"kind": "charge", "customer": customer, "amount": 1_999, "currency": "usd",
            "description": "Order 4711"});
        let asked = ask(&charge).await;
        let document = asked.json();
        assert_eq!((asked.status, &document["operation"]["state"]), (202, &json!("approved")), "{}", asked.text);
        assert_eq!(document["operation"]["amount"], 1_999);
        let id = document["operation"]["id"].as_str().unwrap();
        let page = ann.get(&format!("/api/v1/operations/{id}")).await.json();
        assert_eq!(page["does"], json!(format!("charge 19.99 USD to customer {customer}")));
        assert_eq!(page["parameters"]["description"], "Order 4711");
        let again = ask(&charge).await;
        assert_eq!((again.status, &again.json()["reason"]), (422, &json!("operation_under_way")), "{}", again.text);

        let subscribe = json!({"kind": "subscribe", "customer": customer, "prices": ["price_gold"]});
        assert_eq!(ask(&subscribe).await.json()["operation"]["kind"], "subscribe");
        let credit = json!({"kind": "credit", "customer": customer, "amount": "5.00"});
        assert_eq!(ask(&credit).await.json()["operation"]["amount"], 500);

        for (body, status, reason, detail) in [
            (json!({"kind": "charge", "customer": "cus_none", "amount": 1_999}), 422, "customer_not_found", "Customer not found"),
            (json!({"kind": "subscribe", "customer": "cus_none", "prices": ["price_1"]}), 422, "customer_not_found", "Customer not found"),
            (json!({"kind": "charge", "customer": customer, "amount": 100_000_000}), 422, "amount_out_of_bounds", "999,999.99 USD"),
            (json!({"kind": "charge", "customer": customer, "amount": 49}), 422, "amount_out_of_bounds", "0.50 USD"),
            (json!({"kind": "charge", "customer": customer, "amount": 2_000, "currency": "xyz"}), 422, "currency_unknown", "xyz"),
            (json!({"kind": "charge", "customer": customer, "amount": 2_000, "description": "x".repeat(501)}), 422, "invalid_request", "500 characters"),
            (json!({"kind": "charge", "customer": "cus_a-b", "amount": 2_000}), 400, "invalid_id", "cus_ and letters and digits"),
        ] {
            let refused = ask(&body).await;
            let document = refused.json();
            assert_eq!((refused.status, document["reason"].as_str()), (status, Some(reason)), "{}", refused.text);
            assert!(document["detail"].as_str().unwrap().contains(detail), "{}", refused.text);
        }
        for stray in [
            json!({"kind": "charge", "customer": customer}),
            json!({"kind": "charge", "customer": customer, "amount": 0}),
            json!({"kind": "charge", "customer": customer, "amount": 500, "prices": ["price_1"]}),
            json!({"kind": "refund", "payment": "pi_small", "customer": customer}),
        ] {
            assert_eq!(ask(&stray).await.code(), "invalid_parameter", "{stray}");
        }

        // The switch: closed for everyone, said to anybody, opened by those who manage money.
        let health = async || office.api.get("/api/health").await.json()["checkout"].clone();
        assert_eq!(health().await, "open");
        let sam = office.somebody("sam", Role::Support);
        let reason = json!({"reason": "prices are wrong"});
        assert_eq!(sam.post("/api/v1/checkout/close", &reason).await.code(), "forbidden");
        let closed = ann.post("/api/v1/checkout/close", &reason).await.json();
        assert_eq!((&closed["checkout"], &closed["closing"]["closed_by"]), (&json!("closed"), &json!("ann")));
        assert_eq!(health().await, "closed");
        let refused = ask(&json!({"kind": "charge", "customer": customer, "amount": 700})).await.json();
        assert_eq!(refused["detail"], "nothing is charged at present: prices are wrong");
        let refund = json!({"amount": "5.00", "currency": "usd"});
        assert_eq!(ann.post("/api/payments/pi_small/refund", &refund).await.status, 202, "refunds go on");
        assert_eq!(ann.post("/api/v1/checkout/open", &json!({})).await.json()["checkout"], "open");
        assert_eq!(health().await, "open");
    })
    .await;
}
