//! RabbitMQ by lapin alone: publish, and consume with acknowledgements in groups.

use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::StreamExt;
use harness::broker::Broker;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use shared::queue::rabbitmq::topology::{self, EVENTS, NewQueues};

use crate::gateway::raw::Publisher;
use crate::measure::process::Parts;
use crate::measure::sample::Sample;

const PREFETCH: u16 = 256;
const ACK_EVERY: usize = 64;
const PATIENCE: Duration = Duration::from_mins(5);
const DELIVERY_DEADLINE: Duration = Duration::from_secs(30);

/// A virtual host with the product's topology.
pub async fn prepare(broker: &Broker) -> anyhow::Result<String> {
    let url = broker.vhost("raw").await?;
    topology::declare(&url, NewQueues::UseAtOnce).await?;
    Ok(url)
}

pub async fn publish(
    url: &str,
    messages: &[(BasicProperties, &[u8])],
    in_flight: usize,
    parts: &Parts,
) -> anyhow::Result<Sample> {
    let publisher = Publisher::open(url).await?;
    let mut sample = publisher.run(messages, in_flight, PATIENCE, parts).await?;
    sample.peak.clear();
    publisher.close().await?;
    Ok(sample)
}

pub async fn consume(url: &str, count: usize, parts: &Parts) -> anyhow::Result<Sample> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let before = parts.cpu();
    let began = Instant::now();
    let none = FieldTable::default();
    let mut deliveries =
        channel.basic_consume(EVENTS.into(), "raw".into(), BasicConsumeOptions::default(), none).await?;
    for number in 1..=count {
        let next = tokio::time::timeout(DELIVERY_DEADLINE, deliveries.next());
        let delivery =
            next.await.context("nothing more is delivered")?.context("the channel is closed")??;
        if number % ACK_EVERY == 0 || number == count {
            channel.basic_ack(delivery.delivery_tag, BasicAckOptions { multiple: true }).await?;
        }
    }
    let mut sample = Sample::of(count as u64, began.elapsed());
    sample.cpu = parts.cpu_since(&before);
    connection.close(200, "done".into()).await?;
    Ok(sample)
}
