//! Checks twice a second whether consumption is paused, so that all workers stop and continue together. Here an
//! idle or paused worker also learns that the ledger is unavailable, damaged or replaced.

use std::time::Duration;

use crate::consume::Lanes;

const INTERVAL: Duration = Duration::from_millis(500);

/// Runs until the worker stops.
pub async fn run(lanes: Lanes) {
    let mut is_away = false;
    while lanes.rest(INTERVAL).await {
        let file = lanes.ledger.check_file();
        let asked = match file {
            Ok(()) => lanes.ledger.lasting_pause().await,
            Err(gone) => Err(gone),
        };
        match asked {
            Ok(pause) => {
                // What a lane found out is for a lane to take back: it may fail where this question does not.
                if std::mem::take(&mut is_away) {
                    lanes.availability.record_answer();
                }
                lanes.set_pause(pause);
            }
            Err(error) if lanes.fatal.report(&error) => return,
            // What was known of a pause still counts.
            Err(error) if lanes.availability.outage().is_none() => {
                lanes.availability.record_outage(&error.to_string());
                is_away = true;
            }
            Err(_) => {}
        }
    }
}
