//! Sends approved operations to Stripe: one worker at a time, under a lease for each mode. The row says what is sent,
//! under which key, before it is sent; an answer is concluded under the row's lock. Two workers that overlap do no
//! harm, because both send one key.

mod at_stripe;
mod attempt;
mod calls;
mod check;
mod earlier_attempt;
mod evidence;
mod fault;
mod look_up;
mod made;
mod outcome;
mod payer;
mod personal;
mod record;
mod send;

use std::time::Duration;

use chrono::TimeDelta;
use ledger::LedgerError;
use shared::clock;
use stripe_api::{Api, StripeConfig, StripeError};

use self::calls::Calls;
use super::lease::Lease;
use crate::consume::Lanes;
use crate::failpoint::Failpoint;
use desk::acts::operations::SENDING_LEASES;
use desk::pace;

/// How often the holder of the lease looks for operations.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often another worker looks whether the lease is free.
const TAKEOVER: Duration = Duration::from_secs(1);
const AT_ONCE: i64 = 50;
/// Beyond one call's deadline and the wait for its turn: for the statements around it.
const LEASE_MARGIN: Duration = Duration::from_secs(2);
/// A clock that is further ahead than this wrote a time that nobody waits for.
const SKEW: TimeDelta = TimeDelta::hours(2);

/// Why work on operations ended for now.
#[derive(Debug, thiserror::Error)]
pub enum Interrupted {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Another worker sends operations now.
    #[error("another worker took over")]
    LostLease,
    #[error("{0}")]
    KeyRevoked(StripeError),
    #[error("told to stop")]
    Stopped,
}

/// What sending needs.
pub struct Executor {
    lanes: Lanes,
    api: Api,
    calls: Calls,
    lease: Lease,
    failpoint: Failpoint,
}

/// Runs until the worker stops, or until Stripe refuses the key.
pub async fn run(lanes: Lanes, config: StripeConfig, failpoint: Failpoint) {
    match Executor::open(lanes, &config, failpoint) {
        Ok(executor) => executor.work().await,
        Err(error) => tracing::error!(%error, "operations are not sent"),
    }
}

impl Executor {
    pub fn open(lanes: Lanes, config: &StripeConfig, failpoint: Failpoint) -> Result<Self, StripeError> {
        let calls = Calls::default();
        let api = Api::for_operations(config, lanes.shutdown.clone(), calls.observer(lanes.metrics.clone()))?;
        let api = pace::shared(api, &lanes.ledger, lanes.fatal.reporter());
        let name = SENDING_LEASES[usize::from(api.livemode())];
        let lease = Lease::lasting(name, api.deadline() + api.turn_limit() + LEASE_MARGIN);
        Ok(Self { lanes, api, calls, lease, failpoint })
    }

    async fn work(&self) {
        while self.lease.wait(&self.lanes, TAKEOVER).await {
            let ended = self.send_until_interrupted().await;
            self.lease.end(&self.lanes.ledger, clock::now()).await;
            match ended {
                Interrupted::Stopped => return,
                Interrupted::KeyRevoked(error) => {
                    self.lanes.metrics.operations.key_refused.set(1);
                    tracing::error!(
                        %error,
                        "Stripe refuses the API key: operations are not sent until a worker starts with a new one"
                    );
                    return;
                }
                Interrupted::LostLease => {}
                Interrupted::Ledger(error) if self.lanes.fatal.report(&error) => return,
                Interrupted::Ledger(error) => {
                    tracing::warn!(%error, "sending operations was interrupted; it goes on later");
                    self.pause(TAKEOVER).await;
                }
            }
        }
    }

    async fn send_until_interrupted(&self) -> Interrupted {
        loop {
            match self.pass().await {
                Ok(0) => self.pause(INTERVAL).await,
                Ok(_) => {}
                Err(interrupted) => return interrupted,
            }
        }
    }

    /// Every operation that is due, oldest first; how many there were.
    pub async fn pass(&self) -> Result<usize, Interrupted> {
        self.go_on().await?;
        let now = clock::now();
        let due = self.lanes.ledger.due_operations(self.api.livemode(), now, now + SKEW, AT_ONCE).await?;
        for id in &due {
            self.go_on().await?;
            self.execute(id).await?;
        }
        Ok(due.len())
    }

    /// Whether this worker may still send.
    async fn go_on(&self) -> Result<(), Interrupted> {
        if self.lanes.shutdown.is_cancelled() {
            return Err(Interrupted::Stopped);
        }
        if self.lease.prolong(&self.lanes.ledger).await? { Ok(()) } else { Err(Interrupted::LostLease) }
    }

    async fn pause(&self, length: Duration) {
        tokio::select! {
            () = self.lanes.shutdown.cancelled() => {}
            () = clock::sleep(length) => {}
        }
    }
}
