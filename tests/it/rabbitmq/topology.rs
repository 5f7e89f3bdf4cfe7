//! The topology: declared by one command, missed by name by everybody else, and tested before anything is
//! accepted.

use lapin::ExchangeKind;
use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use shared::queue::PublishError;

use super::*;

#[tokio::test]
async fn a_missing_topology_is_named_and_nothing_is_accepted_until_it_is_there() -> anyhow::Result<()> {
    let url = Broker::shared().await.vhost("missing").await?;
    let queue = Queue::open(config(&url), Role::Both).await?;
    until("the fault to be named", PATIENCE, async || {
        let health = queue.health().err().map(|why| why.to_string()).unwrap_or_default();
        Ok(health.contains("queue `events` is missing") && health.contains("run `tidegate topology`"))
    })
    .await?;
    assert_eq!(queue.publish(&envelope("evt_early")).await, Err(PublishError::Unavailable));
    let named = declared::check(&url).await.expect_err("nothing is there").to_string();
    for name in ["`tidegate`", "`tidegate.unrouted`", "`events`", "`events.unrouted`", "`events.dead`"] {
        assert!(named.contains(name), "{name} in: {named}");
    }
    let declared = [
        declared::declare(&url, NewQueues::UseAtOnce).await?,
        declared::declare(&url, NewQueues::UseAtOnce).await?,
    ];
    assert_eq!(declared[0], declared[1], "to declare it again changes nothing");
    declared::check(&url).await?;
    usable(&queue).await?;
    publish(&queue, 1).await?;
    assert_eq!(ids(&receive(&queue, 1).await?).len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_exchange_that_drops_the_unroutable_is_found_out_before_anything_is_accepted() -> anyhow::Result<()>
{
    let url = place("no-net").await?;
    let (_connection, channel) = look(&url).await?;
    channel.exchange_delete("tidegate".into(), lapin::options::ExchangeDeleteOptions::default()).await?;
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let none = FieldTable::default();
    channel.exchange_declare("tidegate".into(), ExchangeKind::Direct, options, none).await?;
    let queue = Queue::open(config(&url), Role::Publish).await?;
    until("the fault to be named", PATIENCE, async || {
        Ok(queue
            .health()
            .err()
            .map(|why| why.to_string())
            .unwrap_or_default()
            .contains("no alternate exchange"))
    })
    .await?;
    assert_eq!(queue.publish(&envelope("evt_0")).await, Err(PublishError::Unavailable));
    let differs = declared::declare(&url, NewQueues::UseAtOnce).await.expect_err("it differs").to_string();
    assert!(differs.contains("exchange `tidegate`") && differs.contains("alternate-exchange"), "{differs}");
    Ok(())
}

#[tokio::test]
async fn a_queue_with_other_arguments_is_left_alone_and_reported() -> anyhow::Result<()> {
    let url = Broker::shared().await.vhost("differs").await?;
    let (_connection, channel) = look(&url).await?;
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("events.unrouted".into(), options, FieldTable::default()).await?;
    let differs = declared::declare(&url, NewQueues::UseAtOnce).await.expect_err("it differs").to_string();
    assert!(differs.contains("queue `events.unrouted`") && differs.contains("x-overflow"), "{differs}");
    assert_eq!(ready(&channel, "events").await?, 0, "everything else is declared");
    Ok(())
}

#[tokio::test]
async fn the_test_of_the_safety_net_leaves_no_trace() -> anyhow::Result<()> {
    let url = place("probe").await?;
    let before_anyone_consumes = open(&url, Role::Publish).await?;
    assert_eq!(before_anyone_consumes.depth().await?.ready, 0);
    let consumer = open(&url, Role::Consume).await?;
    let publisher = open(&url, Role::Publish).await?;
    publish(&publisher, 1).await?;
    let received = receive(&consumer, 1).await?;
    assert_eq!(ids(&received), BTreeSet::from(["evt_0".to_owned()]));
    let depth = consumer.depth().await?;
    assert_eq!((depth.ready, depth.leased), (0, Some(1)));
    assert!(depth.oldest_age.is_some());
    Ok(())
}
