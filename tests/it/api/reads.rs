//! What the API reads is what the command line prints: the same rows, pages and filters.

use domain::permissions::Role;
use hyper::Method;
use serde_json::{Value, json};

use super::office::{Office, each_office};
use crate::ledgers::{envelope, together};
use crate::staff::sales::sale;

/// An invoice that is paid, disputed and lost; one that is refunded in part; one of test mode; a failure, a customer, a
/// subscription, and an event that cannot be applied.
pub(super) async fn furnish(office: &Office) {
    let lost = sale("a", "user_1", 4_500, 0);
    office.hears(&lost.lost()).await;
    office.hears(&[lost.customer(Some("user_1"))]).await;
    let refunded = sale("b", "user_2", 1_999, 50);
    office.hears(&refunded.paid()).await;
    office.hears(&[refunded.refund("b", 60, "succeeded", 500), refunded.declined(70, "expired_card")]).await;
    let subscription = json!({"id": "sub_1", "object": "subscription", "status": "active", "customer": "cus_a",
        "created": 1_780_000_000, "items": {"data": []}});
    office.hears(&[envelope("evt_sub", "customer.subscription.created", 5, &subscription)]).await;
    let broken = envelope(
        "evt_broken",
        "payment_intent.succeeded",
        6,
        &json!({"id": "pi_broken", "status": "succeeded"}),
    );
    together(&office.ledger, &[&broken]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_pages_are_those_of_the_command_line() {
    each_office("reads", async |office| {
        furnish(office).await;
        let api = office.root();
        for (path, command) in [
            ("payments", &["payments", "list"] as &[&str]),
            ("payments?status=succeeded&since=2020-01-01", &["payments", "list", "--status", "succeeded"]),
            ("payments?user=user_1", &["payments", "list", "--user", "user_1"]),
            ("charges", &["charges", "list"]),
            ("refunds", &["refunds", "list"]),
            ("disputes", &["disputes", "list"]),
            ("disputes?status=lost", &["disputes", "list", "--status", "lost"]),
            ("invoices", &["invoices", "list"]),
            ("customers?user=user_1", &["customers", "list", "--user", "user_1"]),
            ("failures?code=expired_card", &["failures", "list", "--code", "expired_card"]),
            ("bans?all=true", &["bans", "list", "--all"]),
            ("events?type=invoice.*", &["events", "list", "--type", "invoice.*"]),
            ("dead-letters", &["dead-letters", "list"]),
        ] {
            let reply = api.get(&format!("/api/v1/{path}")).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.text);
            let expected = &office.json(command)["items"];
            assert_eq!(&reply.json()["items"], expected, "{path}");
            assert!(!expected.as_array().unwrap().is_empty(), "{path} shows nothing");
        }
        for (path, kind, id) in [
            ("payments", "payment", "pi_a"),
            ("charges", "charge", "ch_a"),
            ("refunds", "refund", "re_b"),
            ("disputes", "dispute", "dp_a"),
            ("invoices", "invoice", "in_a"),
            ("subscriptions", "subscription", "sub_1"),
        ] {
            let reply = api.get(&format!("/api/v1/{path}/{id}")).await;
            let expected = &office.json(&["show", kind, id])["items"][0];
            assert_eq!(&reply.json(), expected, "{path}/{id}: {}", reply.text);
        }
        let ban = api.get("/api/v1/bans/user_1").await.json();
        assert_eq!(ban, office.json(&["bans", "explain", "user_1"])["items"][0]);
        let event = api.get("/api/v1/events/evt_a_invoice_paid").await.json();
        assert_eq!(event["contents"][0]["outcome"], "applied");
        assert!(event["changes"].as_array().unwrap().iter().any(|line| line["after"] == "paid"), "{event}");
        let groups = api.get("/api/v1/dead-letters/groups").await.json();
        let named = &office.json(&["dead-letters", "groups"])["items"][0];
        assert_eq!(groups["items"][0]["cause"], named["cause"]);
        let cause = named["cause"].as_str().unwrap();
        let of_cause = api.get(&format!("/api/v1/dead-letters?cause={cause}")).await.json();
        assert_eq!(of_cause["items"][0]["id"], "evt_broken");
        assert_eq!(api.get("/api/v1/dead-letters?cause=00000000").await.json()["items"], json!([]));
        let moved = api.get("/api/v1/audit?object=in_a").await.json();
        assert_eq!(moved["items"][0]["subject_id"], "in_a");
        let acts = api.get("/api/v1/audit").await.json();
        assert!(acts["items"].as_array().unwrap().iter().all(|line| line["event_id"].is_null()), "{acts}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_without_a_gap_or_a_repetition() {
    each_office("cursors", async |office| {
        furnish(office).await;
        let api = office.root();
        for path in ["payments", "events", "disputes", "audit", "audit?object=in_a", "bans?all=true"] {
            let join = if path.contains('?') { '&' } else { '?' };
            let whole = api.get(&format!("/api/v1/{path}")).await.json()["items"].clone();
            let (mut found, mut next): (Vec<Value>, Option<String>) = (Vec::new(), None);
            loop {
                let after = next.map(|next| format!("&starting_after={next}")).unwrap_or_default();
                let page = api.get(&format!("/api/v1/{path}{join}limit=1{after}")).await.json();
                found.extend(page["items"].as_array().unwrap().iter().cloned());
                next = page["next"].as_str().map(|next| next.replace('%', "%25"));
                if next.is_none() {
                    break;
                }
            }
            assert_eq!(Value::from(found), whole, "{path}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_has_a_tag_until_it_changes() {
    each_office("etag", async |office| {
        furnish(office).await;
        let api = office.root();
        let first = api.get("/api/v1/payments/pi_b").await;
        let tag = first.header("etag").unwrap().to_owned();
        let asked = async || {
            api.send(Method::GET, "/api/v1/payments/pi_b", &[("if-none-match", tag.as_str())], "").await
        };
        let same = asked().await;
        assert_eq!((same.status, same.text.as_str(), same.header("etag")), (304, "", Some(tag.as_str())));
        office.hears(&[sale("b", "user_2", 1_999, 50).refund("b2", 90, "succeeded", 100)]).await;
        let other = asked().await;
        assert_eq!(other.status, 200);
        assert_ne!(other.header("etag"), Some(tag.as_str()));
        assert_eq!(api.get("/api/v1/payments").await.header("etag"), None, "lists change all the time");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_amount_is_minor_units_or_major_ones_that_fit_the_currency() {
    each_office("amounts", async |office| {
        furnish(office).await;
        let api = office.root();
        for (query, found) in [
            ("amount=1999&currency=usd", 1),
            ("amount=19.99&currency=USD", 1),
            ("amount=19.98&currency=usd", 0),
            ("amount=1999&currency=eur", 0),
        ] {
            let reply = api.get(&format!("/api/v1/payments?{query}")).await;
            assert_eq!(
                reply.json()["items"].as_array().map(Vec::len),
                Some(found),
                "{query}: {}",
                reply.text
            );
        }
        for query in [
            "amount=19.999&currency=usd",
            "amount=19.99&currency=jpy",
            "amount=19.99",
            "amount=-1&currency=usd",
        ] {
            let reply = api.get(&format!("/api/v1/payments?{query}")).await;
            assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_parameter"), "{query}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_manage_money_sees_no_card() {
    each_office("cards", async |office| {
        furnish(office).await;
        let whole = office.somebody("mia", Role::BillingManager);
        let seen = whole.get("/api/v1/charges/ch_a").await.json();
        assert!(seen["charge"].get("card_last4").is_some(), "{seen}");
        for role in [Role::Support, Role::Auditor] {
            let api = office.somebody(role.as_str(), role);
            for path in ["charges", "charges/ch_a", "payments/pi_a", "invoices/in_a", "disputes/dp_a"] {
                let text = api.get(&format!("/api/v1/{path}")).await.text;
                assert!(!text.contains("\"card"), "{path}: {text}");
            }
        }
    })
    .await;
}
