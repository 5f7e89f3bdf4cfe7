//! Asks for the retries of invoices that their plan wants, a day before they are due; `invoices.scheduled_retries`
//! switches it on.

use std::time::Duration;

use desk::acts::operations::NotDone;
use desk::acts::operations::planned_retries::request_planned;
use shared::clock;

use super::lease::Lease;
use crate::consume::Lanes;

const NAME: &str = "planned_retries";
const INTERVAL: Duration = Duration::from_secs(10);

/// Runs until the worker stops. One worker does it: two could ask for the same retry at one moment.
pub async fn run(lanes: Lanes) {
    let lease = Lease::of(NAME, INTERVAL);
    while lease.wait(&lanes, INTERVAL).await {
        match request_planned(&lanes.ledger, clock::now()).await {
            Ok(0) => {}
            Ok(requested) => tracing::info!(requested, "retries of invoices are planned"),
            Err(NotDone::Ledger(error)) if lanes.fatal.report(&error) => return,
            Err(error) => tracing::warn!(%error, "planning retries of invoices failed; it will be retried"),
        }
        lease.end(&lanes.ledger, clock::now() + INTERVAL).await;
    }
}
