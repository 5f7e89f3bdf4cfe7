//! Objects that events contradict each other about are read again from Stripe, and settled by its answer;
//! what the answer does not settle is not asked for again.

use std::time::Duration;

use fake_stripe::FakeStripe;
use harness::client::Answer;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use serde_json::{Value, json};
use shared::clock;

const PATIENCE: Duration = Duration::from_mins(2);

struct Scene {
    stack: Stack,
    stripe: FakeStripe,
    /// Seconds since 1970, an hour ago.
    then: i64,
}

impl Scene {
    async fn begin(combination: Combination) -> Self {
        let stripe = FakeStripe::start(true).await.unwrap();
        let mut settings = stripe.settings();
        settings.push(("STRIPE_REFETCH_INTERVAL_SECS", "1".to_owned()));
        settings.push(("STRIPE_COMPLETENESS_INTERVAL_SECS", "3600".to_owned()));
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let stack = Stack::start_with(combination, &settings).await;
        Self { stack, stripe, then: clock::now().timestamp() - 3_600 }
    }

    async fn tell(&self, id: &str, kind: &str, object: &Value) {
        let event = json!({
            "id": id, "object": "event", "api_version": "2024-09-30.acacia", "created": self.then,
            "data": { "object": object }, "livemode": true, "pending_webhooks": 1, "type": kind,
        });
        let sent = self.stack.client().send(&event.to_string().into()).await;
        assert_eq!(sent, Answer::Status(200));
    }

    /// Two reports of one second that say different things.
    async fn contest(&self, payment: &str) {
        for status in ["processing", "requires_action"] {
            let kind = format!("payment_intent.{status}");
            self.tell(&format!("evt_{payment}_{status}"), &kind, &paid(payment, status)).await;
        }
    }

    async fn reaches(&self, statement: &'static str, goal: i64) {
        let reached = until(statement, PATIENCE, async || {
            Ok(self.stack.ledger().count(statement).await.is_ok_and(|count| count == goal))
        });
        assert!(reached.await.is_ok(), "{statement} never was {goal}\n{}", self.stack.logs());
    }

    fn asked_for(&self, path: &str) -> usize {
        self.stripe.requests().iter().filter(|request| request.ends_with(path)).count()
    }
}

fn paid(id: &str, status: &str) -> Value {
    json!({ "id": id, "object": "payment_intent", "status": status, "amount": 500, "currency": "usd",
        "created": 1_780_000_000, "metadata": {} })
}

fn charged(id: &str) -> Value {
    json!({ "id": id, "object": "charge", "status": "succeeded", "amount": 500, "amount_captured": 500,
        "amount_refunded": 300, "captured": true, "currency": "usd", "created": 1_780_000_000,
        "payment_intent": format!("pi_of_{id}") })
}

fn refunded(id: &str, charge: &str, amount: i64) -> Value {
    json!({ "id": id, "object": "refund", "status": "succeeded", "amount": amount, "currency": "usd",
        "charge": charge, "created": 1_780_000_000 })
}

#[tokio::test(flavor = "multi_thread")]
async fn stripe_settles_what_events_contradict_each_other_about() {
    for combination in [Combination::SqliteSqlite, Combination::RabbitPostgres] {
        eprintln!("on {combination:?}");
        let scene = Scene::begin(combination).await;
        scene.stripe.put("", &paid("pi_1", "processing"));
        scene.contest("pi_1").await;
        scene.contest("pi_gone").await;
        scene.reaches("SELECT count(*) FROM payments WHERE id = 'pi_1' AND NOT needs_refetch AND status = 'processing'", 1).await;
        scene
            .reaches("SELECT count(*) FROM events WHERE source = 'refetch' AND outcome = 'applied'", 1)
            .await;
        scene.reaches("SELECT count(*) FROM refetches WHERE id = 'pi_gone' AND answer = 'missing'", 1).await;

        // Whatever is asked for later was preceded by many rounds: nothing was asked for twice.
        scene.stripe.put("", &paid("pi_2", "canceled"));
        scene.contest("pi_2").await;
        scene.reaches("SELECT count(*) FROM payments WHERE id = 'pi_2' AND status = 'canceled'", 1).await;
        for path in ["/pi_1", "/pi_gone", "/pi_2"] {
            assert_eq!(scene.asked_for(path), 1, "{path}");
        }
        scene.stack.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_was_known_only_in_sum_is_itemised() {
    let scene = Scene::begin(Combination::SqlitePostgres).await;
    scene.stripe.put("", &charged("ch_1"));
    scene.stripe.put("", &refunded("re_1", "ch_1", 200));
    scene.stripe.put("", &refunded("re_2", "ch_1", 100));
    scene.stripe.put("", &charged("ch_odd")); // refunded, it says, and there is no refund
    scene.tell("evt_1", "charge.refunded", &charged("ch_1")).await;
    scene.tell("evt_2", "charge.refunded", &charged("ch_odd")).await;
    scene.reaches("SELECT count(*) FROM refunds WHERE charge = 'ch_1' AND status = 'succeeded'", 2).await;
    scene.reaches("SELECT count(*) FROM charges WHERE id = 'ch_1' AND NOT needs_refetch AND amount_unitemised = 0 AND amount_refunded = 300", 1).await;
    scene.reaches("SELECT count(*) FROM refetches WHERE id = 'ch_odd' AND answer = 'told'", 1).await;
    scene.contest("pi_later").await;
    scene.reaches("SELECT count(*) FROM refetches WHERE id = 'pi_later'", 1).await;
    scene.reaches("SELECT count(*) FROM charges WHERE id = 'ch_odd' AND needs_refetch", 1).await;
    for path in ["/ch_1", "/ch_odd"] {
        assert_eq!(scene.asked_for(path), 1, "{path}");
    }
    scene.stack.end().await;
}

/// A failing invoice as it has been told since 2025-03-31: by itself, and by a payment that does not name it.
#[tokio::test(flavor = "multi_thread")]
async fn the_payments_of_a_failing_invoice_are_found_and_bring_the_reason() {
    let scene = Scene::begin(Combination::SqliteSqlite).await;
    let invoice = json!({ "id": "in_1", "object": "invoice", "status": "open", "amount_due": 500,
        "amount_paid": 0, "attempt_count": 1, "currency": "usd", "created": 1_780_000_000 });
    let mut declined = paid("pi_1", "requires_payment_method");
    declined["last_payment_error"] = json!({ "code": "card_declined", "decline_code": "insufficient_funds",
        "charge": "ch_1" });
    scene.stripe.put("", &invoice);
    let link = |id: &str, payment: &str, status: &str| {
        json!({ "id": id, "object": "invoice_payment", "invoice": "in_1", "amount_paid": null,
            "amount_requested": 500, "currency": "usd", "created": 1_780_000_000, "is_default": true,
            "payment": { "type": "payment_intent", "payment_intent": payment }, "status": status })
    };
    scene.stripe.put("", &link("inpay_1", "pi_1", "open"));
    scene.stripe.put("", &link("inpay_2", "pi_2", "canceled"));
    scene.tell("evt_payment", "payment_intent.payment_failed", &declined).await;
    scene.tell("evt_invoice", "invoice.payment_failed", &invoice).await;
    scene.reaches("SELECT count(*) FROM invoices WHERE status = 'failed' AND NOT needs_refetch AND payment_retry_count = 1 AND payment_failure_reason = 'insufficient_funds' AND next_payment_retry_at IS NOT NULL", 1).await;
    scene.reaches("SELECT count(*) FROM invoice_payments WHERE invoice = 'in_1'", 2).await;
    assert_eq!((scene.asked_for("/invoices/in_1"), scene.asked_for("/v1/invoice_payments")), (1, 1));
    scene.stack.end().await;
}
