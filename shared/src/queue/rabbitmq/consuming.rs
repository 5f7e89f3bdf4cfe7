//! What the consumer's task, its sessions and their subscriptions share.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::nodes::Nodes;
use super::supervisor::Status;
use super::unacked::Unacked;
use crate::digest::EnvelopeKeys;

/// What the task needs, whatever session it is in.
pub(super) struct Consuming {
    pub(super) nodes: Nodes,
    pub(super) status: Arc<Status>,
    pub(super) unacked: Arc<Unacked>,
    pub(super) deadline: Duration,
    /// In events.
    pub(super) prefetch: u16,
    pub(super) keys: EnvelopeKeys,
    pub(super) closing: CancellationToken,
}
