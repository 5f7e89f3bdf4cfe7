//! Asks Stripe again for objects that the ledger lacks or has otherwise. The answers are events of our own and take the
//! path of every event; what they settle is no difference.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::reconciliation::Difference;
use domain::{Key, Kind};
use envelope::Envelope;
use ledger::{Ledger, LedgerError};
use stripe_api::{AnswerClass, Answered, Api, StripeError};
use tokio::time::Instant;

use super::{Comparing, ReconcileError};
use crate::backfill::publish;

/// More objects than that are not missing one by one: the events of a time are.
const ASKED_LIMIT: usize = 100;
const POLL: Duration = Duration::from_millis(200);

/// An object that Stripe told of, and the events that say so.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) subject: String,
    events: Vec<Key>,
}

/// The object; for a charge its refunds too, which itemise what it knows only in sum, and for an invoice its
/// payments, which since 2025 it does not name itself. `None` where Stripe has it no more.
#[shared::built_once]
pub async fn ask(api: &Api, kind: Kind, key: &Key) -> Result<Option<Vec<Envelope>>, StripeError> {
    let Answered::Found(told) = api.object(kind, key).await? else { return Ok(None) };
    let mut events = vec![*told];
    if kind == Kind::Charge {
        events.extend(api.refunds_of(key).await?);
    }
    if kind == Kind::Invoice {
        events.extend(api.payments_of(key).await?);
    }
    Ok(Some(events))
}

/// Queues what Stripe says of the objects that differ. What it does not have is judged as it is.
pub(super) async fn missing(
    comparing: Comparing<'_>,
    whose: &Key,
    differences: &[Difference],
) -> Result<Vec<Asked>, ReconcileError> {
    let Some(queue) = comparing.queue else { return Ok(Vec::new()) };
    let wanted: BTreeSet<(Kind, &str)> = differences
        .iter()
        .filter(|difference| difference.kind.is_worth_asking())
        .filter_map(|difference| Some((kind_of(difference)?, difference.subject.as_str())))
        .take(ASKED_LIMIT)
        .collect();
    let mut asked = Vec::new();
    for (kind, subject) in wanted {
        let events = match ask(comparing.api, kind, &whose.sibling(subject)).await {
            Ok(Some(events)) => events,
            Ok(None) => continue,
            Err(error) if error.class() == AnswerClass::Refused => continue,
            Err(error) => return Err(error.into()),
        };
        let mut keys = Vec::new();
        for event in &events {
            publish(queue, event).await?;
            let header = &event.header;
            keys.push(Key {
                id: header.id.clone(),
                account: header.account.clone(),
                livemode: header.livemode,
            });
        }
        asked.push(Asked { subject: subject.to_owned(), events: keys });
    }
    Ok(asked)
}

fn kind_of(difference: &Difference) -> Option<Kind> {
    Some(match difference.subject_kind {
        "charge" => Kind::Charge,
        "refund" => Kind::Refund,
        "dispute" => Kind::Dispute,
        "payout" => Kind::Payout,
        _ => return None,
    })
}

/// How many of these objects are not in the ledger yet when the time is over.
pub(super) async fn wait_until_applied(
    ledger: &Ledger,
    asked: &[Asked],
    at_most: Duration,
) -> Result<usize, LedgerError> {
    let deadline = Instant::now() + at_most;
    let events: BTreeSet<Key> = asked.iter().flat_map(|asked| asked.events.iter().cloned()).collect();
    let events: Vec<Key> = events.into_iter().collect();
    if events.is_empty() {
        return Ok(0);
    }
    loop {
        let known = ledger.read().await?.stored_events(&events).await?;
        let is_waiting = |asked: &&Asked| asked.events.iter().any(|event| !known.contains(event));
        let waiting = asked.iter().filter(is_waiting).count();
        if waiting == 0 || Instant::now() >= deadline {
            return Ok(waiting);
        }
        tokio::time::sleep(POLL).await;
    }
}
