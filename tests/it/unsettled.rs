//! What of a day's charges and refunds may still move Stripe's balance, or should have: authorisations, bank debits on
//! their way, and debits and refunds that ended after their money was counted.

use chrono::{DateTime, TimeDelta, Utc};
use domain::Key;
use domain::reconciliation::{BalanceTransaction, Category};
use ledger::Ledger;
use serde_json::{Value, json};

use crate::ledgers::{each_ledger, envelope, together};

const START: i64 = 1_780_000_000;

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(START, 0).unwrap()
}

async fn tell(ledger: &Ledger, kind: &str, second: i64, object: &Value) {
    let id = format!("evt_{}_{}_{second}", kind.replace('.', "_"), object["id"].as_str().unwrap());
    together(ledger, &[&envelope(&id, kind, second, object)]).await;
}

fn charge(id: &str, status: &str, captured: i64) -> Value {
    json!({ "id": id, "object": "charge", "status": status, "amount": 900, "amount_captured": captured,
        "captured": captured > 0, "paid": status == "succeeded", "amount_refunded": 0, "currency": "usd",
        "created": START, "payment_intent": format!("pi_of_{id}"),
        "failure_code": (status == "failed").then_some("insufficient_funds") })
}

fn key(id: &str) -> Key {
    Key { id: id.to_owned(), account: String::new(), livemode: true }
}

async fn moved(ledger: &Ledger, id: &str, kind: &str, source: &str, amount: i64) {
    keep(ledger, transaction(id, kind, source, amount)).await;
}

fn transaction(id: &str, kind: &str, source: &str, amount: i64) -> BalanceTransaction {
    BalanceTransaction {
        key: key(id),
        kind: kind.to_owned(),
        reporting_category: kind.to_owned(),
        amount,
        fee: 0,
        net: amount,
        currency: "usd".to_owned(),
        exchange_rate: None,
        source: Some(source.to_owned()),
        payout: None,
        status: "available".to_owned(),
        balance_type: None,
        created_at: start(),
        available_at: None,
    }
}

async fn keep(ledger: &Ledger, transaction: BalanceTransaction) {
    let mut tx = ledger.begin().await.unwrap();
    tx.keep_balance_transactions(&[transaction], start()).await.unwrap();
    tx.commit().await.unwrap();
}

fn refund(id: &str, status: &str) -> Value {
    json!({ "id": id, "object": "refund", "status": status, "amount": 300, "currency": "usd", "charge": "ch_held",
        "created": START })
}

/// Kind, object and amount of what has not moved the balance.
async fn unmoved(ledger: &Ledger) -> Vec<(String, String, i64)> {
    let whose = key("");
    let (from, until) = (start() - TimeDelta::hours(1), start() + TimeDelta::hours(1));
    let mut tx = ledger.read().await.unwrap();
    let found = tx.unmoved(&whose, from, until).await.unwrap();
    found.into_iter().map(|it| (it.kind, it.id, it.amount)).collect()
}

fn of(kind: &str, id: &str, amount: i64) -> (String, String, i64) {
    (kind.to_owned(), id.to_owned(), amount)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_stays_open_until_it_is_captured_given_up_or_failed() {
    each_ledger("unsettled", async |ledger, _| {
        tell(&ledger, "charge.succeeded", 0, &charge("ch_held", "succeeded", 0)).await;
        tell(&ledger, "charge.pending", 0, &charge("py_debit", "pending", 0)).await;
        tell(&ledger, "charge.failed", 0, &charge("ch_declined", "failed", 0)).await;
        assert_eq!(unmoved(&ledger).await, [of("open_charge", "ch_held", 900), of("open_charge", "py_debit", 900)]);

        // Captured: now its transaction is missing. On its way with its transaction: nothing is.
        tell(&ledger, "charge.captured", 60, &charge("ch_held", "succeeded", 900)).await;
        moved(&ledger, "txn_1", "payment", "py_debit", 900).await;
        assert_eq!(unmoved(&ledger).await, [of("charge", "ch_held", 900)]);
        moved(&ledger, "txn_2", "charge", "ch_held", 900).await;
        assert_eq!(unmoved(&ledger).await, []);

        // Failed after its money was counted: that must go back.
        tell(&ledger, "charge.failed", 120, &charge("py_debit", "failed", 0)).await;
        assert_eq!(unmoved(&ledger).await, [of("payment_failure", "py_debit", -900)]);
        moved(&ledger, "txn_3", "payment_failure_refund", "py_debit", -900).await;
        assert_eq!(unmoved(&ledger).await, []);

        // An authorisation that was given up moves nothing any more.
        tell(&ledger, "charge.succeeded", 180, &charge("ch_given", "succeeded", 0)).await;
        assert_eq!(unmoved(&ledger).await, [of("open_charge", "ch_given", 900)]);
        let canceled = json!({ "id": "pi_of_ch_given", "object": "payment_intent", "status": "canceled",
            "amount": 900, "amount_received": 0, "currency": "usd", "created": START, "latest_charge": "ch_given",
            "metadata": {} });
        tell(&ledger, "payment_intent.canceled", 240, &canceled).await;
        assert_eq!(unmoved(&ledger).await, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_stays_open_until_it_has_moved_the_balance() {
    each_ledger("unsettled_refund", async |ledger, _| {
        tell(&ledger, "charge.captured", 0, &charge("ch_held", "succeeded", 900)).await;
        moved(&ledger, "txn_1", "charge", "ch_held", 900).await;
        tell(&ledger, "refund.created", 60, &refund("re_1", "pending")).await;
        assert_eq!(unmoved(&ledger).await, [of("open_refund", "re_1", -300)]);
        tell(&ledger, "refund.updated", 120, &refund("re_1", "succeeded")).await;
        assert_eq!(unmoved(&ledger).await, [of("refund", "re_1", -300)], "done, and nothing has left");
        moved(&ledger, "txn_2", "refund", "re_1", -300).await;
        assert_eq!(unmoved(&ledger).await, []);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_money_of_a_refund_that_ended_is_awaited_until_it_is_back() {
    each_ledger("unsettled_back", async |ledger, _| {
        tell(&ledger, "charge.captured", 0, &charge("ch_held", "succeeded", 900)).await;
        moved(&ledger, "txn_1", "charge", "ch_held", 900).await;
        let words = [
            ("failed", "payment_refund", "refund"),
            ("canceled", "refund_failure", "refund_failure"),
            ("failed", "adjustment", "refund_failure"),
        ];
        for (second, (status, kind, reporting_category)) in (0..).step_by(300).zip(words) {
            let id = format!("re_{kind}");
            tell(&ledger, "refund.created", second, &refund(&id, "pending")).await;
            moved(&ledger, &format!("txn_{kind}_out"), "payment_refund", &id, -300).await;
            assert_eq!(unmoved(&ledger).await, []);
            tell(&ledger, "refund.updated", second + 60, &refund(&id, status)).await;
            assert_eq!(unmoved(&ledger).await, [of("refund_failure", &id, 300)], "{status}");
            let back = BalanceTransaction {
                reporting_category: reporting_category.to_owned(),
                ..transaction(&format!("txn_{kind}_back"), kind, &id, 300)
            };
            keep(&ledger, back).await;
            assert_eq!(unmoved(&ledger).await, [], "{kind}");
        }
        tell(&ledger, "refund.created", 1_000, &refund("re_never", "pending")).await;
        tell(&ledger, "refund.updated", 1_060, &refund("re_never", "canceled")).await;
        assert_eq!(unmoved(&ledger).await, [], "what never left does not come back");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_payout_gave_back_and_got_back_are_two_sums() {
    each_ledger("payout_items", async |ledger, _| {
        for (id, amount) in [("txn_1", -300), ("txn_2", 300), ("txn_3", -200)] {
            let payout = Some("po_1".to_owned());
            keep(&ledger, BalanceTransaction { payout, ..transaction(id, "payment_refund", "re_1", amount) })
                .await;
        }
        let items = ledger.read().await.unwrap().payout_items(&key("po_1")).await.unwrap();
        let sums: Vec<(Category, i64)> = items.iter().map(|item| (item.category(), item.amount)).collect();
        assert_eq!(sums, [(Category::Refund, -500), (Category::RefundFailure, 300)]);
    })
    .await;
}
