//! The screen: with everything well, with dead letters, and while the ledger or the broker is away.

use std::process::{Command, Stdio};
use std::time::Duration;

use harness::binaries::binary;
use harness::broker::Broker;
use harness::load::{SendLog, send_all};
use harness::postgres::Postgres;
use harness::process_guard::until;
use harness::stack::{Combination, Stack, each_combination};
use harness::stories::Stories;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use stripe_sim::Random;

use super::{json, marks, told};

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn the_screen_tells_what_came_what_died_and_what_is_named_only() {
    each_combination(async |combination| {
        let stack = Stack::start(combination).await;
        let mut stories = Stories::of_seed(Random::new_seed());
        let broken = json!({ "id": "pi_1", "object": "payment_intent", "status": "succeeded", "currency": "usd", "amount": "12" });
        let orphan = json!({ "id": "re_1", "object": "refund", "status": "succeeded", "currency": "usd", "amount": 5, "charge": "ch_unheard", "created": 1 });
        let events = vec![
            stories.succeeded_payment(),
            stories.event_of("payment_intent.succeeded", "dead", &broken),
            stories.event_of("refund.created", "applied", &orphan),
        ];
        send_all(&SendLog::default(), events, 1, || stack.client()).await;
        stack.ledger().has_handled(3, PATIENCE).await.unwrap();

        let status = json(&stack.run(&["status", "--json"], &[]));
        let (ledger, lines) = (&status["ledger"], &status["lines"]);
        assert_eq!(ledger["intake"], json!({"last_minute": 3, "last_hour": 3, "last_day": 3}));
        assert_eq!(ledger["sample"]["outcomes"], json!({"applied": 2, "dead": 1}));
        assert!(ledger["sample"]["latency_p95_secs"].as_f64().unwrap() < 60.0);
        assert!(ledger["last_event"]["type"].is_string());
        assert_eq!(ledger["dead"][0]["events"], 1);
        let charges = &ledger["named_only"][0];
        assert_eq!((&charges["kind"], &charges["count"]), (&"charge".into(), &2.into()), "the payment's, too");
        assert_eq!((&ledger["pause"], &ledger["schema"].is_i64()), (&Value::Null, &true));
        assert_eq!((&status["gateway"]["ready"], &status["worker"]["ready"]), (&true.into(), &true.into()));
        assert!(status["signature_age_secs"].as_f64().unwrap().abs() < 60.0);
        assert_eq!(ledger["clock_ahead_secs"].is_f64(), combination.has_postgres());
        for (name, mark) in [("gateway", "ok"), ("queue", "ok"), ("consumption", "ok"), ("dead letters", "look")] {
            assert_eq!(marks(lines, name), [mark], "{name}: {status:#}");
        }
        assert!(told(lines, "dead letters").contains("amount"), "the cause is named: {lines:#}");

        let page = String::from_utf8(stack.run(&["status"], &[]).stdout).unwrap();
        for part in ["no problems, but something to look at", "LOOK  dead letters", "ok    latency", "-> "] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        stack.end().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_away_is_said_and_the_rest_is_shown() {
    let (mut broker, mut postgres) = (Broker::start().await.unwrap(), Postgres::start().await.unwrap());
    let combination = Combination::RabbitPostgres;
    let mut stack = Stack::prepare(combination, &[], Some(&broker), Some(&postgres)).await.unwrap();
    stack.begin().await.unwrap();

    postgres.kill().await.unwrap();
    let screen = stack.run(&["status", "--json"], &[]);
    assert_eq!(screen.status.code(), Some(1), "a script must not take this for well");
    let status = json(&screen);
    assert_eq!((marks(&status["lines"], "ledger"), &status["mark"]), (vec!["act"], &"act".into()));
    assert!(status["ledger"]["error"].is_string() && status["queue"]["ready_messages"] == 0, "{status:#}");
    assert_eq!(marks(&status["lines"], "queue"), ["ok"]);
    let diagnosis = stack.run(&["doctor", "--json"], &[]);
    assert_eq!(diagnosis.status.code(), Some(1));
    assert_eq!(marks(&json(&diagnosis)["checks"], "ledger"), ["act"]);

    postgres.restart().await.unwrap();
    broker.kill();
    let screen = stack.run(&["status", "--json"], &[]);
    assert_eq!(screen.status.code(), Some(1));
    let status = json(&screen);
    assert_eq!(
        (marks(&status["lines"], "queue"), marks(&status["lines"], "intake")),
        (vec!["act"], vec!["ok"])
    );
    assert!(status["queue"]["error"].is_string() && status["ledger"]["intake"].is_object(), "{status:#}");
    assert_eq!(marks(&status["lines"], "gateway"), ["act"], "it says that it cannot publish");
    let diagnosis = stack.run(&["doctor", "--json"], &[]);
    assert_eq!(diagnosis.status.code(), Some(1));
    let checks = &json(&diagnosis)["checks"];
    assert_eq!((marks(checks, "queue"), marks(checks, "ledger")), (vec!["act"], vec!["ok"]), "{checks:#}");
    let all = String::from_utf8(diagnosis.stdout).unwrap();
    assert!(!all.contains("guest") && !all.contains("whsec_"), "no secret is shown: {all}");

    broker.restart().await.unwrap();
    for name in stack.names() {
        stack.wait_until_ready(name).await.unwrap();
    }
    stack.end().await;
}

#[tokio::test]
async fn a_watch_prints_a_block_each_time_and_ends_on_ctrl_c() {
    let stack = Stack::start(Combination::SqliteSqlite).await;
    let page = stack.folder().join("watched");
    let listeners = stack.listeners();
    let mut command = Command::new(binary("tidegate"));
    command
        .args(["status", "--watch", "1", "--json"])
        .current_dir(stack.folder())
        .stdin(Stdio::null())
        .env_clear();
    for (name, file) in [("QUEUE_URL", "queue.db"), ("DATABASE_URL", "ledger.db")] {
        command.env(name, format!("sqlite:{file}"));
    }
    for (name, listener) in ["GATEWAY_INTERNAL_ADDR", "WORKER_INTERNAL_ADDR"].iter().zip(&listeners) {
        command.env(name, listener.to_string());
    }
    let mut watch = command.stdout(std::fs::File::create(&page).unwrap()).spawn().unwrap();
    let blocks = || std::fs::read_to_string(&page).unwrap();
    let watched = until("two blocks", PATIENCE, async || Ok(blocks().lines().count() >= 2)).await;
    kill_process(Pid::from_child(&watch), Signal::INT).unwrap();
    let ended = until("the watch to end", PATIENCE, async || Ok(watch.try_wait()?.is_some())).await;
    if ended.is_err() {
        watch.kill().unwrap();
    }
    watched.and(ended).unwrap();
    assert!(watch.wait().unwrap().success(), "Ctrl-C is how it ends");
    for block in blocks().lines() {
        assert_eq!(serde_json::from_str::<Value>(block).unwrap()["mark"], "ok");
    }
    stack.end().await;
}
