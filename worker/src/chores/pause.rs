//! Looks twice a second whether consumption is paused, so that all workers stop and go on together. An idle
//! or paused worker learns here, too, that the ledger is away.

use std::time::Duration;

use crate::consume::Lanes;

const INTERVAL: Duration = Duration::from_millis(500);

/// Runs until the worker stops.
pub async fn run(lanes: Lanes) {
    let mut is_away = false;
    loop {
        tokio::select! {
            () = lanes.shutdown.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        match lanes.ledger.lasting_pause().await {
            Ok(pause) => {
                // What a lane found out is for a lane to take back: it may fail where this question does not.
                if std::mem::take(&mut is_away) {
                    lanes.circuit.close();
                }
                lanes.set_pause(pause);
            }
            // What was known of a pause still counts.
            Err(error) if lanes.circuit.reason().is_none() => {
                lanes.circuit.open(&error.to_string());
                is_away = true;
            }
            Err(_) => {}
        }
    }
}
