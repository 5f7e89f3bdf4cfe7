//! A scrape of a worker ends in time, however slow the ledger is, and asks it once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::client::get;
use harness::postgres::Postgres;
use harness::process_guard::{ProcessGuard, until};
use ledger::{Ledger, LedgerConfig};
use rustix::process::Signal;
use shared::env::Env;
use shared::internal;
use shared::queue::{Queue, QueueConfig};
use sqlx::{Connection, PgConnection};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use worker::{Lanes, WorkerConfig};

/// Less than Prometheus waits, and than the statement that waits here may take.
const IN_TIME: Duration = Duration::from_secs(9);
const PATIENCE: Duration = Duration::from_mins(1);
const UNREAD: &str = "\ntidegate_ledger_read_timestamp_seconds 0\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_does_not_wait_for_a_slow_ledger_and_asks_it_once() {
    let url = Postgres::shared().await.ledger("slow_to_tell").await.unwrap();
    let folder = ProcessGuard::new("scrapes", Signal::KILL).unwrap();
    let queue_url = format!("sqlite:{}", folder.folder().join("queue.db").display());
    let env = Env::of(&[("DATABASE_URL", &url), ("DATABASE_DEADLINE_SECS", "60"), ("QUEUE_URL", &queue_url)]);
    let config = WorkerConfig::from_env(&env).unwrap();
    let ledger = Ledger::open(&LedgerConfig::from_env(&env).unwrap()).await.unwrap();
    let queue = Queue::open(QueueConfig::from_env(&env).unwrap(), config.role()).await.unwrap();
    let lanes = Lanes::of(&config, 1, queue.clone(), ledger.clone(), CancellationToken::new()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (at, end) = (listener.local_addr().unwrap(), CancellationToken::new());
    tokio::spawn(internal::serve(listener, Arc::new(lanes), end.clone()));

    let mut holder = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE disputes IN ACCESS EXCLUSIVE MODE").execute(&mut holder).await.unwrap();
    let begun = Instant::now();
    let (one, other) = tokio::join!(scrape(at), scrape(at));
    assert!(begun.elapsed() < IN_TIME, "{:?}", begun.elapsed());
    assert!(one.contains(UNREAD) && other.contains(UNREAD), "{one}\n{other}");
    let waiting = "SELECT count(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&mut holder).await.unwrap();
    assert_eq!(waiting, 1, "two scrapes, one question");

    sqlx::raw_sql("COMMIT").execute(&mut holder).await.unwrap();
    until("the figures to be read", PATIENCE, async || Ok(!scrape(at).await.contains(UNREAD))).await.unwrap();
    end.cancel();
    holder.close().await.unwrap();
    queue.close().await;
    ledger.close().await;
}

async fn scrape(at: SocketAddr) -> String {
    get(at, "/metrics").await.unwrap().1
}
