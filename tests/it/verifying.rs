//! `tidegate audit verify`: what is right passes, what somebody changed behind the worker's back is found, and a large
//! ledger has its time.

mod tampering;

use std::process::Command;
use std::time::Duration;

use harness::binaries::binary;
use harness::ledger::Ledger;
use harness::load::{SendLog, send_all};
use harness::postgres::Postgres;
use harness::process_guard::until;
use harness::stack::{Stack, each_combination};
use harness::stories::Stories;
use serde_json::Value;
use sqlx::Connection;

use crate::attempts::tamper;

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_the_whole_ledger_may_wait_longer_for_a_statement() {
    const WAITS_LONG: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
        AND wait_event_type = 'Lock' AND now() - query_start > interval '2 seconds'";
    let url = Postgres::shared().await.ledger("patient").await.unwrap();
    let mut holder = sqlx::PgConnection::connect(&url).await.unwrap();
    for arguments in [&["audit", "verify"][..], &["rebuild"], &["rebuild", "--yes"]] {
        let mut lock = holder.begin().await.unwrap();
        sqlx::query("LOCK TABLE events IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
        let mut command = Command::new(binary("tidegate"));
        command.args(arguments).env_clear().env("DATABASE_URL", &url).env("USER", "jane");
        let mut tool = command.env("DATABASE_DEADLINE_SECS", "1").spawn().unwrap();
        until("the command to wait for longer than a worker's statement", PATIENCE, async || {
            Ok(tool.try_wait()?.is_some() || Ledger::at(&url).count(WAITS_LONG).await? > 0)
        })
        .await
        .unwrap();
        lock.rollback().await.unwrap();
        assert!(tool.wait().unwrap().success(), "{arguments:?}");
    }
}

#[tokio::test]
async fn figures_add_up_until_somebody_changes_them() {
    each_combination(async |combination| {
        let mut stack = Stack::start(combination).await;
        let (mut events, _) = Stories::of_seed(8).history(200);
        events.extend(events[..50].to_vec());
        let (log, deliveries) = (SendLog::default(), events.len());
        send_all(&log, events, 8, || stack.client()).await;
        stack.ledger().has_seen(deliveries, PATIENCE).await.unwrap();
        let told: Value = serde_json::from_str(&stack.tidegate(&["audit", "verify", "--json"]).await.unwrap()).unwrap();
        assert_eq!(told["right"], true, "{told:#}");
        assert_eq!(told["deliveries"].as_u64(), Some(deliveries as u64), "all that was answered 200");
        assert_eq!((told["repetitions"].as_i64(), told["queued_messages"].as_u64()), (Some(50), Some(0)));

        let mut recorded = 0;
        for name in stack.names() {
            let metrics = stack.metrics(name).await.unwrap();
            let counter = metrics.lines().find_map(|line| line.strip_prefix("tidegate_deliveries_recorded_total "));
            recorded += counter.map_or(0, |count| count.parse::<usize>().unwrap());
        }
        assert_eq!(recorded, deliveries, "the workers' counters add up to the same");

        let url = stack.ledger_url();
        for change in [
            "UPDATE segments SET content = (SELECT content FROM segments ORDER BY number LIMIT 1) \
             WHERE number = (SELECT MAX(number) FROM segments)",
            "DELETE FROM audit WHERE revision = 1 AND subject_id = (SELECT MIN(subject_id) FROM audit WHERE revision = 2)",
            "DELETE FROM events WHERE id = (SELECT MIN(id) FROM events)",
        ] {
            tamper(&url, change).await;
        }
        let refused = stack.tidegate(&["audit", "verify", "--json"]).await.unwrap_err().to_string();
        assert!(refused.contains("failed"), "exit code 1: {refused}");
        stack.end().await;
    })
    .await;
}
