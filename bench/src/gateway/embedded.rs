//! Intake on a file: the gateway alone on `queue.db`, beside raw group commits of the same rows.

use anyhow::Context;
use tokio::sync::Mutex;

use super::file::{self, Rows};
use super::intake::spike_table;
use super::started::{Launch, Started};
use crate::events::Requests;
use crate::load::{self, Spike};
use crate::measure::process::generator;
use crate::measure::rounds::{Contestant, Series, Spread, interleave};
use crate::measure::sample::Sample;
use crate::report::{Contest, Figure, Options, Reach, Section};

const CONNECTIONS: usize = 64;
const OPEN_CONNECTIONS: usize = 512;
const GROUP: usize = 64;
const RUN_SECS: f64 = 2.0;
const FIXED_PER_SECOND: f64 = 5_000.0;

pub async fn run(options: &Options, requests: &mut Requests, secret: &str) -> anyhow::Result<Section> {
    eprintln!("intake on queue.db, closed loop");
    let mut section = Section::new("gateway", "The gateway");
    let time = options.time(RUN_SECS);
    let requests = Mutex::new(requests);
    let ours = async |connections| {
        let mut requests = requests.lock().await;
        requests.stamp();
        let gateway = gateway(secret, &[]).await?;
        let parts = generator().with("gateway", gateway.id());
        let sample = load::closed(gateway.address, connections, &requests, time, &parts)?;
        gateway.stop().await?;
        anyhow::Ok(sample)
    };
    let raw = async |group| {
        let mut requests = requests.lock().await;
        requests.stamp();
        file::insert(&Rows::of(&requests)?, group, time).await
    };
    let contestants = vec![
        Contestant::new("gateway on queue.db", || ours(CONNECTIONS)),
        Contestant::new("raw SQLite, groups of 64", || raw(GROUP)),
        Contestant::new("gateway on queue.db, alone", || ours(1)),
        Contestant::new("raw SQLite, alone", || raw(1)),
    ];
    let series = interleave(options.rounds(), contestants).await?;
    let [gateway_many, raw_many, gateway_alone, raw_alone] = &series[..] else {
        unreachable!("one series for each contestant")
    };
    section.figures.push(
        Figure::ratio(
            "embedded gateway accepted at 64 connections / raw SQLite group commit of 64",
            gateway_many,
            raw_many,
            "/s",
            Sample::per_second,
        )
        .reaching(Reach::AtLeast(0.5)),
    );
    section
        .contests
        .push(Contest::of("On queue.db, closed loop", [gateway_many, raw_many, gateway_alone, raw_alone]));
    fixed_rate(options, requests.into_inner(), secret, &mut section).await?;
    Ok(section)
}

/// The gateway's process on its own file, under a wrapper if one is named.
pub async fn gateway(secret: &str, wrapper: &[&str]) -> anyhow::Result<Started> {
    let launch = Launch::new(&["tidegate", "gateway"])?;
    let queue = format!("sqlite:{}", launch.folder().join("queue.db").display());
    let launch = launch.with("QUEUE_URL", queue).with("STRIPE_WEBHOOK_SECRET", secret).under(wrapper);
    launch.start(&["GATEWAY_INTERNAL_ADDR"]).await.context("the gateway on queue.db")
}

async fn fixed_rate(
    options: &Options,
    requests: &mut Requests,
    secret: &str,
    section: &mut Section,
) -> anyhow::Result<()> {
    eprintln!("intake on queue.db, open loop at {FIXED_PER_SECOND:.0}/s");
    let mut series = Series { name: "gateway on queue.db", samples: Vec::new() };
    let mut spikes: Vec<(usize, Spike)> = Vec::new();
    for round in 0..=options.rounds() {
        requests.stamp();
        let gateway = gateway(secret, &[]).await?;
        let parts = generator().with("gateway", gateway.id());
        let time = options.time(RUN_SECS);
        let run = load::open(gateway.address, OPEN_CONNECTIONS, requests, time, FIXED_PER_SECOND, &parts)?;
        gateway.stop().await?;
        let p99 = run.sample.latencies.within(990).unwrap_or(f64::NAN);
        eprintln!("  round {round}/{}  p99 {p99:.1} ms", options.rounds());
        if round > 0 {
            spikes.extend(run.spikes.iter().map(|spike| (round, *spike)));
            series.samples.push(run.sample);
        }
    }
    let p99 = series.samples.iter().filter_map(|sample| sample.latencies.within(990));
    section.figures.push(
        Figure::new("embedded accept p99, open loop at 5,000/s", Spread::of(p99), "ms")
            .reaching(Reach::AtMost(10.0)),
    );
    section
        .contests
        .push(Contest::of("On queue.db, open loop at 5,000/s, latency from the intended time", [&series]));
    section.tables.push(spike_table("Spikes above 50 ms on queue.db", &spikes));
    Ok(())
}
