//! Rereads objects from Stripe whose events contradict each other or report only a total. The answer is an
//! event like any other, later than those that it settles. Each object is read once.

use std::time::Duration;

use chrono::TimeDelta;
use shared::clock;

use super::lease::Lease;
use crate::consume::Lanes;
use desk::backfill::{BackfillError, publish};
use desk::reconcile::ask;
use domain::{Object, each_kind};
use ledger::tables::refetch::RefetchAnswer;
use stripe_api::{AnswerClass, Api, ErrorAnswer};

const AT_ONCE: i64 = 100;
/// Events of the same moment may still be on their way, and the answer must have a later stamp.
const QUIET: TimeDelta = TimeDelta::seconds(60);

/// Runs until the worker stops.
pub async fn run(lanes: Lanes, api: Api, interval: Duration) {
    let lease = Lease::of("refetch", interval);
    while lease.wait(&lanes, interval).await {
        if let Err(error) = settle(&lanes, &api, &lease).await
            && !api.is_stopped()
        {
            lanes.metrics.stripe_checks_failed.objects.inc();
            tracing::warn!(%error, "reading uncertain objects from Stripe failed; it will be retried");
        }
        lease.end(&lanes.ledger, clock::now() + interval).await;
    }
}

/// Asks for what is uncertain now, up to a bound for each kind.
async fn settle(lanes: &Lanes, api: &Api, lease: &Lease) -> Result<(), BackfillError> {
    each_kind!(|Row| if Row::AT_STRIPE.is_some() {
        settle_kind::<Row>(lanes, api, lease).await?;
    });
    Ok(())
}

async fn settle_kind<T: Object>(lanes: &Lanes, api: &Api, lease: &Lease) -> Result<(), BackfillError> {
    let uncertain = lanes.ledger.uncertain::<T>(api.livemode(), clock::now() - QUIET, AT_ONCE).await?;
    for object in uncertain {
        // Another worker took over, while we were held up.
        if !lease.prolong(&lanes.ledger).await? {
            return Ok(());
        }
        let (answer, stamp) = match ask(api, T::KIND, &object.key).await {
            Ok(Some(events)) => {
                for event in &events {
                    publish(&lanes.queue, event).await?;
                }
                (RefetchAnswer::Told, events.first().map(|event| event.header.created))
            }
            Ok(None) => (RefetchAnswer::Missing, None),
            // The key's own trouble is not the object's.
            Err(error) if error.class() == AnswerClass::Refused && !error.is_forbidden() => {
                let answer = error.answer();
                tracing::warn!(
                    object_kind = T::NAME,
                    id = object.key.id,
                    status = answer.map(|answer| answer.status),
                    code = answer.map(ErrorAnswer::word),
                    "Stripe refuses to return an object"
                );
                (RefetchAnswer::Refused, None)
            }
            Err(error) => return Err(error.into()),
        };
        lanes.ledger.note_refetch(T::NAME, &object, answer, stamp, clock::now()).await?;
        lanes.metrics.refetched.with_label_values(&[answer.as_str()]).inc();
    }
    Ok(())
}
