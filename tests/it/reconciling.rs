//! The worker compares the last day by itself: what the ledger lacks is read from Stripe again, applied, and then
//! judged; a day that does not agree leaves a finding, and the figures of it are metrics.

use std::time::Duration;

use chrono::{Days, NaiveTime, TimeDelta};
use fake_stripe::FakeStripe;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use serde_json::{Value, json};
use shared::clock;

const PATIENCE: Duration = Duration::from_mins(2);

fn transaction(id: &str, source: &str, created: i64) -> Value {
    json!({
        "id": id, "object": "balance_transaction", "amount": 5_000, "fee": 100, "net": 4_900, "currency": "usd",
        "type": "charge", "reporting_category": "charge", "source": source, "status": "available",
        "balance_type": "payments", "created": created, "available_on": created, "exchange_rate": null,
    })
}

fn charge(id: &str, created: i64) -> Value {
    json!({
        "id": id, "object": "charge", "status": "succeeded", "amount": 5_000, "amount_captured": 5_000,
        "amount_refunded": 0, "captured": true, "currency": "usd", "created": created,
        "payment_intent": format!("pi_of_{id}"),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_day_is_compared_by_the_clock_and_what_is_missing_is_asked_for_first() {
    for combination in [Combination::SqliteSqlite, Combination::RabbitPostgres] {
        eprintln!("on {combination:?}");
        // The day before the last six o'clock.
        let day = (clock::now() - TimeDelta::hours(6)).date_naive() - Days::new(1);
        let noon = (day.and_time(NaiveTime::MIN) + TimeDelta::hours(12)).and_utc().timestamp();
        let stripe = FakeStripe::start(true).await.unwrap();
        for (number, source) in [("1", "ch_Missed1"), ("2", "ch_Gone1")] {
            stripe.put("", &transaction(&format!("txn_{number}"), source, noon));
        }
        stripe.put("", &charge("ch_Missed1", noon));
        let mut settings = stripe.settings();
        settings.push(("STRIPE_REFETCH_INTERVAL_SECS", "1".to_owned()));
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let stack = Stack::start_with(combination, &settings).await;
        let reaches = async |statement: &'static str, goal: i64| {
            let reached = until(statement, PATIENCE, async || {
                Ok(stack.ledger().count(statement).await.is_ok_and(|count| count == goal))
            });
            assert!(reached.await.is_ok(), "{statement} never was {goal}\n{}", stack.logs());
        };
        reaches("SELECT count(*) FROM reconciliations WHERE verdict = 'differences' AND differences = 1", 1)
            .await;
        reaches("SELECT count(*) FROM charges WHERE id = 'ch_Missed1' AND amount_captured = 5000", 1).await;
        reaches("SELECT count(*) FROM findings WHERE subject_id = 'ch_Gone1' AND severity = 'critical'", 1)
            .await;
        reaches("SELECT count(*) FROM findings", 1).await;
        let asked =
            stripe.requests().iter().filter(|request| request.contains("/charges/ch_Missed1")).count();
        assert_eq!(asked, 1, "it is asked for once: {:?}", stripe.requests());
        let worker = if combination.has_broker() { "worker-1" } else { "tidegate" };
        let shown = "tidegate_reconciliation_above_tolerance{mode=\"live\"} 1";
        let mut stack = stack;
        let text = stack.metrics(worker).await.unwrap();
        assert!(text.contains(shown), "{text}");
        stack.end().await;
    }
}
