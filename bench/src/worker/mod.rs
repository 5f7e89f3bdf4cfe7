//! The worker: a queue that was filled before is drained with all rules, beside raw inserts of the same bytes
//! in the same batches, batches of one, and what many would write.

pub mod compare_builds;
pub mod drain;
pub mod naive;
pub mod process_only;
mod raw;
pub mod servers;
mod statements;
pub mod updates;

use std::collections::BTreeSet;

use envelope::Envelope;
use harness::histories::SampleEvent;

use self::drain::Consumer;
use self::servers::{Kind, Servers};
use crate::events::Events;
use crate::measure::rounds::{Contestant, interleave};
use crate::measure::sample::{Sample, to_float};
use crate::report::{Contest, Figure, Options, Reach, Section};

const BATCH: usize = 64;
/// About what the worker makes of a deep queue by itself.
const DEEP_BATCH: usize = 256;
const LANES: usize = 2;
/// Enough for a few seconds each.
const RAW_EVENTS: usize = 60_000;
const EVENTS: usize = 15_000;
const TOY_EVENTS: usize = 6_000;
const SINGLE_EVENTS: usize = 1_500;
/// As it is shipped: the worker itself decides how large its batches are.
pub const OURS: Consumer<'_> = Consumer::Worker { folder: None, batch: None };
const SINGLE: Consumer<'_> = Consumer::Worker { folder: None, batch: Some("1") };

pub async fn run(options: &Options) -> anyhow::Result<Vec<Section>> {
    let all = envelopes(options.count(RAW_EVENTS));
    let part = |count| &all[..options.count(count).min(all.len())];
    let (all, events, toys, singles) = (all.as_slice(), part(EVENTS), part(TOY_EVENTS), part(SINGLE_EVENTS));
    let servers = Servers::start().await?;
    let servers = &servers;
    let mut section = Section::new("worker", "The worker");

    eprintln!("the worker on Postgres and on a file");
    let contestants = vec![
        Contestant::new("worker, Postgres", || drain::run(servers, Kind::Postgres, events, OURS)),
        Contestant::new("raw Postgres", || raw::postgres(servers, all, BATCH, LANES)),
        Contestant::new("raw Postgres, batches of 256", || raw::postgres(servers, all, DEEP_BATCH, LANES)),
        Contestant::new("rules and ledger alone, Postgres", || {
            process_only::run(servers, Kind::Postgres, events, BATCH, LANES)
        }),
        Contestant::new("worker, batches of 1", || drain::run(servers, Kind::Postgres, singles, SINGLE)),
        Contestant::new("toy consumer, one transaction an event", || {
            drain::run(servers, Kind::Postgres, toys, Consumer::Toy)
        }),
        Contestant::new("worker, SQLite", || drain::run(servers, Kind::Sqlite, events, OURS)),
        Contestant::new("raw SQLite", || raw::sqlite(servers, all, BATCH)),
        Contestant::new("rules and ledger alone, SQLite", || {
            process_only::run(servers, Kind::Sqlite, events, BATCH, 1)
        }),
    ];
    let series = interleave(options.rounds(), contestants).await?;
    let [ours, raw, raw_deep, alone, single, toy, ours_file, raw_file, alone_file] = &series[..] else {
        unreachable!("one series for each contestant")
    };
    let ratio = |what, ours, limit| Figure::ratio(what, ours, limit, "/s", Sample::per_second);
    section.figures.extend([
        ratio(
            "worker on Postgres / raw insert of (id, lz4 body) in batches of 64 on two connections",
            ours,
            raw,
        )
        .reaching(Reach::AtLeast(0.4)),
        ratio("worker on Postgres / the same raw insert in batches of 256", ours, raw_deep),
        ratio("worker in batches of its own size / in batches of 1", ours, single)
            .reaching(Reach::AtLeast(8.0)),
        ratio("worker on ledger.db / raw SQLite apply in the same groups", ours_file, raw_file)
            .reaching(Reach::AtLeast(0.25)),
        ratio("worker, all rules / one transaction of toy rules for each event", ours, toy),
    ]);
    section.contests.push(Contest::of(
        "On Postgres: one worker with two lanes, against raw inserts on two connections",
        [ours, raw, raw_deep, alone, single, toy],
    ));
    section.contests.push(Contest::of("On a SQLite file: one lane", [ours_file, raw_file, alone_file]));

    eprintln!("the worker's statements");
    section.tables.push(statements::table(events).await?);
    section.notes.push(mix(events));
    Ok(vec![section])
}

/// Events as a gateway passes them on.
pub fn envelopes(count: usize) -> Vec<Envelope> {
    Events::new().take(count).iter().map(SampleEvent::envelope).collect()
}

/// What the events are about, for a ledger does more work where each object has few.
fn mix(events: &[Envelope]) -> String {
    let mut objects = BTreeSet::new();
    let mut bytes = 0;
    for event in events {
        let body: serde_json::Value = serde_json::from_slice(&event.body).unwrap_or_default();
        objects.insert(body["data"]["object"]["id"].as_str().unwrap_or_default().to_owned());
        bytes += event.body.len() as u64;
    }
    let (count, objects) = (to_float(events.len() as u64), to_float(objects.len() as u64));
    format!(
        "{count:.0} distinct events of {:.0} bytes on average, in random order, about {objects:.0} objects: {:.1} for \
         each. All are of short histories, so that most objects are new to the ledger.",
        to_float(bytes) / count,
        count / objects
    )
}
