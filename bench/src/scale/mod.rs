//! What growth costs: the same work with ever more waiting in the queue, and in an ever larger ledger.

mod ledgers;
mod queues;
mod window;

use crate::report::{Options, Section};
use crate::worker::ground::Ground;

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
    let ground = Ground::start_with(POSTGRES_SETTINGS).await?;
    let mut section = Section::new("scale", "Growth");
    queues::run(options, &ground, &mut section).await?;
    ledgers::run(options, &ground, &mut section).await?;
    Ok(vec![section])
}
