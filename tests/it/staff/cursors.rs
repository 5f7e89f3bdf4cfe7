//! Lists page by page: every row once, in one order, whatever comes in meanwhile; and as CSV, all of them.

use std::collections::BTreeSet;

use domain::bans::Ban;
use domain::{Key, Object};
use harness::histories::agreeing;
use ledger::views::lists::BanFilter;
use ledger::views::page::Part;
use serde_json::{Value, json};
use shared::clock;

use super::desk::{Desk, each_desk, text};
use super::sales::{Sale, sale};

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Five sales of two users. Three of each kind of object are of one second, where only their ids order them.
fn sales() -> Vec<Sale> {
    let user = |place: usize| if place < 3 { "user_1" } else { "user_2" };
    let second = |place: usize| if place < 3 { 0 } else { 1_000 };
    NAMES.iter().enumerate().map(|(place, name)| sale(name, user(place), 1_000, second(place))).collect()
}

/// Failed, then paid, refunded in part, disputed and lost; with its customer.
async fn hears_all(desk: &Desk, sale: &Sale) {
    desk.hears(&[sale.customer(Some(sale.user)), sale.declined(0, "card_declined")]).await;
    desk.hears(&sale.lost()).await;
    desk.hears(&[sale.refund(sale.name, 50, "succeeded", 10)]).await;
}

fn ids(document: &Value) -> Vec<String> {
    document["items"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// All pages of two rows; `meanwhile` happens after the first.
async fn paged(desk: &Desk, list: &[&str], meanwhile: impl AsyncFn()) -> Vec<String> {
    let (mut found, mut after) = (Vec::new(), None::<String>);
    for page in 0.. {
        let place: Vec<&str> = after.iter().flat_map(|place| ["--after", place.as_str()]).collect();
        let document = desk.document(&[list, &["--limit", "2"], &place].concat());
        let rows = ids(&document);
        assert!(rows.len() <= 2 && page < 100, "{list:?}: {rows:?}");
        found.extend(rows);
        if page == 0 {
            meanwhile().await;
        }
        match document["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => return found,
        }
    }
    unreachable!("a list has an end")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_has_each_row_once_however_it_is_read() {
    each_desk("cursors", async |desk| {
        for sale in sales() {
            hears_all(&desk, &sale).await;
        }
        for list in [
            &["payments", "list"][..],
            &["payments", "list", "--failed-since", "2026-01-01"],
            &["payments", "list", "--user", "user_1"],
            &["invoices", "list"],
            &["refunds", "list"],
            &["charges", "list"],
            &["customers", "list"],
            &["failures", "list"],
            &["disputes", "list"],
            &["disputes", "list", "--user", "user_1"],
            &["bans", "list"],
            &["bans", "list", "--all"],
            &["events", "list"],
            &["events", "list", "--type", "payment_intent.*"],
        ] {
            let whole = desk.document(list);
            assert_eq!(whole["next"], Value::Null, "{list:?}: all of it is one page");
            let whole = ids(&whole);
            assert!(whole.len() >= 2, "{list:?}: {whole:?}");
            assert_eq!(paged(&desk, list, async || {}).await, whole, "{list:?}");
            let csv = desk.said(&[list, &["--csv"]].concat());
            assert_eq!(csv.lines().count(), whole.len() + 1, "{list:?}:\n{csv}");
            for (line, id) in csv.lines().skip(1).zip(&whole) {
                let is_named = line.split(',').any(|cell| cell == id);
                assert!(is_named || list[0] == "failures", "{id} is not in {line}");
            }
            let some = desk.said(&[list, &["--csv", "--limit", "1"]].concat());
            assert_eq!(some.lines().count(), 2, "{list:?}:\n{some}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_between_two_pages_moves_nothing() {
    each_desk("meanwhile", async |desk| {
        for sale in &sales()[..4] {
            desk.hears(&sale.paid()).await;
        }
        for (list, prefix, late) in
            [("payments", "pi", "late_1"), ("invoices", "in", "late_2"), ("charges", "ch", "late_3")]
        {
            let before = desk.ids(&[list, "list"]);
            let late = sale(late, "user_3", 1_000, 900_000);
            let found = paged(&desk, &[list, "list"], async || desk.hears(&late.paid()).await).await;
            assert_eq!(found, before, "{list}");
            assert_eq!(
                desk.ids(&[list, "list"])[0],
                format!("{prefix}_{}", late.name),
                "it is the first now"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contradictions_and_uncertain_objects_of_several_kinds_are_one_list() {
    each_desk("doubtful_pages", async |desk| {
        for sale in sales() {
            desk.hears(&sale.paid()).await;
            let over = format!("over_{}", sale.name);
            desk.hears(&[sale.refund(&over, 10, "succeeded", 1_500)]).await;
        }
        for name in ["doubt_1", "doubt_2", "doubt_3", "doubt_4", "doubt_5"] {
            // Two reports of one second, of which neither is above the other.
            let sale = sale(name, "user_3", 1_000, 0);
            let mut other = sale.payment("processing", 50, "processing", &json!({}));
            other.header.id = format!("evt_other_{name}");
            let one = sale.payment("processing", 50, "requires_action", &json!({}));
            desk.hears(&[one, agreeing(other)]).await;
        }
        let mut foreign = sale("foreign", "user_3", 1_000, 0);
        desk.hears(&[foreign.invoice("finalized", 0, "open", &json!({}))]).await;
        foreign.currency = "eur";
        desk.hears(&[foreign.payment("succeeded", 1, "succeeded", &json!({}))]).await;
        let kinds = |document: &Value| -> BTreeSet<String> {
            let rows = document["items"].as_array().unwrap().iter();
            rows.map(|row| row["kind"].as_str().unwrap().to_owned()).collect()
        };
        assert!(kinds(&desk.document(&["anomalies"])).len() > 1, "they are of several kinds");
        for list in [&["anomalies"][..], &["anomalies", "--uncertain"]] {
            let whole = desk.ids(list);
            assert!(whole.len() >= 5, "{list:?}: {whole:?}");
            assert_eq!(paged(&desk, list, async || {}).await, whole, "{list:?}");
            let csv = desk.said(&[list, &["--csv"]].concat());
            assert_eq!(csv.lines().count(), whole.len() + 1, "{list:?}:\n{csv}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_of_replays_are_listed_page_by_page() {
    each_desk("plan_pages", async |desk| {
        let nothing = desk.run(&["replay", "list"]);
        assert!(text(&nothing.stderr).contains("replay plan` makes one"), "{nothing:?}");
        desk.hears(&sale("a", "user_1", 1_000, 0).paid()).await;
        for _ in 0..3 {
            desk.said(&["replay", "plan", "--any"]);
        }
        let plans = |document: &Value| -> Vec<String> {
            let rows = document["items"].as_array().unwrap().iter();
            rows.map(|row| row["replay"].as_str().unwrap().to_owned()).collect()
        };
        let whole = plans(&desk.document(&["replay", "list"]));
        let first = desk.document(&["replay", "list", "--limit", "2"]);
        let rest = desk.document(&["replay", "list", "--after", first["next"].as_str().unwrap()]);
        assert_eq!((whole.len(), &rest["next"]), (3, &Value::Null));
        assert_eq!([plans(&first), plans(&rest)].concat(), whole);
        let csv = desk.said(&["replay", "list", "--csv"]);
        assert!(csv.lines().skip(1).zip(&whole).all(|(line, plan)| line.contains(plan.as_str())), "{csv}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_overdue_comes_first_on_every_page_of_disputes() {
    each_desk("overdue_pages", async |desk| {
        for (place, sale) in sales().iter().enumerate() {
            desk.hears(&sale.paid()).await;
            let due_by =
                if place % 2 == 0 { 1_700_000_000 - i64::try_from(place).unwrap() } else { 4_000_000_000 };
            let until = json!({"evidence_details": {"due_by": due_by, "submission_count": 0}});
            desk.hears(&[sale.dispute(100, "needs_response", &until)]).await;
        }
        let whole = desk.ids(&["disputes", "list"]);
        assert_eq!(
            whole,
            ["dp_e", "dp_c", "dp_a", "dp_d", "dp_b"],
            "the longest overdue first, then the newest"
        );
        assert_eq!(paged(&desk, &["disputes", "list"], async || {}).await, whole);
        let open = desk.ids(&["disputes", "list", "--open"]);
        assert_eq!(paged(&desk, &["disputes", "list", "--open"], async || {}).await, open);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_bans_is_what_the_rule_says() {
    each_desk("ban_rule", async |desk| {
        let now = clock::now();
        for (user, command) in [("u1", "ban"), ("u2", "lift"), ("u3", "ban"), ("u4", "ban")] {
            desk.said(&["bans", command, user, "--live", "--reason", "x", "--for", "1h"]);
        }
        desk.said(&["bans", "clear", "u3", "--live", "--reason", "x"]);
        desk.hears(&sale("a", "u2", 1_000, 0).lost()).await;
        desk.hears(&sale("b", "u2", 1_000, 0).lost()).await;
        let mut tx = desk.ledger.read().await.unwrap();
        for now in [now, now + chrono::TimeDelta::hours(2)] {
            let filter = |all| BanFilter { all, ..BanFilter::default() };
            let part = Part::first(100);
            let all: Vec<Ban> = tx.bans(&filter(true), &part, now).await.unwrap().rows;
            let mut expected: Vec<&Key> =
                all.iter().filter(|ban| ban.is_banned(now)).map(Object::key).collect();
            let listed = tx.bans(&filter(false), &part, now).await.unwrap().rows;
            let mut listed: Vec<&Key> = listed.iter().map(Object::key).collect();
            expected.sort();
            listed.sort();
            assert_eq!(listed, expected);
            assert!(!listed.is_empty() && all.len() == 4);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_found_by_what_they_changed() {
    each_desk("by_object", async |desk| {
        let (one, other) = (sale("one", "user_1", 1_000, 0), sale("other", "user_2", 1_000, 10));
        desk.hears(&one.lost()).await;
        desk.hears(&other.paid()).await;
        let list = |more: &[&str]| {
            let mut found = desk.ids(&[&["events", "list"], more].concat());
            found.sort();
            found
        };
        let paid = list(&["--object", "pi_other"]);
        assert!(!paid.is_empty() && paid.iter().all(|event| event.starts_with("evt_other")), "{paid:?}");
        let dispute = list(&["--object", "dp_one"]);
        assert_eq!(dispute, ["evt_one_dispute_lost", "evt_one_dispute_needs_response"]);
        let customer = list(&["--customer", "cus_one"]);
        for event in dispute.iter().chain(&list(&["--object", "in_one"])) {
            assert!(customer.contains(event), "{event} is not in {customer:?}");
        }
        assert!(customer.iter().all(|event| event.starts_with("evt_one")), "{customer:?}");
        assert!(list(&["--object", "in_nothing"]).is_empty());
        assert!(list(&["--until", "2026-01-01"]).is_empty(), "they were recorded today");
        assert!(list(&["--test-mode"]).is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_of_a_user_are_those_that_the_rules_say_are_his() {
    each_desk("of_user", async |desk| {
        let own = sale("own", "user_1", 1_000, 0);
        desk.hears(&own.paid()).await;
        // Nobody but the customer says whose this one is.
        let silent = json!({"metadata": {}});
        let by_customer = sale("by_customer", "", 1_000, 10);
        desk.hears(&[
            by_customer.customer(Some("user_1")),
            by_customer.payment("succeeded", 1, "succeeded", &silent),
        ])
        .await;
        // The payment's own word counts more than its customer's.
        let other = sale("other", "user_2", 1_000, 20);
        desk.hears(&[other.customer(Some("user_1")), other.payment("succeeded", 1, "succeeded", &json!({}))])
            .await;
        let nobody = sale("nobody", "", 1_000, 30);
        desk.hears(&[nobody.payment("succeeded", 1, "succeeded", &silent)]).await;
        let of = |user: &str| desk.ids(&["payments", "list", "--user", user]);
        assert_eq!(of("user_1"), ["pi_by_customer", "pi_own"]);
        assert_eq!(of("user_2"), ["pi_other"]);
        assert_eq!(of("cus_nobody"), ["pi_nobody"], "a customer of whom nobody says more is the user");
        assert!(of("cus_by_customer").is_empty(), "that customer is somebody");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_that_is_none_is_refused() {
    each_desk("no_cursor", async |desk| {
        for list in ["payments", "events", "disputes"] {
            let refusal = desk.refusal(&[list, "list", "--after", "yesterday"], 2);
            assert!(refusal.contains("--after") && refusal.contains("copy the cursor"), "{refusal}");
        }
        desk.refusal(&["payments", "list", "--limit", "10001"], 2);
        desk.refusal(&["payments", "list", "--csv", "--json"], 2);
    })
    .await;
}
