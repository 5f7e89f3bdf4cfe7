//! Compares Stripe's list of events with the ledger every hour, on one worker, and queues what is missing.
//! Reports up to when the ledger is complete, and warns before Stripe drops events that were not compared.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shared::clock;

use super::lease::Lease;
use crate::consume::Lanes;
use desk::backfill::{Aim, Backfill, BackfillError, Request};
use domain::notices::by_time::{Incident, of_incident};
use stripe_api::{Api, EVENTS_LISTED, Listing, StripeConfig};

/// Before Stripe forgets, people have so long to act.
const WARNING: TimeDelta = TimeDelta::days(7);
/// The youngest events may still be on their way.
const ON_THE_WAY: TimeDelta = TimeDelta::minutes(5);
/// What was found missing is looked for again so soon.
const CONFIRM: Duration = Duration::from_mins(1);

/// Runs until the worker stops.
pub async fn run(lanes: Lanes, api: Api, config: StripeConfig) {
    let lease = Lease::of("completeness", config.completeness_interval);
    while lease.wait(&lanes, config.completeness_interval).await {
        let interval = match compare(&lanes, &api, &config, &lease).await {
            Ok(0) => config.completeness_interval,
            Ok(missing) => {
                tracing::warn!(missing, "Stripe listed events that the ledger lacked: they are queued now");
                config.completeness_interval.min(CONFIRM)
            }
            Err(_) if api.is_stopped() => return lease.end(&lanes.ledger, clock::now()).await,
            Err(error) => {
                lanes.metrics.stripe_checks_failed.inc();
                tracing::warn!(%error, "comparing Stripe's events with the ledger failed; it will be retried");
                config.completeness_interval
            }
        };
        warn_in_time(&lanes).await;
        lease.end(&lanes.ledger, clock::now() + interval).await;
    }
}

/// One comparison; says how many events were missing.
async fn compare(
    lanes: &Lanes,
    api: &Api,
    config: &StripeConfig,
    lease: &Lease,
) -> Result<u64, BackfillError> {
    let now = clock::now();
    let until = now - in_flight(lanes).await;
    let last = lanes.ledger.complete_until().await?;
    let since = begin(now, last, TimeDelta::from_std(config.completeness_window).unwrap_or(EVENTS_LISTED));
    let (mut complete, mut missing, mut gone) = (until, 0, None);
    for account in &config.accounts {
        let listing = Listing {
            account: account.clone(),
            since,
            until: Some(until),
            types: Vec::new(),
            undelivered: false,
        };
        let request = Request { listing, every_type: false, scope: None };
        let mut backfill = Backfill::of(api, &lanes.ledger, Aim::Publish(&lanes.queue), request);
        let (mut counted, mut more) = (0, true);
        while more {
            more = match backfill.step().await {
                // The others are compared all the same.
                Err(BackfillError::Stripe(error)) if error.is_account_gone() => {
                    gone.get_or_insert(error);
                    break;
                }
                step => step?,
            };
            let found = backfill.tally().missing_events();
            lanes.metrics.stripe_missing.inc_by(found - counted);
            counted = found;
            lease.prolong(&lanes.ledger).await?;
        }
        let tally = backfill.tally();
        missing += tally.missing_events();
        complete = complete.min(tally.first_missing.unwrap_or(until));
    }
    let mut tx = lanes.ledger.begin().await?;
    if gone.is_none() {
        tx.set_complete_until(complete).await?;
    }
    // The first comparison of a ledger finds whatever happened before there was one.
    let is_first = tx.begin_comparing(now).await? && last.is_none();
    if missing > 0 && !is_first {
        let count = i64::try_from(missing).unwrap_or(i64::MAX);
        tx.note(vec![of_incident(Incident::WebhooksFailing, count, clock::now())]).await?;
    }
    tx.commit().await?;
    // Only now: what the others lack is queued, and is told.
    match gone {
        Some(error) => Err(error.into()),
        None => Ok(missing),
    }
}

/// The usual window, or all since the last good comparison, as far as Stripe still lists it.
fn begin(now: DateTime<Utc>, last: Option<DateTime<Utc>>, window: TimeDelta) -> DateTime<Utc> {
    let usual = now - window;
    last.map_or(usual, |last| last.min(usual)).max(now - EVENTS_LISTED)
}

/// What waits in our own queue is not missing.
async fn in_flight(lanes: &Lanes) -> TimeDelta {
    let oldest = lanes.queue.depth().await.ok().and_then(|depth| depth.oldest_age).unwrap_or_default();
    ON_THE_WAY + TimeDelta::from_std(oldest).unwrap_or_default()
}

async fn warn_in_time(lanes: &Lanes) {
    let Ok(Some(complete_until)) = lanes.ledger.complete_until().await else { return };
    let left = complete_until + EVENTS_LISTED - clock::now();
    if left < WARNING {
        let days_left = left.num_days();
        tracing::error!(%complete_until, days_left, "the ledger may be incomplete after this time, and Stripe will soon drop those events");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_pause_is_caught_up_as_far_as_stripe_remembers() {
        let now = DateTime::from_timestamp(1_780_000_000, 0).unwrap();
        let (days, window) = (TimeDelta::days, TimeDelta::days(3));
        assert_eq!(begin(now, None, window), now - days(3));
        assert_eq!(begin(now, Some(now - days(1)), window), now - days(3));
        assert_eq!(begin(now, Some(now - days(9)), window), now - days(9));
        assert_eq!(begin(now, Some(now - days(99)), window), now - days(30));
    }
}
