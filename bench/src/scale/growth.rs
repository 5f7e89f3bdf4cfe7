//! Whether an event costs the same in a ledger of ten million events as in a small one: at full speed, and at a steady
//! pace over a whole checkpoint interval, in which Postgres logs each page that it touches once as a whole.

use std::time::{Duration, Instant};

use anyhow::ensure;
use shared::clock;

use super::ledgers::{self, SEED_EVENTS};
use crate::measure::rounds::Series;
use crate::measure::sample::{Sample, to_float};
use crate::report::{Contest, Figure, Options, Reach, Section};
use crate::worker::drain::{Eye, WAL_BYTES, launch};
use crate::worker::servers::{Database, Servers};
use crate::worker::{OURS, envelopes};

/// A server as people would set it up for a ledger of this size; checkpoints and autovacuum as Postgres comes.
const POSTGRES_SETTINGS: &[&str] = &[
    "shared_buffers=2GB",
    "maintenance_work_mem=512MB",
    "max_wal_size=16GB",
    "checkpoint_timeout=5min",
    "autovacuum=on",
    "wal_level=minimal",
    "max_wal_senders=0",
];
const LARGE: usize = 10_000_000;
const EVENTS: usize = 60_000;
/// At this pace the events last for a whole interval between two checkpoints.
const PACE_PER_SECOND: u32 = 200;
/// Rounds at full speed; those at a pace take five minutes each, so there is one.
const ROUNDS_LIMIT: usize = 3;
/// Counting what was applied takes time from the server that is measured.
const GLANCE: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_mins(10);

const FULL_PAGES: &str = "full pages in the WAL, an event";
const GROWTH: &str = "bytes on disk an event, before vacuum";

pub async fn run(options: &Options) -> anyhow::Result<Vec<Section>> {
    let servers = Servers::start_with(POSTGRES_SETTINGS).await?;
    let size = options.count(SEED_EVENTS);
    let seed = ledgers::seed(&servers, size).await?;
    let large = ledgers::copy_of(&servers, &seed).await?;
    let times = if options.quick { 10 } else { LARGE / SEED_EVENTS };
    eprintln!("a ledger of {} events", size * times);
    let begun = Instant::now();
    ledgers::multiply(&large, times).await?;
    eprintln!("  took {:.0} s", begun.elapsed().as_secs_f64());
    let mut at_full_speed = [series("small ledger, full speed"), series("large ledger, full speed")];
    let mut at_a_pace = [series("small ledger, 200/s"), series("large ledger, 200/s")];
    let count = options.count(EVENTS);
    for round in 0..=options.rounds().min(ROUNDS_LIMIT) {
        let [small_series, large_series] = &mut at_full_speed;
        let fresh = ledgers::copy_of(&servers, &seed).await?;
        note(small_series, round, stretch(&servers, &fresh, count, None).await?);
        fresh.drop(&servers).await?;
        note(large_series, round, stretch(&servers, &large, count, None).await?);
    }
    let [small_series, large_series] = &mut at_a_pace;
    let paced = if options.quick { PACE_PER_SECOND as usize } else { count };
    let fresh = ledgers::copy_of(&servers, &seed).await?;
    note(small_series, 1, stretch(&servers, &fresh, paced, Some(PACE_PER_SECOND)).await?);
    fresh.drop(&servers).await?;
    note(large_series, 1, stretch(&servers, &large, paced, Some(PACE_PER_SECOND)).await?);
    for ledger in [large, seed] {
        ledger.drop(&servers).await?;
    }
    Ok(vec![section(&at_full_speed, &at_a_pace)])
}

fn series(name: &'static str) -> Series {
    Series { name, samples: Vec::new() }
}

fn note(series: &mut Series, round: usize, sample: Sample) {
    eprintln!("  round {round}  {:<30} {:>9.0}/s  {:?}", series.name, sample.per_second(), sample.notes);
    if round > 0 {
        series.samples.push(sample);
    }
}

/// So many new events after a checkpoint: as fast as the worker can, or as they come.
async fn stretch(
    servers: &Servers,
    ledger: &Database,
    count: usize,
    per_second: Option<u32>,
) -> anyhow::Result<Sample> {
    let events = envelopes(count);
    if per_second.is_none() {
        servers.fill(&events).await?;
    }
    servers.calm_down().await?;
    let mut eye = Eye::on(ledger).await?;
    let (wal, bytes, begun) = (eye.wal().await?, eye.bytes().await?, clock::now());
    let worker = launch(servers, &ledger.url, OURS)?.start(&["WORKER_INTERNAL_ADDR"]).await?;
    let parts = servers.parts()?.with("worker", worker.id());
    let (cpu, clock) = (parts.cpu(), Instant::now());
    if let Some(per_second) = per_second {
        servers.publish_at(&events, per_second).await?;
    }
    loop {
        let applied = eye.events_since(begun).await?;
        if applied >= u64::try_from(count)? {
            break;
        }
        ensure!(clock.elapsed() < PATIENCE, "only {applied} events were applied");
        tokio::time::sleep(GLANCE).await;
    }
    let mut sample = Sample::of(u64::try_from(count)?, clock.elapsed());
    sample.cpu = parts.cpu_since(&cpu);
    worker.stop().await?;
    let (wal, bytes) = (eye.wal().await? - wal, eye.bytes().await? - bytes);
    let an_event = |count: i64| to_float(count.unsigned_abs()) / to_float(sample.events);
    let notes = [(WAL_BYTES, wal.bytes), (FULL_PAGES, wal.full_pages), (GROWTH, bytes)];
    sample.notes.extend(notes.map(|(what, count)| (what, an_event(count))));
    eye.close().await?;
    Ok(sample)
}

fn section(at_full_speed: &[Series; 2], at_a_pace: &[Series; 2]) -> Section {
    let mut section = Section::new("growth", "A ledger of ten million events");
    let cpu = |sample: &Sample| sample.cpu_per_event("worker") + sample.cpu_per_event("postgres");
    let of = |what: &'static str| move |sample: &Sample| sample.notes.get(what).copied().unwrap_or(f64::NAN);
    for ([small, large], [cpu_of, wal_of, growth_of]) in [
        (
            at_full_speed,
            [
                "CPU of worker and Postgres for an event, full speed, 1e7 events in the ledger / 1e4",
                "WAL bytes an event, full speed, 1e7 / 1e4",
                "bytes on disk an event, before vacuum, full speed, 1e7 / 1e4",
            ],
        ),
        (
            at_a_pace,
            [
                "CPU of worker and Postgres for an event, 200/s, 1e7 events in the ledger / 1e4",
                "WAL bytes an event, 200/s, 1e7 / 1e4",
                "bytes on disk an event, before vacuum, 200/s, 1e7 / 1e4",
            ],
        ),
    ] {
        section.figures.extend([
            Figure::ratio(cpu_of, large, small, "µs", cpu).reaching(Reach::AtMost(1.25)),
            Figure::ratio(wal_of, large, small, "bytes", of(WAL_BYTES)),
            Figure::ratio(growth_of, large, small, "bytes", of(GROWTH)),
        ]);
    }
    section
        .contests
        .push(Contest::of("60,000 events as fast as the worker can, after a checkpoint", at_full_speed));
    section.contests.push(Contest::of("200 a second for 300 s, after a checkpoint", at_a_pace));
    section.notes.push(
        "The small ledger begins with 10,000 events, and is a new one each time. The large one is a copy of it many times over, as \
         in `scale`. Indexes of copies have random keys, more so than Stripe's ids, which begin with the time."
            .to_owned(),
    );
    section
}
