//! Looks at what batches changed, and keeps as findings what the rules of the fraud desk find in it. One worker does it,
//! under a lease; the cost goes with what happened, not with what the ledger has.

use std::time::Duration;

use shared::clock;

use super::lease::Lease;
use crate::consume::Lanes;

const INTERVAL: Duration = Duration::from_secs(5);

/// Runs until the worker stops.
pub async fn run(lanes: Lanes) {
    let lease = Lease::of("fraud_desk", INTERVAL);
    while lease.wait(&lanes, INTERVAL).await {
        if let Err(error) = look(&lanes, &lease).await {
            if lanes.fatal.report(&error) {
                return;
            }
            tracing::warn!(%error, "looking for fraud failed; it will be retried");
        }
        lease.end(&lanes.ledger, clock::now() + INTERVAL).await;
    }
}

/// Until nothing is due.
async fn look(lanes: &Lanes, lease: &Lease) -> Result<(), ledger::LedgerError> {
    while !lanes.shutdown.is_cancelled() && lease.prolong(&lanes.ledger).await? {
        let looked = desk::fraud::look(&lanes.ledger, clock::now()).await?;
        let (new, reopened) = (looked.findings.new, looked.findings.reopened);
        if new + reopened > 0 {
            tracing::warn!(new, reopened, "the fraud desk found something to look at");
        }
        if looked.batches == 0 {
            break;
        }
    }
    Ok(())
}
