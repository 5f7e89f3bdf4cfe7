//! The queue between intake and first handling: RabbitMQ, or a SQLite file. Both keep one contract, checked by
//! one test suite: durable before `publish` returns, at least once, in no order, exactly one settle.

pub mod affinity;
mod backend;
mod config;
mod error;
mod gauges;
pub mod rabbitmq;
#[cfg(feature = "embedded")]
pub mod sqlite;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use self::affinity::Affinity;
pub use self::backend::Backend;
pub use self::config::{QueueConfig, QueueUrl, VARIABLES};
pub use self::error::{Cause, OpenError, PublishError, QueueError, Unusable};
pub use self::gauges::QueueGauges;
use crate::{Pending, PendingHere};
use envelope::Envelope;

/// A handle; clones share one queue.
#[derive(Clone)]
pub struct Queue(Arc<dyn Backend>);

/// What a process does with the queue: it opens only the connections that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Publish,
    Consume,
    Both,
    /// Asks how much waits. A file is then not checked for damage first, which takes a while where it is large.
    Look,
}

/// One envelope, leased to this process until it is settled.
#[derive(Debug)]
pub struct Delivery {
    pub envelope: Envelope,
    pub tag: Tag,
    /// Somebody may have begun it before and not come back: handle it alone.
    pub redelivered: bool,
}

/// Names one delivery. Once its lease has ended the tag is stale, and settling it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    /// RabbitMQ: which channel of ours. SQLite: which message.
    pub(crate) scope: u64,
    /// RabbitMQ: the delivery tag. SQLite: the fencing number of the lease.
    pub(crate) number: u64,
    /// RabbitMQ: which envelope of the message. SQLite: 0, each has its own message.
    pub(crate) part: u8,
}

impl Tag {
    /// Of a backend that numbers what it hands out.
    pub fn numbered(number: u64) -> Self {
        Self { scope: 0, number, part: 0 }
    }
}

/// Which messages of a queue that numbers them a transaction took: a witness for what the ledger has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The file, as long as it lives: a new one begins to count anew.
    pub queue: Arc<str>,
    pub highest: i64,
    pub deliveries: i64,
}

/// What a queue that numbers its messages has forgotten, because their consumer said that they are committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    pub queue: Arc<str>,
    /// The highest number, and how many altogether.
    pub highest: i64,
    pub count: i64,
}

/// How a delivery is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settle {
    /// Committed to the ledger: forget it.
    Done,
    /// Not begun, or undone without a trace: somebody else may have it now.
    Release,
}

/// What came of a call to `settle`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub settled: usize,
    /// Refused: settled before, or its lease had ended. The event is redelivered, here or to another worker.
    pub stale: usize,
}

/// What waits, in messages: RabbitMQ's hold one to 32 events each, those of a file one. `None` where the backend
/// cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    pub ready: u64,
    pub leased: Option<u64>,
    pub oldest_age: Option<Duration>,
}

impl Queue {
    /// Opens the queue. RabbitMQ may be away: a supervisor connects and reconnects, and until then publishes
    /// are refused at once and nothing is received. A SQLite file must open now.
    pub fn open(config: QueueConfig, role: Role) -> PendingHere<'static, Result<Self, OpenError>> {
        Box::pin(async move {
            config.keys.watch();
            match &config.url {
                QueueUrl::RabbitMq(_) => Ok(Self::of(rabbitmq::RabbitMq::open(&config, role)?)),
                #[cfg(feature = "embedded")]
                QueueUrl::Sqlite(_) => Ok(Self::of(sqlite::Sqlite::open(config, role).await?)),
                #[cfg(not(feature = "embedded"))]
                QueueUrl::Sqlite(_) => Err(OpenError::NotEmbedded),
            }
        })
    }

    pub fn of(backend: impl Backend) -> Self {
        Self(Arc::new(backend))
    }

    /// What is wrong with the file of a queue, looked for everywhere in it; `None` where it is sound, and for
    /// RabbitMQ, which knows of its own.
    pub fn damage(url: &QueueUrl) -> Pending<'_, Result<Option<String>, OpenError>> {
        Box::pin(async move {
            match url {
                QueueUrl::RabbitMq(_) => Ok(None),
                #[cfg(feature = "embedded")]
                QueueUrl::Sqlite(path) => sqlite::damage(path).await,
                #[cfg(not(feature = "embedded"))]
                QueueUrl::Sqlite(_) => Err(OpenError::NotEmbedded),
            }
        })
    }

    /// Copies the file of a queue as of one moment, while others use it; `false` for RabbitMQ, which has no file.
    pub fn copy<'a>(url: &'a QueueUrl, to: &'a Path) -> Pending<'a, Result<bool, OpenError>> {
        Box::pin(async move {
            match url {
                QueueUrl::RabbitMq(_) => Ok(false),
                #[cfg(feature = "embedded")]
                QueueUrl::Sqlite(path) => sqlite::copy(path, to).await.map(|()| true),
                #[cfg(not(feature = "embedded"))]
                QueueUrl::Sqlite(_) => Err(OpenError::NotEmbedded),
            }
        })
    }

    /// Returns `Ok` only when the envelope is durable, within the configured deadline.
    pub fn publish<'a>(&'a self, envelope: &'a Envelope) -> Pending<'a, Result<(), PublishError>> {
        self.0.publish(envelope)
    }

    /// Publishes notices; `None` where the queue is a file.
    pub fn notice_publisher(&self) -> Option<rabbitmq::notices::NoticePublisher> {
        self.0.notice_publisher()
    }

    /// What a suspect was published as, if it verifies by now: one envelope, or a group of them.
    pub fn reopen(&self, suspect: &Envelope) -> Vec<Envelope> {
        rabbitmq::reopen(suspect, self.0.keys(), crate::clock::now())
    }

    /// Which messages these deliveries are of; `None` where the queue does not number them.
    pub fn taken(&self, tags: &[Tag]) -> Option<Taken> {
        self.0.taken(tags)
    }

    /// What it has forgotten; `None` where it does not number its messages.
    pub fn forgotten(&self) -> Pending<'_, Result<Option<Forgotten>, QueueError>> {
        self.0.forgotten()
    }

    /// Waits for the first envelope, then hands out what is there at once, at most `max`. Outages are waited
    /// through. Dropping the future loses nothing: what it had been given is requeued. Nothing is handed out
    /// only after `begin_drain`, once nothing is left.
    pub async fn receive(&self, max: usize) -> Vec<Delivery> {
        self.receive_preferring(max, Affinity::ANY).await
    }

    /// The same, preferring events that match the affinity. A file has one receiver at a time, and ignores it.
    pub fn receive_preferring(&self, max: usize, affinity: Affinity) -> Pending<'_, Vec<Delivery>> {
        self.0.receive(max, affinity)
    }

    /// How many events were delivered ahead of demand and not handed out yet: a measure of how deep the queue is.
    /// `None` where nothing is: a file lends only to who asks.
    pub fn at_hand(&self) -> Option<usize> {
        self.0.at_hand()
    }

    /// Pauses or resumes consumption. A broker delivers ahead of demand (prefetch); while paused, deliveries
    /// that nobody has taken are requeued, so that none goes stale.
    pub fn set_paused(&self, paused: bool) {
        self.0.set_paused(paused);
    }

    /// Begins the drain: nothing more is delivered to this process, and prefetched deliveries are still handed
    /// out, so that a clean stop leaves nothing begun and nothing to be redelivered.
    pub fn begin_drain(&self) {
        self.0.begin_drain();
    }

    /// Settles deliveries. An error means "unknown": each of them is either settled or redelivered.
    pub fn settle<'a>(
        &'a self,
        settlements: &'a [(Tag, Settle)],
    ) -> Pending<'a, Result<Settled, QueueError>> {
        self.0.settle(settlements)
    }

    /// All of its queues together.
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        let depths = self.depths().await?;
        Ok(Depth {
            ready: depths.iter().map(|(_, depth)| depth.ready).sum(),
            leased: depths.iter().filter_map(|(_, depth)| depth.leased).reduce(|a, b| a + b),
            oldest_age: depths.iter().filter_map(|(_, depth)| depth.oldest_age).max(),
        })
    }

    /// Each of its queues by name. A file has one.
    pub fn depths(&self) -> Pending<'_, Result<Vec<(&'static str, Depth)>, QueueError>> {
        self.0.depths()
    }

    /// Why the queue cannot be used now.
    pub fn health(&self) -> Result<(), Unusable> {
        self.0.health()
    }

    /// Cancelled when the queue can no longer promise durability (a failed fsync, a damaged or removed file): the
    /// process must end, and `health` says why.
    pub fn fatal(&self) -> CancellationToken {
        self.0.fatal()
    }

    /// Flushes settlements, requeues unsettled deliveries and closes. Bounded in time by the publish deadline.
    pub fn close(&self) -> Pending<'_, ()> {
        self.0.close()
    }
}
