//! A broker that is short of memory, hangs, or dies: refused at once, recovered from alone, nothing lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use harness::ports::free_port;
use shared::queue::{PublishError, Settle};
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use super::*;

/// One broker for those who treat it badly, one after the other.
async fn rough() -> anyhow::Result<MutexGuard<'static, Broker>> {
    static ROUGH: OnceCell<Mutex<Broker>> = OnceCell::const_new();
    let start = async || anyhow::Ok(Mutex::new(Broker::start().await?));
    Ok(ROUGH.get_or_try_init(start).await?.lock().await)
}

#[tokio::test]
async fn without_a_broker_a_publish_is_refused_at_once() -> anyhow::Result<()> {
    let nobody = format!("amqp://127.0.0.1:{}", free_port());
    let queue = Queue::open(config(&nobody), Role::Both).await?;
    let begun = Instant::now();
    assert_eq!(queue.publish(&envelope("evt_0")).await, Err(PublishError::Unavailable));
    assert!(begun.elapsed() < Duration::from_secs(1));
    until("the reason", PATIENCE, async || {
        Ok(queue.health().err().map(|why| why.to_string()).unwrap_or_default().contains("refused"))
    })
    .await?;
    assert!(queue.depth().await.is_err());
    queue.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_broker_is_short_of_memory_everybody_is_refused_at_once() -> anyhow::Result<()> {
    let broker = rough().await?;
    let url = broker.vhost("blocked").await?;
    declared::declare(&url, NewQueues::UseAtOnce).await?;
    let queue = open(&url, Role::Both).await?;
    // They publish without end; the block comes while some of them wait for their confirm.
    let tasks = (0..32).map(|task| {
        let queue = queue.clone();
        tokio::spawn(async move {
            let mut accepted = 0;
            loop {
                let begun = Instant::now();
                match queue.publish(&envelope(&format!("evt_{task}_{accepted}"))).await {
                    Ok(()) => accepted += 1,
                    Err(error) => return (error, accepted, begun.elapsed()),
                }
            }
        })
    });
    let tasks = tasks.collect::<Vec<_>>();
    receive(&queue, 100).await?;
    broker.block().await?;
    let mut accepted = 0;
    for task in tasks {
        let (error, count, took) = task.await?;
        assert_eq!(error, PublishError::Blocked);
        assert!(took < config("amqp://x").deadline / 2, "told at once, not at the deadline: {took:?}");
        accepted += count;
    }
    let begun = Instant::now();
    assert_eq!(queue.publish(&envelope("evt_x")).await, Err(PublishError::Blocked));
    assert!(begun.elapsed() < Duration::from_secs(1));
    let health = queue.health().expect_err("blocked").to_string();
    assert!(health.contains("blocks publishes") && health.contains("memory"), "{health}");
    assert!(!receive(&queue, 1).await?.is_empty(), "consuming goes on");
    broker.unblock().await?;
    usable(&queue).await?;
    queue.publish(&envelope("evt_after")).await?;
    assert!(accepted > 100);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_loses_nothing_confirmed_and_both_roles_come_back_alone() -> anyhow::Result<()> {
    let mut broker = rough().await?;
    let url = broker.vhost("killed").await?;
    declared::declare(&url, NewQueues::UseAtOnce).await?;
    let queue = open(&url, Role::Both).await?;
    let (accepted, is_over) = (Arc::new(Mutex::new(BTreeSet::new())), Arc::new(AtomicBool::new(false)));
    let publishers = (0..16).map(|task| {
        let (queue, accepted, is_over) = (queue.clone(), Arc::clone(&accepted), Arc::clone(&is_over));
        tokio::spawn(async move {
            for number in 0.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let id = format!("evt_{task}_{number}");
                match queue.publish(&envelope(&id)).await {
                    Ok(()) => drop(accepted.lock().await.insert(id)),
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await, // as a sender would
                }
            }
        })
    });
    let publishers = publishers.collect::<Vec<_>>();
    let received = Arc::new(Mutex::new(BTreeSet::new()));
    let worker = {
        let (queue, received) = (queue.clone(), Arc::clone(&received));
        tokio::spawn(async move {
            loop {
                let deliveries = queue.receive(32).await;
                received.lock().await.extend(ids(&deliveries));
                let settlements = deliveries.iter().map(|delivery| (delivery.tag, Settle::Done));
                queue.settle(&settlements.collect::<Vec<_>>()).await.ok(); // else they come again
            }
        })
    };
    let accepted_count = async || accepted.lock().await.len();
    until("some to be accepted", PATIENCE, async || Ok(accepted_count().await > 500)).await?;
    for _ in 0..2 {
        broker.kill();
        until("the loss to be seen", PATIENCE, async || Ok(queue.health().is_err())).await?;
        let begun = Instant::now();
        assert_eq!(queue.publish(&envelope("evt_while_away")).await, Err(PublishError::Unavailable));
        assert!(begun.elapsed() < Duration::from_secs(1));
        let before = accepted_count().await;
        broker.restart().await?;
        until("more to be accepted", PATIENCE, async || Ok(accepted_count().await > before + 500))
            .await
            .with_context(|| format!("{:?}", queue.health()))?;
    }
    is_over.store(true, Ordering::Relaxed);
    for publisher in publishers {
        publisher.await?;
    }
    until("everything accepted to be received", PATIENCE, async || {
        Ok(accepted.lock().await.is_subset(&*received.lock().await))
    })
    .await?;
    worker.abort();
    queue.close().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_hangs_is_given_up_and_taken_again_when_it_answers() -> anyhow::Result<()> {
    let broker = rough().await?;
    let url = broker.vhost("frozen").await?;
    declared::declare(&url, NewQueues::UseAtOnce).await?;
    let impatient = QueueConfig { deadline: Duration::from_secs(1), ..config(&url) };
    let queue = Queue::open(impatient, Role::Publish).await?;
    usable(&queue).await?;
    until("a first one", PATIENCE, async || Ok(queue.publish(&envelope("evt_0")).await.is_ok())).await?;
    broker.freeze();
    assert_eq!(queue.publish(&envelope("evt_1")).await, Err(PublishError::Deadline));
    assert!(queue.depth().await.is_err());
    until("the session to be given up", PATIENCE, async || {
        Ok(queue.publish(&envelope("evt_2")).await == Err(PublishError::Unavailable))
    })
    .await?;
    broker.thaw();
    usable(&queue).await?;
    until("publishes again", PATIENCE, async || Ok(queue.publish(&envelope("evt_3")).await.is_ok())).await?;
    queue.close().await;
    Ok(())
}
