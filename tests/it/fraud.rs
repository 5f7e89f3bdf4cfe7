//! The fraud desk over ledgers of both kinds: what it finds does not depend on the order and repetition of events.

use desk::views::fraud;
use domain::fraud::FraudRule;
use envelope::Envelope;
use serde_json::json;
use stripe_sim::Random;

use crate::ledgers::{each_ledger, envelope, together};

const BEGIN: i64 = 1_780_000_000;

fn attempt(number: i64, minute: i64, status: &str, user: &str, last4: &str, amount: i64) -> [Envelope; 2] {
    let created = BEGIN + minute * 60;
    let (payment, charge) = (format!("pi_{number}"), format!("ch_{number}"));
    let paid = status == "succeeded";
    let intent = json!({ "id": payment, "object": "payment_intent", "amount": amount, "currency": "usd", "created": created,
        "amount_received": if paid { amount } else { 0 }, "status": if paid { "succeeded" } else { "requires_payment_method" },
        "customer": format!("cus_{user}"), "metadata": { "user_id": user } });
    let charged = json!({ "id": charge, "object": "charge", "status": status, "amount": amount, "currency": "usd",
        "amount_captured": if paid { amount } else { 0 }, "amount_refunded": 0, "captured": paid, "created": created,
        "customer": format!("cus_{user}"), "payment_intent": payment, "failure_code": (!paid).then_some("card_declined"),
        "payment_method_details": { "type": "card", "card": { "brand": "visa", "last4": last4, "exp_month": 4, "exp_year": 2031 } } });
    let (of_intent, of_charge) = if paid {
        ("payment_intent.succeeded", "charge.succeeded")
    } else {
        ("payment_intent.payment_failed", "charge.failed")
    };
    [
        envelope(&format!("evt_pi_{number}"), of_intent, minute * 60, &intent),
        envelope(&format!("evt_ch_{number}"), of_charge, minute * 60, &charged),
    ]
}

fn story() -> Vec<Envelope> {
    let mut events = Vec::new();
    for number in 0..4 {
        events.extend(attempt(number, number * 100, "succeeded", "usual", "1111", 1_000));
    }
    events.extend(attempt(10, 2_000, "succeeded", "usual", "1111", 6_000));
    for (number, last4) in [(20, "2222"), (21, "3333"), (22, "4444")] {
        events.extend(attempt(number, 2_000 + number % 20, "failed", "tester", last4, 500));
    }
    events.extend(attempt(30, 2_100, "succeeded", "rich", "5555", 640_000));
    events.extend(attempt(40, 2_200, "succeeded", "victim", "6666", 3_000));
    let warning = json!({ "id": "issfr_1", "object": "radar.early_fraud_warning", "actionable": true, "charge": "ch_40",
        "payment_intent": "pi_40", "fraud_type": "made_with_stolen_card", "created": BEGIN + 2_201 * 60 });
    events.push(envelope("evt_warning", "radar.early_fraud_warning.created", 2_201 * 60, &warning));
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_depends_on_what_happened_alone() {
    let since = chrono::DateTime::from_timestamp(BEGIN + 1_000 * 60, 0).unwrap();
    each_ledger("fraud", async |ledger, _| {
        let mut events = story();
        let again = events[3].clone();
        events.push(again);
        let mut shuffled = Random::of_seed(9);
        shuffled.shuffle(&mut events);
        for batch in events.chunks(4) {
            together(&ledger, &batch.iter().collect::<Vec<_>>()).await;
        }
        let found = fraud::read(&mut ledger.read().await.unwrap(), since).await.unwrap();
        let mut found: Vec<(FraudRule, String, Option<i64>)> =
            found.into_iter().map(|it| (it.rule, it.subject_id, it.amount)).collect();
        found.sort();
        let of = |rule, id: &str, amount| (rule, id.to_owned(), amount);
        assert_eq!(
            found,
            [
                of(FraudRule::DeclineVelocity, "cus_tester", None),
                of(FraudRule::DeclineVelocity, "tester", None),
                of(FraudRule::ManyCards, "tester", None),
                of(FraudRule::LargePayment, "pi_30", Some(640_000)),
                of(FraudRule::UnusualPayment, "pi_10", Some(6_000)),
                of(FraudRule::FraudWarning, "ch_40", Some(3_000)),
            ]
        );
    })
    .await;
}
