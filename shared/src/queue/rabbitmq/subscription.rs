//! The consumers of a channel: beginning and ending them, and what comes in by them.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use lapin::message::Delivery;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer};

use super::OPEN_DEADLINE;
use super::connection::in_time;
use super::consuming::Consuming;
use super::error::BrokerError;
use super::prefetch::Prefetch;
use super::unacked::ConsumeMode;
use super::{message, topology};

/// Consumers of a channel, and what comes in by them, from which queue. One that ends says so once, with `None`.
pub(super) struct Arriving {
    deliveries: BoxStream<'static, Option<(lapin::Result<Delivery>, &'static str)>>,
    pub(super) consumers: Vec<ShortString>,
}

/// Numbers the subscriptions of this process. A quorum queue takes a consumer for the one before where it has the
/// name and the channel of one that still holds messages, and delivers those a second time.
static LAST_SUBSCRIPTION: AtomicU64 = AtomicU64::new(0);

/// `None` at rest.
pub(super) type Subscribed = Option<Arriving>;

pub(super) async fn subscribe(channel: &Channel, prefetch: Prefetch) -> Result<Arriving, BrokerError> {
    let number = LAST_SUBSCRIPTION.fetch_add(1, Ordering::Relaxed) + 1;
    let (mut deliveries, mut consumers) = (Vec::new(), Vec::new());
    // The dead are suspects and come one message at a time; all are good events, whichever way they took.
    let queues = [
        (topology::EVENTS, prefetch.messages()),
        (topology::UNROUTED, prefetch.messages()),
        (topology::DEAD, 1),
    ];
    for (queue, messages) in queues {
        // It counts for each consumer that is begun after it.
        in_time(OPEN_DEADLINE, channel.basic_qos(messages, BasicQosOptions::default())).await?;
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let name = ShortString::from(format!("{queue} {number}"));
        let consume = channel.basic_consume(queue.into(), name.clone(), options, none);
        let consumer: Consumer = in_time(OPEN_DEADLINE, consume).await?;
        let arriving = consumer.map(move |delivery| Some((delivery, queue)));
        deliveries.push(arriving.chain(stream::once(std::future::ready(None))));
        consumers.push(name);
    }
    Ok(Arriving { deliveries: stream::select_all(deliveries).boxed(), consumers })
}

/// Starts or stops consuming. What is in hand stays, and is settled on this channel; while paused, deliveries
/// that nobody has taken are requeued.
pub(super) async fn turn(
    consuming: &Consuming,
    channel: &Channel,
    arriving: Subscribed,
    wanted: ConsumeMode,
    prefetch: Prefetch,
) -> Result<Subscribed, BrokerError> {
    match (arriving, wanted) {
        (None, ConsumeMode::Prefetch) => return subscribe(channel, prefetch).await.map(Some),
        (Some(subscribed), ConsumeMode::Paused | ConsumeMode::Draining) => {
            unsubscribe(consuming, channel, subscribed).await?;
        }
        (unchanged, _) => return Ok(unchanged),
    }
    if wanted == ConsumeMode::Paused {
        let requeue = BasicNackOptions { requeue: true, multiple: false };
        for tag in consuming.unacked.take_back() {
            in_time(consuming.deadline, channel.basic_nack(tag, requeue)).await?;
        }
    }
    Ok(None)
}

/// Consumes with another prefetch: a consumer keeps the one that it began with.
pub(super) async fn renew(
    consuming: &Consuming,
    channel: &Channel,
    arriving: Arriving,
    prefetch: Prefetch,
) -> Result<Arriving, BrokerError> {
    unsubscribe(consuming, channel, arriving).await?;
    subscribe(channel, prefetch).await
}

async fn unsubscribe(
    consuming: &Consuming,
    channel: &Channel,
    mut arriving: Arriving,
) -> Result<(), BrokerError> {
    cancel(consuming, channel, &arriving.consumers).await?;
    // What was on its way: the streams end behind it.
    let drain = async {
        while let Some(arrived) = arriving.deliveries.next().await {
            match arrived {
                Some((Ok(delivery), queue)) => arrive(consuming, delivery, queue),
                Some((Err(error), _)) => return Err(error.into()),
                None => {}
            }
        }
        Ok(())
    };
    let drained = tokio::time::timeout(consuming.deadline, drain).await;
    drained.unwrap_or(Err(BrokerError::Unreliable("the broker does not cancel its consumers")))
}

pub(super) async fn cancel(
    consuming: &Consuming,
    channel: &Channel,
    consumers: &[ShortString],
) -> Result<(), BrokerError> {
    for consumer in consumers {
        let cancel = channel.basic_cancel(consumer.clone(), BasicCancelOptions::default());
        in_time(consuming.deadline, cancel).await?;
    }
    Ok(())
}

/// Nothing comes at rest.
pub(super) async fn next(arriving: &mut Subscribed) -> Option<(lapin::Result<Delivery>, &'static str)> {
    match arriving {
        Some(arriving) => arriving.deliveries.next().await.flatten(),
        None => std::future::pending().await,
    }
}

pub(super) fn arrive(consuming: &Consuming, delivery: Delivery, queue: &'static str) {
    let unacked = &consuming.unacked;
    let (tag, now) = (delivery.delivery_tag, crate::clock::now());
    if message::is_probe(&delivery.properties, &delivery.data) {
        return unacked.pass_over(tag, now);
    }
    let envelopes = message::read(&delivery.properties, delivery.data, &consuming.keys, now);
    unacked.arrive(tag, queue, envelopes, delivery.redelivered || queue == topology::DEAD);
}
