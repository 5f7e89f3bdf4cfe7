//! Removes sessions that ended long ago, and failed logins that are held against nobody any more.

use std::time::Duration;

use desk::acts::sessions::forget_old;
use shared::clock;

use crate::consume::Lanes;

const INTERVAL: Duration = Duration::from_hours(1);

/// Runs until the worker stops. Several workers may do the same: to remove twice changes nothing.
pub async fn run(lanes: Lanes) {
    loop {
        // While the ledger is away the lanes find out when it is back.
        if lanes.availability.outage().is_none() {
            match forget_old(&lanes.ledger, clock::now()).await {
                Ok(removed) => tracing::debug!(removed, "old sessions and failed logins were removed"),
                Err(error) if lanes.fatal.report(&error) => return,
                Err(error) => tracing::debug!(%error, "removing old sessions failed; it will be retried"),
            }
        }
        if !lanes.rest(INTERVAL).await {
            return;
        }
    }
}
