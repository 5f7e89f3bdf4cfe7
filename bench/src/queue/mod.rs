//! The queue by itself, in this process: publishing, and receiving with settling, on both backends, beside lapin and
//! SQLite with nothing around them; then at growing depth.

mod rabbit;
mod sqlite;

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use harness::broker::Broker;
use shared::env::Env;
use shared::envelope::Envelope;
use shared::queue::{Queue, QueueConfig, Role, Settle};

use crate::events::{Events, Requests};
use crate::gateway::raw;
use crate::measure::process::Parts;
use crate::measure::rounds::{Contestant, Series, interleave};
use crate::measure::sample::{Sample, to_float};
use crate::report::{Cell, Contest, Figure, Line, Options, Plot, Section, Table};

const IN_FLIGHT: usize = 64;
const BATCH: usize = 64;
const EVENTS: usize = 20_000;
const DEPTHS: [usize; 3] = [1_000, 10_000, 100_000];
const DEPTH_ROUNDS: usize = 3;
const BODIES: usize = 5_000;
const READY_PATIENCE: Duration = Duration::from_secs(20);
const RECEIVE_PATIENCE: Duration = Duration::from_secs(30);

pub async fn run(options: &Options) -> anyhow::Result<Vec<Section>> {
    let events = Events::new().take(options.count(BODIES));
    let requests = Requests::new(&events, options.count(EVENTS), "whsec_of_nobody_0123456789");
    let envelopes = envelopes(&requests)?;
    let broker = Broker::shared().await;
    let mut section = Section::new("queue", "The queue");
    side_by_side(options, broker, &requests, &envelopes, &mut section).await?;
    depths(options, broker, &envelopes, &mut section).await?;
    Ok(vec![section])
}

async fn side_by_side(
    options: &Options,
    broker: &Broker,
    requests: &Requests,
    envelopes: &[Envelope],
    section: &mut Section,
) -> anyhow::Result<()> {
    eprintln!("the queue, {} events each", envelopes.len());
    let messages = raw::messages(requests)?;
    let rows = crate::gateway::file::Rows::of(requests)?;
    let ours = Place::on_rabbitmq(broker, "ours").await?;
    let raw_url = rabbit::prepare(broker).await?;
    let parts = ours.parts.clone();
    let file = tokio::sync::Mutex::new(None);
    let raw_file = tokio::sync::Mutex::new(None);
    let fresh = async || {
        let place = Place::on_file().await?;
        let sample = place.publish(envelopes).await?;
        *file.lock().await = Some(place);
        anyhow::Ok(sample)
    };
    let contestants = vec![
        Contestant::new("publish, RabbitMQ", || ours.publish(envelopes)),
        Contestant::new("receive and settle, RabbitMQ", || ours.drain(envelopes.len())),
        Contestant::new("publish, raw lapin", || rabbit::publish(&raw_url, &messages, IN_FLIGHT, &parts)),
        Contestant::new("consume and ack, raw lapin", || rabbit::consume(&raw_url, messages.len(), &parts)),
        Contestant::new("publish, queue.db", fresh),
        Contestant::new("receive and settle, queue.db", async || {
            let place = file.lock().await.take().context("it was filled before")?;
            let sample = place.drain(envelopes.len()).await?;
            place.close().await;
            Ok(sample)
        }),
        Contestant::new("insert, raw SQLite", async || {
            let (sample, filled) = sqlite::fill(&rows, BATCH).await?;
            *raw_file.lock().await = Some(filled);
            Ok(sample)
        }),
        Contestant::new("select and delete, raw SQLite", async || {
            sqlite::drain(raw_file.lock().await.take().context("it was filled before")?, BATCH).await
        }),
    ];
    let series = interleave(options.rounds(), contestants).await?;
    for (number, what) in [
        (0, "publish, 64 in flight, RabbitMQ / raw lapin"),
        (1, "receive and settle, RabbitMQ / raw consume and ack"),
        (4, "publish, 64 in flight, queue.db / raw SQLite, groups of 64"),
        (5, "receive and settle, queue.db / raw select and delete"),
    ] {
        let (ours, limit) = (&series[number], &series[number + 2]);
        section.figures.push(Figure::ratio(what, ours, limit, "/s", Sample::per_second));
    }
    section.contests.push(Contest::of(format!("{} events, batches of {BATCH}", envelopes.len()), &series));
    ours.close().await;
    Ok(())
}

/// What is in the queue when its last events are published, and when the first are received.
async fn depths(
    options: &Options,
    broker: &Broker,
    envelopes: &[Envelope],
    section: &mut Section,
) -> anyhow::Result<()> {
    let mut table = Table::new(
        "By how many wait: published up to that depth, then drained",
        &["waiting", "RabbitMQ publish/s", "RabbitMQ drain/s", "queue.db publish/s", "queue.db drain/s"],
    );
    let names = ["RabbitMQ, publish", "RabbitMQ, drain", "queue.db, publish", "queue.db, drain"];
    let mut lines = names.map(|name| Line { name: name.to_owned(), points: Vec::new() });
    for depth in DEPTHS {
        let depth = options.count(depth);
        eprintln!("the queue with {depth} waiting");
        let many: Vec<Envelope> = envelopes.iter().cycle().take(depth).cloned().collect();
        let mut series = names.map(|name| Series { name, samples: Vec::new() });
        for _ in 0..options.rounds().min(DEPTH_ROUNDS) {
            for (place, at) in [(Place::on_rabbitmq(broker, "depth").await?, 0), (Place::on_file().await?, 2)]
            {
                series[at].samples.push(place.publish(&many).await?);
                series[at + 1].samples.push(place.drain(depth).await?);
                place.close().await;
            }
        }
        let across = to_float(depth as u64);
        for (line, series) in lines.iter_mut().zip(&series) {
            line.points.push((across, series.per_second().median));
        }
        let rates = series.iter().map(|series| Cell::Spread(series.per_second()));
        table.row(std::iter::once(Cell::Number(across)).chain(rates));
    }
    section.tables.push(table);
    section.plots.push(Plot {
        name: "queue",
        title: "The queue as it grows".to_owned(),
        across: "events waiting".to_owned(),
        up: "events per second".to_owned(),
        logarithmic: true,
        lines: lines.into(),
    });
    Ok(())
}

/// One of our queues, and whose CPU counts.
struct Place {
    queue: Queue,
    parts: Parts,
    _folder: Option<harness::guardian::Guardian>,
}

impl Place {
    async fn on_rabbitmq(broker: &Broker, name: &str) -> anyhow::Result<Self> {
        let url = broker.vhost(name).await?;
        shared::queue::rabbitmq::topology::declare(&url).await?;
        let parts = Parts::default().with("client", std::process::id());
        let parts = parts.with("broker", broker.id().context("the broker runs")?);
        Self::open(&url, parts, None).await
    }

    async fn on_file() -> anyhow::Result<Self> {
        let folder = harness::guardian::Guardian::new("bench-queue", rustix::process::Signal::KILL)?;
        let url = format!("sqlite:{}", folder.folder().join("queue.db").display());
        Self::open(&url, Parts::default().with("client", std::process::id()), Some(folder)).await
    }

    async fn open(
        url: &str,
        parts: Parts,
        folder: Option<harness::guardian::Guardian>,
    ) -> anyhow::Result<Self> {
        let config = QueueConfig::from_env(&Env::of(&[("QUEUE_URL", url)]))?;
        let queue = Queue::open(config, Role::Both).await?;
        let begun = Instant::now();
        while let Err(why) = queue.health() {
            ensure!(begun.elapsed() < READY_PATIENCE, "the queue does not get ready: {why}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        queue.rest(true);
        Ok(Self { queue, parts, _folder: folder })
    }

    async fn publish(&self, envelopes: &[Envelope]) -> anyhow::Result<Sample> {
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

    async fn drain(&self, count: usize) -> anyhow::Result<Sample> {
        let before = self.parts.cpu();
        let began = Instant::now();
        self.queue.rest(false);
        let mut drained = 0;
        while drained < count {
            let receiving = tokio::time::timeout(RECEIVE_PATIENCE, self.queue.receive(BATCH));
            let deliveries = receiving.await.context("nothing more is received")?;
            let done: Vec<_> = deliveries.iter().map(|delivery| (delivery.tag, Settle::Done)).collect();
            drained += self.queue.settle(&done).await?.settled;
        }
        let mut sample = Sample::of(drained as u64, began.elapsed());
        self.queue.rest(true);
        sample.cpu = self.parts.cpu_since(&before);
        Ok(sample)
    }

    async fn close(self) {
        self.queue.close().await;
    }
}

fn envelopes(requests: &Requests) -> anyhow::Result<Vec<Envelope>> {
    (0..requests.len())
        .map(|number| {
            let body = requests.body(number).context("there is a body for every number")?;
            Ok(Envelope { header: raw::header(body)?, body: bytes::Bytes::copy_from_slice(body) })
        })
        .collect()
}
