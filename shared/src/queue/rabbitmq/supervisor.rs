//! Keeps a role connected to the broker, with endless retries, and knows its state.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::error::{BrokerError, Fault};
use super::nodes::Nodes;
use crate::queue::PublishError;

const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// The jitter adds up to as much again.
const LONGEST_PAUSE: Duration = Duration::from_millis(2_500);
/// Who has been up for so long begins again with the shortest pause.
const STEADY: Duration = Duration::from_secs(5);

enum State {
    /// `None` before the first attempt, and once closed.
    Down {
        since: Instant,
        why: Option<BrokerError>,
    },
    Blocked {
        since: Instant,
        reason: String,
    },
    Up {
        since: Instant,
    },
}

/// One role's state. Each change is logged once, here.
pub(super) struct Status {
    role: &'static str,
    /// The address without user and password.
    broker: String,
    now: Mutex<(State, Weak<lapin::Connection>)>,
}

impl Status {
    pub(super) fn new(role: &'static str, broker: String) -> Arc<Self> {
        let state = State::Down { since: Instant::now(), why: None };
        Arc::new(Self { role, broker, now: Mutex::new((state, Weak::new())) })
    }

    pub(super) fn up(&self, connection: &Connection) {
        tracing::info!(
            role = self.role,
            broker = self.broker,
            node = connection.node(),
            "connected to RabbitMQ"
        );
        self.set(State::Up { since: Instant::now() }, Arc::downgrade(connection.inner()));
    }

    pub(super) fn blocked(&self, connection: &Connection, reason: String) {
        let (role, broker, node) = (self.role, &self.broker, connection.node());
        tracing::warn!(role, broker, node, reason, "RabbitMQ blocks publishes");
        self.set(State::Blocked { since: Instant::now(), reason }, Arc::downgrade(connection.inner()));
    }

    /// Returns for how long the role was up.
    pub(super) fn down(&self, why: BrokerError) -> Duration {
        let words = why.to_string();
        let (since, is_news, up_for) = match &self.now.lock().unwrap_or_else(PoisonError::into_inner).0 {
            State::Down { since, why: before } => {
                let is_news = before.as_ref().is_none_or(|before| before.to_string() != words);
                (*since, is_news, Duration::ZERO)
            }
            State::Up { since } => (Instant::now(), true, since.elapsed()),
            State::Blocked { .. } => (Instant::now(), true, Duration::ZERO),
        };
        if is_news {
            tracing::warn!(
                role = self.role,
                broker = self.broker,
                why = words,
                "RabbitMQ cannot be used: retrying"
            );
        }
        self.set(State::Down { since, why: Some(why) }, Weak::new());
        up_for
    }

    /// On our own wish, hence no news.
    pub(super) fn closed(&self) {
        self.set(State::Down { since: Instant::now(), why: None }, Weak::new());
    }

    /// Why a publish would be refused now.
    pub(super) fn refusal(&self) -> Option<PublishError> {
        match &self.now.lock().unwrap_or_else(PoisonError::into_inner).0 {
            State::Down { .. } => Some(PublishError::Unavailable),
            State::Blocked { .. } => Some(PublishError::Blocked),
            State::Up { .. } => None,
        }
    }

    pub(super) fn health(&self) -> Result<(), Fault> {
        let (role, broker) = (self.role, self.broker.clone());
        match &self.now.lock().unwrap_or_else(PoisonError::into_inner).0 {
            State::Up { .. } => Ok(()),
            State::Down { since, why } => {
                let secs = since.elapsed().as_secs();
                Err(match why {
                    Some(why) => Fault::Down { role, broker, secs, why: Box::new(why.clone()) },
                    None => Fault::NotConnected { role, broker, secs },
                })
            }
            State::Blocked { since, reason } => {
                Err(Fault::Blocked { broker, secs: since.elapsed().as_secs(), reason: reason.clone() })
            }
        }
    }

    pub(super) fn connection(&self) -> Option<Arc<lapin::Connection>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).1.upgrade()
    }

    fn set(&self, state: State, connection: Weak<lapin::Connection>) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = (state, connection);
    }
}

/// How a session with the broker ended.
pub(super) enum Ended {
    Lost(BrokerError),
    /// On our own wish.
    Closed,
}

/// The pauses between attempts: short from node to node, then doubling, always jittered, without end.
pub(super) struct Pauses(ExponentialBackoff);

impl Pauses {
    pub(super) fn new() -> Self {
        let growing = ExponentialBuilder::new().with_min_delay(SHORTEST_PAUSE).with_max_delay(LONGEST_PAUSE);
        Self(growing.with_jitter().without_max_times().build())
    }

    pub(super) fn next(&mut self, up_for: Duration, nodes: &Nodes) -> Duration {
        if up_for >= STEADY {
            *self = Self::new();
        }
        let next = if nodes.have_had_their_turns() { self.0.next() } else { Self::new().0.next() };
        next.unwrap_or(LONGEST_PAUSE)
    }
}

/// Does what has to be done before requests can be served, and refuses those that come meanwhile. `None`
/// when the queue is closed.
pub(super) async fn refusing<T, R>(
    requests: &mut mpsc::Receiver<R>,
    refuse: impl Fn(R),
    closing: &CancellationToken,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Some(done),
            () = closing.cancelled() => return None,
            Some(request) = requests.recv() => refuse(request),
        }
    }
}
