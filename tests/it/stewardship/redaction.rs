//! Secrets in a body are never kept: not by a webhook, a waiting event, a replay or a file, and nothing else changes.

use std::time::{Duration, Instant};

use domain::event::Content;
use envelope::Envelope;
use harness::client::Answer;
use harness::stack::{Combination, Stack};
use harness::stories::{SampleEvent, Stories};
use serde_json::{Value, json};
use shared::clock;

const PATIENCE: Duration = Duration::from_mins(1);
const SECRET: &str = "pi_1_secret_Q7vGx2NeverKept";

fn event(id: &str, kind: &str, amount: &Value, pending: i64) -> String {
    let object = json!({ "id": "pi_1", "object": "payment_intent", "status": "processing", "amount": amount,
        "currency": "usd", "created": 1_780_000_000, "client_secret": SECRET, "metadata": {} });
    json!({ "id": id, "object": "event", "api_version": "2024-09-30.acacia", "livemode": true, "type": kind,
        "created": clock::now().timestamp(), "data": { "object": object }, "pending_webhooks": pending })
    .to_string()
}

/// What the ledger has of it, as staff see it.
async fn shown(stack: &Stack, id: &str) -> String {
    stack.tidegate(&["events", "show", id, "--body"]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_secret_reaches_no_row_and_the_event_stays_what_came() {
    for combination in [Combination::SqliteSqlite, Combination::RabbitPostgres] {
        let stack = Stack::start(combination).await;
        let mut client = stack.client();
        let first = event("evt_1", "payment_intent.processing", &json!(500), 1);
        let again = first.replace("\"pending_webhooks\":1", "\"pending_webhooks\":0");
        let dead = event("evt_2", "payment_intent.processing", &json!("x"), 1);
        for body in [&first, &again, &dead] {
            assert_eq!(client.send(&body.clone().into()).await, Answer::Status(200));
        }
        stack.ledger().has_seen(3, PATIENCE).await.unwrap();
        let file = stack.folder().join("events.jsonl");
        let third = event("evt_3", "payment_intent.processing", &json!(700), 1);
        std::fs::write(&file, format!("{first}\n{third}\n")).unwrap();
        let arguments = ["replay", "plan", "--file", file.to_str().unwrap(), "--by", "jane", "--json"];
        let plan: Value = serde_json::from_str(&stack.tidegate(&arguments).await.unwrap()).unwrap();
        let items = "SELECT count(*) FROM replay_items WHERE body IS NOT NULL";
        assert_eq!(stack.ledger().count(items).await.unwrap(), 1, "the first is in the ledger");
        let kept =
            stack.ledger().bytes("SELECT body FROM replay_items WHERE body IS NOT NULL").await.unwrap();
        assert!(!String::from_utf8_lossy(&kept).contains(SECRET));
        let name = plan["plan"].as_str().unwrap();
        stack.tidegate(&["replay", "run", name, "--by", "jane"]).await.unwrap();
        stack.ledger().has_handled(3, PATIENCE).await.unwrap();
        for id in ["evt_1", "evt_2", "evt_3"] {
            let shown = shown(&stack, id).await;
            assert!(!shown.contains(SECRET) && shown.contains("[redacted]"), "{shown}");
        }
        let row = stack.ledger().event("evt_1").await.unwrap();
        assert_eq!((row.outcome.as_str(), row.repetitions), ("applied", 1), "one content");
        assert_eq!(stack.ledger().events().await.unwrap().len(), 3);
        assert!(stack.tidegate(&["audit", "verify"]).await.is_ok());
        let rebuilt = stack.tidegate(&["rebuild", "--json"]).await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&rebuilt).unwrap()["identical"], true);
        stack.end().await;
    }
}

/// The reading and hashing of 20,000 payment intents of our own generator, as they are and with their secret under a name that
/// is kept.
#[test]
#[ignore = "a figure: cargo test --workspace --test it -- --ignored --nocapture what_redaction_costs"]
fn what_redaction_costs() {
    let (events, _) = Stories::of_seed(3).in_mode(true).history(2_000);
    let secret: Vec<Envelope> = events.iter().map(SampleEvent::envelope).collect();
    let secret: Vec<Envelope> =
        secret.into_iter().filter(|event| event.header.kind.starts_with("payment_intent.")).collect();
    let kept: Vec<Envelope> = secret
        .iter()
        .map(|event| {
            let body =
                String::from_utf8(event.body.to_vec()).unwrap().replace("client_secret", "client_sacred");
            Envelope { header: event.header.clone(), body: body.into() }
        })
        .collect();
    let each = |events: &[Envelope]| {
        let (begun, mut bytes, rounds) = (Instant::now(), 0, 20_000 / events.len() + 1);
        for _ in 0..rounds {
            for event in events {
                bytes += Content::of(event).kept(event).len();
            }
        }
        assert!(bytes > 0);
        begun.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(rounds * events.len()).unwrap())
    };
    let mut figures: Vec<(f64, f64)> = (0..7).map(|_| (each(&kept), each(&secret))).collect();
    figures.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (without, with) = figures[3];
    println!("µs an event: {without:.2} without, {with:.2} with a secret, of {} events", secret.len());
}
