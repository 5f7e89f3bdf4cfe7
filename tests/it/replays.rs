//! Dead letters by cause, and replays: planned, looked at, run, killed in the middle, run again, by two at once,
//! while live traffic goes on. Every event is applied once.

mod brought;
mod races;

use domain::Kind;
use std::time::Duration;

use harness::load::{SendLog, send_all};
use harness::oracle::judge;
use harness::stack::{Combination, Stack};
use harness::stories::Stories;
use serde_json::Value;
use shared::env::{Env, Variable};
use stripe_sim::Random;

use crate::attempts::tamper;

const EVENTS: Variable = Variable {
    name: "REPLAY_EVENTS",
    default: "1500",
    example: "10000",
    help: "How many dead letters are replayed.",
};
const PATIENCE: Duration = Duration::from_mins(1);
const STAFF: &[(&str, &str)] = &[("TIDEGATE_STAFF", "jane")];

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_of_three_causes_are_brought_back_through_kills_and_twice_at_once() {
    let events = Env::of_process().number::<usize>(&EVENTS, 300..=1_000_000).unwrap();
    for combination in [Combination::SqliteSqlite, Combination::RabbitPostgres] {
        let seed = Random::new_seed();
        println!("{combination:?}, seed {seed}");
        bring_back(combination, events, seed).await.unwrap();
    }
}

async fn bring_back(combination: Combination, events: usize, seed: u64) -> anyhow::Result<()> {
    let stack = Stack::start_with(combination, STAFF).await;
    let mut stories = Stories::of_seed(seed);
    let (first, mut truth) = stories.history(events);
    let (log, count) = (SendLog::default(), first.len());
    send_all(&log, first, 16, || stack.client()).await;
    stack.ledger().has_handled(count, PATIENCE).await?;
    forget(&stack.ledger_url()).await;

    let groups: Value = serde_json::from_str(&stack.tidegate(&["dead-letters", "groups", "--json"]).await?)?;
    let groups = groups["items"].as_array().unwrap();
    assert_eq!(groups.len(), 3, "{groups:#?}");
    let dead: i64 = groups.iter().map(|group| group["events"].as_i64().unwrap()).sum();
    assert_eq!(groups[0]["money_at_risk"]["usd"].as_i64().unwrap() % 700, 0, "{groups:#?}");
    println!("{}", stack.tidegate(&["dead-letters", "groups"]).await?);

    let planned: Value = serde_json::from_str(&stack.tidegate(&["replay", "plan", "--json"]).await?)?;
    let plan = planned["plan"].as_str().unwrap().to_owned();
    assert_eq!(planned["events"].as_i64(), Some(dead));
    assert!(!planned["look_ahead"]["changes"].as_array().unwrap().is_empty());
    assert_eq!(stack.ledger().count("SELECT count(*) FROM payments").await?, 0, "a plan writes no object");
    println!("{}", stack.tidegate(&["replay", "plan", "--type", "payment_intent.*"]).await?);

    // Live traffic, a run that is killed, and then two operators at once.
    let (live, further) = stories.history(count / 3);
    truth.extend(further);
    let sending = send_all(&log, live, 4, || stack.client());
    let replaying = async {
        let mut run = stack.begin_tool(&["replay", "run", &plan, "--rate", "400"])?;
        let queued = "SELECT count(*) FROM replay_items WHERE queued_at IS NOT NULL";
        while stack.ledger().count(queued).await? < dead / 5 {
            tokio::task::yield_now().await;
        }
        run.kill();
        assert!(stack.ledger().count(queued).await? < dead, "killed in the middle");
        let again = ["replay", "run", plan.as_str()];
        let (one, other) = tokio::join!(stack.tidegate(&again), stack.tidegate(&again));
        println!("{}", one?);
        other?;
        anyhow::Ok(())
    };
    let (_, replayed) = tokio::join!(sending, replaying);
    replayed?;

    let runs = "SELECT count(*) FROM replays WHERE outcome = 'applied'";
    assert_eq!(stack.ledger().count(runs).await?, dead, "each event ran once");
    stack.ledger().has_handled(log.entries().len(), PATIENCE).await?;
    let verdict = judge(stack.ledger(), &log, &truth).await?;
    assert!(verdict.is_good(), "seed {seed}\n{verdict}");
    assert!(stack.tidegate(&["dead-letters", "list"]).await?.is_empty(), "none is left");

    // The next replay of the same event runs again, and changes nothing.
    let again = stack.tidegate(&["replay", "plan", "--any", "--type", "payment_intent.*", "--json"]).await?;
    let again: Value = serde_json::from_str(&again)?;
    assert_eq!(again["look_ahead"]["changes"], serde_json::json!([]));
    let told = stack.tidegate(&["replay", "run", again["plan"].as_str().unwrap(), "--json"]).await?;
    let told: Value = serde_json::from_str(&told)?;
    assert_eq!(told["results"][0]["events"], again["events"]);
    let verdict = judge(stack.ledger(), &log, &truth).await?;
    assert!(verdict.is_good(), "seed {seed}\n{verdict}");
    stack.end().await;
    Ok(())
}

/// As a version would leave the ledger that could not read any of these events.
pub(crate) async fn forget(url: &str) {
    for table in Kind::ALL.iter().map(|kind| kind.table()).chain(["audit"]) {
        tamper(url, format!("DELETE FROM {table}")).await;
    }
    tamper(
        url,
        "UPDATE events SET outcome = 'dead', reason = 'unreadable', amount = 700, currency = 'usd', object_id = id, \
         fingerprint = CASE WHEN type LIKE 'payment_intent.%' THEN 'permanent: payments' \
         WHEN type LIKE 'invoice%' THEN 'permanent: invoices' ELSE 'permanent: others' END WHERE outcome = 'applied'",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_staff_discard_is_counted_first_attributed_and_can_still_be_brought_back() {
    let stack = Stack::start_with(Combination::SqliteSqlite, STAFF).await;
    let mut stories = Stories::of_seed(1);
    let odd = serde_json::json!({"id": "ch_odd", "status": "succeeded", "amount": "12", "currency": "usd",
        "amount_refunded": 300, "customer": "cus_9"});
    let event = stories.event_of("charge.succeeded", "dead", &odd);
    let log = SendLog::default();
    send_all(&log, vec![event.clone()], 1, || stack.client()).await;
    stack.ledger().has_handled(1, PATIENCE).await.unwrap();

    let shown = stack.tidegate(&["dead-letters", "show", &event.id]).await.unwrap();
    assert!(
        shown.contains("data.object.amount is not a whole number") && shown.contains("3.00 USD"),
        "{shown}"
    );
    let of_customer =
        stack.tidegate(&["dead-letters", "list", "--customer", "cus_9", "--json"]).await.unwrap();
    assert!(of_customer.contains(&event.id));
    let dry = stack.tidegate(&["dead-letters", "discard", &event.id, "--reason", "a test"]).await.unwrap();
    assert!(dry.contains("3.00 USD"), "{dry}");
    assert_eq!(stack.ledger().event(&event.id).await.unwrap().outcome, "dead");
    stack.tidegate(&["dead-letters", "discard", &event.id, "--reason", "a test", "--yes"]).await.unwrap();
    let row = stack.ledger().event(&event.id).await.unwrap();
    assert_eq!(
        (row.outcome.as_str(), row.reason.as_deref()),
        ("ignored", Some("discarded by cli:jane: a test"))
    );
    let told = stack.ledger().transitions().await.unwrap();
    assert!(told.iter().any(|line| line.subject_kind == "event" && line.what == "discarded"));

    let planned = stack.tidegate(&["replay", "plan", &event.id, "--json"]).await.unwrap();
    let planned: Value = serde_json::from_str(&planned).unwrap();
    assert_eq!(planned["look_ahead"]["would_fail"].as_object().unwrap().len(), 1);
    stack.tidegate(&["replay", "run", planned["plan"].as_str().unwrap()]).await.unwrap();
    let row = stack.ledger().event(&event.id).await.unwrap();
    assert_eq!((row.outcome.as_str(), row.attempts), ("dead", 2), "it still cannot be read");
    let plan = planned["plan"].as_str().unwrap();
    let told = stack.tidegate(&["replay", "show", plan, "--events", "10"]).await.unwrap();
    assert!(told.contains(&event.id) && told.contains("is not a whole number"), "{told}");
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_deaths_of_one_cause_pause_consumption_instead_of_burying_the_day() {
    let settings = [("WORKER_PAUSE_AFTER_DEAD_LETTERS", "20"), ("WORKER_BATCH_EVENTS", "5"), STAFF[0]];
    for combination in [Combination::SqliteSqlite, Combination::RabbitPostgres] {
        let stack = Stack::start_with(combination, &settings).await;
        let mut stories = Stories::of_seed(2);
        let odd = |stories: &mut Stories| {
            let object =
                serde_json::json!({"id": "ch_odd", "status": "succeeded", "amount": "12", "currency": "usd"});
            stories.event_of("charge.succeeded", "dead", &object)
        };
        let events: Vec<_> = (0..400).map(|_| odd(&mut stories)).collect();
        let (log, sent) = (SendLog::default(), events.len());
        send_all(&log, events, 8, || stack.client()).await;
        let paused = harness::process_guard::until("a pause", PATIENCE, async || {
            Ok(stack.ledger().count("SELECT count(*) FROM pauses WHERE resumed_at IS NULL").await? == 1)
        });
        paused.await.unwrap();
        // What was in hand is finished; the rest waits, and comes when somebody has looked.
        let told = String::from_utf8(stack.run(&["status", "--json"], &[]).stdout).unwrap();
        assert!(told.contains("became dead letters for one cause"), "{told}");
        assert!(stack.waiting().await.unwrap() > 0 || combination.has_broker());
        let buried = stack.ledger().count("SELECT count(*) FROM events").await.unwrap();
        assert!(usize::try_from(buried).unwrap() < sent, "{buried} of {sent} were buried");
        // Resumed without a fix, it pauses again and again.
        let all = harness::process_guard::until("the rest", PATIENCE, async || {
            stack.tidegate(&["worker", "resume"]).await?;
            Ok(usize::try_from(stack.ledger().count("SELECT count(*) FROM events").await?)? == sent)
        });
        all.await.unwrap();
        assert!(stack.ledger().count("SELECT count(*) FROM pauses").await.unwrap() >= 2);
        stack.end().await;
    }
}
