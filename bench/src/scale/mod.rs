//! What growth costs: the same work with ever more waiting in the queue, and in an ever larger ledger.

mod files;
pub mod growth;
mod ledgers;
mod queues;
mod window;

use envelope::Envelope;

use crate::measure::rounds::Series;
use crate::measure::sample::to_float;
use crate::report::{Line, Options, Section};
use crate::worker::servers::Servers;

/// Large tables are filled within minutes, and leave room for the page cache of a small machine.
const POSTGRES_SETTINGS: &[&str] = &[
    "shared_buffers=1GB",
    "maintenance_work_mem=512MB",
    "max_wal_size=8GB",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
];

pub async fn run(options: &Options) -> anyhow::Result<Vec<Section>> {
    let mut section = Section::new("scale", "Growth");
    files::run(options, &mut section).await?;
    let servers = Servers::start_with(POSTGRES_SETTINGS).await?;
    queues::run(options, &servers, &mut section).await?;
    ledgers::run(options, &servers, &mut section).await?;
    Ok(vec![section])
}

/// So many distinct events: the same objects may be told of again, but every event has its own id.
fn renamed(bodies: &[Envelope], count: usize) -> Vec<Envelope> {
    bodies
        .iter()
        .cycle()
        .take(count)
        .map(|event| {
            let mut event = event.clone();
            let id = format!("evt_{}", shared::trace::random_hex::<12>());
            // A worker takes no event whose head and body differ.
            let body = String::from_utf8_lossy(&event.body).replace(&event.header.id, &id);
            (event.header.id, event.body) = (id, body.into());
            event
        })
        .collect()
}

/// What was done per second, in the middle, at each of these sizes.
fn line<'s>(name: &str, sizes: &[usize], series: impl Iterator<Item = &'s Series>) -> Line {
    let across = sizes.iter().map(|size| to_float(*size as u64));
    let points = across.zip(series.map(|series| series.per_second().median)).collect();
    Line { name: name.to_owned(), points }
}
