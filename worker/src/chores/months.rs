//! Makes the months of `events` ahead, so that no batch has to, and has Postgres count all months together. A batch for a
//! month that is not there makes it itself.

use std::time::Duration;

use shared::clock;

use crate::consume::Lanes;

const INTERVAL: Duration = Duration::from_hours(1);
/// After a failure.
const SOON: Duration = Duration::from_mins(1);

/// Runs until the worker stops. Several workers may do the same: what is there stays.
pub async fn run(lanes: Lanes) {
    while !lanes.ledger.is_file() {
        let mut pause = SOON;
        if lanes.availability.outage().is_none() {
            match lanes.ledger.prepare_months_ahead(clock::now()).await {
                Ok(()) => pause = INTERVAL,
                Err(error) if lanes.fatal.report(&error) => return,
                Err(error) => {
                    tracing::warn!(%error, "making the next months of events failed; it will be retried");
                }
            }
        }
        if !lanes.rest(pause).await {
            return;
        }
    }
}
