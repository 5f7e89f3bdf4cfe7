//! What happened to an object stands in one order, whatever it is, and can be narrowed.

use chrono::TimeDelta;
use domain::operations::Call;
use shared::clock;

use super::browser::{Console, each_console, form};
use super::looks::told;

/// A refund that waits for somebody, and its id.
async fn asked_for(console: &Console, token: &str) -> String {
    let sue = console.browser(Some(token));
    let (target, hidden) = form(&sue.page("/payment/pi_plain").await, "/refund");
    let mut fields: Vec<(&str, &str)> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    fields.extend([("amount", "20.00"), ("reason", "requested_by_customer"), ("note", "")]);
    let reply = sue.post(&target, &fields).await;
    assert_eq!(reply.status, 303, "{}", reply.body);
    reply.header("location").unwrap().trim_start_matches("/operation/").to_owned()
}

async fn called(console: &Console, operation: &str) {
    let call = Call {
        attempt: 1,
        method: "POST".to_owned(),
        path: "/v1/refunds".to_owned(),
        class: "done".to_owned(),
        http_status: Some(200),
        request_id: Some("req_told".to_owned()),
        duration_ms: 143,
        called_at: clock::now() + TimeDelta::seconds(1),
        ..Call::default()
    };
    let mut tx = console.ledger.begin().await.unwrap();
    tx.append_call(operation, &call).await.unwrap();
    tx.commit().await.unwrap();
}

/// The timeline of a page, and nothing else of it.
fn happened(page: &str) -> &str {
    let panel = page.split("id=\"happened\"").nth(1).unwrap_or_else(|| panic!("no timeline: {page}"));
    panel.split("</section>").next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_acts_calls_and_notices_are_one_timeline_with_filters() {
    each_console("stories", async |console| {
        told(&console).await;
        let root = console.person(None, "ada", "super_user");
        let support = console.person(Some(&root), "sue", "support");
        let operation = asked_for(&console, &support).await;
        called(&console, &operation).await;
        let ada = console.browser(Some(&root));
        let (event, act, call, notice) =
            ("by event", "by sue", "POST /v1/refunds: 200 in 143 ms", "notice operation.approval_wanted");
        let page = ada.page("/payment/pi_plain").await;
        let whole = happened(&page);
        let places =
            [event, act, call].map(|words| whole.find(words).unwrap_or_else(|| panic!("{words}: {whole}")));
        assert!(places.is_sorted(), "in the order of time: {whole}");
        assert!(whole.contains(notice) && whole.contains("req_told"), "{whole}");
        for (word, shown) in [("events", event), ("acts", act), ("calls", call), ("notices", notice)] {
            let page = ada.page(&format!("/payment/pi_plain?timeline={word}")).await;
            let entries = happened(&page).split("<ol").nth(1).unwrap();
            for other in [event, act, call, notice] {
                assert_eq!(entries.contains(other), other == shown, "{word} {other}: {entries}");
            }
        }
        // The page of the operation has its own part of it.
        let page = ada.page(&format!("/operation/{operation}")).await;
        assert!([call, notice].iter().all(|words| happened(&page).contains(words)), "{page}");
        // The terminal tells the same, and so does its data.
        let printed = console.printed(&["show", "payment", "pi_plain"]);
        assert!(printed.contains(call) && printed.contains(notice), "{printed}");
        let data = console.tidegate(None, &["show", "payment", "pi_plain"]);
        let data = data.get("items").unwrap_or(&data);
        let data = data.get(0).unwrap_or(data);
        assert_eq!(data["calls"][0]["operation"], operation.as_str(), "{data}");
        assert_eq!(data["notices"][0]["kind"], "operation.approval_wanted", "{data}");
        assert_eq!(data["operation_changes"][0]["subject_id"], operation.as_str(), "{data}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_story_begins_with_its_latest_lines_and_has_the_others_behind_a_link() {
    each_console("long_story", async |console| {
        told(&console).await;
        let root = console.person(None, "ada", "super_user");
        for note in 0..42 {
            let text = format!("note number {note} of many");
            console.tidegate(Some(&root), &["note", "dp_open", &text]);
        }
        let ada = console.browser(Some(&root));
        let page = ada.page("/dispute/dp_open").await;
        let first = "note number 0 of many";
        assert!(
            !happened(&page).contains(first) && happened(&page).contains("note number 41 of many"),
            "{page}"
        );
        let link = happened(&page).split("href=\"").find(|rest| rest.contains("Show them")).unwrap();
        let place = link.split(['"', '#']).next().unwrap().replace("&amp;", "&");
        assert!(happened(&ada.page(&place).await).contains(first), "{place}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_second_person_is_counted_beside_the_link_for_those_who_may_be_one() {
    each_console("badge", async |console| {
        told(&console).await;
        let root = console.person(None, "ada", "super_user");
        let support = console.person(Some(&root), "sue", "support");
        let (ada, sue) = (console.browser(Some(&root)), console.browser(Some(&support)));
        let badge = "<span class=\"count\">1<span class=\"hidden\"> waiting</span></span>";
        assert!(!ada.page("/payments/history").await.contains("class=\"count\""));
        let operation = asked_for(&console, &support).await;
        assert!(ada.page("/payments/history").await.contains(badge));
        assert!(!ada.page("/payments/history?mode=test").await.contains("class=\"count\""));
        assert!(!sue.page("/payments/history").await.contains("class=\"count\""));
        // The inbox and the audit are taken away as they are shown.
        let sheet = ada.get("/approvals?as=csv&mode=live").await;
        let lines: Vec<&str> = sheet.body.lines().collect();
        assert!(sheet.header("content-disposition").unwrap().contains("operations-"));
        assert!(
            lines.len() == 2 && lines[1].contains(&operation) && lines[1].contains(",20.00,"),
            "{lines:?}"
        );
        let sheet = ada.get("/payments/audit?as=csv&by=sue").await.body;
        assert!(
            sheet.lines().count() > 1 && sheet.lines().skip(1).all(|line| line.contains("sue")),
            "{sheet}"
        );
        assert_eq!(sue.get("/approvals?as=csv").await.status, 403);
    })
    .await;
}
