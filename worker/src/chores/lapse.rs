//! Ends operations that nobody decided about in time, so that what they held is free again.

use std::time::Duration;

use desk::acts::operations::lapse::lapse_expired;
use shared::clock;

use crate::consume::Lanes;

const INTERVAL: Duration = Duration::from_mins(1);

/// Runs until the worker stops. Several workers may do the same: each operation is locked and looked at again.
pub async fn run(lanes: Lanes) {
    loop {
        // While the ledger is away the lanes find out when it is back.
        if lanes.availability.outage().is_none() {
            match lapse_expired(&lanes.ledger, clock::now()).await {
                Ok(0) => {}
                Ok(lapsed) => tracing::info!(lapsed, "operations lapsed: nobody decided in time"),
                Err(error) if lanes.fatal.report(&error) => return,
                Err(error) => tracing::debug!(%error, "lapsing operations failed; it will be retried"),
            }
        }
        if !lanes.rest(INTERVAL).await {
            return;
        }
    }
}
