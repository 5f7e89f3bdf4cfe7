//! How much memory the gateway takes, idle, under load and with thousands of silent connections, and how soon it
//! is ready after its start; `tidegate up` on an existing ledger likewise.

use std::time::Duration;

use anyhow::ensure;
use harness::broker::Broker;
use harness::process_guard::{ProcessGuard, until};
use harness::queue::Queue;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use shared::queue::rabbitmq::topology::{self, NewQueues};

use super::intake;
use super::started::{Launch, Started};
use crate::events::Requests;
use crate::load;
use crate::measure::process::{Parts, generator};
use crate::measure::rounds::Spread;
use crate::measure::sample::to_float;
use crate::report::{Figure, Options, Reach, Section};

const CONNECTIONS: usize = 64;
const IDLE_CONNECTIONS: usize = 10_000;
const LOAD_SECS: f64 = 2.0;
/// Allocators and runtimes settle after a start and after the last of many requests.
const SETTLE: Duration = Duration::from_millis(500);
const LEDGER_EVENTS: usize = 2_000;
const APPLY_PATIENCE: Duration = Duration::from_mins(2);
const BOTH: [&str; 2] = ["GATEWAY_INTERNAL_ADDR", "WORKER_INTERNAL_ADDR"];

/// What one life of the gateway showed.
struct Life {
    ready_ms: f64,
    idle_mb: f64,
    load_mb: f64,
    connections_mb: f64,
}

pub async fn run(
    options: &Options,
    broker: &Broker,
    requests: &mut Requests,
    secret: &str,
) -> anyhow::Result<Section> {
    eprintln!("memory and start");
    let url = broker.vhost("footprint").await?;
    topology::declare(&url, NewQueues::UseAtOnce).await?;
    let connections = options.count(IDLE_CONNECTIONS);
    raise_open_files(connections)?;
    let mut lives = Vec::new();
    for round in 1..=options.rounds() {
        requests.stamp();
        let gateway = intake::gateway(&url, secret)?.start(&["GATEWAY_INTERNAL_ADDR"]).await?;
        lives.push(Life::of(gateway, requests, options.time(LOAD_SECS), connections).await?);
        eprintln!("  life {round}/{}", options.rounds());
    }
    let figure = |what, unit, most, value: fn(&Life) -> f64| {
        Figure::new(what, Spread::of(lives.iter().map(value)), unit).reaching(Reach::AtMost(most))
    };
    let mut section = Section::new("gateway", "The gateway");
    section.figures.push(figure("memory of the gateway, idle", "MB", 16.0, |life| life.idle_mb));
    section.figures.push(figure("the same under load, at most", "MB", 32.0, |life| life.load_mb));
    section
        .figures
        .push(figure("the same with 10,000 idle connections", "MB", 200.0, |life| life.connections_mb));
    section.figures.push(figure("start to ready, gateway", "ms", 50.0, |life| life.ready_ms));
    if connections != IDLE_CONNECTIONS {
        section.notes.push(format!("In this quick run the idle connections were {connections}."));
    }
    section.figures.push(up(options, requests, secret).await?);
    Ok(section)
}

impl Life {
    async fn of(
        gateway: Started,
        requests: &Requests,
        time: Duration,
        connections: usize,
    ) -> anyhow::Result<Self> {
        let parts = Parts::default().with("gateway", gateway.id());
        let megabytes = |bytes: std::collections::BTreeMap<_, u64>| {
            bytes.get("gateway").map_or(0.0, |it| to_float(*it) / 1e6)
        };
        tokio::time::sleep(SETTLE).await;
        let idle_mb = megabytes(parts.resident());
        load::closed(gateway.address, CONNECTIONS, requests, time, &generator())?;
        let load_mb = megabytes(parts.peak());
        let open = load::idle(gateway.address, connections, requests).await?;
        tokio::time::sleep(SETTLE).await;
        let connections_mb = megabytes(parts.resident());
        drop(open);
        let ready_ms = gateway.took.as_secs_f64() * 1e3;
        gateway.stop().await?;
        Ok(Self { ready_ms, idle_mb, load_mb, connections_mb })
    }
}

/// `tidegate up` on the files of an earlier life.
async fn up(options: &Options, requests: &mut Requests, secret: &str) -> anyhow::Result<Figure> {
    let data = ProcessGuard::new("bench-up", Signal::KILL)?;
    let file = |name: &str| format!("sqlite:{}", data.folder().join(name).display());
    let (queue, ledger) = (file("queue.db"), file("ledger.db"));
    let start = async || {
        let launch = Launch::new(&["tidegate", "up"])?.with("STRIPE_WEBHOOK_SECRET", secret);
        launch.with("QUEUE_URL", &queue).with("DATABASE_URL", &ledger).start(&BOTH).await
    };
    requests.stamp();
    let first = start().await?;
    let filled = requests.first(options.count(LEDGER_EVENTS));
    load::closed(first.address, CONNECTIONS, &filled, APPLY_PATIENCE, &generator())?;
    let waiting = Queue::at(&queue);
    until("all to be applied", APPLY_PATIENCE, async || Ok(waiting.waiting().await? == 0)).await?;
    first.stop().await?;
    let mut took = Vec::new();
    for _ in 0..options.rounds().max(2) {
        let again = start().await?;
        took.push(again.took.as_secs_f64() * 1e3);
        again.stop().await?;
    }
    let spread = Spread::of(took.into_iter());
    Ok(Figure::new("start to ready, `tidegate up` on an existing ledger", spread, "ms")
        .reaching(Reach::AtMost(300.0)))
}

/// Each connection is an open file of this process too.
fn raise_open_files(connections: usize) -> anyhow::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    let wanted = connections as u64 + 200;
    ensure!(maximum.is_none_or(|files| files >= wanted), "the limit on open files is below {wanted}");
    Ok(())
}
