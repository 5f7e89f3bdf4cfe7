//! Looks twice a second whether consumption is paused, so that all workers stop and go on together.

use std::time::Duration;

use crate::consume::Lanes;

const INTERVAL: Duration = Duration::from_millis(500);

/// Runs until the worker stops.
pub async fn run(lanes: Lanes) {
    loop {
        tokio::select! {
            () = lanes.shutdown.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        match lanes.ledger.lasting_pause().await {
            Ok(pause) => lanes.set_pause(pause),
            Err(error) => {
                tracing::debug!(%error, "whether consumption is paused is not known: nothing changes")
            }
        }
    }
}
