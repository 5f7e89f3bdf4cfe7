//! Runs waiting events whose time has come, each alone. Any number of workers may do so: an event is claimed
//! before it is handled.

use std::time::Duration;

use shared::clock;

use crate::consume::Lanes;

const INTERVAL: Duration = Duration::from_secs(1);
const AT_ONCE: i64 = 64;

/// Runs until the worker stops.
pub async fn run(lanes: Lanes, lane: usize) {
    loop {
        tokio::select! {
            () = lanes.shutdown.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        // While the ledger is away the lanes find out when it is back.
        if lanes.circuit.reason().is_some() || lanes.brake.is_pulled() {
            continue;
        }
        match lanes.ledger.due(clock::now(), AT_ONCE).await {
            Ok(due) => {
                for event in due {
                    if lanes.brake.is_pulled() {
                        break;
                    }
                    if lanes.handle_alone(lane, &event.envelope()).await.is_none() {
                        return;
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "looking for waiting events failed"),
        }
    }
}
