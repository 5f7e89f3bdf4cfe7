//! A clock that jumps: leases are not stuck by it, neither after a kill nor while everything runs, what waits
//! for a time that a wrong clock set is brought forward, and no body is removed before its time.

use std::time::Duration;

use chrono::TimeDelta;
use harness::empty_ledger;
use harness::faketime;
use harness::postgres::Postgres;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use harness::stories::Stories;
use ledger::{Ledger, LedgerConfig};
use shared::clock;
use shared::env::Env;
use sqlx::Connection;

use super::home::{Home, PATIENCE};
use crate::attempts::tamper;
use crate::queue_contract::backend::open_file;

/// Within the tolerance for signatures, the widest that may be set.
const TOLERANCE: (&str, &str) = ("GATEWAY_SIGNATURE_TOLERANCE_SECS", "3600");
const LEASE: (&str, &str) = ("QUEUE_LEASE_SECS", "3");
const JUMP: &str = "+3500";

/// The settings of a process that sees another time by the offset, which may change while it runs.
fn faked(offset: &[(&'static str, String)]) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut settings = vec![
        ("LD_PRELOAD", faketime::library()?.display().to_string()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    settings.extend_from_slice(offset);
    Ok(settings)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lent_by_a_clock_an_hour_ahead_comes_again_when_the_clock_is_put_right() -> anyhow::Result<()>
{
    let home = Home::with(&[TOLERANCE, LEASE])?;
    let ahead = faked(&[("FAKETIME", JUMP.to_owned())])?;
    let running = home.start_with("up", &ahead).await?;
    // The worker cannot commit, so it has some of the events in hand when it is killed.
    let mut ledger = open_file(&home.path("ledger.db")).await?;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut ledger).await?;
    home.send(51, 3).await?;
    let mut queue = open_file(&home.path("queue.db")).await?;
    until("an event to be leased", PATIENCE, async || {
        let leased: i64 = sqlx::query_scalar("SELECT count(*) FROM leases").fetch_one(&mut queue).await?;
        Ok(leased > 0)
    })
    .await?;
    let stamp: i64 =
        sqlx::query_scalar("SELECT min(enqueued_at_ms) FROM messages").fetch_one(&mut queue).await?;
    assert!(stamp > (clock::now() + TimeDelta::minutes(50)).timestamp_millis(), "the clock was not ahead");
    queue.close().await?;
    running.kill();
    sqlx::query("ROLLBACK").execute(&mut ledger).await?;
    ledger.close().await?;

    let running = home.start("up").await?;
    home.ledger().has_handled(3, PATIENCE).await?;
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_while_everything_runs_holds_nothing_up() -> anyhow::Result<()> {
    let home = Home::with(&[TOLERANCE, LEASE])?;
    let offset = home.path("offset");
    std::fs::write(&offset, "+0\n")?;
    let file = ("FAKETIME_TIMESTAMP_FILE", offset.display().to_string());
    let running = home.start_with("up", &faked(&[file, ("FAKETIME_NO_CACHE", "1".to_owned())])?).await?;
    let mut handled = 0;
    for (seed, jump) in [(52, "+0\n"), (53, "+3500\n"), (54, "-3500\n"), (55, "+0\n")] {
        std::fs::write(&offset, jump)?;
        handled += home.send(seed, 2).await?.len();
        home.ledger().has_handled(handled, PATIENCE).await?;
    }
    running.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_clock_is_a_month_ahead_of_the_databases_removes_no_body() -> anyhow::Result<()> {
    let mut stack = Stack::start(Combination::SqlitePostgres).await;
    let event = Stories::of_seed(56).succeeded_payment();
    assert!(stack.client().send(&event.body).await.accepted());
    stack.ledger().has_handled(1, PATIENCE).await?;
    stack.stop("tidegate")?;
    for (name, value) in faked(&[("FAKETIME", "+40d".to_owned())])? {
        stack.set("tidegate", name, &value);
    }
    stack.spawn("tidegate")?;
    until("the worker to see it", PATIENCE, async || {
        Ok(stack.logs().contains("nothing is removed after its retention"))
    })
    .await?;
    assert_eq!(stack.ledger().count("SELECT count(*) FROM segments").await?, 1);
    stack.end().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_of_a_chore_that_a_wrong_clock_wrote_is_free_and_any_other_is_not() -> anyhow::Result<()> {
    each_ledger(async |ledger, _| {
        let (now, second) = (clock::now(), TimeDelta::seconds(1));
        let latest = now + second * 60;
        let take = async |holder: &str, now, until| ledger.take_lease("c", holder, now, until, latest).await;
        assert!(take("a", now, now + second * 30).await?);
        assert!(!take("b", now, now + second * 30).await?, "it is another's");
        assert!(take("a", now, now + second * 3_600).await?, "its holder's clock jumps");
        assert!(take("b", now, now + second * 30).await?, "no lease is that long");
        assert!(!take("a", now, now + second * 30).await?);
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_a_wrong_clock_put_off_is_brought_forward_and_any_other_waits() -> anyhow::Result<()> {
    each_ledger(async |ledger, url| {
        ledger.prepare_months_ahead("2026-01-01T00:00:00Z".parse()?).await?;
        tamper(
            url,
            "INSERT INTO events (id_hash, rest_hash, id, account, livemode, content_hash, type, created_at, received_at, recorded_at, \
             source, endpoint, trace_parent, outcome, attempts, repetitions, handler_version, reason, retry_at) \
             VALUES (1, 1, 'evt_1', '', FALSE, 'h', 't', '2026-01-01', '2026-01-01', '2026-01-01', 'stripe', '', '', \
             'waiting', 1, 0, 1, 'r', '2026-01-01T03:00:00+00:00')",
        )
        .await;
        let at = |hour: u32| format!("2026-01-01T{hour:02}:00:00Z").parse::<chrono::DateTime<chrono::Utc>>();
        assert_eq!(ledger.bring_forward(at(1)?, at(3)?).await?, 0, "its time is within what may be planned");
        assert_eq!(ledger.bring_forward(at(1)?, at(2)?).await?, 1);
        assert_eq!(ledger.bring_forward(at(1)?, at(2)?).await?, 0);
        Ok(())
    })
    .await
}

async fn each_ledger(story: impl AsyncFn(&Ledger, &str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let home = Home::new()?;
    let file = empty_ledger::copy_to(&home.path("ledger.db"))?;
    let server = Postgres::shared().await.ledger("clock").await?;
    for url in [file, server] {
        let ledger = Ledger::open(&LedgerConfig::from_env(&Env::of(&[("DATABASE_URL", &url)]))?).await?;
        tokio::time::timeout(Duration::from_mins(1), story(&ledger, &url)).await??;
        ledger.close().await;
    }
    Ok(())
}
