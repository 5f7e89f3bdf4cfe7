//! RabbitMQ as the queue, against a real broker: what only this backend can get wrong.

mod altered_messages;
mod groups;
mod outages;
mod prefetch;
mod rights;
mod routing;
mod settling;
mod tls;
mod topology;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use envelope::{Envelope, Header, Source};
use harness::broker::Broker;
use harness::process_guard::until;
use harness::queue::ids_in;
use lapin::options::{BasicGetOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use shared::digest::EnvelopeKeys;
use shared::queue::rabbitmq::topology::{self as declared, NewQueues};
use shared::queue::{Delivery, Queue, QueueConfig, QueueUrl, Role};

/// Others may be building on the same cores.
const PATIENCE: Duration = Duration::from_mins(1);

fn config(url: &str) -> QueueConfig {
    QueueConfig {
        url: QueueUrl::read(url).expect("a good address"),
        publish_in_flight: 1_024,
        deadline: Duration::from_secs(20),
        prefetch: 256,
        lease: Duration::from_secs(10),
        keys: EnvelopeKeys::none(),
    }
}

/// A virtual host of the shared broker with everything declared.
async fn place(name: &str) -> anyhow::Result<String> {
    let url = Broker::shared().await.vhost(name).await?;
    declared::declare(&url, NewQueues::UseAtOnce).await?;
    Ok(url)
}

async fn open(url: &str, role: Role) -> anyhow::Result<Queue> {
    let queue = Queue::open(config(url), role).await?;
    usable(&queue).await?;
    Ok(queue)
}

async fn usable(queue: &Queue) -> anyhow::Result<()> {
    until("the queue to be usable", PATIENCE, async || Ok(queue.health().is_ok()))
        .await
        .with_context(|| format!("{:?}", queue.health()))
}

fn envelope(id: &str) -> Envelope {
    let header = Header {
        id: id.to_owned(),
        kind: "invoice.paid".to_owned(),
        created: 1,
        account: String::new(),
        livemode: false,
        api_version: None,
        received_at: shared::clock::now(),
        trace_parent: shared::trace::child_of(None),
        source: Source::Stripe,
        endpoint: "default".to_owned(),
        unwanted: None,
        replay: None,
    };
    Envelope { header, body: Bytes::from(format!("{{\"id\":\"{id}\"}}")) }
}

async fn publish(queue: &Queue, count: usize) -> anyhow::Result<()> {
    for number in 0..count {
        queue.publish(&envelope(&format!("evt_{number}"))).await?;
    }
    Ok(())
}

/// Receives until there are so many.
async fn receive(queue: &Queue, count: usize) -> anyhow::Result<Vec<Delivery>> {
    let mut deliveries = Vec::new();
    while deliveries.len() < count {
        let more = tokio::time::timeout(PATIENCE, queue.receive(count - deliveries.len())).await;
        deliveries.extend(more.with_context(|| format!("only {} of {count} came", deliveries.len()))?);
    }
    Ok(deliveries)
}

fn ids(deliveries: &[Delivery]) -> BTreeSet<String> {
    deliveries.iter().map(|delivery| delivery.envelope.header.id.clone()).collect()
}

/// A look that does not go through our code.
async fn look(url: &str) -> anyhow::Result<(Connection, Channel)> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    Ok((connection, channel))
}

async fn ready(channel: &Channel, queue: &str) -> anyhow::Result<u32> {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    Ok(channel.queue_declare(queue.into(), passive, FieldTable::default()).await?.message_count())
}

/// Takes what lies in a queue, and returns the ids of its events.
async fn drain(channel: &Channel, queue: &str) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::new();
    while let Some(message) = channel.basic_get(queue.into(), BasicGetOptions { no_ack: true }).await? {
        ids.extend(ids_in(&message.delivery)?);
    }
    Ok(ids)
}
