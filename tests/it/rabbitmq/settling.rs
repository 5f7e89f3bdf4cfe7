//! Settling over one channel with three consumers: what a grouped acknowledgement covers, and when a tag is
//! worth nothing any more.

use hyper::Method;
use shared::queue::{Settle, Settled, Tag};

use super::*;

fn done(tag: Tag) -> (Tag, Settle) {
    (tag, Settle::Done)
}

#[tokio::test]
async fn a_group_never_covers_what_is_not_settled() -> anyhow::Result<()> {
    let url = place("group").await?;
    let queue = open(&url, Role::Both).await?;
    publish(&queue, 90).await?;
    let deliveries = receive(&queue, 90).await?;
    let (settled, left): (Vec<_>, Vec<_>) =
        deliveries.into_iter().enumerate().partition(|(position, _)| position % 3 == 0);
    let settlements = settled.iter().map(|(_, delivery)| done(delivery.tag)).collect::<Vec<_>>();
    assert_eq!(queue.settle(&settlements).await?, Settled { settled: 30, stale: 0 });
    assert_eq!(queue.settle(&settlements[..2]).await?, Settled { settled: 0, stale: 2 });
    // The broker learns of those above a gap, too, and so delivers 60.
    let (vhost, broker) = (url.rsplit('/').next().unwrap_or_default(), Broker::shared().await);
    until("the broker to deliver 60", PATIENCE, async || {
        let answer = broker.api(Method::GET, &format!("/api/queues/{vhost}/events"), "").await?;
        let answer = serde_json::from_slice::<serde_json::Value>(&answer)?;
        Ok(answer["messages_unacknowledged"] == 60)
    })
    .await?;
    drop(queue); // like a process that dies
    let left = left.into_iter().map(|(_, delivery)| delivery).collect::<Vec<_>>();
    let again = open(&url, Role::Consume).await?;
    let back = receive(&again, 60).await?;
    assert_eq!(ids(&back), ids(&left));
    assert!(back.iter().all(|delivery| delivery.redelivered));
    assert_eq!(again.depth().await?.ready, 0);
    Ok(())
}

#[tokio::test]
async fn closing_flushes_what_is_done_and_gives_the_rest_back() -> anyhow::Result<()> {
    let url = place("closing").await?;
    let queue = open(&url, Role::Both).await?;
    publish(&queue, 40).await?;
    let taken = receive(&queue, 20).await?;
    let settled = taken[10..].iter().map(|delivery| done(delivery.tag)).collect::<Vec<_>>();
    assert_eq!(queue.settle(&settled).await?.settled, 10);
    queue.close().await;
    assert_eq!(queue.settle(&[done(taken[0].tag)]).await?, Settled { settled: 0, stale: 1 });
    let (_connection, channel) = look(&url).await?;
    let left = drain(&channel, "events").await?;
    let finished = ids(&taken[10..]);
    assert_eq!(left.len(), 30);
    assert!(left.iter().all(|id| !finished.contains(id)));
    Ok(())
}

#[tokio::test]
async fn a_tag_is_worth_nothing_on_the_next_channel() -> anyhow::Result<()> {
    let url = place("stale").await?;
    let queue = open(&url, Role::Both).await?;
    publish(&queue, 5).await?;
    let before = receive(&queue, 5).await?;
    Broker::shared().await.close_connections_of(&url).await?;
    let after = receive(&queue, 5).await?;
    assert_eq!(ids(&after), ids(&before));
    let old = before.iter().map(|delivery| done(delivery.tag)).collect::<Vec<_>>();
    assert_eq!(queue.settle(&old).await?, Settled { settled: 0, stale: 5 });
    let new = after.iter().map(|delivery| done(delivery.tag)).collect::<Vec<_>>();
    assert_eq!(queue.settle(&new).await?, Settled { settled: 5, stale: 0 });
    queue.close().await;
    let (_connection, channel) = look(&url).await?;
    assert_eq!(ready(&channel, "events").await?, 0);
    Ok(())
}

#[tokio::test]
async fn whatever_way_an_event_took_it_is_received_and_the_dead_come_as_suspects() -> anyhow::Result<()> {
    let url = place("ways").await?;
    let publisher = open(&url, Role::Publish).await?;
    let (_connection, channel) = look(&url).await?;
    publish(&publisher, 1).await?;
    let none = FieldTable::default();
    channel.queue_unbind("events".into(), "tidegate".into(), "event".into(), none).await?;
    publisher.publish(&envelope("evt_unrouted")).await?;
    let dead = envelope("evt_dead");
    let mut headers = FieldTable::default();
    headers.insert("tidegate".into(), lapin::types::AMQPValue::LongString(dead.header_json().into()));
    let properties = lapin::BasicProperties::default().with_delivery_mode(2).with_headers(headers);
    let options = lapin::options::BasicPublishOptions::default();
    channel.basic_publish("tidegate.dead".into(), "".into(), options, &dead.body, properties).await?.await?;
    let options = lapin::options::BasicPublishOptions::default();
    let foreign = lapin::BasicProperties::default();
    channel.basic_publish("".into(), "events".into(), options, b"not ours", foreign).await?.await?;
    let consumer = open(&url, Role::Consume).await?;
    let received = receive(&consumer, 4).await?;
    for (id, is_suspect) in [("evt_0", false), ("evt_unrouted", false), ("evt_dead", true)] {
        let delivery = received.iter().find(|delivery| delivery.envelope.header.id == id);
        assert_eq!(delivery.map(|delivery| delivery.redelivered), Some(is_suspect), "{id}");
    }
    let odd = received.iter().find(|delivery| delivery.envelope.header.source == Source::Unknown);
    assert!(odd.is_some_and(|delivery| delivery.envelope.body.ends_with(b"not ours")));
    Ok(())
}

#[tokio::test]
async fn at_rest_a_broker_has_all_back_that_is_not_in_hand_and_lends_again_afterwards() -> anyhow::Result<()>
{
    let url = place("rest").await?;
    let queue = open(&url, Role::Both).await?;
    publish(&queue, 30).await?;
    let in_hand = receive(&queue, 3).await?;
    queue.set_paused(true);
    publish(&queue, 10).await?;
    let (_connection, channel) = look(&url).await?;
    until("all but three to be back", PATIENCE, async || Ok(ready(&channel, "events").await? == 37)).await?;
    let settlements: Vec<_> = in_hand.iter().map(|delivery| done(delivery.tag)).collect();
    assert_eq!(queue.settle(&settlements).await?, Settled { settled: 3, stale: 0 });

    // A new connection begins at rest, too.
    let broker = Broker::shared().await;
    // It is connected again before the command that closes its connection has ended, where the machine is busy.
    let notices = until("the queue to notice", PATIENCE, async || Ok(queue.health().is_err()));
    tokio::try_join!(broker.close_connections_of(&url), notices)?;
    let (_connection, channel) = look(&url).await?;
    usable(&queue).await?;
    assert_eq!(ready(&channel, "events").await?, 37, "nothing is unacknowledged");

    queue.set_paused(false);
    assert_eq!(receive(&queue, 37).await?.len(), 37);
    queue.close().await;
    Ok(())
}
