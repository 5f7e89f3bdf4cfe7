//! Two builds in turn at one constant rate, from the gateway to the ledger. What each of them could take at most says
//! nothing about how long an event takes below that.

use std::path::Path;

use super::open_loop::{self, BATCH_EVENTS, BATCH_MS, CONNECTIONS, WAIT_MS};
use super::{OPEN_EVENTS, POSTGRES_SETTINGS, Stack};
use crate::events::{Events, Requests};
use crate::measure::rounds::Series;
use crate::measure::sample::Sample;
use crate::report::{Contest, Figure, Options, Section};
use crate::worker::servers::Servers;

const PER_SECOND: f64 = 3_000.0;
const PARTS: [(&str, &str); 4] = [
    ("CPU of the gateway per event", "gateway"),
    ("CPU of the broker per event", "broker"),
    ("CPU of the worker per event", "worker"),
    ("CPU of Postgres per event", "postgres"),
];
const NAMES: [&str; 2] = ["this build", "the other"];

pub async fn run(options: &Options, other: &Path) -> anyhow::Result<Vec<Section>> {
    let secret = format!("whsec_{}", shared::trace::random_hex::<20>());
    let events = Events::new().take(options.count(OPEN_EVENTS));
    let mut requests = Requests::new(&events, events.len(), &secret);
    let servers = Servers::start_with(POSTGRES_SETTINGS).await?;
    let series = |name| Series { name, samples: Vec::new() };
    let (mut accepted, mut applied) = (NAMES.map(series), NAMES.map(series));
    for round in 0..=options.rounds() {
        // Who comes first changes: what the one leaves to do falls on the other.
        let mut turns = [(0, None), (1, Some(other))];
        turns.rotate_left(round % 2);
        for (build, folder) in turns {
            let stack = Stack::start(&servers, &secret, folder).await?;
            let load = (PER_SECOND, CONNECTIONS);
            let (taken, done, _) =
                open_loop::one(options, &servers, &stack, &mut requests, load, round).await?;
            stack.stop(&servers).await?;
            eprintln!(
                "  round {round}/{}  {:<12} p99 {:.1} and {:.1} ms",
                options.rounds(),
                NAMES[build],
                within(&taken, 990),
                within(&done, 990)
            );
            if round > 0 {
                accepted[build].samples.push(taken);
                applied[build].samples.push(done);
            }
        }
    }
    let mut section = Section::new("against", "This build against another at a constant rate");
    let [ours, theirs] = &accepted;
    for (what, permille) in [("accepted, p50", 500), ("accepted, p99", 990)] {
        section.figures.push(Figure::ratio(what, ours, theirs, "ms", |sample| within(sample, permille)));
    }
    for (what, part) in PARTS {
        section.figures.push(Figure::ratio(what, ours, theirs, "µs", |sample| sample.cpu_per_event(part)));
    }
    let [ours, theirs] = &applied;
    for (what, permille) in [("received to applied, p50", 500), ("received to applied, p99", 990)] {
        section.figures.push(Figure::ratio(what, ours, theirs, "ms", |sample| within(sample, permille)));
    }
    for (what, unit) in [(BATCH_EVENTS, ""), (BATCH_MS, "ms"), (WAIT_MS, "ms")] {
        section.figures.push(Figure::ratio(what, ours, theirs, unit, |sample| {
            sample.notes.get(what).copied().unwrap_or(f64::NAN)
        }));
    }
    section.contests.push(Contest::of(format!("Accepted at {PER_SECOND:.0}/s"), &accepted));
    section.contests.push(Contest::of("Applied", &applied));
    Ok(vec![section])
}

fn within(sample: &Sample, permille: usize) -> f64 {
    sample.latencies.within(permille).unwrap_or(f64::NAN)
}
