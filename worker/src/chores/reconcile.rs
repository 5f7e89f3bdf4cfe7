//! Compares days of Stripe's balance with the ledger by the clock, on one worker: each day once it has ended, again
//! until it has settled and agrees, and as soon as Stripe has completed one of its payouts.

use chrono::NaiveDate;
use desk::reconcile::{Compared, Comparing, ReconcileError, days_due, run as compare};
use domain::reconciliation::Verdict;
use shared::clock;
use stripe_api::{Api, StripeConfig};

use super::lease::Lease;
use crate::consume::Lanes;

/// Runs until the worker stops. What is due is looked up as often as uncertain objects are.
pub async fn run(lanes: Lanes, api: Api, config: StripeConfig) {
    let interval = config.refetch_interval;
    let lease = Lease::of("reconcile", interval);
    while lease.wait(&lanes, interval).await {
        // What is asked of Stripe could not be applied, and no day would be compared to its end.
        let accounts = if lanes.pause_signal.is_paused() { &[] } else { config.accounts.as_slice() };
        for account in accounts {
            if let Err(error) = compare_due(&lanes, &api, account, &lease).await
                && !api.is_stopped()
            {
                lanes.metrics.stripe_checks_failed.reconciliation.inc();
                tracing::warn!(%error, account, "comparing Stripe's balance with the ledger failed; it will be retried");
            }
        }
        lease.end(&lanes.ledger, clock::now() + interval).await;
    }
}

async fn compare_due(lanes: &Lanes, api: &Api, account: &str, lease: &Lease) -> Result<(), ReconcileError> {
    for day in days_due(&lanes.ledger, account, api.livemode(), clock::now()).await? {
        // Another worker took over, while we were held up.
        if !lease.prolong(&lanes.ledger).await? || api.is_stopped() {
            return Ok(());
        }
        let comparing = Comparing { ledger: &lanes.ledger, api, queue: Some(&lanes.queue), account };
        tell(day, &compare(comparing, day, clock::now()).await?);
    }
    Ok(())
}

fn tell(day: NaiveDate, compared: &Compared) {
    let run = &compared.run;
    let (differences, awaited, new) = (run.differences, run.awaited, compared.findings.new);
    match run.verdict {
        Verdict::Reconciled => {
            tracing::info!(%day, awaited, "Stripe's balance and the ledger agree on a day");
        }
        Verdict::Differences => {
            tracing::warn!(%day, differences, awaited, new, "Stripe's balance and the ledger differ on a day");
        }
        Verdict::Incomplete => {
            let reason = run.reason.as_deref().unwrap_or_default();
            tracing::warn!(%day, reason, "a day of Stripe's balance was not read to its end; it will be read again");
        }
    }
}
