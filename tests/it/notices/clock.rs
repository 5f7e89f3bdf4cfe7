//! What no event makes true but the time: evidence that is due, a card that expires, and incidents that last. Each is told
//! once, however often a worker looks, and however many start anew.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use domain::notices::by_time::expires_soon;
use harness::receiver::{Received, Receiver};
use harness::stack::Stack;
use serde_json::{Value, json};
use shared::clock;

use super::scene::{KEY, OF_BOTH, json_of, tell, wait};

/// A dispute whose evidence is due at a moment.
async fn disputed(stack: &Stack, id: &str, due: DateTime<Utc>) {
    let created = clock::now().timestamp() - 60;
    let (charge, payment) = (format!("ch_{id}"), format!("pi_{id}"));
    let dispute = json!({ "id": id, "object": "dispute", "status": "needs_response", "amount": 900, "currency": "usd",
        "created": created, "charge": charge, "payment_intent": payment, "reason": "fraudulent",
        "evidence_details": { "due_by": due.timestamp(), "submission_count": 0 } });
    tell(stack, "charge.dispute.created", &dispute, 60).await;
}

/// A running subscription, and a payment of its customer by a card that is good until the end of this month.
async fn subscribed(stack: &Stack, now: DateTime<Utc>) {
    let created = now.timestamp() - 60;
    let subscription = json!({ "id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active",
        "created": created, "items": { "data": [] }, "metadata": {} });
    let paid = json!({ "id": "pi_card", "object": "payment_intent", "amount": 1999, "amount_received": 1999,
        "currency": "usd", "status": "succeeded", "created": created, "customer": "cus_1", "metadata": {} });
    let charged = json!({ "id": "ch_card", "object": "charge", "status": "succeeded", "amount": 1999,
        "amount_captured": 1999, "captured": true, "paid": true, "currency": "usd", "created": created,
        "customer": "cus_1", "payment_intent": "pi_card", "payment_method_details": { "type": "card",
        "card": { "brand": "visa", "last4": "4242", "exp_month": now.month(), "exp_year": now.year() } } });
    tell(stack, "customer.subscription.created", &subscription, 60).await;
    tell(stack, "payment_intent.succeeded", &paid, 60).await;
    tell(stack, "charge.succeeded", &charged, 60).await;
}

/// What was told, by kind and object.
fn told(receiver: &Receiver) -> Vec<(String, String, Value)> {
    let read = |one: &Received| {
        let body = one.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&body["type"]), text(&body["object"]["id"]), body["data"].clone())
    };
    receiver.received().iter().map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_expiring_cards_and_incidents_are_told_once_by_the_clock() {
    for combination in OF_BOTH {
        let mut stack = Stack::start_with(combination, &[KEY]).await;
        let receiver = Receiver::start().await.unwrap();
        let url = receiver.url();
        let kinds = "dispute.evidence_due,dispute.evidence_overdue,card.expires,incident.opened";
        let add = [
            "notices",
            "targets",
            "add",
            "hook",
            "webhook",
            url.as_str(),
            "--allow-private",
            "--kind",
            kinds,
        ];
        stack.tidegate(&add).await.unwrap();

        let now = clock::now();
        disputed(&stack, "dp_soon", now + TimeDelta::hours(47)).await;
        disputed(&stack, "dp_late", now - TimeDelta::hours(1)).await;
        disputed(&stack, "dp_far", now + TimeDelta::days(9)).await;
        subscribed(&stack, now).await;
        let odd =
            json!({ "id": "pi_odd", "object": "payment_intent", "status": "succeeded", "amount": "a lot" });
        tell(&stack, "payment_intent.succeeded", &odd, 0).await;
        let dead = "SELECT count(*) FROM events WHERE outcome = 'dead'";
        wait(&stack, "a dead letter", async || stack.ledger().count(dead).await.unwrap() == 1).await;
        stack.tidegate(&["checkout", "close", "--reason", "prices are wrong"]).await.unwrap();

        // Cards are looked at when a worker begins, and then every hour.
        let mut workers = stack.names();
        workers.retain(|name| !name.starts_with("gateway") && !name.starts_with("console"));
        let card = expires_soon(i64::from(now.year()), i64::from(now.month()), now);
        let mut expected = vec![
            ("dispute.evidence_due", "dp_soon"),
            ("dispute.evidence_overdue", "dp_late"),
            ("incident.opened", "checkout_closed"),
            ("incident.opened", "dead_letters"),
        ];
        if card {
            expected.insert(0, ("card.expires", "cus_1"));
        }
        let count = expected.len();
        for _ in 0..2 {
            for worker in &workers {
                stack.kill(worker);
            }
            for worker in &workers {
                stack.spawn(worker).unwrap();
                stack.wait_until_ready(worker).await.unwrap();
            }
            wait(&stack, "everything to be told", async || receiver.received().len() >= count).await;
        }
        let told = told(&receiver);
        let mut kinds: Vec<(&str, &str)> =
            told.iter().map(|(kind, object, _)| (kind.as_str(), object.as_str())).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, expected, "{told:?}");
        let of = |object: &str| &told.iter().find(|(_, id, _)| id == object).unwrap().2;
        assert_eq!(of("dp_soon")["days"], 3, "the nearest reminder that has come");
        assert_eq!(of("dp_late")["days"], 0);
        assert_eq!(of("dead_letters")["count"], 1);
        if card {
            assert_eq!(
                (&of("cus_1")["last4"], &of("cus_1")["exp_month"]),
                (&json!("4242"), &json!(now.month()))
            );
        }
        let listed = json_of(&stack, &["notices", "list", "--kind", "incident.opened"]).await;
        assert_eq!(listed["items"].as_array().unwrap().len(), 2, "{listed}");
        stack.end().await;
    }
}
