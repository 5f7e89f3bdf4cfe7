//! What a queue is made of: the contract that RabbitMQ and a file both keep.

use tokio_util::sync::CancellationToken;

use super::affinity::Affinity;
use super::rabbitmq::notices::NoticePublisher;
use super::{Delivery, Depth, Forgotten, PublishError, QueueError, Settle, Settled, Tag, Taken, Unusable};
use crate::Pending;
use crate::digest::EnvelopeKeys;
use envelope::Envelope;

/// [`Queue`](super::Queue) says what each of these promises.
pub trait Backend: Send + Sync + 'static {
    fn publish<'a>(&'a self, envelope: &'a Envelope) -> Pending<'a, Result<(), PublishError>>;
    fn receive(&self, max: usize, affinity: Affinity) -> Pending<'_, Vec<Delivery>>;
    fn settle<'a>(&'a self, settlements: &'a [(Tag, Settle)]) -> Pending<'a, Result<Settled, QueueError>>;
    fn depths(&self) -> Pending<'_, Result<Vec<(&'static str, Depth)>, QueueError>>;
    fn health(&self) -> Result<(), Unusable>;
    fn keys(&self) -> &EnvelopeKeys;
    fn begin_drain(&self);
    fn close(&self) -> Pending<'_, ()>;

    fn set_paused(&self, _paused: bool) {} // who leases only on request has nothing to return

    fn at_hand(&self) -> Option<usize> {
        None
    }

    fn taken(&self, _tags: &[Tag]) -> Option<Taken> {
        None
    }

    fn forgotten(&self) -> Pending<'_, Result<Option<Forgotten>, QueueError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn notice_publisher(&self) -> Option<NoticePublisher> {
        None
    }

    fn fatal(&self) -> CancellationToken {
        CancellationToken::new()
    }
}
