//! How much a worker is lent: as many events as it may hold, whatever the messages hold.

use harness::queue::framed;
use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use shared::queue::Settle;

use super::*;

const PREFETCH: u16 = 64;

/// Publishes messages of so many events each, past our publisher.
async fn fill(channel: &Channel, messages: usize, events: usize) -> anyhow::Result<()> {
    for number in 0..messages {
        let parts: Vec<_> = (0..events)
            .map(|part| {
                let envelope = envelope(&format!("evt_{events}_{number}_{part}"));
                (EnvelopeKeys::none().seal(&envelope).into_bytes(), envelope.body.to_vec())
            })
            .collect();
        let properties = BasicProperties::default().with_delivery_mode(2);
        let options = BasicPublishOptions::default();
        channel.basic_publish("".into(), "events".into(), options, &framed(&parts), properties).await?;
    }
    Ok(())
}

/// Handles so many events.
async fn settle(queue: &Queue, count: usize) -> anyhow::Result<()> {
    let (mut seen, mut left) = (BTreeSet::new(), count);
    while left > 0 {
        let received = receive(queue, left.min(32)).await?;
        assert!(received.iter().all(|delivery| !delivery.redelivered));
        seen.extend(ids(&received));
        let done: Vec<_> = received.iter().map(|delivery| (delivery.tag, Settle::Done)).collect();
        assert_eq!(queue.settle(&done).await?.settled, done.len());
        left -= done.len();
    }
    assert_eq!(seen.len(), count, "each comes once");
    Ok(())
}

async fn leased(queue: &Queue) -> anyhow::Result<u64> {
    Ok(queue.depth().await?.leased.unwrap_or_default())
}

#[tokio::test]
async fn a_worker_holds_about_as_many_events_whether_they_come_alone_or_in_groups() -> anyhow::Result<()> {
    let url = place("prefetch").await?;
    let (_connection, channel) = look(&url).await?;
    fill(&channel, 400, 1).await?;
    let queue = Queue::open(QueueConfig { prefetch: PREFETCH, ..config(&url) }, Role::Consume).await?;
    usable(&queue).await?;
    until("as many lone events as it may hold", PATIENCE, async || {
        Ok(leased(&queue).await? == u64::from(PREFETCH) && queue.at_hand() == Some(usize::from(PREFETCH)))
    })
    .await?;
    settle(&queue, 400).await?;

    // Groups come to a worker that is busy, so as many as there were lone events. Then there are only a few of them.
    fill(&channel, 200, 32).await?;
    until("as many groups", PATIENCE, async || Ok(leased(&queue).await? >= 62)).await?;
    settle(&queue, 100 * 32).await?;
    for _ in 0..100 {
        let groups = leased(&queue).await?;
        assert!(groups <= 6, "{groups} groups of 32 are lent");
        settle(&queue, 32).await?;
    }
    queue.close().await;
    assert_eq!(ready(&channel, "events").await?, 0);
    Ok(())
}

#[tokio::test]
async fn what_is_in_hand_stays_good_while_the_prefetch_changes() -> anyhow::Result<()> {
    let url = place("in-hand").await?;
    let (_connection, channel) = look(&url).await?;
    fill(&channel, 200, 1).await?;
    let queue = Queue::open(QueueConfig { prefetch: PREFETCH, ..config(&url) }, Role::Consume).await?;
    usable(&queue).await?;
    // It begins with two messages and is lent 64; the first two were taken before.
    let mut held = receive(&queue, 2).await?;
    held.extend(receive(&queue, 62).await?);
    assert_eq!(leased(&queue).await?, 64);
    let done: Vec<_> = held.iter().map(|delivery| (delivery.tag, Settle::Done)).collect();
    assert_eq!(queue.settle(&done).await?.settled, 64);
    assert_eq!(ids(&receive(&queue, 60).await?).len(), 60, "and more come");
    Ok(())
}
