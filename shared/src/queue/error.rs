//! What can go wrong with the queue, each with its cause: opening it, publishing to it, asking it, using it now.

use std::error::Error;
use std::sync::Arc;

use super::rabbitmq::{BrokerError, Fault};

/// What a library, the system or a check said, where nobody needs to tell one from the other.
pub type Cause = Box<dyn Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("this binary has no embedded queue: run `tidegate up`, or set QUEUE_URL to an amqp:// address")]
    NotEmbedded,
    #[error("the queue at {url} cannot be opened: {cause}")]
    Failed {
        url: String,
        #[source]
        cause: Cause,
    },
    #[error(
        "the queue at {url} is damaged: {cause}. Nothing was changed and nothing is accepted. `tidegate queue recover` shows what can be saved; it changes nothing without --yes"
    )]
    Damaged {
        url: String,
        #[source]
        cause: Cause,
    },
}

/// Not known to be durable; the sender must send it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("the queue is unreachable")]
    Unavailable,
    #[error("the broker refuses publishes because it is short of memory or disk")]
    Blocked,
    #[error("the broker refused the message: the queue is full or has a problem")]
    Refused,
    #[error("no confirmation within the deadline")]
    Deadline,
    #[error("too many publishes are waiting for confirmation")]
    Overloaded,
}

impl PublishError {
    /// A label for metrics, from a closed set.
    pub fn label(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
            Self::Deadline => "deadline",
            Self::Overloaded => "overloaded",
        }
    }
}

/// A question or a settlement had no answer. Whether it was done is not known.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueueError {
    #[error("the queue is not connected")]
    NotConnected,
    #[error("the queue is closed")]
    Closed,
    #[error("the queue gave no answer within the deadline")]
    Deadline,
    #[error("the connection was lost before the acknowledgement was sent")]
    Lost,
    #[error("the queue does not answer: {0}")]
    Broker(#[from] BrokerError),
    /// SQLite's own error, or that the file is gone.
    #[error("the queue does not answer: queue.db: {0}")]
    File(#[source] Arc<dyn Error + Send + Sync>),
}

/// Why the queue cannot be used now, in plain words for people on call.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unusable {
    #[error("{0}")]
    Broker(#[source] Fault),
    /// Of a process that does both.
    #[error("{publish}; {consume}")]
    BothRoles {
        publish: Box<Fault>,
        #[source]
        consume: Fault,
    },
    #[error(
        "no space for queue.db: the disk is full. Make room; events are taken in again by themselves then"
    )]
    Full,
    /// For good: the process must end.
    #[error("{0}")]
    Fatal(#[source] Arc<dyn Error + Send + Sync>),
    #[error("the queue is closed")]
    Closed,
}
