//! Consuming and settling. One task owns the channel with its three consumers and is the only one that
//! acknowledges on it, so acknowledgements leave in the order of the decisions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{Channel, Consumer as Subscription};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::OPEN_DEADLINE;
use super::acks::{Ack, Acks};
use super::connection::{Connection, in_time};
use super::error::BrokerError;
use super::nodes::Nodes;
use super::supervisor::{Ended, Pauses, Status, refusing};
use super::unacked::{ConsumeMode, Unacked};
use super::{message, topology};
use crate::digest::EnvelopeKeys;
use crate::queue::{QueueError, Settle, Settled, Tag};

/// How long a settled event may wait above an unsettled one until the broker is told about it by itself.
const GAP_PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(250);
const REQUESTS: usize = 256;

/// The side of those who receive and settle.
pub(super) struct Consumer {
    unacked: Arc<Unacked>,
    requests: mpsc::Sender<Request>,
    mode: watch::Sender<ConsumeMode>,
    deadline: Duration,
}

struct Request {
    settlements: Vec<(Tag, Settle)>,
    answer: oneshot::Sender<Result<Settled, QueueError>>,
}

/// What the task needs, whatever session it is in.
pub(super) struct Consuming {
    pub(super) nodes: Nodes,
    pub(super) status: Arc<Status>,
    pub(super) unacked: Arc<Unacked>,
    pub(super) deadline: Duration,
    pub(super) prefetch: u16,
    pub(super) keys: EnvelopeKeys,
    pub(super) closing: CancellationToken,
}

impl Consumer {
    /// The consumer, and the task that must run for it.
    pub(super) fn new(consuming: Consuming) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, requests) = mpsc::channel(REQUESTS);
        let (mode, changes) = watch::channel(ConsumeMode::Prefetch);
        let unacked = Arc::clone(&consuming.unacked);
        let consumer = Self { unacked, requests: sender, mode, deadline: consuming.deadline };
        (consumer, run(consuming, requests, changes))
    }

    pub(super) fn unacked(&self) -> &Unacked {
        &self.unacked
    }

    /// Whether deliveries ahead of demand stop.
    pub(super) fn set_paused(&self, paused: bool) {
        let wanted = if paused { ConsumeMode::Paused } else { ConsumeMode::Prefetch };
        self.mode.send_if_modified(|before| {
            *before != ConsumeMode::Draining && std::mem::replace(before, wanted) != wanted
        });
    }

    /// Takes nothing more; prefetched deliveries are still handed out.
    pub(super) fn begin_drain(&self) {
        self.mode.send_replace(ConsumeMode::Draining);
        self.unacked.set_draining();
    }

    pub(super) async fn settle(&self, settlements: &[(Tag, Settle)]) -> Result<Settled, QueueError> {
        let (answer, answered) = oneshot::channel();
        let request = Request { settlements: settlements.to_vec(), answer };
        let asked = async {
            match self.requests.send(request).await {
                Ok(()) => answered.await.unwrap_or(Err(QueueError::Lost)),
                Err(_) => Ok(Settled { settled: 0, stale: settlements.len() }), // closed: all went back
            }
        };
        match tokio::time::timeout(self.deadline, asked).await {
            Ok(settled) => settled,
            Err(_) => Err(QueueError::Deadline),
        }
    }
}

async fn run(
    consuming: Consuming,
    mut requests: mpsc::Receiver<Request>,
    mut mode: watch::Receiver<ConsumeMode>,
) {
    // Between two channels no tag is valid.
    let refuse = |request: Request| {
        let settled = Settled { settled: 0, stale: request.settlements.len() };
        request.answer.send(Ok(settled)).ok();
    };
    let closing = consuming.closing.clone();
    let mut pauses = Pauses::new();
    loop {
        let is_paused = *mode.borrow_and_update() != ConsumeMode::Prefetch;
        let connecting = connect(&consuming, is_paused);
        let ended = match refusing(&mut requests, refuse, &closing, connecting).await {
            None => return,
            Some(Err(why)) => Ended::Lost(why),
            Some(Ok((connection, (channel, arriving)))) => {
                consuming.unacked.begin();
                consuming.unacked.set_open(arriving.is_some());
                consuming.status.up(&connection);
                let ended =
                    serve(&consuming, &connection, &channel, arriving, &mut requests, &mut mode).await;
                if matches!(ended, Ended::Closed) {
                    consuming.status.closed();
                    give_back(&consuming, &channel, &mut requests).await;
                    connection.close(consuming.deadline).await;
                }
                consuming.unacked.end();
                ended
            }
        };
        let Ended::Lost(why) = ended else { return };
        let up_for = consuming.status.down(why);
        let pause = tokio::time::sleep(pauses.next(up_for, &consuming.nodes));
        if refusing(&mut requests, refuse, &closing, pause).await.is_none() {
            return;
        }
    }
}

/// What comes in by the consumers of a channel, and from which queue. A consumer that ends says so once, with
/// `None`.
type Arriving = BoxStream<'static, Option<(lapin::Result<Delivery>, &'static str)>>;

/// `None` at rest.
type Subscribed = Option<Arriving>;

async fn connect(
    consuming: &Consuming,
    is_paused: bool,
) -> Result<(Connection, (Channel, Subscribed)), BrokerError> {
    let opened = tokio::time::timeout(consuming.nodes.deadline(), open(consuming, is_paused)).await;
    opened.unwrap_or(Err(BrokerError::Silent))
}

async fn open(
    consuming: &Consuming,
    is_paused: bool,
) -> Result<(Connection, (Channel, Subscribed)), BrokerError> {
    let connection = Connection::open(consuming.nodes.next(), "consume", OPEN_DEADLINE).await?;
    let ready = prepare(consuming, &connection, is_paused).await;
    connection.with(ready).await
}

async fn prepare(
    consuming: &Consuming,
    connection: &Connection,
    is_paused: bool,
) -> Result<(Channel, Subscribed), BrokerError> {
    topology::inspect(connection).await?;
    let channel = connection.channel(OPEN_DEADLINE).await?;
    let arriving = if is_paused { None } else { Some(subscribe(consuming, &channel).await?) };
    Ok((channel, arriving))
}

async fn subscribe(consuming: &Consuming, channel: &Channel) -> Result<Arriving, BrokerError> {
    let mut subscriptions = Vec::new();
    // The dead are suspects and come one by one; all are good events, whichever way they took.
    let queues = [
        (topology::EVENTS, consuming.prefetch),
        (topology::UNROUTED, consuming.prefetch),
        (topology::DEAD, 1),
    ];
    for (queue, prefetch) in queues {
        // It counts for each consumer that is begun after it.
        in_time(OPEN_DEADLINE, channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let consume = channel.basic_consume(queue.into(), queue.into(), options, none);
        let subscription: Subscription = in_time(OPEN_DEADLINE, consume).await?;
        let arriving = subscription.map(move |delivery| Some((delivery, queue)));
        subscriptions.push(arriving.chain(stream::once(std::future::ready(None))));
    }
    Ok(stream::select_all(subscriptions).boxed())
}

/// One session: until the connection is lost or the queue is closed.
async fn serve(
    consuming: &Consuming,
    connection: &Connection,
    channel: &Channel,
    mut arriving: Subscribed,
    requests: &mut mpsc::Receiver<Request>,
    mode: &mut watch::Receiver<ConsumeMode>,
) -> Ended {
    let mut closing = std::pin::pin!(consuming.closing.cancelled());
    let mut tick = tokio::time::interval(TICK);
    loop {
        let acks = tokio::select! {
            biased;
            () = &mut closing => return Ended::Closed,
            Ok(()) = mode.changed() => {
                let wanted = *mode.borrow_and_update();
                arriving = match turn(consuming, channel, arriving.take(), wanted).await {
                    Ok(arriving) => arriving,
                    Err(why) => return Ended::Lost(why),
                };
                consuming.unacked.set_open(arriving.is_some());
                continue;
            }
            _ = tick.tick() => {
                if !connection.inner().status().connected() {
                    return Ended::Lost(BrokerError::Closed);
                }
                consuming.unacked.acks(|acks| {
                    acks.group().into_iter().chain(acks.singles(GAP_PATIENCE, Instant::now())).collect()
                })
            }
            Some(request) = requests.recv() => {
                if let Err(why) = answer(consuming, channel, request).await {
                    return Ended::Lost(why);
                }
                continue;
            }
            arrived = next(&mut arriving) => match arrived {
                Some((Ok(delivery), queue)) => {
                    arrive(consuming, delivery, queue);
                    continue;
                }
                Some((Err(error), _)) => return Ended::Lost(error.into()),
                None => return Ended::Lost(BrokerError::Unreliable("the broker has cancelled a consumer")),
            },
        };
        if let Err(why) = acknowledge(channel, acks, consuming.deadline).await {
            return Ended::Lost(why);
        }
    }
}

/// Nothing comes at rest.
async fn next(arriving: &mut Subscribed) -> Option<(lapin::Result<Delivery>, &'static str)> {
    match arriving {
        Some(arriving) => arriving.next().await.flatten(),
        None => std::future::pending().await,
    }
}

/// Starts or stops consuming. What is in hand stays, and is settled on this channel; while paused, deliveries
/// that nobody has taken are requeued.
async fn turn(
    consuming: &Consuming,
    channel: &Channel,
    arriving: Subscribed,
    wanted: ConsumeMode,
) -> Result<Subscribed, BrokerError> {
    match (arriving, wanted) {
        (None, ConsumeMode::Prefetch) => return subscribe(consuming, channel).await.map(Some),
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

async fn unsubscribe(
    consuming: &Consuming,
    channel: &Channel,
    mut arriving: Arriving,
) -> Result<(), BrokerError> {
    for queue in [topology::EVENTS, topology::UNROUTED, topology::DEAD] {
        let cancel = channel.basic_cancel(ShortString::from(queue), BasicCancelOptions::default());
        in_time(consuming.deadline, cancel).await?;
    }
    // What was on its way: the streams end behind it.
    let drain = async {
        while let Some(arrived) = arriving.next().await {
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

fn arrive(consuming: &Consuming, delivery: Delivery, queue: &'static str) {
    let unacked = &consuming.unacked;
    let (tag, now) = (delivery.delivery_tag, crate::clock::now());
    if message::is_probe(&delivery.properties, &delivery.data) {
        return unacked.pass_over(tag, now);
    }
    let envelope = message::envelope(&delivery.properties, delivery.data, &consuming.keys, now);
    unacked.arrive(tag, queue, envelope, delivery.redelivered || queue == topology::DEAD);
}

async fn answer(consuming: &Consuming, channel: &Channel, request: Request) -> Result<(), BrokerError> {
    let settled = settle(consuming, channel, &request.settlements).await;
    let fault = settled.as_ref().err().cloned();
    request.answer.send(settled.map_err(QueueError::from)).ok(); // whoever asked may have gone
    fault.map_or(Ok(()), Err)
}

/// Releases leave first: a group that follows may cover their tags.
async fn settle(
    consuming: &Consuming,
    channel: &Channel,
    settlements: &[(Tag, Settle)],
) -> Result<Settled, BrokerError> {
    let (settled, releases) = consuming.unacked.settle(settlements);
    let requeue = BasicNackOptions { requeue: true, multiple: false };
    for tag in releases {
        in_time(consuming.deadline, channel.basic_nack(tag, requeue)).await?;
    }
    let group = consuming.unacked.acks(Acks::group).into_iter().collect();
    acknowledge(channel, group, consuming.deadline).await?;
    Ok(settled)
}

async fn acknowledge(channel: &Channel, acks: Vec<Ack>, deadline: Duration) -> Result<(), BrokerError> {
    for Ack { tag, multiple } in acks {
        in_time(deadline, channel.basic_ack(tag, BasicAckOptions { multiple })).await?;
    }
    Ok(())
}

/// Closing: no more comes, who has asked is answered, what is done is acknowledged, and the rest goes back;
/// what is still on the way does so with the channel.
async fn give_back(consuming: &Consuming, channel: &Channel, requests: &mut mpsc::Receiver<Request>) {
    let deadline = consuming.deadline;
    requests.close();
    while let Some(request) = requests.recv().await {
        if answer(consuming, channel, request).await.is_err() {
            return;
        }
    }
    for queue in [topology::EVENTS, topology::UNROUTED, topology::DEAD] {
        let cancel = channel.basic_cancel(ShortString::from(queue), BasicCancelOptions::default());
        drop(in_time(deadline, cancel).await);
    }
    let (acks, last) = consuming.unacked.acks(|acks| {
        let group = acks.group().into_iter();
        (group.chain(acks.singles(Duration::ZERO, Instant::now())).collect(), acks.last_held())
    });
    if acknowledge(channel, acks, deadline).await.is_err() {
        return;
    }
    if let Some(last) = last {
        let requeue = BasicNackOptions { requeue: true, multiple: true };
        drop(in_time(deadline, channel.basic_nack(last, requeue)).await);
    }
    drop(in_time(deadline, channel.close(200, "bye".into())).await);
}
