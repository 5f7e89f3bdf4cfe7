//! Retries waiting events that are due, each in isolation. Any number of workers may do so: an event is claimed
//! before it is handled.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::event::EventKey;
use shared::clock;

use crate::consume::Lanes;
use ledger::LedgerError;

const INTERVAL: Duration = Duration::from_secs(1);
const AT_ONCE: i64 = 64;
/// How often it is looked for events that a clock which ran ahead put off too far.
const FORWARD_INTERVAL: Duration = Duration::from_mins(1);

/// Runs until the worker stops.
pub async fn run(lanes: Lanes, lane: usize) {
    let mut brought_forward: Option<Instant> = None;
    while lanes.rest(INTERVAL).await {
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
        match handle_due(&lanes, lane, now).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) if lanes.fatal.report(&error) => return,
            Err(error) => tracing::debug!(%error, "looking for waiting events failed"),
        }
    }
}

/// Handles those that wait and are due; `false` when told to stop.
pub async fn handle_due(lanes: &Lanes, lane: usize, now: DateTime<Utc>) -> Result<bool, LedgerError> {
    for event in lanes.ledger.due(now, AT_ONCE).await? {
        if lanes.pause_signal.is_paused() {
            break;
        }
        match event.envelope() {
            Ok(envelope) => {
                // One whose outcome the ledger refuses has none either: it has its turn again when its claim has run out.
                if lanes.handle_isolated(lane, &envelope, None).await.is_none() && lanes.are_stopping() {
                    return Ok(false);
                }
            }
            Err(key) => put_off(lanes, &key, now).await,
        }
    }
    Ok(true)
}

/// An event whose body cannot be read must not keep the others from their turn.
async fn put_off(lanes: &Lanes, key: &EventKey, now: DateTime<Utc>) {
    tracing::error!(event_id = key.id, "the body of a waiting event cannot be read");
    let put_off = async {
        let mut tx = lanes.ledger.begin().await?;
        tx.claim(key, now, now + lanes.retries.longest()).await?;
        tx.commit().await
    };
    if let Err(error) = put_off.await {
        tracing::debug!(%error, "putting a waiting event off failed");
    }
}
