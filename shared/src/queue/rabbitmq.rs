//! RabbitMQ: to be written.
use super::{Delivery, Depth, OpenError, PublishError, QueueConfig, QueueError, Role, Settle, Settled, Tag};
use crate::envelope::Envelope;

pub struct RabbitMq;

impl RabbitMq {
    pub(super) fn open(_config: QueueConfig, _role: Role) -> Result<Self, OpenError> {
        Ok(Self)
    }
    pub(super) async fn publish(&self, _envelope: &Envelope) -> Result<(), PublishError> {
        Err(PublishError::Unavailable)
    }
    pub(super) async fn receive(&self, _max: usize) -> Vec<Delivery> {
        std::future::pending().await
    }
    pub(super) async fn settle(&self, _settlements: &[(Tag, Settle)]) -> Result<Settled, QueueError> {
        Err(QueueError("stub".to_owned()))
    }
    pub(super) async fn depth(&self) -> Result<Depth, QueueError> {
        Err(QueueError("stub".to_owned()))
    }
    pub(super) fn health(&self) -> Result<(), String> {
        Err("stub".to_owned())
    }
    pub(super) async fn close(&self) {}
}
