//! How often the disk is told to flush for an event, counted by strace in runs that nobody times.

use std::path::PathBuf;
use std::time::Duration;

use harness::broker::Broker;
use harness::process_guard::ProcessGuard;
use rustix::process::Signal;
use shared::queue::rabbitmq::topology::{self, NewQueues};

use super::{embedded, intake};
use crate::events::Requests;
use crate::load;
use crate::measure::process::generator;
use crate::measure::rounds::Spread;
use crate::measure::sample::to_float;
use crate::report::{Figure, Options, Reach, Section};

const CONNECTIONS: usize = 64;
const RUN_SECS: f64 = 2.0;
/// The filter stays in the kernel: other calls are as quick as ever.
const STRACE: [&str; 6] =
    ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=fsync,fdatasync,sync_file_range,msync"];

/// What strace wrote about one process.
struct Trace {
    guard: ProcessGuard,
}

pub async fn run(options: &Options, requests: &mut Requests, secret: &str) -> anyhow::Result<Section> {
    let mut section = Section::new("gateway", "The gateway");
    eprintln!("flushes of the broker");
    let trace = Trace::new()?;
    let wrapper = trace.wrapper();
    let broker = Broker::start_under(&wrapper).await?;
    let url = broker.vhost("flushes").await?;
    topology::declare(&url, NewQueues::UseAtOnce).await?;
    let gateway = intake::gateway(&url, secret)?.start(&["GATEWAY_INTERNAL_ADDR"]).await?;
    for (what, connections, reach) in [
        ("flushes per event at 64 connections, RabbitMQ", CONNECTIONS, Reach::AtMost(0.1)),
        ("flushes before the 200 at 1 connection, RabbitMQ", 1, Reach::AtLeast(1.0)),
    ] {
        let mut counts = Vec::new();
        for _ in 0..options.rounds() {
            requests.stamp();
            counts.push(trace.per_event(gateway.address, connections, requests, options.time(RUN_SECS))?);
        }
        section.figures.push(Figure::new(what, Spread::of(counts.into_iter()), "").reaching(reach));
    }
    gateway.stop().await?;
    drop(broker);

    eprintln!("flushes of the gateway on queue.db");
    let trace = Trace::new()?;
    let wrapper = trace.wrapper();
    let words: Vec<&str> = wrapper.iter().map(String::as_str).collect();
    let gateway = embedded::gateway(secret, &words).await?;
    for (what, connections, reach) in [
        ("flushes per event at 64 connections, queue.db", CONNECTIONS, Reach::AtMost(0.1)),
        ("flushes before the 200 at 1 connection, queue.db", 1, Reach::AtLeast(1.0)),
    ] {
        let mut counts = Vec::new();
        for _ in 0..options.rounds() {
            requests.stamp();
            counts.push(trace.per_event(gateway.address, connections, requests, options.time(RUN_SECS))?);
        }
        section.figures.push(Figure::new(what, Spread::of(counts.into_iter()), "").reaching(reach));
    }
    gateway.stop().await?;
    Ok(section)
}

impl Trace {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { guard: ProcessGuard::new("bench-trace", Signal::KILL)? })
    }

    fn wrapper(&self) -> Vec<String> {
        let file = self.file().display().to_string();
        STRACE.map(str::to_owned).into_iter().chain(["-o".to_owned(), file]).collect()
    }

    fn file(&self) -> PathBuf {
        self.guard.folder().join("trace")
    }

    fn per_event(
        &self,
        address: std::net::SocketAddr,
        connections: usize,
        requests: &Requests,
        time: Duration,
    ) -> anyhow::Result<f64> {
        let before = self.flushes()?;
        let sample = load::closed(address, connections, requests, time, &generator())?;
        let flushes = self.flushes()? - before;
        Ok(to_float(flushes) / to_float(sample.events.max(1)))
    }

    /// A call that others overtook takes two lines, of which only the first has its arguments.
    fn flushes(&self) -> anyhow::Result<u64> {
        let text = std::fs::read_to_string(self.file())?;
        Ok(text.lines().filter(|line| line.contains("sync(") || line.contains("sync_file_range(")).count()
            as u64)
    }
}
