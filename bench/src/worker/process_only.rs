//! `process` and nothing around it: no queue, no process of its own. What the rules and the ledger cost.

use std::time::Instant;

use envelope::Envelope;
use futures_util::future::try_join_all;
use worker::process::{Manner, process};

use super::servers::{Kind, Servers};
use crate::measure::sample::Sample;

/// Batches on so many lanes at once; the CPU of the rules is this process's.
pub async fn run(
    servers: &Servers,
    kind: Kind,
    events: &[Envelope],
    batch: usize,
    lanes: usize,
) -> anyhow::Result<Sample> {
    let database = servers.ledger(kind).await?;
    let ledger = database.open().await?;
    servers.calm_down().await?;
    let parts = servers.parts()?;
    let (before, begun) = (parts.cpu(), Instant::now());
    let lanes = (0..lanes).map(|lane| {
        let (ledger, step) = (ledger.clone(), lanes);
        async move {
            for batch in events.chunks(batch).skip(lane).step_by(step) {
                let batch: Vec<&Envelope> = batch.iter().collect();
                let handled = process(&ledger, &batch, Manner::Batch, shared::clock::now()).await;
                anyhow::ensure!(handled.is_ok(), "a batch failed: {handled:?}");
            }
            Ok(())
        }
    });
    try_join_all(lanes).await?;
    let mut sample = Sample::of(events.len() as u64, begun.elapsed());
    sample.cpu = parts.cpu_since(&before);
    ledger.close().await;
    database.drop(servers).await?;
    Ok(sample)
}
