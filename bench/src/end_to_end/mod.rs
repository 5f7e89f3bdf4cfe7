//! Everything together on the cores of one machine: load, gateway, broker, worker and Postgres. First as much
//! as it takes, beside a handler with one transaction an event; then a constant rate below that.

pub mod compare_builds;
mod open_loop;
mod timeline;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use chrono::{DateTime, Utc};
use shared::clock;
use shared::queue::rabbitmq::topology::{self, NewQueues};
use sqlx::{Connection, PgConnection};

use crate::events::{Events, Requests};
use crate::gateway::started::{Launch, Started};
use crate::load;
use crate::measure::process::Parts;
use crate::measure::rounds::{Contestant, Series, Spread, interleave};
use crate::measure::sample::{Sample, to_float};
use crate::report::{Contest, Figure, Options, Reach, Section, Side};
use crate::worker::drain::{Consumer, Eye, launch};
use crate::worker::naive;
use crate::worker::servers::{Database, Kind, Servers};

const EVENTS: usize = 20_000;
const OPEN_EVENTS: usize = 60_000;
const CONNECTIONS: usize = 64;
/// The handler has no queue that fills: a part of the time says as much.
const HANDLER_SECS: f64 = 3.0;
const CLOSED_LIMIT: Duration = Duration::from_mins(2);
const APPLIED_PATIENCE: Duration = Duration::from_mins(2);
/// Looking takes time from the measured cores.
const GLANCE: Duration = Duration::from_millis(50);
const PARTS: [&str; 5] = ["gateway", "broker", "worker", "postgres", "generator"];

/// Commit times for exact latencies, and a log that says what the server was about.
const POSTGRES_SETTINGS: &[&str] = &[
    "track_commit_timestamp=on",
    "log_autovacuum_min_duration=0",
    "log_lock_waits=on",
    "log_line_prefix=%m ",
];

pub async fn run(options: &Options) -> anyhow::Result<Vec<Section>> {
    let secret = format!("whsec_{}", shared::trace::random_hex::<20>());
    let events = Events::new().take(options.count(OPEN_EVENTS));
    let closed = options.count(EVENTS).min(events.len());
    let requests = tokio::sync::Mutex::new(Requests::new(&events[..closed], closed, &secret));
    let mut open_requests = Requests::new(&events, events.len(), &secret);
    drop(events);
    let servers = Servers::start_with(POSTGRES_SETTINGS).await?;
    topology::declare(&servers.queue_url, NewQueues::UseAtOnce).await?;
    let mut section = Section::new("end-to-end", "Everything together");

    eprintln!("everything together, closed loop");
    let series = interleave(
        options.rounds(),
        vec![
            Contestant::new("gateway, RabbitMQ, worker, Postgres", || ours(&servers, &requests, &secret)),
            Contestant::new("axum + sqlx, one transaction an event", || {
                handler(options, &servers, &requests, &secret)
            }),
        ],
    )
    .await?;
    let [ours, axum] = &series[..] else { unreachable!("one series for each contestant") };
    section.figures.push(
        Figure::ratio(
            "everything together, applied, all rules / axum + sqlx, one transaction of toy rules for each event",
            ours,
            axum,
            "/s",
            Sample::per_second,
        )
        .reaching(Reach::AtLeast(2.0)),
    );
    section.figures.push(ceiling(ours)?);
    section.figures.push(worker_memory(ours));
    section
        .contests
        .push(Contest::of("Closed loop, 64 connections, until the last event is applied", [ours, axum]));
    section.notes.push(
        "The CPU-sum ceiling is what the cores could apply if they never waited: their number over the CPU seconds that \
         one event took in gateway, broker, worker, Postgres and generator in the same run."
            .to_owned(),
    );

    let rate = ours.per_second().median * open_loop::SHARE;
    open_loop::run(options, &servers, &mut open_requests, &secret, rate, &mut section).await?;
    Ok(vec![section])
}

/// Gateway and worker on a new ledger, stopped in order.
struct Stack {
    gateway: Started,
    worker: Started,
    ledger: Database,
}

impl Stack {
    /// From the folder of another build where there is one.
    async fn start(servers: &Servers, secret: &str, folder: Option<&Path>) -> anyhow::Result<Self> {
        let ledger = servers.database(Kind::Postgres).await?;
        let migrate = Launch::of_build(folder, &["tidegate", "migrate"])?;
        migrate.with("DATABASE_URL", &ledger.url).run().await?;
        let gateway = Launch::of_build(folder, &["tidegate-gateway"])?;
        let gateway = gateway.with("QUEUE_URL", &servers.queue_url).with("STRIPE_WEBHOOK_SECRET", secret);
        let gateway = gateway.start(&["GATEWAY_INTERNAL_ADDR"]).await?;
        let worker = launch(servers, &ledger.url, Consumer::Worker { folder, batch: None })?;
        let worker = worker.start(&["WORKER_INTERNAL_ADDR"]).await?;
        servers.calm_down().await?;
        Ok(Self { gateway, worker, ledger })
    }

    fn parts(&self, servers: &Servers) -> anyhow::Result<Parts> {
        Ok(servers.parts()?.with("gateway", self.gateway.id()).with("worker", self.worker.id()))
    }

    async fn stop(self, servers: &Servers) -> anyhow::Result<()> {
        self.gateway.stop().await?;
        self.worker.stop().await?;
        self.ledger.drop(servers).await
    }
}

async fn ours(
    servers: &Servers,
    requests: &tokio::sync::Mutex<Requests>,
    secret: &str,
) -> anyhow::Result<Sample> {
    let stack = Stack::start(servers, secret, None).await?;
    let mut requests = requests.lock().await;
    requests.stamp();
    let parts = stack.parts(servers)?;
    let (before, begun) = (parts.cpu(), clock::now());
    let accepted = load::closed(stack.gateway.address, CONNECTIONS, &requests, CLOSED_LIMIT, &parts)?;
    let mut eye = Eye::on(&stack.ledger).await?;
    loop {
        let applied = eye.events_since(begun).await?;
        if applied >= accepted.events {
            break;
        }
        ensure!((clock::now() - begun).to_std()? < APPLIED_PATIENCE, "only {applied} events were applied");
        tokio::time::sleep(GLANCE).await;
    }
    let ended = last_commit(&stack.ledger).await?;
    let mut sample = Sample::of(accepted.events, (ended - begun).to_std()?);
    (sample.cpu, sample.peak) = (parts.cpu_since(&before), parts.peak());
    sample.peak.retain(|part, _| matches!(*part, "gateway" | "worker"));
    sample.notes.insert("accepted/s while sending", accepted.per_second());
    sample.notes.insert("cores busy", sample.cpu.values().sum::<f64>() / sample.seconds);
    eye.close().await?;
    stack.stop(servers).await?;
    Ok(sample)
}

/// When Postgres had committed the last of them, whenever somebody looked.
async fn last_commit(ledger: &Database) -> anyhow::Result<DateTime<Utc>> {
    let mut connection = PgConnection::connect(&ledger.url).await?;
    let last = sqlx::query_scalar("SELECT max(pg_xact_commit_timestamp(xmin)) FROM events");
    let last = last.fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(last)
}

async fn handler(
    options: &Options,
    servers: &Servers,
    requests: &tokio::sync::Mutex<Requests>,
    secret: &str,
) -> anyhow::Result<Sample> {
    let database = servers.database(Kind::Postgres).await?;
    naive::create_tables(&database.url).await?;
    let launch = Launch::new(&["bench", "toy", "handler"])?
        .with("STRIPE_WEBHOOK_SECRET", secret)
        .with("DATABASE_URL", &database.url);
    let handler = launch.start(&[]).await?;
    servers.calm_down().await?;
    let mut requests = requests.lock().await;
    requests.stamp();
    let parts = servers.parts()?.with("handler", handler.id());
    let mut sample =
        load::closed(handler.address, CONNECTIONS, &requests, options.time(HANDLER_SECS), &parts)?;
    sample.peak.clear();
    drop(handler);
    database.drop(servers).await?;
    Ok(sample)
}

/// How much of what the cores can do is done.
fn ceiling(ours: &Series) -> anyhow::Result<Figure> {
    let cores = to_float(std::thread::available_parallelism().context("the machine has cores")?.get() as u64);
    let most =
        |sample: &Sample| cores * 1e6 / PARTS.iter().map(|part| sample.cpu_per_event(part)).sum::<f64>();
    let ratio = Spread::of(ours.samples.iter().map(|sample| sample.per_second() / most(sample)));
    let limit =
        Side { name: "CPU-sum ceiling", value: Spread::of(ours.samples.iter().map(most)), unit: "/s" };
    let side = Side { name: ours.name, value: ours.per_second(), unit: "/s" };
    let what = "everything together / the CPU-sum ceiling of the same run";
    Ok(Figure::new(what, ratio, "").between(side, limit).reaching(Reach::AtLeast(0.8)))
}

fn worker_memory(ours: &Series) -> Figure {
    let peaks = ours.samples.iter().filter_map(|sample| sample.peak.get("worker"));
    let peak = Spread::of(peaks.map(|bytes| to_float(*bytes) / 1e6));
    Figure::new("worker's memory under load, at most", peak, "MB").reaching(Reach::AtMost(150.0))
}
