//! Intake beside what limits it: throughput, CPU, latency, flushes, memory and start, on RabbitMQ and on a file.

pub mod alternatives;
pub mod compare_builds;
pub mod embedded;
pub mod file;
mod flushes;
mod footprint;
pub mod intake;
pub mod raw;
pub mod started;

use harness::broker::Broker;

use crate::events::{Events, Requests};
use crate::report::{Options, Section};

/// Distinct bodies; what goes over the wire has ids of its own besides.
const BODIES: usize = 20_000;
const REQUESTS: usize = 60_000;

pub async fn run(options: &Options) -> anyhow::Result<Vec<Section>> {
    let secret = format!("whsec_{}", shared::trace::random_hex::<20>());
    let events = Events::new().take(options.count(BODIES));
    let mut requests = Requests::new(&events, options.count(REQUESTS), &secret);
    drop(events);
    let broker = Broker::shared().await;
    let mut section = intake::run(options, broker, &mut requests, &secret).await?;
    section.extend(embedded::run(options, &mut requests, &secret).await?);
    section.extend(flushes::run(options, &mut requests, &secret).await?);
    section.extend(footprint::run(options, broker, &mut requests, &secret).await?);
    section.notes.push(format!("Bodies of {}.", requests.lengths()));
    Ok(vec![section])
}
