//! Deletes raw bodies after their retention, in small batches. It first records their objects, which can no
//! longer be rebuilt from events alone.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use shared::clock;

use crate::consume::Lanes;
use domain::event::{Content, EventKey, Meaning};
use domain::{Key, Observation};
use ledger::{Ledger, LedgerError};

const INTERVAL: Duration = Duration::from_mins(1);
/// Between two batches, so that events go first.
const BREATH: Duration = Duration::from_millis(100);
const AT_ONCE: i64 = 200;

/// Runs until the worker stops.
pub async fn run(lanes: Lanes, retention: Duration) {
    let mut pause = BREATH;
    loop {
        tokio::select! {
            () = lanes.shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = INTERVAL;
        if lanes.availability.outage().is_some() {
            continue;
        }
        match remove(&lanes.ledger, clock::now() - retention).await {
            Ok(0) => {}
            Ok(removed) => {
                lanes.metrics.bodies_removed.inc_by(removed);
                pause = BREATH;
            }
            Err(error) if lanes.fatal.report(&error) => return,
            Err(error) => tracing::debug!(%error, "deleting old bodies failed"),
        }
    }
}

/// Removes one batch of what was recorded up to a moment; says how many bodies.
pub async fn remove(ledger: &Ledger, until: DateTime<Utc>) -> Result<u64, LedgerError> {
    let mut tx = ledger.begin().await?;
    let expired = tx.expired(until, AT_ONCE).await?;
    let Some(done_until) = expired.last().map(|last| last.recorded_at) else { return Ok(0) };
    let mut subjects: BTreeSet<(&'static str, Key)> = BTreeSet::new();
    let mut keys: Vec<EventKey> = Vec::with_capacity(expired.len());
    for mut event in expired {
        keys.push(event.archived.key.clone());
        let Some(envelope) = event.archived.envelope() else { continue };
        if let Ok(Meaning::Observations(observations)) = Content::of(&envelope).meaning(&envelope) {
            let named = observations.iter().map(Observation::subject);
            subjects.extend(named.map(|(kind, key)| (kind.as_str(), key.clone())));
        }
    }
    keys.sort();
    tx.retire(&subjects.into_iter().collect::<Vec<_>>()).await?;
    let removed = tx.remove_bodies(&keys, done_until).await?;
    tx.commit().await?;
    Ok(removed)
}
