//! The lines about money: failed attempts of the hour, disputes that are due or past it, and dead letters.

use std::time::Duration;

use bytes::Bytes;
use harness::stack::{Stack, each_combination};
use serde_json::{Value, json};

use super::{json, marks, told};

const PATIENCE: Duration = Duration::from_mins(1);
const HOUR_SECS: i64 = 3_600;

/// A live event of this type around the object, stamped so many seconds ago.
fn event(id: &str, kind: &str, age_secs: i64, object: &Value) -> Bytes {
    let created = shared::clock::now().timestamp() - age_secs;
    json!({ "id": id, "object": "event", "api_version": "2024-06-20", "created": created, "livemode": true,
        "pending_webhooks": 1, "request": { "id": null }, "type": kind, "data": { "object": object } })
    .to_string()
    .into()
}

fn failed(id: &str) -> Value {
    json!({ "id": id, "object": "payment_intent", "status": "requires_payment_method", "amount": 500, "currency": "usd",
        "last_payment_error": { "code": "card_declined", "type": "card_error" } })
}

fn dispute(id: &str, due_in_hours: i64, amount: i64) -> Value {
    let now = shared::clock::now().timestamp();
    json!({ "id": id, "object": "dispute", "amount": amount, "currency": "usd", "status": "needs_response", "created": now - HOUR_SECS,
        "charge": format!("ch_{id}"), "reason": "fraudulent", "balance_transactions": [],
        "evidence_details": { "due_by": now + due_in_hours * HOUR_SECS, "submission_count": 0 } })
}

#[tokio::test]
async fn the_screen_tells_what_happens_to_money() {
    each_combination(async |combination| {
        let stack = Stack::start(combination).await;
        let status = json(&stack.run(&["status", "--json"], &[]));
        assert_eq!(marks(&status["lines"], "money"), ["ok", "ok"], "{status:#}");
        let spoiled = json!({ "id": "pi_9", "object": "payment_intent", "status": "succeeded", "amount": 4_200, "currency": "eur", "amount_received": "x" });
        let events = [
            event("evt_1", "payment_intent.payment_failed", 60, &failed("pi_1")),
            event("evt_2", "payment_intent.payment_failed", 120, &failed("pi_2")),
            event("evt_3", "payment_intent.payment_failed", 2 * HOUR_SECS, &failed("pi_3")),
            event("evt_4", "charge.dispute.created", 60, &dispute("dp_1", 12, 1_000)),
            event("evt_5", "charge.dispute.created", 60, &dispute("dp_2", -30 * 24, 2_500)),
            event("evt_6", "charge.dispute.created", 60, &dispute("dp_3", 20 * 24, 9_900)),
            event("evt_7", "payment_intent.succeeded", 60, &spoiled),
        ];
        for event in &events {
            assert!(stack.client().send(event).await.accepted());
        }
        stack.ledger().has_handled(events.len(), PATIENCE).await.unwrap();

        let output = stack.run(&["status", "--json"], &[]);
        let status = json(&output);
        let (lines, live) = (&status["lines"], &status["ledger"]["money"]["live"]);
        assert_eq!(marks(lines, "money"), ["ok", "act", "look"], "{lines:#}");
        assert_eq!(output.status.code(), Some(1), "a dispute is due within a day");
        let told = told(lines, "money");
        for part in [
            "2 payment attempts failed in the last hour; the usual rate is not known yet",
            "1 dispute is due within 3 d (10.00 USD), the first in 1",
            "1 dispute is past the deadline without an answer (25.00 USD)",
            "dead letters about 1 object name 42.00 EUR",
        ] {
            assert!(told.contains(part), "{part} is not in\n{told}");
        }
        assert_eq!((&live["failed_last_hour"], &live["failed_usually"]), (&json!(2), &Value::Null));
        assert_eq!((&live["past_due"]["disputes"], &live["dead_at_risk"]["eur"]), (&json!(1), &json!(4_200)));
        stack.end().await;
    })
    .await;
}
