//! `tidegate invoices`, `payments` and `anomalies`.

use serde_json::json;

use super::desk::each_desk;
use super::sales::sale;

#[tokio::test(flavor = "multi_thread")]
async fn payments_are_found_by_time_status_amount_and_customer() {
    each_desk("payments", async |desk| {
        desk.hears(&sale("old", "user_1", 1_999, 0).paid()).await;
        desk.hears(&sale("new", "user_1", 5_000, 100_000).paid()).await;
        let failed = sale("failed", "user_2", 1_999, 50_000);
        desk.hears(&[failed.declined(10, "card_declined")]).await;
        let mut yen = sale("yen", "user_3", 1_999, 60_000);
        yen.currency = "jpy";
        desk.hears(&yen.paid()).await;
        let list = |more: &[&str]| desk.ids(&[&["payments", "list"], more].concat());
        assert_eq!(list(&[]), ["pi_new", "pi_yen", "pi_failed", "pi_old"], "the newest first");
        assert_eq!(list(&["--limit", "2"]), ["pi_new", "pi_yen"]);
        assert_eq!(list(&["--amount", "19.99", "--currency", "usd"]), ["pi_failed", "pi_old"]);
        assert_eq!(list(&["--amount", "1999", "--currency", "JPY"]), ["pi_yen"]);
        assert_eq!(list(&["--status", "requires_payment_method"]), ["pi_failed"]);
        assert_eq!(list(&["--customer", "cus_old"]), ["pi_old"]);
        // The story begins at 2026-05-28T20:26:40Z.
        assert_eq!(list(&["--since", "2026-05-29T00:00:00Z"]), ["pi_new", "pi_yen", "pi_failed"]);
        assert_eq!(list(&["--until", "2026-05-29"]), ["pi_old"]);
        assert!(list(&["--test-mode"]).is_empty());
        desk.refusal(&["payments", "list", "--amount", "19.99"], 2);
        assert!(
            desk.refusal(&["payments", "list", "--amount", "1,5", "--currency", "usd"], 2).contains("19.99")
        );
        desk.refusal(&["payments", "list", "--since", "1d", "--until", "2d"], 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invoices_are_found_by_status_and_customer() {
    each_desk("invoices", async |desk| {
        desk.hears(&sale("paid", "user_1", 1_000, 0).paid()).await;
        let late = sale("late", "user_2", 1_000, 500);
        desk.hears(&[late.invoice("overdue", 10, "open", &json!({}))]).await;
        let list = |more: &[&str]| desk.ids(&[&["invoices", "list"], more].concat());
        assert_eq!(list(&[]), ["in_late", "in_paid"]);
        assert_eq!(list(&["--status", "overdue"]), ["in_late"]);
        assert_eq!(list(&["--customer", "cus_paid"]), ["in_paid"]);
        assert!(list(&["--status", "void"]).is_empty());
        desk.refusal(&["invoices", "list", "--status", "bogus"], 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contradictions_are_listed_with_both_sides() {
    each_desk("anomalies", async |desk| {
        let over = sale("over", "user_1", 1_000, 0);
        desk.hears(&over.paid()).await;
        desk.hears(&[
            over.refund("over", 10, "succeeded", 1_500),
            over.dispute(100, "needs_response", &json!({"amount": 3_000})),
        ])
        .await;
        let mut foreign = sale("foreign", "user_2", 1_000, 0);
        desk.hears(&[foreign.invoice("finalized", 0, "open", &json!({}))]).await;
        foreign.currency = "eur";
        desk.hears(&[foreign.payment("succeeded", 1, "succeeded", &json!({}))]).await;

        let shown = desk.json(&["anomalies"]);
        let anomalies = shown["anomalies"].as_array().unwrap();
        let told: Vec<_> =
            anomalies.iter().map(|a| (a["id"].as_str().unwrap(), a["anomaly"].as_str().unwrap())).collect();
        assert_eq!(
            told,
            [
                ("ch_over", "dispute_exceeds_charge"),
                ("ch_over", "refunds_exceed_charge"),
                ("in_foreign", "payment_currency"),
            ]
        );
        let page = desk.said(&["anomalies"]);
        for part in [
            "dp_over asks for 30.00 USD; charged 10.00 USD",
            "refunded 15.00 USD; captured 10.00 USD",
            "pi_foreign is of 10.00 EUR; due 10.00 USD",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        assert!(desk.json(&["anomalies", "--test-mode"])["anomalies"].as_array().unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_stripe_can_tell_is_counted_and_listed() {
    each_desk("uncertain", async |desk| {
        let sold = sale("a", "user_1", 1_000, 0);
        let mut other = sold.payment("processing", 5, "processing", &json!({}));
        other.header.id = "evt_other".to_owned();
        desk.hears(&[sold.payment("processing", 5, "requires_action", &json!({})), other]).await;
        assert_eq!(desk.json(&["anomalies"])["uncertain"], json!({"payment": 1}));
        assert_eq!(desk.ids(&["anomalies", "--uncertain"]), ["pi_a"]);
        assert!(desk.said(&["show", "payment", "pi_a"]).contains("only Stripe can tell"));
    })
    .await;
}
