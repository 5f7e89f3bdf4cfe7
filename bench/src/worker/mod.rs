//! The worker: a queue that was filled before is drained with all rules, beside raw inserts of the same bytes
//! in the same batches.

mod drain;
mod ground;
mod raw;

use harness::random::Random;
use harness::stories::Stories;
use shared::envelope::Envelope;

use self::ground::{Ground, Kind};
use crate::measure::rounds::{Contestant, Series, interleave};
use crate::measure::sample::{Sample, to_float};

const BATCH: usize = 64;
const LANES: usize = 2;

pub async fn run(what: &str, events: usize, rounds: usize) -> anyhow::Result<()> {
    let ground = Ground::start().await?;
    let events: Vec<Envelope> = Stories::of_seed(Random::new_seed())
        .history(events)
        .0
        .iter()
        .map(harness::histories::SampleEvent::envelope)
        .collect();
    let bytes: usize = events.iter().map(|event| event.body.len()).sum();
    eprintln!("{} events of {} bytes on average", events.len(), bytes / events.len());
    let events = events.as_slice();
    let single = &events[..events.len() / 10];
    let ground = &ground;
    let mut contestants = Vec::new();
    if what != "sqlite" {
        contestants.extend([
            Contestant::new("worker, Postgres, 2 lanes of 64", || {
                drain::run(ground, Kind::Postgres, events, &[])
            }),
            Contestant::new("raw Postgres, 2 connections, 64", || {
                raw::postgres(ground, events, BATCH, LANES)
            }),
            Contestant::new("worker, Postgres, 2 lanes of 1", || {
                drain::run(ground, Kind::Postgres, single, &[("WORKER_BATCH_EVENTS", "1")])
            }),
        ]);
    }
    if what != "postgres" {
        contestants.extend([
            Contestant::new("worker, SQLite, batches of 64", || {
                drain::run(ground, Kind::Sqlite, events, &[])
            }),
            Contestant::new("raw SQLite, batches of 64", || raw::sqlite(ground, events, BATCH)),
        ]);
    }
    let series = interleave(rounds, contestants).await?;
    for series in &series {
        print(series);
    }
    for pair in [(0, 1), (0, 2), (3, 4)] {
        if let (Some(ours), Some(limit)) = (series.get(pair.0), series.get(pair.1)) {
            let ratio = ours.ratio(limit, Sample::per_second);
            println!(
                "{} / {}: {:.3} ({:.3} to {:.3})",
                ours.name, limit.name, ratio.median, ratio.least, ratio.most
            );
        }
    }
    Ok(())
}

fn print(series: &Series) {
    let rate = series.per_second();
    print!(
        "{:<36} {:>7.0}/s ({:.0} to {:.0}); CPU us/event:",
        series.name, rate.median, rate.least, rate.most
    );
    for part in ["worker", "postgres", "broker", "generator"] {
        print!(" {part} {:.0}", series.cpu_per_event(part).median);
    }
    if let Some(sample) = series.samples.first() {
        for (name, note) in &sample.notes {
            print!("; {name} {note:.0}");
        }
        if let Some(peak) = sample.peak.get("worker") {
            print!("; worker peak {:.0} MB", to_float(*peak) / 1e6);
        }
    }
    println!();
}
