//! What others wrote is text, wherever it stands.

use std::collections::BTreeSet;

use harness::recorded::{envelope, shapes};
use serde_json::{Value, json};
use stripe_sim::Random;

use super::browser::{UNLIMITED, each_console, each_console_with, encoded};
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
            let answer = browser.get(&path).await;
            let page = answer.body;
            assert!(answer.status < 500 && (page.contains("<h1") || answer.status == 303), "{path}: {page}");
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

/// Text wherever text may stand, but in what a body is found by: its type, and the ids of what it names.
fn spoiled(value: &Value, name: &str, ids_too: bool) -> Value {
    match value {
        Value::String(text) => {
            let is_id = text.split_once('_').is_some_and(|(kind, rest)| {
                kind.len() <= 8 && rest.len() >= 4 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
            });
            let is_kept = name == "object" || name == "currency" || (is_id && !ids_too);
            if is_kept { value.clone() } else { Value::String(format!("{text}{HOSTILE}")) }
        }
        Value::Array(items) => items.iter().map(|item| spoiled(item, name, ids_too)).collect(),
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, value)| (name.clone(), spoiled(value, name, ids_too))).collect(),
        ),
        other => other.clone(),
    }
}

/// Where links of a page lead to pages of objects.
fn objects_of(page: &str) -> impl Iterator<Item = &str> {
    const KINDS: [&str; 14] = [
        "/payment/",
        "/charge/",
        "/refund/",
        "/dispute/",
        "/invoice/",
        "/customer/",
        "/user/",
        "/event/",
        "/payout/",
        "/subscription/",
        "/operation/",
        "/finding/",
        "/listing/",
        "/notice/",
    ];
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    links.filter(|link| KINDS.iter().any(|kind| link.starts_with(kind)))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_recorded_shape_with_every_text_spoiled_runs_on_a_page() {
    each_console_with("spoiled", &UNLIMITED, async |console| {
        if !console.is_on_a_file() {
            return; // the same markup
        }
        for shape in shapes().unwrap() {
            for event in &shape.events {
                for (ids_too, letter) in [(false, "a"), (true, "b")] {
                    let mut event = event.clone();
                    event["id"] = json!(format!("{}{letter}", event["id"].as_str().unwrap()));
                    event["data"]["object"] = spoiled(&event["data"]["object"], "", ids_too);
                    together(&console.ledger, &[&envelope(&event).unwrap()]).await;
                }
            }
        }
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        let (mut seen, mut objects) = (0, BTreeSet::new());
        for mode in ["live", "test"] {
            for list in [
                "dashboard/?hours=8760",
                "history?",
                "failures?",
                "refunds?",
                "disputes?show=all",
                "webhooks/?",
                "bans?show=all",
                "dead-letters?",
                "anomalies?",
                "metrics/?hours=8760",
            ] {
                let page = browser.get(&format!("/payments/{list}&mode={mode}")).await.body;
                seen += is_only_text(list, &page);
                objects.extend(objects_of(&page).map(str::to_owned));
                for cause in page.split("cause=").skip(1).filter_map(|rest| rest.split('"').next()) {
                    let path = format!("/payments/dead-letters?mode={mode}&cause={cause}");
                    seen += is_only_text(&path, &browser.get(&path).await.body);
                }
            }
        }
        assert!(objects.len() > 100, "{}", objects.len());
        for path in &objects {
            let page = browser.get(path).await.body;
            seen += is_only_text(path, &page);
        }
        assert!(seen > 500, "the texts stand on the pages, as text: {seen}");
    })
    .await;
}

/// How often the text stands there.
fn is_only_text(path: &str, page: &str) -> usize {
    for live in ["<script>alert", "<img src=x", "\"'>"] {
        assert!(!page.contains(live), "{path} lets {live} through: {page}");
    }
    page.matches("&lt;script&gt;alert(1)").count()
}

const LISTS: &[&str] = &[
    "/payments/history",
    "/payments/failures",
    "/payments/refunds",
    "/payments/disputes",
    "/payments/webhooks/",
    "/payments/bans",
    "/payments/anomalies",
    "/payments/audit",
    "/payments/dead-letters",
    "/payments/metrics/",
    "/payments/dashboard/",
    "/payments/reports",
    "/payments/invoices",
    "/payments/payouts",
    "/payments/listings",
    "/payments/findings",
    "/payments/blocks",
    "/payments/replays",
    "/payments/reconciliation",
    "/approvals",
    "/batches",
    "/notices",
    "/policy/refunds.confirm_above",
    "/payment/pi_one",
    "/dispute/dp_one",
    "/user/user_1",
    "/search",
];
const FILTERS: &[&str] = &[
    "status",
    "amount",
    "currency",
    "user",
    "customer",
    "code",
    "last4",
    "since",
    "until",
    "reason",
    "payment",
    "show",
    "outcome",
    "type",
    "object",
    "by",
    "event",
    "after",
    "as",
    "hours",
    "mode",
    "account",
    "cause",
    "q",
    "kind",
    "of",
    "sha256",
    "timeline",
    "timeline_all",
    "done",
    "waits",
    "day",
    "check",
    "severity",
    "state",
    "assignee",
    "category",
    "subscription",
    "payments",
    "target",
    "preview",
    "value",
    "blocks_after",
    "holds_after",
];
const VALUES: &[&str] = &[
    "",
    "x",
    "0",
    "-1",
    "4242",
    ">1",
    "<1 >2",
    "1e9",
    "99999999999999999999",
    "usd",
    "JPY",
    "yesterday",
    "today",
    "2026-11-28",
    "+262142-12-31",
    "0000-00-00",
    "'; DROP TABLE payments",
    "%",
    "_",
    "\u{7f}",
    "é",
    "all",
    "csv",
    "test",
    "1.l.a.b.",
    "-9223372036854775808.l...",
    ".t.%41..",
    "month",
    "kpi",
    "payment_failed",
    "status:failed",
    "created>1d",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_filter_is_our_fault() {
    const LOOKS: usize = 250;
    each_console_with("filters", &UNLIMITED, async |console| {
        together(&console.ledger, &sale("one", "user_1", 2_000, 0).lost().iter().collect::<Vec<_>>()).await;
        let token = console.person(None, "ada", "super_user");
        let browser = console.browser(Some(&token));
        let mut random = Random::of_seed(20_261_128);
        let filter =
            |name: &str, random: &mut Random| format!("{name}={}", encoded(random.pick::<&str>(VALUES)));
        // Each list and each filter, and then some together.
        let mut paths = Vec::new();
        for (name, list) in FILTERS.iter().zip(LISTS.iter().cycle()) {
            paths.push(format!("{list}?{}", filter(name, &mut random)));
        }
        for _ in 0..LOOKS {
            let list = *random.pick(LISTS);
            let count = random.within(1..5);
            let filters: Vec<String> = (0..count)
                .map(|_| {
                    let name = *random.pick(FILTERS);
                    filter(name, &mut random)
                })
                .collect();
            paths.push(format!("{list}?{}", filters.join("&")));
        }
        for path in paths {
            let reply = browser.get(&path).await;
            assert!([200, 303, 400, 404].contains(&reply.status), "{path}: {} {}", reply.status, reply.body);
        }
    })
    .await;
}
