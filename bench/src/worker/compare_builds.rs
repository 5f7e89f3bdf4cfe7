//! Two builds of the worker in turn, so that whether a change helps is a ratio of one run.

use std::path::Path;

use super::drain::{self, Consumer};
use super::servers::{Kind, Servers};
use super::{EVENTS, OURS, SINGLE, SINGLE_EVENTS, envelopes};
use crate::measure::rounds::{Contestant, interleave};
use crate::measure::sample::Sample;
use crate::report::{Contest, Figure, Options, Section};

pub async fn run(options: &Options, other: &Path) -> anyhow::Result<Vec<Section>> {
    let events = envelopes(options.count(EVENTS));
    let singles = &events[..options.count(SINGLE_EVENTS).min(events.len())];
    let (events, servers) = (events.as_slice(), &Servers::start().await?);
    let other = |batch| Consumer::Other { folder: other, batch };
    let contestants = vec![
        Contestant::new("this build, Postgres", || drain::run(servers, Kind::Postgres, events, OURS)),
        Contestant::new("the other, Postgres", || drain::run(servers, Kind::Postgres, events, other("64"))),
        Contestant::new("this build, batches of 1", || drain::run(servers, Kind::Postgres, singles, SINGLE)),
        Contestant::new("the other, batches of 1", || {
            drain::run(servers, Kind::Postgres, singles, other("1"))
        }),
        Contestant::new("this build, SQLite", || drain::run(servers, Kind::Sqlite, events, OURS)),
        Contestant::new("the other, SQLite", || drain::run(servers, Kind::Sqlite, events, other("64"))),
    ];
    let series = interleave(options.rounds(), contestants).await?;
    let [a, b, single_a, single_b, file_a, file_b] = &series[..] else {
        unreachable!("one series for each contestant")
    };
    let mut section = Section::new("against", "This build of the worker against another");
    let cpu = |part: &'static str| move |sample: &Sample| sample.cpu_per_event(part);
    section.figures.extend([
        Figure::ratio("applied, Postgres", a, b, "/s", Sample::per_second),
        Figure::ratio("CPU of the worker per event, Postgres", a, b, "µs", cpu("worker")),
        Figure::ratio("CPU of Postgres per event", a, b, "µs", cpu("postgres")),
        Figure::ratio("applied in batches of 1, Postgres", single_a, single_b, "/s", Sample::per_second),
        Figure::ratio("applied, SQLite", file_a, file_b, "/s", Sample::per_second),
        Figure::ratio("CPU of the worker per event, SQLite", file_a, file_b, "µs", cpu("worker")),
    ]);
    section.contests.push(Contest::of("In turn", &series));
    Ok(vec![section])
}
