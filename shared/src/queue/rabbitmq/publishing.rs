//! What the publisher's task and its sessions share.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::nodes::Nodes;
use super::supervisor::Status;

/// What the task needs, whatever session it is in.
pub(super) struct Publishing {
    pub(super) nodes: Nodes,
    pub(super) status: Arc<Status>,
    pub(super) deadline: Duration,
    pub(super) closing: CancellationToken,
}
