//! Queues in a file in which ever more waits, side by side: publishing to them and draining them, by turns. They are
//! filled by one statement, every message under its own id.

use std::path::Path;

use harness::process_guard::ProcessGuard;
use rustix::process::Signal;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection};

use super::renamed;
use crate::measure::rounds::{Contestant, interleave};
use crate::measure::sample::Sample;
use crate::queue::our_queue::OurQueue;
use crate::report::{Contest, Figure, Options, Plot, Section};

const DEPTHS: [(usize, &str, &str); 3] = [
    (1_000, "publish at 1,000 waiting", "drain at 1,000 waiting"),
    (100_000, "publish at 100,000 waiting", "drain at 100,000 waiting"),
    (1_000_000, "publish at 1,000,000 waiting", "drain at 1,000,000 waiting"),
];
const BODIES: usize = 1_000;
const EVENTS: usize = 20_000;

pub async fn run(options: &Options, section: &mut Section) -> anyhow::Result<()> {
    let bodies = crate::worker::envelopes(BODIES);
    let depths = if options.quick { &DEPTHS[..2] } else { &DEPTHS[..] };
    let mut places = Vec::new();
    for (depth, publish, drain) in depths {
        eprintln!("filling a queue.db with {depth}");
        let folder = ProcessGuard::new("bench-queue", Signal::KILL)?;
        let file = folder.folder().join("queue.db");
        let seed = OurQueue::at_file(&file, None).await?;
        seed.publish(&renamed(&bodies, BODIES)).await?;
        seed.close().await;
        multiply(&file, depth / BODIES).await?;
        places.push((OurQueue::at_file(&file, Some(folder)).await?, *publish, *drain));
    }
    let events = renamed(&bodies, options.count(EVENTS));
    let events = &events;
    let contestants = places.iter().flat_map(|(place, publish, drain)| {
        [
            Contestant::new(publish, move || place.publish(events)),
            Contestant::new(drain, move || place.drain(events.len())),
        ]
    });
    let series = interleave(options.rounds(), contestants.collect()).await?;
    let every_other = |first: usize| series.iter().skip(first).step_by(2);
    section.contests.push(Contest::of("Publishing to queue.db, while so much waits", every_other(0)));
    section
        .contests
        .push(Contest::of("Receiving from queue.db and settling, while so much waits", every_other(1)));
    if let [publish, drain, .., last_publish, last_drain] = &series[..]
        && !options.quick
    {
        let ratio = |what, ours, other| Figure::ratio(what, ours, other, "/s", Sample::per_second);
        section.figures.push(ratio("queue.db: published/s, 1e6 waiting / 1e3", last_publish, publish));
        section.figures.push(ratio("queue.db: received and settled/s, 1e6 waiting / 1e3", last_drain, drain));
    }
    let depths: Vec<usize> = depths.iter().map(|(depth, ..)| *depth).collect();
    section.plots.push(Plot {
        name: "scale-file",
        title: "Events per second as queue.db grows".to_owned(),
        across: "events waiting in queue.db".to_owned(),
        up: "events/s".to_owned(),
        lines: vec![
            super::line("published", &depths, every_other(0)),
            super::line("received and settled", &depths, every_other(1)),
        ],
    });
    section.notes.push(
        "A queue.db is filled by copying its first thousand messages within the file, each with its own id."
            .to_owned(),
    );
    for (place, ..) in places {
        place.close().await;
    }
    Ok(())
}

/// Every message so many times, counting itself.
async fn multiply(file: &Path, times: usize) -> anyhow::Result<()> {
    // Nobody else has it open, and what is lost with the machine is a bench: no journal, hence each page once.
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query(
        "WITH RECURSIVE copies (number) AS (SELECT 1 WHERE ?1 > 1 UNION ALL SELECT number + 1 FROM copies WHERE number + 1 < ?1) \
         INSERT INTO messages (header, body, enqueued_at_ms) \
         SELECT json_set(header, '$.id', 'evt_' || lower(hex(randomblob(12)))), body, enqueued_at_ms \
         FROM copies CROSS JOIN (SELECT header, body, enqueued_at_ms FROM messages LIMIT ?2)",
    )
    .bind(i64::try_from(times)?)
    .bind(i64::try_from(BODIES)?)
    .execute(&mut connection)
    .await?;
    Ok(connection.close().await?)
}
