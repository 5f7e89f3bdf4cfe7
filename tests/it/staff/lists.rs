//! `tidegate invoices`, `payments` and `anomalies`.

use harness::histories::agreeing;
use ledger::views::lists::{PAYMENT_FAILED, PaymentFilter};
use ledger::views::page::Part;
use ledger::views::search::Whose;
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

/// What an invoice reports names neither payment nor reason: it is listed where nothing else is known of the attempt.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_its_invoice_reports_too_is_listed_once() {
    each_desk("twice_failed", async |desk| {
        let (known, hidden) = (sale("known", "user_1", 1_000, 0), sale("hidden", "user_2", 1_000, 100));
        desk.hears(&[known.invoice("finalized", 0, "open", &json!({})), known.declined(10, "card_declined")])
            .await;
        for sale in [&known, &hidden] {
            desk.hears(&[sale.invoice("payment_failed", 10, "open", &json!({"attempt_count": 1}))]).await;
        }
        let listed = desk.document(&["failures", "list"]);
        let rows = listed["items"].as_array().unwrap();
        let told: Vec<_> =
            rows.iter().map(|row| (row["payment"].as_str(), row["invoice"].as_str())).collect();
        assert_eq!(told, [(None, Some("in_hidden")), (Some("pi_known"), None)], "{listed}");
        let of_invoice = desk.document(&["failures", "list", "--invoice", "in_known"]);
        assert_eq!(
            of_invoice["items"].as_array().unwrap().len(),
            1,
            "asked for by its invoice: {of_invoice}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_found_by_the_time_of_failure_and_unknown_words_are_refused() {
    each_desk("failures", async |desk| {
        let (old, new) = (sale("old", "user_1", 1_000, 0), sale("new", "user_2", 1_000, 300_000));
        desk.hears(&[old.declined(10, "card_declined"), old.declined(200_000, "insufficient_funds")]).await;
        desk.hears(&[new.declined(10, "expired_card")]).await;
        desk.hears(&new.paid()).await;
        desk.hears(&sale("well", "user_3", 1_000, 400_000).paid()).await;
        let list = |more: &[&str]| desk.ids(&[&["payments", "list"], more].concat());
        // The story begins at 2026-05-28T20:26:40Z; second 200,000 is in the morning of the 31st.
        assert_eq!(
            list(&["--failed-since", "2026-05-28"]),
            ["pi_new", "pi_old"],
            "each once, the latest first"
        );
        assert_eq!(list(&["--failed-since", "2026-05-30", "--failed-until", "2026-06-01"]), ["pi_old"]);
        assert_eq!(list(&["--failed-until", "2026-05-29"]), ["pi_old"]);
        assert_eq!(list(&["--failed-since", "2026-05-30", "--until", "2026-05-29", "--live"]), ["pi_old"]);
        assert!(list(&["--failed-since", "7d"]).is_empty(), "by their own time, not by that of handling");
        assert!(list(&["--failed-since", "2026-05-28", "--test-mode"]).is_empty());
        let table = desk.said(&["payments", "list", "--failed-since", "2026-05-30"]);
        assert!(table.contains("insufficient_funds") && table.contains("2026-05-31 04:00:00"), "{table}");

        assert_eq!(list(&["--status", "payment_failed"]), ["pi_old"], "the other one went through since");
        let mut tx = desk.ledger.read().await.unwrap();
        let (all, part) = (PaymentFilter::default(), Part::first(100));
        for payment in tx.payments(&all, &part).await.unwrap().rows {
            let failed = PaymentFilter { status: Some(PAYMENT_FAILED.to_owned()), ..all.clone() };
            let listed = tx.payments(&failed, &part).await.unwrap().rows.contains(&payment);
            assert_eq!(listed, payment.has_failed(), "{}: the list and the rule agree", payment.key.id);
        }
        assert_eq!(list(&["--status", "failed"]), ["pi_old"], "as the search box says it");
        let refusal = desk.refusal(&["payments", "list", "--status", "declined"], 2);
        assert!(
            refusal.contains("payment_failed") && refusal.contains("requires_payment_method"),
            "{refusal}"
        );
        desk.refusal(&["payments", "list", "--failed-since", "1d", "--failed-until", "2d"], 2);
        for words in [["disputes", "list"], ["invoices", "list"], ["refunds", "list"]] {
            let refusal = desk.refusal(&[&words[..], &["--status", "bogus"]].concat(), 2);
            assert!(refusal.contains("possible values") && refusal.contains("unknown"), "{refusal}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_are_found_by_their_own_time() {
    each_desk("refunds", async |desk| {
        let (one, other) = (sale("one", "user_1", 1_000, 0), sale("other", "user_2", 1_000, 10));
        for sold in [&one, &other] {
            desk.hears(&sold.paid()).await;
        }
        desk.hears(&[
            one.refund("late", 200_000, "succeeded", 100),
            one.refund("early", 50, "failed", 200),
            other.refund("other", 60, "pending", 300),
        ])
        .await;
        let list = |more: &[&str]| desk.ids(&[&["refunds", "list"], more].concat());
        assert_eq!(list(&[]), ["re_late", "re_other", "re_early"], "the newest first");
        assert_eq!(list(&["--since", "2026-05-30"]), ["re_late"], "its payment is older");
        assert_eq!(list(&["--until", "2026-05-30", "--status", "failed"]), ["re_early"]);
        assert_eq!(list(&["--payment", "pi_one"]), ["re_late", "re_early"]);
        assert_eq!(list(&["--limit", "1"]), ["re_late"]);
        assert!(list(&["--test-mode"]).is_empty());
        let table = desk.said(&["refunds", "list", "--payment", "pi_other"]);
        for part in ["3.00 USD", "pending", "pi_other", "ch_other"] {
            assert!(table.contains(part), "{part} is not in\n{table}");
        }
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

        let shown = desk.document(&["anomalies"]);
        let mut told: Vec<String> = Vec::new();
        for object in shown["items"].as_array().unwrap() {
            for contradiction in object["contradictions"].as_array().unwrap() {
                let anomaly = contradiction["anomaly"].as_str().unwrap();
                told.push(format!(
                    "{} {} {anomaly}",
                    object["kind"].as_str().unwrap(),
                    object["id"].as_str().unwrap()
                ));
            }
        }
        told.sort();
        assert_eq!(
            told,
            [
                "charge ch_over dispute_exceeds_charge",
                "charge ch_over refunds_exceed_charge",
                "invoice in_foreign payment_currency",
            ]
        );
        let csv = desk.said(&["anomalies", "--csv"]);
        assert!(csv.contains("dispute_exceeds_charge,refunds_exceed_charge"), "one line an object:\n{csv}");
        assert!(csv.contains("dp_over claims 30.00 USD; charged 10.00 USD / refunded 15.00 USD"), "{csv}");
        let page = desk.said(&["anomalies"]);
        for part in [
            "dp_over claims 30.00 USD; charged 10.00 USD",
            "refunded 15.00 USD; captured 10.00 USD",
            "pi_foreign is of 10.00 EUR; due 10.00 USD",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        assert!(desk.ids(&["anomalies", "--test-mode"]).is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_stripe_can_tell_is_counted_and_listed() {
    each_desk("uncertain", async |desk| {
        let sold = sale("a", "user_1", 1_000, 0);
        let mut other = sold.payment("processing", 5, "processing", &json!({}));
        other.header.id = "evt_other".to_owned();
        let other = agreeing(other);
        desk.hears(&[sold.payment("processing", 5, "requires_action", &json!({})), other]).await;
        let mut tx = desk.ledger.read().await.unwrap();
        assert_eq!(tx.count_uncertain(&Whose::default()).await.unwrap(), [("payment", 1)]);
        drop(tx);
        assert_eq!(desk.ids(&["anomalies", "--uncertain"]), ["pi_a"]);
        assert!(desk.said(&["show", "payment", "pi_a"]).contains("only Stripe can tell"));
    })
    .await;
}
