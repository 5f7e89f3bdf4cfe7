//! Retries waiting events that are due, each in isolation. Any number of workers may do so: an event is claimed
//! before it is handled.

use std::time::{Duration, Instant};

use shared::clock;

use crate::consume::Lanes;

const INTERVAL: Duration = Duration::from_secs(1);
const AT_ONCE: i64 = 64;
/// How often it is looked for events that a clock which ran ahead put off too far.
const FORWARD_INTERVAL: Duration = Duration::from_mins(1);

/// Runs until the worker stops.
pub async fn run(lanes: Lanes, lane: usize) {
    let mut brought_forward: Option<Instant> = None;
    loop {
        tokio::select! {
            () = lanes.shutdown.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
        // While the ledger is away the lanes find out when it is back.
        if lanes.availability.outage().is_some() || lanes.pause_signal.is_paused() {
            continue;
        }
        let now = clock::now();
        if brought_forward.is_none_or(|at| at.elapsed() >= FORWARD_INTERVAL) {
            match lanes.ledger.bring_forward(now, now + lanes.retries.longest()).await {
                Ok(_) => brought_forward = Some(Instant::now()),
                Err(error) if lanes.fatal.report(&error) => return,
                Err(error) => tracing::debug!(%error, "retrying waiting events failed"),
            }
        }
        match lanes.ledger.due(now, AT_ONCE).await {
            Ok(due) => {
                for event in due {
                    if lanes.pause_signal.is_paused() {
                        break;
                    }
                    if lanes.handle_isolated(lane, &event.envelope(), None).await.is_none() {
                        return;
                    }
                }
            }
            Err(error) if lanes.fatal.report(&error) => return,
            Err(error) => tracing::debug!(%error, "looking for waiting events failed"),
        }
    }
}
