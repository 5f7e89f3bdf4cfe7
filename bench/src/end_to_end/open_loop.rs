//! A constant rate below the capacity: how long until an event is accepted, from when it was due, and until it
//! is applied, from when the gateway had it until Postgres committed it. Every spike is held against what the
//! machine and the servers did at the time.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use chrono::{DateTime, TimeDelta, Utc};
use shared::clock;
use sqlx::{Connection, PgConnection};

use super::timeline::Timeline;
use super::{APPLIED_PATIENCE, GLANCE, Stack};
use crate::events::Requests;
use crate::load;
use crate::measure::rounds::{Series, Spread};
use crate::measure::sample::{Sample, to_float};
use crate::report::{Cell, Contest, Figure, Options, Reach, Section, Table};
use crate::worker::drain::Eye;
use crate::worker::servers::{Database, Servers};

/// The part of the measured capacity that is offered.
pub const SHARE: f64 = 0.7;
pub(super) const CONNECTIONS: usize = 512;
/// So few that each event is alone.
const ALONE_PER_SECOND: f64 = 20.0;
const ALONE_CONNECTIONS: usize = 4;
const RUN_SECS: f64 = 6.0;
/// Twice what an event takes that waits for a batch under way and then for its own.
const APPLIED_SPIKE: Duration = Duration::from_millis(100);
/// What is late within this time of something late is the same spike.
const SAME_SPIKE: TimeDelta = TimeDelta::milliseconds(100);
/// Names of what a sample notes: a mean, and medians of all batches and of all events.
pub(super) const BATCH_EVENTS: &str = "events in a batch";
pub(super) const BATCH_MS: &str = "ms that a batch took";
pub(super) const WAIT_MS: &str = "ms that an event waited for its batch";
const SHOWN_SPIKES: usize = 30;

/// Something that was late.
pub(super) struct Spike {
    round: usize,
    what: &'static str,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    worst: Duration,
    events: u64,
    cause: String,
}

pub async fn run(
    options: &Options,
    servers: &Servers,
    requests: &mut Requests,
    secret: &str,
    per_second: f64,
    section: &mut Section,
) -> anyhow::Result<()> {
    let Rounds { accepted, applied, spikes } =
        rounds(options, servers, requests, secret, (per_second, CONNECTIONS)).await?;
    section.figures.push(
        Figure::new("open loop at 70 % of capacity: accepted, p99", latency(&accepted, 990), "ms")
            .reaching(Reach::AtMost(30.0)),
    );
    section.figures.push(
        Figure::new("open loop at 70 % of capacity: received to applied, p99", latency(&applied, 990), "ms")
            .reaching(Reach::AtMost(250.0)),
    );
    let title = format!("Open loop at {per_second:.0}/s, {CONNECTIONS} connections");
    section.contests.push(Contest::of(title, [&accepted, &applied]));
    section.tables.push(table(spikes));

    let Rounds { accepted, applied, .. } =
        rounds(options, servers, requests, secret, (ALONE_PER_SECOND, ALONE_CONNECTIONS)).await?;
    let what = "an event that comes alone: received to applied, p50";
    section.figures.push(Figure::new(what, latency(&applied, 500), "ms"));
    let title = format!("Each event alone: {ALONE_PER_SECOND:.0}/s");
    section.contests.push(Contest::of(title, [&accepted, &applied]));
    Ok(())
}

struct Rounds {
    accepted: Series,
    applied: Series,
    spikes: Vec<Spike>,
}

async fn rounds(
    options: &Options,
    servers: &Servers,
    requests: &mut Requests,
    secret: &str,
    (per_second, connections): (f64, usize),
) -> anyhow::Result<Rounds> {
    eprintln!("everything together, open loop at {per_second:.0}/s");
    let mut accepted = Series { name: "accepted", samples: Vec::new() };
    let mut applied = Series { name: "applied", samples: Vec::new() };
    let mut spikes = Vec::new();
    for round in 0..=options.rounds() {
        let stack = Stack::start(servers, secret, None).await?;
        let ran = one(options, servers, &stack, requests, (per_second, connections), round).await?;
        stack.stop(servers).await?;
        let p99 = |sample: &Sample| sample.latencies.within(990).unwrap_or(f64::NAN);
        eprintln!("  round {round}/{}  p99 {:.1} and {:.1} ms", options.rounds(), p99(&ran.0), p99(&ran.1));
        if round > 0 {
            accepted.samples.push(ran.0);
            applied.samples.push(ran.1);
            spikes.extend(ran.2);
        }
    }
    Ok(Rounds { accepted, applied, spikes })
}

fn latency(series: &Series, permille: usize) -> Spread {
    Spread::of(series.samples.iter().map(|sample| sample.latencies.within(permille).unwrap_or(f64::NAN)))
}

/// What was accepted, what was applied, and what was late.
pub(super) async fn one(
    options: &Options,
    servers: &Servers,
    stack: &Stack,
    requests: &mut Requests,
    (per_second, connections): (f64, usize),
    round: usize,
) -> anyhow::Result<(Sample, Sample, Vec<Spike>)> {
    requests.stamp();
    let parts = stack.parts(servers)?;
    let timeline = Timeline::begin(servers).await?;
    let begun = clock::now();
    let run =
        load::open(stack.gateway.address, connections, requests, options.time(RUN_SECS), per_second, &parts)?;
    let mut eye = Eye::on(&stack.ledger).await?;
    loop {
        let count = eye.events_since(begun).await?;
        if count >= run.sample.events {
            break;
        }
        ensure!((clock::now() - begun).to_std()? < APPLIED_PATIENCE, "only {count} events were applied");
        tokio::time::sleep(GLANCE).await;
    }
    eye.close().await?;
    let timeline = timeline.end(servers);
    let ways = ways(&stack.ledger).await?;
    let mut applied = Sample::of(ways.len() as u64, Duration::from_secs_f64(run.sample.seconds));
    for Way { received, committed, .. } in &ways {
        applied.latencies.note((*committed - *received).to_std().unwrap_or_default());
    }
    let batches: BTreeMap<_, _> = ways.iter().map(|way| (way.committed, way.committed - way.begun)).collect();
    applied.notes.insert(BATCH_EVENTS, to_float(applied.events) / to_float(batches.len() as u64));
    applied.notes.insert(BATCH_MS, median_ms(batches.into_values()));
    applied.notes.insert(WAIT_MS, median_ms(ways.iter().map(|way| way.begun - way.received)));
    let mut spikes = late(round, &ways);
    spikes.extend(run.spikes.iter().map(|spike| {
        let from = begun + TimeDelta::from_std(spike.at).unwrap_or_default();
        let until = from + TimeDelta::from_std(spike.worst).unwrap_or_default();
        Spike {
            round,
            what: "accepted",
            from,
            until,
            worst: spike.worst,
            events: spike.answers,
            cause: String::new(),
        }
    }));
    for spike in &mut spikes {
        spike.cause = timeline.around(spike.from, spike.until);
    }
    let mut accepted = run.sample;
    accepted.peak.retain(|part, _| matches!(*part, "gateway" | "worker"));
    Ok((accepted, applied, spikes))
}

/// When the gateway had an event, when its batch was begun, and when Postgres had committed that.
struct Way {
    received: DateTime<Utc>,
    begun: DateTime<Utc>,
    committed: DateTime<Utc>,
}

async fn ways(ledger: &Database) -> anyhow::Result<Vec<Way>> {
    let mut connection = PgConnection::connect(&ledger.url).await?;
    let ways = "SELECT received_at, recorded_at, pg_xact_commit_timestamp(xmin) FROM events ORDER BY 3";
    let ways: Vec<(DateTime<Utc>, DateTime<Utc>, DateTime<Utc>)> =
        sqlx::query_as(ways).fetch_all(&mut connection).await?;
    connection.close().await?;
    Ok(ways.into_iter().map(|(received, begun, committed)| Way { received, begun, committed }).collect())
}

fn median_ms(durations: impl Iterator<Item = TimeDelta>) -> f64 {
    Spread::of(durations.map(|duration| duration.to_std().unwrap_or_default().as_secs_f64() * 1e3)).median
}

/// Groups of commits that came late.
fn late(round: usize, ways: &[Way]) -> Vec<Spike> {
    let mut spikes: Vec<Spike> = Vec::new();
    for Way { received, committed, .. } in ways {
        let took = (*committed - *received).to_std().unwrap_or_default();
        if took < APPLIED_SPIKE {
            continue;
        }
        match spikes.last_mut() {
            Some(last) if *committed - last.until < SAME_SPIKE => {
                last.from = last.from.min(*received);
                (last.until, last.worst, last.events) = (*committed, last.worst.max(took), last.events + 1);
            }
            _ => spikes.push(Spike {
                round,
                what: "applied",
                from: *received,
                until: *committed,
                worst: took,
                events: 1,
                cause: String::new(),
            }),
        }
    }
    spikes
}

fn table(mut spikes: Vec<Spike>) -> Table {
    let count = |what: &str| spikes.iter().filter(|spike| spike.what == what).count();
    let title = format!(
        "Spikes, the worst first: {} of {} ms and more until accepted, {} of {} ms and more until applied",
        count("accepted"),
        load::SPIKE.as_millis(),
        count("applied"),
        APPLIED_SPIKE.as_millis()
    );
    spikes.sort_by_key(|spike| std::cmp::Reverse(spike.worst));
    let mut table = Table::new(title, &["round", "what", "worst, ms", "events", "what happened then"]);
    for spike in spikes.iter().take(SHOWN_SPIKES) {
        table.row([
            Cell::from(spike.round.to_string()),
            spike.what.into(),
            (spike.worst.as_secs_f64() * 1e3).into(),
            spike.events.to_string().into(),
            spike.cause.clone().into(),
        ]);
    }
    if spikes.is_empty() {
        table.row(["none", "", "", "", ""].map(Cell::from));
    }
    table
}
