//! Compares Stripe's list of events with the ledger every hour, on one worker, and queues what is missing.
//! Reports up to when the ledger is complete, and warns before Stripe drops events that were not compared.
//! While consumption is paused nothing is compared: what waits then is not missing.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::Key;
use ledger::LedgerError;
use shared::clock;
use shared::queue::Depth;

use super::lease::Lease;
use crate::consume::Lanes;
use desk::backfill::{Aim, Backfill, BackfillError, Request};
use domain::notices::by_time::{Incident, of_incident};
use stripe_api::{Api, EVENTS_LISTED, Listing, StripeConfig};

/// Before Stripe forgets, people have so long to act.
const WARNING: TimeDelta = TimeDelta::days(7);
/// The youngest events may still be on their way.
const ON_THE_WAY: TimeDelta = TimeDelta::minutes(5);
/// So soon it is compared again once what was missing is recorded, and tried again where the queue is in the way.
const CONFIRM: Duration = Duration::from_mins(1);
/// How long it is waited until what was queued is recorded, and how often it is looked for.
const RECORDED_WITHIN: Duration = Duration::from_hours(1);
const RECORDED_POLL: Duration = Duration::from_secs(1);

/// What one comparison found missing, and queued.
#[derive(Debug, Default)]
struct Found {
    missing: u64,
    /// The last one of each account.
    last: Vec<Key>,
}

/// Runs until the worker stops.
pub async fn run(lanes: Lanes, api: Api, config: StripeConfig) {
    let lease = Lease::of("completeness", config.completeness_interval);
    while lease.wait(&lanes, config.completeness_interval).await {
        let interval = match compare(&lanes, &api, &config, &lease).await {
            Ok(None) => config.completeness_interval.min(CONFIRM),
            Ok(Some(Found { missing: 0, .. })) => config.completeness_interval,
            Ok(Some(Found { missing, last })) => {
                tracing::warn!(missing, "Stripe listed events that the ledger lacked: they are queued now");
                // Before they are recorded they would be found missing again, and queued again.
                if are_recorded(&lanes, &lease, &last).await {
                    config.completeness_interval.min(CONFIRM)
                } else {
                    config.completeness_interval
                }
            }
            Err(_) if api.is_stopped() => return lease.end(&lanes.ledger, clock::now()).await,
            Err(error) => {
                lanes.metrics.stripe_checks_failed.completeness.inc();
                tracing::warn!(%error, "comparing Stripe's events with the ledger failed; it will be retried");
                config.completeness_interval
            }
        };
        warn_in_time(&lanes).await;
        lease.end(&lanes.ledger, clock::now() + interval).await;
    }
}

/// One comparison; `None` while consumption is paused, or nobody can tell how long events have waited in the queue.
async fn compare(
    lanes: &Lanes,
    api: &Api,
    config: &StripeConfig,
    lease: &Lease,
) -> Result<Option<Found>, BackfillError> {
    let now = clock::now();
    let depths = lanes.queue.depths().await.inspect_err(|error| {
        lanes.metrics.stripe_checks_failed.completeness.inc();
        tracing::warn!(%error, "Stripe's events were not compared with the ledger: the queue does not say what waits");
    });
    let waited = depths.ok().and_then(|depths| waited(&depths));
    // A pause puts back what is in hand. So it is looked for after the queue.
    let Some(waited) = waited.filter(|_| !lanes.pause_signal.is_paused()) else { return Ok(None) };
    let until = now - ON_THE_WAY - waited;
    let last = lanes.ledger.complete_until().await?;
    let since = begin(now, last, TimeDelta::from_std(config.completeness_window).unwrap_or(EVENTS_LISTED));
    let (mut complete, mut all, mut gone) = (until, Found::default(), None);
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
        all.missing += tally.missing_events();
        all.last.extend(tally.last_missing.clone());
        complete = complete.min(tally.first_missing.unwrap_or(until));
    }
    let mut tx = lanes.ledger.begin().await?;
    if gone.is_none() {
        tx.set_complete_until(complete).await?;
    }
    // The first comparison of a ledger finds whatever happened before there was one.
    let is_first = tx.begin_comparing(now).await? && last.is_none();
    if all.missing > 0 && !is_first {
        let count = i64::try_from(all.missing).unwrap_or(i64::MAX);
        tx.note(vec![of_incident(Incident::WebhooksFailing, count, clock::now())]).await?;
    }
    tx.commit().await?;
    // Only now: what the others lack is queued, and is told.
    match gone {
        Some(error) => Err(error.into()),
        None => Ok(Some(all)),
    }
}

/// The usual window, or all since the last good comparison, as far as Stripe still lists it.
fn begin(now: DateTime<Utc>, last: Option<DateTime<Utc>>, window: TimeDelta) -> DateTime<Utc> {
    let usual = now - window;
    last.map_or(usual, |last| last.min(usual)).max(now - EVENTS_LISTED)
}

/// How long events have waited in our own queue: these are not missing. `None` where a broker has some and does not say
/// how old they are.
fn waited(depths: &[(&str, Depth)]) -> Option<TimeDelta> {
    if depths.iter().any(|(_, depth)| depth.ready > 0 && depth.oldest_age.is_none()) {
        return None;
    }
    let oldest = depths.iter().filter_map(|(_, depth)| depth.oldest_age).max().unwrap_or_default();
    TimeDelta::from_std(oldest).ok()
}

/// Waits, with the lease, until the ledger has these events; `false` where that takes too long, or another took over.
async fn are_recorded(lanes: &Lanes, lease: &Lease, events: &[Key]) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < RECORDED_WITHIN && lanes.rest(RECORDED_POLL).await {
        match lease.prolong(&lanes.ledger).await {
            Ok(false) => return false,
            Ok(true) if has_all(lanes, events).await.is_ok_and(|all| all) => return true,
            // A ledger that is away has not recorded them yet.
            Ok(true) | Err(_) => {}
        }
    }
    false
}

async fn has_all(lanes: &Lanes, events: &[Key]) -> Result<bool, LedgerError> {
    Ok(lanes.ledger.read().await?.stored_events(events).await?.len() == events.len())
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

    #[test]
    fn nothing_is_compared_while_a_broker_has_events_of_unknown_age() {
        let depth = |ready, oldest: Option<u64>| {
            ("events", Depth { ready, leased: Some(0), oldest_age: oldest.map(Duration::from_secs) })
        };
        let waited = |depths: &[(&str, Depth)]| waited(depths).map(|waited| waited.num_seconds());
        assert_eq!(waited(&[depth(0, None)]), Some(0), "an empty queue");
        assert_eq!(waited(&[depth(9, Some(700)), depth(0, Some(30))]), Some(700));
        assert_eq!(waited(&[depth(9, None)]), None, "a worker that holds none");
        assert_eq!(waited(&[depth(0, Some(30)), depth(9, None)]), None);
    }
}
