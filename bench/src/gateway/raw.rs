//! Publishing by lapin and nothing else, the same messages to the same topology: one task that owns the
//! channel, so many publishes in flight, each confirmed. And what the bench does to a queue between runs.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use envelope::{Header, Source};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueuePurgeOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use shared::queue::rabbitmq::topology::{EVENTS, EXCHANGE, ROUTING_KEY};

use crate::events::Requests;
use crate::measure::process::Parts;
use crate::measure::sample::Sample;

const CONFIRM_DEADLINE: Duration = Duration::from_secs(15);

/// A connection with a channel that confirms.
pub struct Publisher {
    connection: Connection,
    channel: Channel,
}

impl Publisher {
    pub async fn open(url: &str) -> anyhow::Result<Self> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { connection, channel })
    }

    /// Publishes until the time is over or the messages are all sent. `parts` should count this process as
    /// the client.
    pub async fn run(
        &self,
        messages: &[(BasicProperties, &[u8])],
        in_flight: usize,
        time: Duration,
        parts: &Parts,
    ) -> anyhow::Result<Sample> {
        let mut left = messages.iter();
        let mut confirms = FuturesUnordered::new();
        let mut sample = Sample::default();
        let before = parts.cpu();
        let began = Instant::now();
        loop {
            while confirms.len() < in_flight && began.elapsed() < time {
                let Some((properties, body)) = left.next() else { break };
                confirms.push(self.publish(properties.clone(), body));
            }
            let Some(confirmed) =
                tokio::time::timeout(CONFIRM_DEADLINE, confirms.next()).await.context("no confirm came")?
            else {
                break;
            };
            sample.latencies.note(confirmed?);
        }
        sample.seconds = began.elapsed().as_secs_f64();
        sample.cpu = parts.cpu_since(&before);
        sample.peak = parts.peak();
        sample.events = sample.latencies.len();
        Ok(sample)
    }

    async fn publish(&self, properties: BasicProperties, body: &[u8]) -> anyhow::Result<Duration> {
        let began = Instant::now();
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (exchange, key) = (EXCHANGE.into(), ROUTING_KEY.into());
        let confirm = self.channel.basic_publish(exchange, key, options, body, properties).await?;
        ensure!(matches!(confirm.await?, Confirmation::Ack(None)), "the broker refused a message");
        Ok(began.elapsed())
    }

    /// Empties the queue of events.
    pub async fn purge(&self) -> anyhow::Result<()> {
        self.channel.queue_purge(EVENTS.into(), QueuePurgeOptions::default()).await?;
        Ok(())
    }

    pub async fn close(self) -> anyhow::Result<()> {
        Ok(self.connection.close(200, "done".into()).await?)
    }
}

/// What the gateway would publish for these requests.
pub fn messages(requests: &Requests) -> anyhow::Result<Vec<(BasicProperties, &[u8])>> {
    (0..requests.len())
        .map(|number| {
            let body = requests.body(number).context("there is a body for every number")?;
            Ok((properties(body)?, body))
        })
        .collect()
}

/// The header of the envelope that the gateway makes of a body.
pub fn header(body: &[u8]) -> anyhow::Result<Header> {
    Ok(::gateway::event::Head::read(body)?.header(Source::Stripe, "default", None))
}

fn properties(body: &[u8]) -> anyhow::Result<BasicProperties> {
    let header = header(body)?;
    let text = serde_json::to_string(&header)?;
    let mut headers = FieldTable::default();
    headers.insert("tidegate".into(), AMQPValue::LongString(text.into()));
    Ok(BasicProperties::default()
        .with_delivery_mode(2)
        .with_headers(headers)
        .with_message_id(header.id.into())
        .with_type(header.kind.into()))
}
