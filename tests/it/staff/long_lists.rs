//! A payout of more pages than a list is held in memory for: `tidegate reconcile` reads it page by page, to its end.

use chrono::{Days, NaiveTime, TimeDelta};
use serde_json::{Value, json};
use shared::clock;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::desk::{each_desk, text};

/// One more than the longest list that is read at once.
const PAGES: i64 = 501;

/// A Stripe that lists one transaction a page; gives its address.
async fn stripe(noon: i64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = BufReader::new(&mut stream).lines();
            let target = head.next_line().await.unwrap().unwrap_or_default();
            while head.next_line().await.unwrap().is_some_and(|line| !line.is_empty()) {}
            let body = answer(&target, noon).to_string();
            let length = body.len();
            let reply =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    });
    url
}

fn answer(target: &str, noon: i64) -> Value {
    let list =
        |data: &[Value], has_more: bool| json!({ "object": "list", "data": data, "has_more": has_more });
    if target.contains("/payouts") {
        let payout = json!({ "id": "po_1", "object": "payout", "amount": PAGES, "currency": "usd", "automatic": true,
            "reconciliation_status": "completed", "created": noon });
        return list(&[payout], false);
    }
    if target.contains("/balance_transactions") && target.contains("payout=po_1") {
        let after = target.split_once("starting_after=txn_").map_or("0", |(_, rest)| rest);
        let number: i64 = after.split(['&', ' ']).next().unwrap().parse::<i64>().unwrap() + 1;
        let transaction = json!({ "id": format!("txn_{number}"), "object": "balance_transaction", "amount": 1, "fee": 0,
            "net": 1, "currency": "usd", "type": "stripe_fee", "reporting_category": "fee", "source": null,
            "status": "available", "balance_type": "payments", "created": noon, "available_on": noon });
        return list(&[transaction], number < PAGES);
    }
    if target.contains("/balance_transactions") {
        return list(&[], false);
    }
    json!({ "object": "balance", "available": [{ "amount": PAGES, "currency": "usd" }], "pending": [] })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payout_of_any_size_is_read_to_its_end() {
    each_desk("long_lists", async |desk| {
        let day = (clock::now() - Days::new(5)).date_naive();
        let noon = (day.and_time(NaiveTime::MIN) + TimeDelta::hours(12)).and_utc().timestamp();
        let settings = [
            ("STRIPE_SECRET_KEY", "rk_live_0123456789abcdef".to_owned()),
            ("STRIPE_API_URL", stripe(noon).await),
            ("STRIPE_RATE_PER_SEC", "100".to_owned()),
        ];
        let day = day.to_string();
        let output = desk.run_with(&settings, &["reconcile", "--day", &day, "--no-refetch", "--json"]);
        let compared: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        assert_eq!(compared["verdict"], "reconciled", "{compared}{}", text(&output.stderr));
        let payout = &compared["payouts"][0];
        assert_eq!((&payout["items"], &payout["outcome"]), (&json!(PAGES), &json!("agrees")));
        assert_eq!(compared["transactions"], PAGES, "all of them are kept");
    })
    .await;
}
