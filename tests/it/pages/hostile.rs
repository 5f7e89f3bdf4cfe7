//! What others wrote is text, wherever it stands.

use serde_json::json;

use super::browser::each_console;
use crate::ledgers::together;
use crate::staff::sales::sale;

const HOSTILE: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>";

#[tokio::test(flavor = "multi_thread")]
async fn no_field_of_a_webhook_runs_on_a_page() {
    each_console("hostile", async |console| {
        let sale = sale("odd", "user_1", 2_000, 0);
        let metadata = json!({
            "user_id": HOSTILE, "listing_id": HOSTILE, "category_id": HOSTILE, "payment_type": HOSTILE, "invoice_id": HOSTILE,
        });
        let card = json!({"type": "card", "card": {"brand": HOSTILE, "last4": HOSTILE}});
        let error = json!({"code": HOSTILE, "decline_code": HOSTILE, "type": HOSTILE});
        for event in [
            sale.payment("created", 0, "requires_payment_method", &json!({"metadata": metadata, "last_payment_error": error})),
            sale.charge("succeeded", 1, "succeeded", &json!({"payment_method_details": card, "failure_code": HOSTILE})),
            sale.payment("updated", 2, HOSTILE, &json!({"metadata": metadata, "customer": HOSTILE})),
            sale.dispute(3, HOSTILE, &json!({"reason": HOSTILE})),
            sale.invoice("updated", 4, HOSTILE, &json!({"number": HOSTILE, "billing_reason": HOSTILE, "collection_method": HOSTILE})),
        ] {
            together(&console.ledger, &[&event]).await;
        }
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        let encoded = HOSTILE.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
        let mut seen = 0;
        for path in [
            "/payments/dashboard/?hours=8760".to_owned(),
            "/payments/metrics/?hours=8760".to_owned(),
            "/payments/history".to_owned(),
            "/payments/disputes?show=all".to_owned(),
            "/payments/webhooks/".to_owned(),
            "/payments/bans?show=all".to_owned(),
            "/payments/dead-letters".to_owned(),
            "/payments/anomalies".to_owned(),
            "/payment/pi_odd".to_owned(),
            "/charge/ch_odd".to_owned(),
            "/dispute/dp_odd".to_owned(),
            "/invoice/in_odd".to_owned(),
            format!("/user/{encoded}"),
            format!("/customer/{encoded}"),
            format!("/search?q={encoded}"),
            format!("/payments/history?user={encoded}&customer={encoded}&status={encoded}"),
            format!("/payments/webhooks/?type={encoded}&object={encoded}&outcome={encoded}"),
            format!("/payments/audit?object={encoded}&by={encoded}&done={encoded}"),
            format!("/payments/dead-letters?cause={encoded}"),
            format!("/{encoded}/{encoded}"),
        ] {
            let page = browser.get(&path).await.body;
            assert!(page.contains("<h1") || page.is_empty(), "{path}: {page}");
            seen += page.matches("&lt;script&gt;alert(1)").count();
            for live in ["<script>alert", "<img src=x", "\"'>"] {
                assert!(!page.contains(live), "{path} lets {live} through: {page}");
            }
        }
        assert!(seen > 20, "the texts stand on the pages, as text: {seen}");
        let login = console.browser(None).get(&format!("/login?to={encoded}")).await.body;
        assert!(!login.contains("<script>alert"), "{login}");
    })
    .await;
}
