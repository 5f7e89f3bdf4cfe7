//! Intake on RabbitMQ, everybody in turn: our gateway, raw publishing, bare servers, and what many would write.
//! Then the gateway alone at a constant rate below its capacity.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use harness::broker::Broker;
use harness::postgres::Postgres;
use shared::queue::rabbitmq::topology::{self, NewQueues};
use tokio::sync::Mutex;

use super::raw::{self, Publisher};
use super::started::{Launch, Started};
use crate::events::Requests;
use crate::load::{self, Spike};
use crate::measure::process::{Parts, generator};
use crate::measure::rounds::{Contestant, Series, Spread, interleave};
use crate::measure::sample::{Part, Sample};
use crate::report::{Cell, Contest, Figure, Options, Reach, Section, Table};

const CONNECTIONS: usize = 64;
const OPEN_CONNECTIONS: usize = 512;
const RUN_SECS: f64 = 2.0;
const OPEN_RUN_SECS: f64 = 4.0;
/// The part of the measured capacity that the open loop offers.
const SHARE: f64 = 0.7;
/// A broker is calm again when it takes less than this part of a core.
const CALM_CORES: f64 = 0.1;
const CALM_LOOK: Duration = Duration::from_millis(100);
const CALM_PATIENCE: Duration = Duration::from_secs(5);

/// Servers and processes, which stand idle while others run.
struct Field<'s> {
    broker: &'s Broker,
    postgres: &'s Postgres,
    gateway: Started,
    bare: Started,
    mac: Started,
    axum: Started,
    /// To the queues of the gateway and of the raw publisher.
    ours: Publisher,
    raw: Publisher,
}

pub async fn run(
    options: &Options,
    broker: &Broker,
    requests: &mut Requests,
    secret: &str,
) -> anyhow::Result<Section> {
    let postgres = Postgres::shared().await;
    let field = Field::new(broker, postgres, secret).await?;
    let mut section = Section::new("gateway", "The gateway");

    eprintln!("intake on RabbitMQ, closed loop");
    let requests = Mutex::new(requests);
    let series = interleave(options.rounds(), field.contestants(&requests, options.time(RUN_SECS))).await?;
    let [gateway, raw, bare, mac, axum, gateway_alone, raw_alone] = &series[..] else {
        unreachable!("one series for each contestant")
    };
    section.figures.push(
        Figure::ratio(
            "gateway confirmed at 64 connections / raw lapin publishing at 64 in flight",
            gateway,
            raw,
            "/s",
            Sample::per_second,
        )
        .reaching(Reach::AtLeast(0.65)),
    );
    section.figures.push(cpu_ratio(gateway, mac, raw));
    section.figures.push(Figure::ratio(
        "the same at 1 connection",
        gateway_alone,
        raw_alone,
        "/s",
        Sample::per_second,
    ));
    section.figures.push(Figure::ratio(
        "gateway / axum + sqlx, one transaction for each event",
        gateway,
        axum,
        "/s",
        Sample::per_second,
    ));
    section.contests.push(Contest::of("Closed loop, 64 connections", [gateway, raw, bare, mac, axum]));
    section.contests.push(Contest::of("Closed loop, 1 connection", [gateway_alone, raw_alone]));

    let capacity = gateway.per_second().median;
    let requests = requests.into_inner();
    open_loop(options, &field, requests, capacity * SHARE, &mut section).await?;
    field.end().await?;
    Ok(section)
}

impl<'s> Field<'s> {
    async fn new(broker: &'s Broker, postgres: &'s Postgres, secret: &str) -> anyhow::Result<Self> {
        let (ours, theirs) = (broker.vhost("gateway").await?, broker.vhost("raw").await?);
        for url in [&ours, &theirs] {
            topology::declare(url, NewQueues::UseAtOnce).await?;
        }
        let alternative = async |name: &str| {
            let database = postgres.database("alternative").await?;
            let launch = Launch::new(&["bench", "serve", name])?
                .with("STRIPE_WEBHOOK_SECRET", secret)
                .with("DATABASE_URL", database);
            launch.start(&[]).await
        };
        Ok(Self {
            broker,
            postgres,
            gateway: gateway(&ours, secret)?.start(&["GATEWAY_INTERNAL_ADDR"]).await?,
            bare: alternative("bare").await?,
            mac: alternative("mac").await?,
            axum: alternative("axum").await?,
            ours: Publisher::open(&ours).await?,
            raw: Publisher::open(&theirs).await?,
        })
    }

    fn contestants<'f>(&'f self, requests: &'f Mutex<&mut Requests>, time: Duration) -> Vec<Contestant<'f>> {
        let gateway = move |connections| self.ours(requests, connections, time);
        let raw = move |in_flight| self.raw(requests, in_flight, time);
        let served = move |part, address, id| async move {
            let mut requests = requests.lock().await;
            requests.stamp();
            let parts = generator().with(part, id);
            load::closed(address, CONNECTIONS, &requests, time, &parts)
        };
        let (bare, mac) = (&self.bare, &self.mac);
        vec![
            Contestant::new("gateway", move || gateway(CONNECTIONS)),
            Contestant::new("raw lapin", move || raw(CONNECTIONS)),
            Contestant::new("bare hyper", move || served("server", bare.address, bare.id())),
            Contestant::new("hyper + HMAC", move || served("server", mac.address, mac.id())),
            Contestant::new("axum + sqlx", move || self.axum(requests, time)),
            Contestant::new("gateway, alone", move || gateway(1)),
            Contestant::new("raw lapin, alone", move || raw(1)),
        ]
    }

    async fn ours(
        &self,
        requests: &Mutex<&mut Requests>,
        connections: usize,
        time: Duration,
    ) -> anyhow::Result<Sample> {
        let mut requests = requests.lock().await;
        requests.stamp();
        let parts = self.parts(generator().with("gateway", self.gateway.id()))?;
        let sample = load::closed(self.gateway.address, connections, &requests, time, &parts)?;
        self.ours.purge().await?;
        calm(&parts, "broker").await;
        Ok(sample)
    }

    async fn raw(
        &self,
        requests: &Mutex<&mut Requests>,
        in_flight: usize,
        time: Duration,
    ) -> anyhow::Result<Sample> {
        let mut requests = requests.lock().await;
        requests.stamp();
        let messages = raw::messages(&requests)?;
        let parts = self.parts(Parts::default().with("client", std::process::id()))?;
        let mut sample = self.raw.run(&messages, in_flight, time, &parts).await?;
        sample.peak.remove("client"); // it holds all the messages
        self.raw.purge().await?;
        calm(&parts, "broker").await;
        Ok(sample)
    }

    async fn axum(&self, requests: &Mutex<&mut Requests>, time: Duration) -> anyhow::Result<Sample> {
        let mut requests = requests.lock().await;
        requests.stamp();
        let postgres = self.postgres.id().context("Postgres runs")?;
        let parts = generator().with("server", self.axum.id()).with("postgres", postgres);
        let mut sample = load::closed(self.axum.address, CONNECTIONS, &requests, time, &parts)?;
        sample.peak.remove("postgres"); // what its processes share would count once for each
        calm(&parts, "postgres").await;
        Ok(sample)
    }

    fn parts(&self, others: Parts) -> anyhow::Result<Parts> {
        Ok(others.with("broker", self.broker.id().context("the broker runs")?))
    }

    async fn end(self) -> anyhow::Result<()> {
        self.gateway.stop().await?;
        self.ours.close().await?;
        self.raw.close().await
    }
}

/// The gateway's process on this queue.
pub fn gateway(queue_url: &str, secret: &str) -> anyhow::Result<Launch> {
    let launch = Launch::new(&["tidegate-gateway"])?;
    Ok(launch.with("QUEUE_URL", queue_url).with("STRIPE_WEBHOOK_SECRET", secret))
}

/// Waits until a server has done what a run left it to do, such as forgetting what was purged.
pub async fn calm(parts: &Parts, part: Part) {
    let began = std::time::Instant::now();
    while began.elapsed() < CALM_PATIENCE {
        let before = parts.cpu();
        tokio::time::sleep(CALM_LOOK).await;
        let cores = parts.cpu_since(&before).get(part).copied().unwrap_or_default() / CALM_LOOK.as_secs_f64();
        if cores < CALM_CORES {
            return;
        }
    }
}

fn cpu_ratio(gateway: &Series, mac: &Series, raw: &Series) -> Figure {
    let sums = || {
        let pairs = mac.samples.iter().zip(&raw.samples);
        pairs.map(|(mac, raw)| mac.cpu_per_event("server") + raw.cpu_per_event("client"))
    };
    let ours = || gateway.samples.iter().map(|sample| sample.cpu_per_event("gateway"));
    let ratio = Spread::of(ours().zip(sums()).map(|(ours, sum)| ours / sum));
    let side = |name, value| crate::report::Side { name, value, unit: "µs" };
    Figure::new("gateway CPU per event / (bare hyper + HMAC + raw lapin client)", ratio, "")
        .between(side("gateway", Spread::of(ours())), side("hyper + HMAC, raw lapin", Spread::of(sums())))
        .reaching(Reach::AtMost(1.4))
}

async fn open_loop(
    options: &Options,
    field: &Field<'_>,
    requests: &mut Requests,
    per_second: f64,
    section: &mut Section,
) -> anyhow::Result<()> {
    eprintln!("intake on RabbitMQ, open loop at {per_second:.0}/s");
    let parts = field.parts(generator().with("gateway", field.gateway.id()))?;
    let address: SocketAddr = field.gateway.address;
    let mut series = Series { name: "gateway", samples: Vec::new() };
    let mut spikes: Vec<(usize, Spike)> = Vec::new();
    for round in 0..=options.rounds() {
        requests.stamp();
        let time = options.time(OPEN_RUN_SECS);
        let run = load::open(address, OPEN_CONNECTIONS, requests, time, per_second, &parts)?;
        field.ours.purge().await?;
        calm(&parts, "broker").await;
        let p99 = run.sample.latencies.within(990).unwrap_or(f64::NAN);
        eprintln!("  round {round}/{}  p99 {p99:.1} ms", options.rounds());
        if round > 0 {
            spikes.extend(run.spikes.iter().map(|spike| (round, *spike)));
            series.samples.push(run.sample);
        }
    }
    let p99 = series.samples.iter().filter_map(|sample| sample.latencies.within(990));
    section.figures.push(
        Figure::new("accept p99, open loop at 70 % of capacity, RabbitMQ", Spread::of(p99), "ms")
            .reaching(Reach::AtMost(30.0)),
    );
    let title = format!("Open loop at {per_second:.0}/s, latency from the intended time");
    section.contests.push(Contest::of(title, [&series]));
    section.tables.push(spike_table("Spikes above 50 ms in the open loop on RabbitMQ", &spikes));
    Ok(())
}

/// When answers were late, to find the reason.
pub fn spike_table(title: &str, spikes: &[(usize, Spike)]) -> Table {
    let mut table = Table::new(title, &["round", "at s", "worst ms", "answers over 50 ms"]);
    for (round, spike) in spikes {
        table.row([
            Cell::from(round.to_string()),
            format!("{:.2}", spike.at.as_secs_f64()).into(),
            format!("{:.0}", spike.worst.as_secs_f64() * 1e3).into(),
            spike.answers.to_string().into(),
        ]);
    }
    if spikes.is_empty() {
        table.row(["none", "", "", ""].map(Cell::from));
    }
    table
}
