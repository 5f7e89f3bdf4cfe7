//! Seals commits: one worker puts them into a block with the hash of the previous block.

use std::time::Duration;

use chrono::{DateTime, Utc};
use shared::clock;

use super::lease::Lease;
use crate::consume::Lanes;
use domain::seal::Seal;
use ledger::{Ledger, LedgerError};

const INTERVAL: Duration = Duration::from_secs(5);
/// A block's commits, in memory together.
const AT_ONCE: i64 = 500;

/// Runs until the worker stops.
pub async fn run(lanes: Lanes) {
    let lease = Lease::of("seal", INTERVAL);
    while lanes.rest(INTERVAL).await {
        // While the ledger is away the lanes find out when it is back.
        if lanes.availability.outage().is_some() {
            continue;
        }
        match seal_all(&lanes.ledger, &lease).await {
            Ok(()) => {}
            Err(error) if lanes.fatal.report(&error) => return,
            Err(error) => tracing::debug!(%error, "sealing the audit failed; it will be retried"),
        }
    }
}

/// An idle ledger is only looked at: no lease is taken for nothing.
async fn seal_all(ledger: &Ledger, lease: &Lease) -> Result<(), LedgerError> {
    if ledger.read().await?.open_commits(1).await?.is_empty() || !lease.prolong(ledger).await? {
        return Ok(());
    }
    while seal(ledger, clock::now()).await?.is_some_and(|seal| seal.commits == AT_ONCE) {
        if !lease.prolong(ledger).await? {
            return Ok(());
        }
    }
    lease.end(ledger, clock::now()).await;
    Ok(())
}

/// One block of what is committed and in none; `None` where there is nothing.
pub async fn seal(ledger: &Ledger, now: DateTime<Utc>) -> Result<Option<Seal>, LedgerError> {
    let (open, last) = {
        let mut tx = ledger.read().await?;
        (tx.open_commits(AT_ONCE).await?, tx.last_seal().await?)
    };
    if open.is_empty() {
        return Ok(None);
    }
    let seal = Seal::after(last.as_ref(), &open, now);
    let mut tx = ledger.begin().await?;
    tx.append_seal(&seal, &open).await?;
    tx.commit().await?;
    Ok(Some(seal))
}
