//! Looks at what batches changed, and keeps as findings what the rules of the fraud desk find in it. One worker does it,
//! under a lease; the cost goes with what happened, not with what the ledger has.

use std::time::Duration;

use desk::fraud::{BATCHES, resolve_old_bursts};
use ledger::LedgerError;
use shared::clock;

use super::lease::Lease;
use crate::consume::Lanes;

const INTERVAL: Duration = Duration::from_secs(5);

/// Runs until the worker stops.
pub async fn run(lanes: Lanes) {
    let lease = Lease::of("fraud_desk", INTERVAL);
    let mut at_once = BATCHES;
    while lease.wait(&lanes, INTERVAL).await {
        match look(&lanes, &lease, at_once).await {
            Ok(()) => at_once = BATCHES,
            Err(error) if lanes.fatal.report(&error) => return,
            Err(error) => {
                // Together with others, a batch may be too much; and one that fails by itself must not hold up those before it.
                at_once = 1;
                tracing::warn!(%error, "looking for fraud failed; it will be retried, a batch at a time");
            }
        }
        lease.end(&lanes.ledger, clock::now() + INTERVAL).await;
    }
}

/// Until nothing is due.
async fn look(lanes: &Lanes, lease: &Lease, at_once: i64) -> Result<(), LedgerError> {
    let resolved = resolve_old_bursts(&lanes.ledger, clock::now()).await?;
    if resolved > 0 {
        tracing::info!(resolved, "resolved old bursts");
    }
    while !lanes.shutdown.is_cancelled() && lease.prolong(&lanes.ledger).await? {
        let looked = desk::fraud::look(&lanes.ledger, at_once, clock::now()).await?;
        let (new, reopened) = (looked.findings.new, looked.findings.reopened);
        if new + reopened > 0 {
            tracing::warn!(new, reopened, "the fraud desk found something to look at");
        }
        for id in &looked.unreadable {
            tracing::error!(
                id,
                "a note of what a batch changed cannot be read: nobody has looked for fraud in it"
            );
        }
        if !looked.cut.is_empty() {
            let left_out = looked.cut.join(", ");
            tracing::warn!(
                left_out,
                "a batch needs more rows than the fraud desk reads at once: the oldest are left out"
            );
        }
        if looked.batches == 0 {
            break;
        }
    }
    Ok(())
}
