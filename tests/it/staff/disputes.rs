//! `tidegate disputes`: lists, sums, notes.

use serde_json::json;
use shared::clock;

use super::desk::{Desk, each_desk};
use super::sales::{Sale, sale};

/// One lost, one won, one open, one inquiry, of two users.
async fn told(desk: &Desk) -> [Sale; 4] {
    let sales = [
        sale("lost", "user_1", 1_000, 0),
        sale("won", "user_1", 2_000, 10_000),
        sale("open", "user_2", 4_000, 20_000),
        sale("asked", "user_2", 8_000, 30_000),
    ];
    desk.hears(&sales[0].lost()).await;
    for sold in &sales[1..] {
        desk.hears(&sold.paid()).await;
    }
    let soon = json!({"evidence_details": {"due_by": clock::now().timestamp() + 3 * 86_400}});
    desk.hears(&[
        sales[1].dispute(100, "needs_response", &json!({})),
        sales[1].dispute(400, "won", &json!({})),
        sales[2].dispute(100, "needs_response", &soon),
        sales[3].dispute(100, "warning_under_review", &json!({})),
    ])
    .await;
    sales
}

#[tokio::test(flavor = "multi_thread")]
async fn disputes_are_listed_by_what_must_be_done_and_by_whose_they_are() {
    each_desk("listed", async |desk| {
        told(&desk).await;
        assert_eq!(desk.ids(&["disputes", "list"]), ["dp_asked", "dp_open", "dp_won", "dp_lost"]);
        assert_eq!(desk.ids(&["disputes", "list", "--limit", "1"]), ["dp_asked"]);
        assert_eq!(desk.ids(&["disputes", "list", "--open"]), ["dp_asked", "dp_open"], "by their deadline");
        assert_eq!(desk.ids(&["disputes", "list", "--due-within", "7d"]), ["dp_open"]);
        assert!(desk.ids(&["disputes", "list", "--due-within", "1d"]).is_empty());
        assert_eq!(desk.ids(&["disputes", "list", "--status", "lost"]), ["dp_lost"]);
        assert_eq!(desk.ids(&["disputes", "list", "--user", "user_1"]), ["dp_won", "dp_lost"]);
        assert_eq!(desk.ids(&["disputes", "list", "--user", "user_1", "--status", "won"]), ["dp_won"]);
        assert_eq!(desk.ids(&["disputes", "list", "--invoice", "in_open"]), ["dp_open"]);
        assert!(desk.ids(&["disputes", "list", "--invoice", "in_open", "--user", "user_1"]).is_empty());
        assert!(desk.ids(&["disputes", "list", "--user", "nobody"]).is_empty());
        assert!(desk.ids(&["disputes", "list", "--test-mode"]).is_empty());
        let rows = desk.json(&["disputes", "list", "--status", "lost"]);
        let row = &rows[0];
        assert_eq!([&row["payment"], &row["invoice"], &row["user"]], ["pi_lost", "in_lost", "user_1"]);
        let table = desk.said(&["disputes", "list"]);
        assert!(table.contains("under_review (inquiry)") && table.contains("in 2 d 23 h"), "{table}");
        desk.refusal(&["disputes", "list", "--due-within", "soon"], 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_keep_modes_and_currencies_apart_and_count_inquiries_by_themselves() {
    each_desk("sums", async |desk| {
        told(&desk).await;
        let mut test = sale("test", "user_1", 7_000, 0);
        (test.livemode, test.currency) = (false, "jpy");
        desk.hears(&test.lost()).await;
        let sums = desk.json(&["disputes", "summary"]);
        let [live, test] = &sums.as_array().unwrap()[..] else { panic!("{sums}") };
        let figures = |names: &[&str]| names.iter().map(|name| live[*name].as_u64()).collect::<Vec<_>>();
        let counts = figures(&["count", "won", "lost", "open", "inquiries"]);
        assert_eq!(counts, [Some(3), Some(1), Some(1), Some(1), Some(1)]);
        assert_eq!(live["win_rate"], 0.5);
        // Opened at second 100; lost at 200, won at 400.
        let times = figures(&["resolved_after_median_secs", "resolved_after_mean_secs"]);
        assert_eq!(times, [Some(200), Some(200)]);
        let usd = &live["currencies"][0];
        let money =
            ["amount", "amount_won", "amount_lost", "amount_open"].map(|name| usd[name].as_i64().unwrap());
        assert_eq!(money, [7_000, 2_000, 1_000, 4_000]);
        assert_eq!((&test["livemode"], &test["lost"]), (&json!(false), &json!(1)));
        assert_eq!(test["currencies"][0]["currency"], "jpy");
        let page = desk.said(&["disputes", "summary", "--live"]);
        assert!(page.contains("50.0 % of those decided") && page.contains("70.00 USD"), "{page}");
        let later = desk.json(&["disputes", "summary", "--live", "--since", "2026-05-29"]);
        assert_eq!(later[0]["count"], 1, "only the one that was opened since: {later}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_stay_with_their_authors_and_survive_later_reports() {
    each_desk("notes", async |desk| {
        let sold = sale("a", "user_1", 1_000, 0);
        desk.hears(&sold.paid()).await;
        desk.hears(&[sold.dispute(100, "needs_response", &json!({}))]).await;
        let written = desk.json(&["disputes", "note", "dp_a", "Asked the courier for a signature"]);
        assert_eq!(
            (&written["note"]["number"], &written["note"]["written_by"]),
            (&json!(1), &json!("cli:jane"))
        );
        desk.hears(&[sold.dispute(200, "lost", &json!({}))]).await;
        desk.said(&["disputes", "resolve", "dp_a", "--reason", "No signature", "--by", "joe"]);

        let shown = &desk.json(&["show", "dispute", "dp_a"])[0];
        let notes = shown["notes"].as_array().unwrap();
        assert_eq!(
            [&notes[0]["note"], &notes[1]["note"]],
            ["Asked the courier for a signature", "No signature"]
        );
        assert_eq!([&notes[0]["resolves"], &notes[1]["resolves"]], [false, true]);
        let lines = shown["timeline"].as_array().unwrap();
        let told: Vec<_> =
            lines.iter().map(|l| (l["what"].as_str().unwrap(), l["actor"].as_str().unwrap())).collect();
        // The events of the story happened before the notes were written, whatever was recorded first.
        assert_eq!(
            told,
            [("status", "stripe"), ("status", "stripe"), ("note", "cli:jane"), ("resolution", "cli:joe")]
        );
        let mut revisions: Vec<_> = lines.iter().map(|line| line["revision"].as_i64().unwrap()).collect();
        revisions.sort_unstable();
        assert_eq!(revisions, [1, 2, 3, 4]);
        let page = desk.said(&["show", "dispute", "dp_a"]);
        for part in ["resolved", "by cli:joe", "resolved by note 2", "Asked the courier"] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        assert!(desk.refusal(&["disputes", "note", "dp_b", "x"], 1).contains("no dispute dp_b"));
        desk.refusal(&["disputes", "note", "dp_a", " "], 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_overdue_stays_in_sight_until_it_is_answered_or_resolved() {
    each_desk("overdue", async |desk| {
        let now = clock::now();
        let (late, soon) = (sale("late", "user_1", 1_000, 0), sale("soon", "user_2", 2_000, 50_000));
        for sold in [&late, &soon] {
            desk.hears(&sold.paid()).await;
        }
        let due = json!({"evidence_details": {"due_by": now.timestamp() + 3 * 86_400}});
        desk.hears(&[
            late.dispute(100, "needs_response", &json!({})),
            soon.dispute(100, "needs_response", &due),
        ])
        .await;
        let list = |more: &[&str]| desk.ids(&[&["disputes", "list"], more].concat());
        assert_eq!(list(&[]), ["dp_late", "dp_soon"], "what is overdue stands before what is newer");
        assert_eq!(list(&["--limit", "1"]), ["dp_late"]);
        assert_eq!(list(&["--overdue"]), ["dp_late"]);
        assert_eq!(list(&["--due-within", "7d"]), ["dp_late", "dp_soon"]);
        assert_eq!(list(&["--due-within", "1h"]), ["dp_late"]);
        let rows = desk.json(&["disputes", "list"]);
        assert_eq!((&rows[0]["overdue"], &rows[1]["overdue"]), (&json!(true), &json!(false)));
        assert!(desk.said(&["disputes", "list"]).contains("opened, overdue"));
        assert!(desk.said(&["show", "dispute", "dp_late"]).contains("opened, overdue"));
        let past_due = desk.ledger.disputes_past_due(now).await.unwrap();
        let [live] = &past_due[..] else { panic!("{past_due:?}") };
        assert_eq!((live.livemode, live.count, live.oldest.timestamp()), (true, 1, 1_781_000_000));

        desk.hears(&[late.dispute(900, "under_review", &json!({}))]).await;
        assert!(list(&["--overdue"]).is_empty());
        assert_eq!(list(&[]), ["dp_soon", "dp_late"]);
        assert!(desk.ledger.disputes_past_due(now).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_staff_resolve_leaves_what_is_open_and_comes_back_when_stripe_asks_again() {
    each_desk("resolved", async |desk| {
        let now = clock::now();
        let (late, asked) = (sale("late", "user_1", 1_000, 0), sale("asked", "user_2", 2_000, 50_000));
        for sold in [&late, &asked] {
            desk.hears(&sold.paid()).await;
        }
        desk.hears(&[
            late.dispute(100, "needs_response", &json!({})),
            asked.dispute(100, "warning_needs_response", &json!({})),
        ])
        .await;
        let list = |more: &[&str]| desk.ids(&[&["disputes", "list"], more].concat());
        let resolve =
            |id: &str| desk.said(&["disputes", "resolve", id, "--reason", "given up", "--by", "joe"]);
        assert_eq!(list(&["--open"]), ["dp_late", "dp_asked"]);
        assert!(resolve("dp_late").contains("dp_late resolved by cli:joe: given up"));
        for view in [&["--open"][..], &["--overdue"], &["--due-within", "7d"]] {
            assert_eq!(list(view), ["dp_asked"], "{view:?}");
            assert_eq!(list(&[view, &["--all"]].concat()), ["dp_late", "dp_asked"], "{view:?}");
        }
        assert_eq!(list(&[]), ["dp_asked", "dp_late"], "it is no longer overdue");
        assert_eq!(desk.ledger.disputes_past_due(now).await.unwrap()[0].count, 1);
        let gauges = desk.ledger.gauges(now - chrono::TimeDelta::days(300), now).await.unwrap();
        assert_eq!(gauges.evidence_due.len(), 1, "nor is it due: {:?}", gauges.evidence_due);

        let shown = &desk.json(&["show", "dispute", "dp_late"])[0]["dispute"];
        assert_eq!((&shown["stripe_status"], &shown["status"]), (&json!("needs_response"), &json!("opened")));
        assert_eq!(
            (&shown["resolved"]["by"], &shown["resolved"]["reason"]),
            (&json!("cli:joe"), &json!("given up"))
        );
        assert!(shown["resolved"]["at"].is_string());
        let page = desk.said(&["show", "dispute", "dp_late"]);
        assert!(page.contains("opened, resolved") && page.contains("by cli:joe, 20"), "{page}");
        assert!(desk.said(&["show", "invoice", "in_late"]).contains("opened, resolved"));

        // What Stripe reports later is shown as ever; it asks for nothing.
        desk.hears(&[late.dispute(900, "lost", &json!({}))]).await;
        let row = &desk.json(&["disputes", "list", "--status", "lost"])[0];
        assert_eq!((&row["id"], &row["resolved"]["by"]), (&json!("dp_late"), &json!("cli:joe")));
        let appealed = late.dispute(950, "appeal_needs_response", &json!({}));
        desk.hears(&[appealed]).await;
        assert_eq!(list(&["--open"]), ["dp_late", "dp_asked"], "an appeal wants an answer");

        // So does an inquiry that becomes a dispute.
        resolve("dp_asked");
        assert_eq!(list(&["--open"]), ["dp_late"]);
        desk.hears(&[asked.dispute(300, "needs_response", &json!({}))]).await;
        assert_eq!(list(&["--open"]), ["dp_late", "dp_asked"]);
        assert!(
            desk.said(&["show", "dispute", "dp_asked"]).contains("until Stripe asked for another answer")
        );

        // And another date.
        resolve("dp_asked");
        assert_eq!(list(&["--open"]), ["dp_late"]);
        let later = json!({"evidence_details": {"due_by": now.timestamp() + 86_400}});
        desk.hears(&[asked.dispute(301, "needs_response", &later)]).await;
        assert_eq!(list(&["--open"]), ["dp_late", "dp_asked"]);

        resolve("dp_asked");
        desk.said(&["disputes", "reopen", "dp_asked", "--reason", "the courier found it"]);
        assert_eq!(list(&["--open"]), ["dp_late", "dp_asked"]);
        let page = desk.said(&["show", "dispute", "dp_asked"]);
        for part in ["until staff reopened it", "reopened by note 4", "the courier found it"] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        let refusal = desk.refusal(&["disputes", "reopen", "dp_asked", "--reason", "x"], 2);
        assert!(refusal.contains("not resolved"), "{refusal}");
    })
    .await;
}
