//! A stretch of a worker's work: after it has warmed up, and before it has done all there is.

use std::time::{Duration, Instant};

use anyhow::ensure;
use shared::clock;

use crate::measure::sample::Sample;
use crate::worker::OURS;
use crate::worker::drain::{Eye, launch};
use crate::worker::servers::{Database, Servers};

/// What a worker gave back when it was stopped comes first, one at a time.
const WARM_UP_EVENTS: u64 = 800;
const GLANCE: Duration = Duration::from_millis(25);
const PATIENCE: Duration = Duration::from_mins(2);

/// Starts a worker and looks at it from its first events on until it has applied so many more.
pub async fn observe(servers: &Servers, ledger: &Database, events: u64) -> anyhow::Result<Sample> {
    let mut eye = Eye::on(ledger).await?;
    let begun = clock::now();
    let worker = launch(servers, &ledger.url, OURS)?.start(&["WORKER_INTERNAL_ADDR"]).await?;
    let (parts, ready) = (servers.parts()?.with("worker", worker.id()), Instant::now());
    let mut start = None;
    let sample = loop {
        let applied = eye.events_since(begun).await?;
        ensure!(ready.elapsed() < PATIENCE, "only {applied} events were applied");
        match &start {
            None if applied >= WARM_UP_EVENTS => start = Some((applied, Instant::now(), parts.cpu())),
            Some((before, at, cpu)) if applied >= before + events => {
                let mut sample = Sample::of(applied - before, at.elapsed());
                sample.cpu = parts.cpu_since(cpu);
                break sample;
            }
            _ => tokio::time::sleep(GLANCE).await,
        }
    };
    worker.stop().await?;
    eye.close().await?;
    Ok(sample)
}

/// How many events a stretch of so many uses up.
pub fn needed(events: u64) -> usize {
    usize::try_from(WARM_UP_EVENTS + events).unwrap_or(usize::MAX)
}
