//! Queues in which ever more waits, side by side on one broker: publishing to them and draining them, by turns.

use std::time::Instant;

use super::{renamed, window};
use crate::measure::rounds::{Contestant, interleave};
use crate::measure::sample::Sample;
use crate::report::{Contest, Figure, Options, Plot, Section};
use crate::worker::envelopes;
use crate::worker::servers::{Kind, Servers};

const DEPTHS: [(usize, &str, &str); 3] = [
    (1_000, "publish at 1,000 waiting", "drain at 1,000 waiting"),
    (100_000, "publish at 100,000 waiting", "drain at 100,000 waiting"),
    (1_000_000, "publish at 1,000,000 waiting", "drain at 1,000,000 waiting"),
];
const BODIES: usize = 12_000;
/// So many are made and published before the next are made.
const AT_ONCE: usize = 50_000;
const EVENTS: u64 = 6_000;
/// The worker must not run dry.
const MARGIN: usize = 1_000;
/// Rounds are dear where a million waits.
const ROUNDS_LIMIT: usize = 3;

pub async fn run(options: &Options, servers: &Servers, section: &mut Section) -> anyhow::Result<()> {
    let bodies = envelopes(BODIES);
    let depths = if options.quick { &DEPTHS[..2] } else { &DEPTHS[..] };
    let mut places = Vec::new();
    for (depth, publish, drain) in depths {
        eprintln!("filling a queue with {depth}");
        let place = servers.vhost().await?;
        for begin in (0..*depth).step_by(AT_ONCE) {
            place.fill(&renamed(&bodies, AT_ONCE.min(depth - begin))).await?;
        }
        let of_one_message = depth.div_ceil(usize::try_from(place.waiting().await?)?.max(1));
        places.push((place, *depth, of_one_message, *publish, *drain));
    }
    let (bodies, events) = (&bodies, options.count(usize::try_from(EVENTS)?) as u64);
    let contestants = places.iter().flat_map(|(place, depth, of_one_message, publish, drain)| {
        [
            Contestant::new(publish, move || async move {
                // As much as the last worker took, which also handled its prefetched events when it stopped.
                let waiting = usize::try_from(place.waiting().await?)? * of_one_message;
                let missing = (depth + window::needed(events) + MARGIN).saturating_sub(waiting);
                let events = renamed(bodies, missing);
                let parts = place.parts()?;
                let (before, begun) = (parts.cpu(), Instant::now());
                place.fill(&events).await?;
                let mut sample = Sample::of(events.len() as u64, begun.elapsed());
                sample.cpu = parts.cpu_since(&before);
                Ok(sample)
            }),
            Contestant::new(drain, move || async move {
                let ledger = place.ledger(Kind::Postgres).await?;
                place.calm_down().await?;
                let sample = window::observe(place, &ledger, events).await?;
                ledger.drop(place).await?;
                Ok(sample)
            }),
        ]
    });
    let series = interleave(options.rounds().min(ROUNDS_LIMIT), contestants.collect()).await?;
    let every_other = |first: usize| series.iter().skip(first).step_by(2);
    if let [publish, drain, .., last_publish, last_drain] = &series[..]
        && !options.quick
    {
        let broker = |sample: &Sample| sample.cpu_per_event("broker");
        let ours = |sample: &Sample| sample.cpu_per_event("worker") + sample.cpu_per_event("postgres");
        section.figures.extend([
            Figure::ratio(
                "broker's CPU for a publish, 1e6 waiting / 1e3",
                last_publish,
                publish,
                "µs",
                broker,
            ),
            Figure::ratio(
                "broker's CPU for an applied event, 1e6 waiting / 1e3",
                last_drain,
                drain,
                "µs",
                broker,
            ),
            Figure::ratio(
                "CPU of worker and Postgres for an applied event, 1e6 waiting / 1e3",
                last_drain,
                drain,
                "µs",
                ours,
            ),
        ]);
    }
    section.contests.push(Contest::of("Publishing to RabbitMQ, while so much waits", every_other(0)));
    section.contests.push(Contest::of("Draining into an empty ledger, while so much waits", every_other(1)));
    let depths: Vec<usize> = depths.iter().map(|(depth, ..)| *depth).collect();
    section.plots.push(Plot {
        name: "scale-queue",
        title: "Events per second as the queue grows".to_owned(),
        across: "events waiting in RabbitMQ".to_owned(),
        up: "events/s".to_owned(),
        lines: vec![
            super::line("published", &depths, every_other(0)),
            super::line("applied", &depths, every_other(1)),
        ],
    });
    section.notes.push(
        "Only the broker's own work grows with the backlog in RabbitMQ. The likely reasons, not profiled: a quorum queue \
         keeps an index of the backlog in memory, and reads messages back from disk to deliver them. Worker and Postgres \
         do the same work at every depth. The product's own publisher fills the queues, with whole events."
            .to_owned(),
    );
    for (place, ..) in places {
        place.purge().await?;
    }
    Ok(())
}
