//! Consuming and settling. One task owns the channel with its three consumers and is the only one that
//! acknowledges on it, so acknowledgements leave in the order of the decisions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use lapin::types::ShortString;
use tokio::sync::{mpsc, oneshot, watch};

use super::OPEN_DEADLINE;
use super::acks::{Ack, Acks};
use super::connection::{Connection, in_time};
use super::consuming::Consuming;
use super::error::BrokerError;
use super::prefetch::Prefetch;
use super::subscription::{self, Subscribed};
use super::supervisor::{Ended, Pauses, refusing};
use super::topology;
use super::unacked::{ConsumeMode, Unacked};
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
    let (mut pauses, mut prefetch) = (Pauses::new(), Prefetch::of(consuming.prefetch));
    loop {
        let is_paused = *mode.borrow_and_update() != ConsumeMode::Prefetch;
        let connecting = connect(&consuming, is_paused, prefetch);
        let ended = match refusing(&mut requests, refuse, &closing, connecting).await {
            None => return,
            Some(Err(why)) => Ended::Lost(why),
            Some(Ok((connection, (channel, mut arriving)))) => {
                consuming.unacked.begin();
                consuming.unacked.set_open(arriving.is_some());
                consuming.status.up(&connection);
                let session = Session { consuming: &consuming, connection: &connection, channel: &channel };
                let ended = session.serve(&mut arriving, &mut prefetch, &mut requests, &mut mode).await;
                if matches!(ended, Ended::Closed) {
                    consuming.status.closed();
                    let consumers = arriving.map_or(Vec::new(), |arriving| arriving.consumers);
                    give_back(&consuming, &channel, &consumers, &mut requests).await;
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

async fn connect(
    consuming: &Consuming,
    is_paused: bool,
    prefetch: Prefetch,
) -> Result<(Connection, (Channel, Subscribed)), BrokerError> {
    let opened = tokio::time::timeout(consuming.nodes.deadline(), open(consuming, is_paused, prefetch)).await;
    opened.unwrap_or(Err(BrokerError::Silent))
}

async fn open(
    consuming: &Consuming,
    is_paused: bool,
    prefetch: Prefetch,
) -> Result<(Connection, (Channel, Subscribed)), BrokerError> {
    let connection = Connection::open(consuming.nodes.next(), "consume", OPEN_DEADLINE).await?;
    let ready = prepare(&connection, is_paused, prefetch).await;
    connection.with(ready).await
}

async fn prepare(
    connection: &Connection,
    is_paused: bool,
    prefetch: Prefetch,
) -> Result<(Channel, Subscribed), BrokerError> {
    topology::inspect(connection).await?;
    let channel = connection.channel(OPEN_DEADLINE).await?;
    let arriving = if is_paused { None } else { Some(subscription::subscribe(&channel, prefetch).await?) };
    Ok((channel, arriving))
}

/// From the moment at which deliveries may come until the connection is lost or the queue is closed.
struct Session<'s> {
    consuming: &'s Consuming,
    connection: &'s Connection,
    channel: &'s Channel,
}

impl Session<'_> {
    async fn serve(
        &self,
        arriving: &mut Subscribed,
        prefetch: &mut Prefetch,
        requests: &mut mpsc::Receiver<Request>,
        mode: &mut watch::Receiver<ConsumeMode>,
    ) -> Ended {
        let Self { consuming, channel, .. } = *self;
        let mut closing = std::pin::pin!(consuming.closing.cancelled());
        let mut tick = tokio::time::interval(TICK);
        loop {
            let done = tokio::select! {
                biased;
                () = &mut closing => return Ended::Closed,
                Ok(()) = mode.changed() => {
                    let wanted = *mode.borrow_and_update();
                    let turned = subscription::turn(consuming, channel, arriving.take(), wanted, *prefetch).await;
                    turned.map(|turned| {
                        *arriving = turned;
                        consuming.unacked.set_open(arriving.is_some());
                    })
                }
                _ = tick.tick() => self.tick().await,
                Some(request) = requests.recv() => answer(consuming, channel, request).await,
                arrived = subscription::next(arriving) => match arrived {
                    Some((Ok(delivery), queue)) => {
                        subscription::arrive(consuming, delivery, queue);
                        Ok(())
                    }
                    Some((Err(error), _)) => Err(error.into()),
                    None => Err(BrokerError::Unreliable("the broker has cancelled a consumer")),
                },
            };
            let done = match (done, arriving.take()) {
                (Ok(()), Some(subscribed)) if prefetch.follow(consuming.unacked.counts()) => {
                    let renewed = subscription::renew(consuming, channel, subscribed, *prefetch).await;
                    renewed.map(|renewed| *arriving = Some(renewed))
                }
                (done, unchanged) => {
                    *arriving = unchanged;
                    done
                }
            };
            if let Err(why) = done {
                return Ended::Lost(why);
            }
        }
    }

    async fn tick(&self) -> Result<(), BrokerError> {
        if !self.connection.inner().status().connected() {
            return Err(BrokerError::Closed);
        }
        let acks = self.consuming.unacked.acks(|acks| {
            acks.group().into_iter().chain(acks.singles(GAP_PATIENCE, Instant::now())).collect()
        });
        acknowledge(self.channel, acks, self.consuming.deadline).await
    }
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
async fn give_back(
    consuming: &Consuming,
    channel: &Channel,
    consumers: &[ShortString],
    requests: &mut mpsc::Receiver<Request>,
) {
    let deadline = consuming.deadline;
    requests.close();
    while let Some(request) = requests.recv().await {
        if answer(consuming, channel, request).await.is_err() {
            return;
        }
    }
    drop(subscription::cancel(consuming, channel, consumers).await);
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
