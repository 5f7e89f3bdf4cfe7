//! The queue in a file, where it has more to keep than the contract: leases and their time, locks of other
//! processes, the file itself.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use harness::process_guard::{ProcessGuard, until};
use rustix::process::Signal;
use shared::queue::{PublishError, Queue, QueueUrl, Role, Settle};
use sqlx::{Connection, SqliteConnection};
use tokio::time::timeout;

use crate::queue_contract::backend::{TestQueue, open_file};
use crate::queue_contract::steps::{
    PATIENCE, envelope, id, receive, receive_all, settle, settled, until_depth,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_ran_out_is_taken_by_another() -> anyhow::Result<()> {
    let mut place = TestQueue::sqlite().await?;
    place.config.lease = Duration::from_millis(300);
    let lost = place.open().await;
    lost.publish(&envelope(1)).await?;
    receive(&lost, 1).await;
    drop(lost);
    let queue = place.open().await;
    let deliveries = receive(&queue, 1).await;
    assert!(deliveries[0].redelivered);
    assert_eq!(settle(&queue, &deliveries, Settle::Done).await?, settled(1, 0));
    queue.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_living_worker_keeps_what_it_has_beyond_the_lease() -> anyhow::Result<()> {
    let mut place = TestQueue::sqlite().await?;
    place.config.lease = Duration::from_secs(3);
    let (worker, other) = (place.open().await, place.open().await);
    worker.publish(&envelope(1)).await?;
    let deliveries = receive(&worker, 1).await;
    let mut file = open_file(&place.file()).await?;
    let first = beat(&mut file).await?;
    let mut taken = pin!(other.receive(1));
    until("the lease to be renewed twice over", PATIENCE, async || {
        assert!(timeout(Duration::from_millis(50), taken.as_mut()).await.is_err(), "another got it");
        Ok(beat(&mut file).await? > first + 1)
    })
    .await?;
    assert_eq!(settle(&worker, &deliveries, Settle::Done).await?, settled(1, 0));
    file.close().await?;
    worker.close().await;
    other.close().await;
    Ok(())
}

/// A full disk, for one. The process lives, so nobody else takes what it has, and it must settle it by itself.
#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_settled_is_settled_when_the_file_can_be_written_again() -> anyhow::Result<()> {
    let mut place = TestQueue::sqlite().await?;
    place.config.lease = Duration::from_millis(600);
    let queue = place.open().await;
    for number in 1..=2 {
        queue.publish(&envelope(number)).await?;
    }
    let deliveries = receive_all(&queue, 2).await;
    let mut file = open_file(&place.file()).await?;
    let broken = "CREATE TRIGGER broken BEFORE DELETE ON messages BEGIN SELECT json('no JSON'); END";
    sqlx::query(broken).execute(&mut file).await?;
    let refused = settle(&queue, &deliveries, Settle::Done).await;
    assert!(refused.is_err(), "{refused:?}");
    sqlx::query("DROP TRIGGER broken").execute(&mut file).await?;
    until("an empty queue", PATIENCE, async || {
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM messages").fetch_one(&mut file).await?;
        Ok(left == 0)
    })
    .await?;
    file.close().await?;
    queue.close().await;
    Ok(())
}

async fn beat(file: &mut SqliteConnection) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar("SELECT max(beat) FROM holders").fetch_one(file).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_no_redelivery_and_takes_no_suspicion_away() -> anyhow::Result<()> {
    let place = TestQueue::sqlite().await?;
    let queue = place.open().await;
    queue.publish(&envelope(1)).await?;
    for suspect in [false, true] {
        let deliveries = receive(&queue, 1).await;
        assert_eq!(deliveries[0].redelivered, suspect);
        settle(&queue, &deliveries, Settle::Release).await?;
        assert_eq!(receive(&queue, 1).await[0].redelivered, suspect);
        place.end_leases().await?;
    }
    queue.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_gives_back_when_it_closes_is_no_suspect() -> anyhow::Result<()> {
    let place = TestQueue::sqlite().await?;
    let queue = place.open().await;
    queue.publish(&envelope(1)).await?;
    receive(&queue, 1).await;
    queue.close().await;
    let queue = place.open().await;
    assert!(!receive(&queue, 1).await[0].redelivered, "nobody died over it");
    queue.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_publishes_is_found() -> anyhow::Result<()> {
    let place = TestQueue::sqlite().await?;
    let (worker, gateway) = (place.open().await, place.open().await);
    let mut waiting = pin!(worker.receive(1));
    assert!(timeout(Duration::from_millis(50), waiting.as_mut()).await.is_err());
    gateway.publish(&envelope(1)).await?;
    assert_eq!(id(&timeout(PATIENCE, waiting).await?[0]), "evt_1");
    gateway.close().await;
    worker.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_another_process_is_waited_for_until_the_deadline() -> anyhow::Result<()> {
    let mut place = TestQueue::sqlite().await?;
    place.config.deadline = Duration::from_secs(2);
    let queue = place.open().await;
    let mut other = open_file(&place.file()).await?;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await?;
    let given_up = envelope(1);
    let (refused, depth) = tokio::join!(queue.publish(&given_up), queue.depth());
    assert_eq!(refused, Err(PublishError::Deadline));
    assert_eq!(depth?.ready, 0, "depth does not wait for the writer");

    let envelope = envelope(2);
    let mut publishing = pin!(queue.publish(&envelope));
    assert!(timeout(Duration::from_millis(50), publishing.as_mut()).await.is_err());
    sqlx::query("ROLLBACK").execute(&mut other).await?;
    publishing.await?;
    // The refused sender has gone, and its event was not written afterwards.
    until_depth(&queue, 1, 0).await?;
    other.close().await?;
    queue.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_may_create_the_file_at_once_and_only_its_owner_may_read_it() -> anyhow::Result<()> {
    let folder = ProcessGuard::new("queue", Signal::KILL)?;
    let mut config = TestQueue::sqlite().await?.config;
    let path = folder.folder().join("data/deep/queue.db");
    config.url = QueueUrl::Sqlite(path.clone());
    let queues = join_all((0..8).map(|_| Queue::open(config.clone(), Role::Both))).await;
    let queues = queues.into_iter().collect::<Result<Vec<_>, _>>()?;
    for (number, queue) in (0..).zip(&queues) {
        queue.publish(&envelope(number)).await?;
    }
    let mode = |path: &Path| path.metadata().map(|metadata| metadata.permissions().mode() & 0o777);
    for name in ["queue.db", "queue.db-wal", "queue.db-shm"] {
        assert_eq!(mode(&path.with_file_name(name))?, 0o600, "{name}");
    }
    assert_eq!(mode(path.parent().unwrap())?, 0o700);
    until_depth(&queues[0], 8, 0).await?;
    for queue in queues {
        queue.close().await;
    }
    // Whether its file goes, too, is SQLite's: a connection that only read may have been the last.
    let left = path.with_file_name("queue.db-wal").metadata().map_or(0, |log| log.len());
    assert_eq!(left, 0, "the last to close empties the log");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_ours_or_newer_than_we_are_is_refused_in_plain_words() -> anyhow::Result<()> {
    let mut place = TestQueue::sqlite().await?;
    let mut file = open_file(&place.file()).await?;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9000, 'of tomorrow', TRUE, x'00', 0)",
    )
    .execute(&mut file)
    .await?;
    file.close().await?;
    let refusal = async |place: &TestQueue| match Queue::open(place.config.clone(), Role::Both).await {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    };
    let newer = refusal(&place).await;
    assert!(newer.contains("version 9000") && newer.contains("newer"), "{newer}");

    let letter = place.file().with_file_name("letter.txt");
    std::fs::write(&letter, "Dear reader, ".repeat(100))?;
    place.config.url = QueueUrl::Sqlite(letter.clone());
    let foreign = refusal(&place).await;
    assert!(foreign.contains("not a database"), "{foreign}");
    assert_eq!(std::fs::read_to_string(letter)?, "Dear reader, ".repeat(100));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_fills_and_empties_does_not_grow() -> anyhow::Result<()> {
    const EVENTS: u64 = 200;
    let place = TestQueue::sqlite().await?;
    let queue = place.open().await;
    let mut largest = Vec::new();
    for _ in 0..8 {
        let envelopes = (0..EVENTS).map(|number| {
            let mut envelope = envelope(number);
            envelope.body = Bytes::from(vec![b'x'; 4096]);
            envelope
        });
        join_all(envelopes.map(async |envelope| queue.publish(&envelope).await)).await;
        let length = |name| place.file().with_file_name(name).metadata().map(|metadata| metadata.len());
        let log = length("queue.db-wal")?;
        assert!(log < 16 << 20, "a log of {log} bytes");
        let deliveries = receive_all(&queue, usize::try_from(EVENTS)?).await;
        settle(&queue, &deliveries, Settle::Done).await?;
        largest.push(length("queue.db")?);
    }
    assert!(largest[7] <= largest[1] + (1 << 18), "{largest:?}");
    queue.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_closes_in_time_while_somebody_receives() -> anyhow::Result<()> {
    let place = TestQueue::sqlite().await?;
    let queue = place.open().await;
    let begun = Instant::now();
    let mut receiving = pin!(queue.receive(1));
    assert!(timeout(Duration::from_millis(50), receiving.as_mut()).await.is_err());
    queue.close().await;
    assert!(begun.elapsed() < place.config.deadline);
    assert!(queue.health().is_err());
    Ok(())
}
