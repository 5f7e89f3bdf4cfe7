//! A chore that one worker does at an interval, under a lease that it renews while it works.

use std::time::Duration;

use chrono::{DateTime, Utc};
use shared::{clock, trace};

use crate::consume::Lanes;
use ledger::{Ledger, LedgerError};

/// How long after the death of its holder another may take over.
const LENGTH: Duration = Duration::from_secs(30);
/// How far the clocks of two machines may be apart before one takes the other's lease for a clock's fault. Two
/// workers then do the same, which does no harm.
const SKEW: Duration = Duration::from_secs(30);
const POLL_LONGEST: Duration = Duration::from_secs(10);

/// The lease of one chore, as one worker sees it.
pub struct Lease {
    name: &'static str,
    holder: String,
    length: Duration,
    /// No lease ends later than this from now, unless a clock ran ahead when it was written.
    longest: Duration,
}

impl Lease {
    /// Of a chore that is done every so often.
    pub fn of(name: &'static str, interval: Duration) -> Self {
        let longest = LENGTH.max(interval) + SKEW;
        Self { name, holder: trace::random_hex::<8>(), length: LENGTH, longest }
    }

    /// Of a chore that its holder never puts aside: so long after its death another may take over.
    pub fn lasting(name: &'static str, length: Duration) -> Self {
        Self { name, holder: trace::random_hex::<8>(), length, longest: length + SKEW }
    }

    /// Whoever holds it, as this worker names itself.
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// Waits until it is ours; `false` when the worker stops.
    pub async fn wait(&self, lanes: &Lanes, interval: Duration) -> bool {
        while !lanes.shutdown.is_cancelled() {
            // While the ledger is away the lanes find out when it is back.
            if lanes.availability.outage().is_none() {
                match self.prolong(&lanes.ledger).await {
                    Ok(true) => return true,
                    Ok(false) => {}
                    Err(error) if lanes.fatal.report(&error) => return false,
                    Err(error) => tracing::debug!(%error, chore = self.name, "acquiring a lease failed"),
                }
            }
            lanes.rest(interval.min(POLL_LONGEST)).await;
        }
        false
    }

    /// `false` when another took over meanwhile.
    pub async fn prolong(&self, ledger: &Ledger) -> Result<bool, LedgerError> {
        let now = clock::now();
        ledger.take_lease(self.name, &self.holder, now, now + self.length, now + self.longest).await
    }

    /// Nobody does it again before this moment.
    pub async fn end(&self, ledger: &Ledger, next: DateTime<Utc>) {
        if let Err(error) = ledger.end_lease(self.name, &self.holder, next).await {
            tracing::debug!(%error, chore = self.name, "releasing a lease failed: it will expire");
        }
    }
}
