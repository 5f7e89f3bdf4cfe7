//! A worker under the simulation: the product's own lane and chores, which go on when the scheduler says so and die where
//! it says.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use chrono::{DateTime, TimeDelta, Utc};
use shared::digest::EnvelopeKeys;
use shared::env::Env;
use shared::queue::Queue;
use shared::simulated;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use worker::chores::execute::Executor;
use worker::failpoint::Failpoint;
use worker::{Lanes, WorkerConfig};

use super::broker::{Broker, Connection, Gate, Standing};
use crate::ledgers::open;

/// With a runtime of its own: when that ends, nothing of the process is left.
pub(super) struct Process {
    pub(super) connection: usize,
    pub(super) gate: Arc<Gate>,
    /// How far its clock is from the true time.
    pub(super) skew: TimeDelta,
    pub(super) lanes: Lanes,
    pub(super) executor: Executor,
    lane: Pin<Box<dyn Future<Output = ()>>>,
    runtime: Runtime,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn<T> {
    Done(T),
    /// It waits for the broker.
    Parked,
    Died,
}

impl Process {
    pub(super) fn start(
        broker: &Broker,
        connection: usize,
        ledger_url: &str,
        settings: &[(&str, &str)],
        skew: TimeDelta,
    ) -> Self {
        let gate = Arc::new(Gate::default());
        let queue = Queue::of(Connection {
            broker: broker.clone(),
            number: connection,
            gate: Arc::clone(&gate),
            keys: EnvelopeKeys::none(),
        });
        let config = WorkerConfig::from_env(&Env::of(settings)).unwrap();
        let stripe = config.stripe.clone().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (lanes, executor) = runtime.block_on(async {
            let ledger = open(ledger_url).await;
            let lanes = Lanes::of(&config, 1, queue, ledger, CancellationToken::new()).unwrap();
            let failpoint = Failpoint::from_env(&Env::of(&[]));
            let executor = Executor::open(lanes.clone(), &stripe, failpoint).unwrap();
            (lanes, executor)
        });
        let lane = Box::pin(lanes.clone().run(0, 1));
        Self { connection, gate, skew, lanes, executor, lane, runtime }
    }

    /// The lane goes on until it waits for the broker.
    pub(super) fn advance(&mut self, now: DateTime<Utc>) -> Turn<()> {
        simulated::set_now(Some(now + self.skew));
        let (gate, lane) = (Arc::clone(&self.gate), &mut self.lane);
        self.runtime.block_on(std::future::poll_fn(|context| match lane.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Turn::Done(())),
            Poll::Pending if simulated::has_died() => Poll::Ready(Turn::Died),
            Poll::Pending if matches!(gate.standing(), Standing::Receiving | Standing::Settling) => {
                Poll::Ready(Turn::Parked)
            }
            Poll::Pending => Poll::Pending,
        }))
    }

    /// Something of its chores, from beginning to end.
    pub(super) fn does<T>(&self, now: DateTime<Utc>, work: impl AsyncFnOnce(&Self) -> T) -> Turn<T> {
        simulated::set_now(Some(now + self.skew));
        let _inside = self.runtime.enter(); // where what is left of it goes back to its pool
        let mut work = Box::pin(work(self));
        self.runtime.block_on(std::future::poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Turn::Done(done)),
            Poll::Pending if simulated::has_died() => Poll::Ready(Turn::Died),
            Poll::Pending => Poll::Pending,
        }))
    }

    /// Nothing of it is left; the locks of the file least of all.
    pub(super) fn end(self) {
        let Self { lane, lanes, executor, runtime, .. } = self;
        {
            let _inside = runtime.enter();
            drop((lane, lanes, executor));
        }
        drop(runtime);
    }
}
