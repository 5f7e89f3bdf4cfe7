//! One of our queues, opened in this process as the product opens it: publishing to it, and receiving from it with
//! settling.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use envelope::Envelope;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use harness::broker::Broker;
use harness::process_guard::ProcessGuard;
use rustix::process::Signal;
use shared::env::Env;
use shared::queue::rabbitmq::topology::{self, NewQueues};
use shared::queue::{Queue, QueueConfig, Role, Settle};

use crate::measure::process::Parts;
use crate::measure::sample::Sample;

pub const IN_FLIGHT: usize = 64;
pub const BATCH: usize = 64;
const READY_PATIENCE: Duration = Duration::from_secs(20);
const RECEIVE_PATIENCE: Duration = Duration::from_secs(30);

/// One of our queues, and whose CPU counts.
pub struct OurQueue {
    queue: Queue,
    pub parts: Parts,
    /// After the queue: with it goes its folder.
    _folder: Option<ProcessGuard>,
}

impl OurQueue {
    pub async fn on_rabbitmq(broker: &Broker, name: &str) -> anyhow::Result<Self> {
        let url = broker.vhost(name).await?;
        topology::declare(&url, NewQueues::UseAtOnce).await?;
        let parts = Parts::default().with("client", std::process::id());
        let parts = parts.with("broker", broker.id().context("the broker runs")?);
        Self::open(&url, parts, None).await
    }

    pub async fn on_file() -> anyhow::Result<Self> {
        let folder = ProcessGuard::new("bench-queue", Signal::KILL)?;
        let file = folder.folder().join("queue.db");
        Self::at_file(&file, Some(folder)).await
    }

    /// A file that is there. The folder is gone with it, if one is given.
    pub async fn at_file(file: &Path, folder: Option<ProcessGuard>) -> anyhow::Result<Self> {
        let url = format!("sqlite:{}", file.display());
        Self::open(&url, Parts::default().with("client", std::process::id()), folder).await
    }

    async fn open(url: &str, parts: Parts, folder: Option<ProcessGuard>) -> anyhow::Result<Self> {
        let config = QueueConfig::from_env(&Env::of(&[("QUEUE_URL", url)]))?;
        let queue = Queue::open(config, Role::Both).await?;
        let begun = Instant::now();
        while let Err(why) = queue.health() {
            ensure!(begun.elapsed() < READY_PATIENCE, "the queue does not get ready: {why}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        queue.set_paused(true);
        Ok(Self { queue, parts, _folder: folder })
    }

    pub async fn publish(&self, envelopes: &[Envelope]) -> anyhow::Result<Sample> {
        let before = self.parts.cpu();
        let began = Instant::now();
        let mut left = envelopes.iter();
        let mut sample = Sample::default();
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < IN_FLIGHT {
                let Some(envelope) = left.next() else { break };
                under_way.push(async move {
                    let asked = Instant::now();
                    self.queue.publish(envelope).await.map(|()| asked.elapsed())
                });
            }
            let Some(published) = under_way.next().await else { break };
            sample.latencies.note(published?);
        }
        sample.seconds = began.elapsed().as_secs_f64();
        sample.events = sample.latencies.len();
        sample.cpu = self.parts.cpu_since(&before);
        Ok(sample)
    }

    pub async fn drain(&self, count: usize) -> anyhow::Result<Sample> {
        let before = self.parts.cpu();
        let began = Instant::now();
        self.queue.set_paused(false);
        let mut drained = 0;
        while drained < count {
            let receiving = tokio::time::timeout(RECEIVE_PATIENCE, self.queue.receive(BATCH));
            let deliveries = receiving.await.context("nothing more is received")?;
            let done: Vec<_> = deliveries.iter().map(|delivery| (delivery.tag, Settle::Done)).collect();
            drained += self.queue.settle(&done).await?.settled;
        }
        let mut sample = Sample::of(drained as u64, began.elapsed());
        self.queue.set_paused(true);
        sample.cpu = self.parts.cpu_since(&before);
        Ok(sample)
    }

    pub async fn close(self) {
        self.queue.close().await;
    }
}
