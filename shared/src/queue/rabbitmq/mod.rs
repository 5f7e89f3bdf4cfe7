//! RabbitMQ as the queue. Two roles, each with a connection, a supervisor and one task of its own.

mod acks;
pub mod cluster_check;
mod connection;
mod consumer;
mod consuming;
mod error;
mod group;
mod message;
pub(super) mod nodes;
pub mod notices;
mod pending;
mod prefetch;
mod publisher;
mod publishing;
mod socket;
mod subscription;
mod supervisor;
pub mod topology;
mod unacked;
mod unconfirmed;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use self::connection::in_time;
use self::consumer::Consumer;
use self::consuming::Consuming;
pub use self::error::{BrokerError, Fault};
pub(super) use self::message::reopen;
use self::nodes::Nodes;
use self::notices::NoticePublisher;
use self::publisher::Publisher;
use self::publishing::Publishing;
use self::supervisor::Status;
use self::unacked::Unacked;
use super::affinity::Affinity;
use super::{
    Delivery, Depth, OpenError, PublishError, QueueConfig, QueueError, QueueUrl, Role, Settle, Settled, Tag,
    Unusable,
};
use crate::Pending;
use crate::digest::EnvelopeKeys;
use crate::queue::Backend;
use envelope::Envelope;

/// For each step of opening a session: longer than one publish may take, because TLS and names come first.
const OPEN_DEADLINE: Duration = Duration::from_secs(10);

pub struct RabbitMq {
    publisher: Option<(Publisher, Arc<Status>)>,
    consumer: Option<(Consumer, Arc<Status>)>,
    deadline: Duration,
    keys: EnvelopeKeys,
    nodes: Vec<nodes::Node>,
    closing: CancellationToken,
    /// They end with the queue: dropped without `close`, it leaves like a process that dies.
    tasks: Mutex<Vec<AbortOnDropHandle<()>>>,
}

impl RabbitMq {
    pub(super) fn open(config: &QueueConfig, role: Role) -> Result<Self, OpenError> {
        let broker = config.url.shown();
        let QueueUrl::RabbitMq(url) = &config.url else {
            return Err(OpenError::Failed { url: broker, cause: "not an amqp address".into() });
        };
        let nodes = nodes::read(url.expose_secret());
        let nodes = nodes.map_err(|fault| OpenError::Failed { url: broker.clone(), cause: fault.into() })?;
        let (deadline, closing) = (config.deadline, CancellationToken::new());
        let mut tasks = Vec::new();
        let publisher = matches!(role, Role::Publish | Role::Both | Role::Look).then(|| {
            let status = Status::new("publish", broker.clone());
            let publishing = Publishing {
                nodes: Nodes::new(nodes.clone()),
                status: Arc::clone(&status),
                deadline,
                closing: closing.clone(),
            };
            let (publisher, task) = Publisher::new(publishing, config.publish_in_flight, config.keys.clone());
            tasks.push(AbortOnDropHandle::new(tokio::spawn(task)));
            (publisher, status)
        });
        let consumer = matches!(role, Role::Consume | Role::Both).then(|| {
            let status = Status::new("consume", broker.clone());
            let consuming = Consuming {
                nodes: Nodes::new(nodes.clone()),
                status: Arc::clone(&status),
                unacked: Arc::new(Unacked::default()),
                deadline,
                prefetch: config.prefetch,
                keys: config.keys.clone(),
                closing: closing.clone(),
            };
            let (consumer, task) = Consumer::new(consuming);
            tasks.push(AbortOnDropHandle::new(tokio::spawn(task)));
            (consumer, status)
        });
        let keys = config.keys.clone();
        Ok(Self { publisher, consumer, deadline, keys, nodes, closing, tasks: Mutex::new(tasks) })
    }
}

impl Backend for RabbitMq {
    /// Notices are published to the same broker.
    fn notice_publisher(&self) -> Option<NoticePublisher> {
        Some(NoticePublisher::new(self.nodes.clone()))
    }

    fn keys(&self) -> &EnvelopeKeys {
        &self.keys
    }

    fn publish<'a>(&'a self, envelope: &'a Envelope) -> Pending<'a, Result<(), PublishError>> {
        Box::pin(async move {
            match &self.publisher {
                Some((publisher, _)) => publisher.publish(envelope).await,
                None => Err(PublishError::Unavailable),
            }
        })
    }

    fn receive(&self, max: usize, affinity: Affinity) -> Pending<'_, Vec<Delivery>> {
        Box::pin(async move {
            match &self.consumer {
                Some((consumer, _)) => consumer.unacked().receive(max, affinity).await,
                None => std::future::pending().await,
            }
        })
    }

    fn at_hand(&self) -> Option<usize> {
        Some(self.consumer.as_ref().map_or(0, |(consumer, _)| consumer.unacked().at_hand()))
    }

    fn set_paused(&self, paused: bool) {
        if let Some((consumer, _)) = &self.consumer {
            consumer.set_paused(paused);
        }
    }

    fn begin_drain(&self) {
        if let Some((consumer, _)) = &self.consumer {
            consumer.begin_drain();
        }
    }

    fn settle<'a>(&'a self, settlements: &'a [(Tag, Settle)]) -> Pending<'a, Result<Settled, QueueError>> {
        Box::pin(async move {
            match &self.consumer {
                Some((consumer, _)) => consumer.settle(settlements).await,
                None => Ok(Settled { settled: 0, stale: settlements.len() }),
            }
        })
    }

    /// Over AMQP the broker does not say which messages are unacknowledged, nor how old any is: leased and the
    /// oldest are those that this process holds.
    fn depths(&self) -> Pending<'_, Result<Vec<(&'static str, Depth)>, QueueError>> {
        Box::pin(async move {
            // A connection that publishes may be blocked, hence the consumer's where there is one.
            let roles = [self.consumer.as_ref().map(|it| &it.1), self.publisher.as_ref().map(|it| &it.1)];
            let connection = roles.into_iter().flatten().find_map(|status| status.connection());
            let connection = connection.ok_or(QueueError::NotConnected)?;
            let counted = tokio::time::timeout(self.deadline, ready(&connection, self.deadline)).await;
            let ready = counted.unwrap_or(Err(BrokerError::Silent))?;
            let (held, now) =
                (self.consumer.as_ref().map(|(consumer, _)| consumer.unacked().held()), crate::clock::now());
            Ok(ready
                .into_iter()
                .map(|(queue, ready)| {
                    let held = held.as_ref().map(|held| held.get(queue).copied().unwrap_or_default());
                    let oldest_age = held.and_then(|(_, oldest)| oldest);
                    let oldest_age = oldest_age.map(|at| (now - at).to_std().unwrap_or_default());
                    (queue, Depth { ready, leased: held.map(|(count, _)| count), oldest_age })
                })
                .collect())
        })
    }

    fn health(&self) -> Result<(), Unusable> {
        let fault = |status: Option<&Arc<Status>>| status.and_then(|status| status.health().err());
        let publish = fault(self.publisher.as_ref().map(|it| &it.1));
        match (publish, fault(self.consumer.as_ref().map(|it| &it.1))) {
            (None, None) => Ok(()),
            (Some(publish), Some(consume)) => {
                Err(Unusable::BothRoles { publish: Box::new(publish), consume })
            }
            (Some(fault), None) | (None, Some(fault)) => Err(Unusable::Broker(fault)),
        }
    }

    fn close(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            self.closing.cancel();
            let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
            drop(tokio::time::timeout(self.deadline, futures_util::future::join_all(tasks)).await);
        })
    }
}

/// On its own channel, which a missing queue would close.
async fn ready(
    connection: &lapin::Connection,
    deadline: Duration,
) -> Result<Vec<(&'static str, u64)>, BrokerError> {
    let channel = in_time(deadline, connection.create_channel()).await?;
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let mut ready = Vec::new();
    for queue in topology::QUEUES {
        let asked = channel.queue_declare(queue.into(), passive, FieldTable::default()).await;
        ready.push((queue, u64::from(asked?.message_count())));
    }
    drop(in_time(deadline, channel.close(200, "counted".into())).await);
    Ok(ready)
}
