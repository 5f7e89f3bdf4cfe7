//! A key of bodies is replaced while processes run: the older one may go once nothing needs it, and not before.

use std::time::Duration;

use harness::client::Answer;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use serde_json::{Value, json};
use shared::clock;

use super::sealing::{FIRST, Keys, SECOND};

const PATIENCE: Duration = Duration::from_mins(1);

fn event(id: &str) -> String {
    let object = json!({ "id": format!("pi_{id}"), "object": "payment_intent", "status": "processing", "amount": 500,
        "currency": "usd", "created": 1_780_000_000, "metadata": {} });
    json!({ "id": id, "object": "event", "api_version": "2024-09-30.acacia", "livemode": true,
        "type": "payment_intent.processing", "created": clock::now().timestamp(), "data": { "object": object } })
    .to_string()
}

fn said_by_doctor(stack: &Stack) -> Vec<String> {
    let output = stack.run(&["doctor", "--json"], &[]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = told["checks"].as_array().unwrap().iter().filter(|check| check["name"] == "keys of bodies");
    lines
        .map(|check| format!("{} {}", check["mark"].as_str().unwrap(), check["found"].as_str().unwrap()))
        .collect()
}

async fn takes(stack: &Stack, id: &str, handled: usize) {
    assert_eq!(stack.client().send(&event(id).into()).await, Answer::Status(200));
    stack.ledger().has_handled(handled, PATIENCE).await.unwrap();
}

/// The processes that have the ledger.
fn workers(stack: &Stack) -> Vec<&'static str> {
    stack.names().into_iter().filter(|name| *name != "gateway").collect()
}

async fn restart(stack: &mut Stack) {
    for name in workers(stack) {
        stack.retire(name).await.unwrap();
        stack.spawn(name).unwrap();
        stack.wait_until_ready(name).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_replaced_while_money_moves_and_a_worker_without_it_does_not_start() {
    for combination in [Combination::SqliteSqlite, Combination::RabbitPostgres] {
        let keys = Keys::of(&[FIRST]);
        let mut stack = Stack::start_with(combination, &[("BODY_KEYS_FILE", keys.path())]).await;
        takes(&stack, "evt_1", 1).await;
        let [line] = &said_by_doctor(&stack)[..] else { panic!("one key") };
        assert!(line.starts_with("ok ") && line.contains("the newest, seals 1 rows"), "{line}");
        let first = line.split(' ').nth(1).unwrap().trim_end_matches(',').to_owned();

        // Without the key a worker says so and ends; nothing else is harmed.
        let worker = workers(&stack)[0];
        stack.retire(worker).await.unwrap();
        stack.set(worker, "BODY_KEYS_FILE", "");
        stack.spawn(worker).unwrap();
        let said = stack.refusal(worker).await.unwrap();
        assert!(said.contains(&first) && said.contains("not in BODY_KEYS_FILE"), "{said}");
        stack.set(worker, "BODY_KEYS_FILE", keys.path());
        stack.spawn(worker).unwrap();
        stack.wait_until_ready(worker).await.unwrap();

        keys.write(&[SECOND, FIRST]);
        restart(&mut stack).await;
        takes(&stack, "evt_2", 2).await;
        let lines = said_by_doctor(&stack);
        assert!(lines.len() == 2 && lines[0].contains("the newest, seals 1 rows"), "{lines:?}");
        assert!(lines[1].contains(&first) && lines[1].contains("an older one, seals 1 rows"), "{lines:?}");
        let told = stack.tidegate(&["bodies", "reseal", "--yes", "--by", "jane", "--json"]).await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["resealed"]["rows"], 1, "{told}");
        let lines = said_by_doctor(&stack);
        assert!(lines[1].contains("seals no row any more"), "{lines:?}");

        // A backup needs the keys of its time, and says so.
        let to = stack.folder().join("backups");
        let made =
            stack.tidegate(&["backup", "--to", to.to_str().unwrap(), "--verify", "--json"]).await.unwrap();
        let made: Value = serde_json::from_str(&made).unwrap();
        assert_eq!(made["verified"]["faults"], json!([]), "{made}");
        let folder = stack.folder().join(made["folder"].as_str().unwrap());
        let checked = stack.run(&["restore", folder.to_str().unwrap(), "--check"], &[("BODY_KEYS_FILE", "")]);
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(!checked.status.success() && said.contains("not in BODY_KEYS_FILE"), "{said}");

        keys.write(&[SECOND]);
        restart(&mut stack).await;
        takes(&stack, "evt_3", 3).await;
        for id in ["evt_1", "evt_2", "evt_3"] {
            let shown = stack.tidegate(&["events", "show", id, "--body"]).await.unwrap();
            assert!(shown.contains(&format!("pi_{id}")), "{shown}");
        }
        assert!(stack.tidegate(&["audit", "verify"]).await.is_ok());
        let rebuilt = stack.tidegate(&["rebuild", "--json"]).await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&rebuilt).unwrap()["identical"], true);
        let planned = stack
            .tidegate(&["replay", "plan", "--any", "--type", "payment_intent.*", "--by", "jane", "--json"])
            .await;
        let planned: Value = serde_json::from_str(&planned.unwrap()).unwrap();
        stack.tidegate(&["replay", "run", planned["plan"].as_str().unwrap(), "--by", "jane"]).await.unwrap();
        until("the replay to end", PATIENCE, async || {
            Ok(stack.ledger().count("SELECT count(*) FROM replays WHERE outcome = 'applied'").await? == 3)
        })
        .await
        .unwrap();
        stack.end().await;
    }
}
