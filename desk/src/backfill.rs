//! Queues the events that Stripe lists and the ledger lacks; from there they take the path of every event. Each
//! page is fetched, compared, published and remembered as a unit. Running it again does no harm.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use chrono::{DateTime, Utc};
use envelope::Envelope;
use futures_util::future::try_join_all;
use shared::clock;
use shared::queue::{PublishError, Queue};

use domain::Key;
use domain::event::has_rule;
use domain::fields::moment;
use ledger::tables::completeness::Unfinished;
use ledger::{Ledger, LedgerError};
use stripe_api::{AnswerClass, Api, Listing, Page, StripeError};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const PUBLISH_RETRIES: usize = 8;
/// A cut-off request is gone on with for so long; later it begins anew.
const RESUMABLE: chrono::TimeDelta = chrono::TimeDelta::days(1);

#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    #[error(transparent)]
    Stripe(#[from] StripeError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("a missing event cannot be queued: {0}")]
    Queue(#[from] PublishError),
}

/// What is to be done with missing events.
#[derive(Clone, Copy)]
pub enum Aim<'a> {
    /// Only say which there are.
    Count,
    Publish(&'a Queue),
}

/// One request: which events, and the words under which it can be gone on with.
#[derive(Clone, Debug)]
pub struct Request {
    pub listing: Listing,
    /// Events of a type without a rule that never came by webhook are left out, unless they were asked for.
    pub every_type: bool,
    pub scope: Option<String>,
}

/// What came of it so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// From when on it compares: a request that is gone on with keeps its first beginning.
    pub since: DateTime<Utc>,
    pub listed: u64,
    /// Of types that nobody here takes in.
    pub left_out: u64,
    pub missing: BTreeMap<String, u64>,
    /// Stripe's stamp of the oldest missing event.
    pub first_missing: Option<DateTime<Utc>>,
    /// The newest missing event.
    pub last_missing: Option<Key>,
    /// Stripe's stamp of the newest event that was looked at.
    pub reached: Option<DateTime<Utc>>,
    /// The request was gone on with where it had been cut off.
    pub resumed: bool,
}

impl Tally {
    pub fn missing_events(&self) -> u64 {
        self.missing.values().sum()
    }
}

/// A request on its way: `step` until there is no more.
pub struct Backfill<'a> {
    api: &'a Api,
    ledger: &'a Ledger,
    aim: Aim<'a>,
    request: Request,
    tally: Tally,
    taken_in: Types,
    place: Position,
}

enum Position {
    Beginning,
    After(String),
    End,
}

impl<'a> Backfill<'a> {
    pub fn of(api: &'a Api, ledger: &'a Ledger, aim: Aim<'a>, request: Request) -> Self {
        let tally = Tally { since: request.listing.since, ..Tally::default() };
        let taken_in = Types::default();
        Self { api, ledger, aim, request, tally, taken_in, place: Position::Beginning }
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Works through one page; `false` after the last.
    #[shared::built_once]
    pub async fn step(&mut self) -> Result<bool, BackfillError> {
        let page = match &self.place {
            Position::Beginning => self.first_page().await?,
            Position::After(id) => self.api.events_after(&self.request.listing, id).await?,
            Position::End => return Ok(false),
        };
        let missing = self.missing(&page).await?;
        self.publish(&missing).await?;
        for event in &missing {
            *self.tally.missing.entry(event.header.kind.clone()).or_default() += 1;
        }
        if let (Some(first), Some(last)) = (missing.first(), missing.last()) {
            self.tally.first_missing = self.tally.first_missing.or(moment(first.header.created));
            self.tally.last_missing = Some(key(last));
        }
        match page.events.last().map(|event| &event.header) {
            Some(last) if page.has_more => {
                self.tally.reached = moment(last.created);
                self.note(&last.id).await?;
                self.place = Position::After(last.id.clone());
                Ok(true)
            }
            last => {
                self.tally.reached = last.and_then(|last| moment(last.created)).or(self.tally.reached);
                self.forget().await?;
                self.place = Position::End;
                Ok(false)
            }
        }
    }

    /// Where a request of the same words was cut off, or the oldest events.
    async fn first_page(&mut self) -> Result<Page, BackfillError> {
        let listing = self.request.listing.clone();
        if let Some(scope) = self.scope()
            && let Some(unfinished) = self.ledger.unfinished_backfill(scope).await?
            && clock::now() - unfinished.updated_at <= RESUMABLE
        {
            // Up to the end that is asked for now: the same words mean a later one than they did then.
            let rest = Listing { since: unfinished.since_at, ..listing.clone() };
            match self.api.events_after(&rest, &unfinished.last_event_id).await {
                Ok(page) => {
                    (self.tally.resumed, self.tally.since) = (true, rest.since);
                    self.request.listing = rest;
                    return Ok(page);
                }
                // Stripe lists that event no more: from the beginning, then.
                Err(error) if error.class() == AnswerClass::Refused && !error.is_forbidden() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.api.oldest_events(&listing).await?)
    }

    async fn missing<'p>(&mut self, page: &'p Page) -> Result<Vec<&'p Envelope>, BackfillError> {
        self.tally.listed += page.events.len() as u64;
        let keys: BTreeSet<Key> = page.events.iter().map(key).collect();
        let mut tx = self.ledger.read().await?;
        let known = tx.stored_events(&keys.into_iter().collect::<Vec<_>>()).await?;
        let mut missing: Vec<&Envelope> =
            page.events.iter().filter(|event| !known.contains(&key(event))).collect();
        if !self.request.every_type {
            let kinds: BTreeSet<&str> = missing.iter().map(|event| event.header.kind.as_str()).collect();
            let strange = kinds.into_iter().filter(|kind| self.taken_in.is_new(kind));
            let strange: Vec<String> = strange.map(str::to_owned).collect();
            let taken = tx.types_taken_in(&strange).await?;
            self.taken_in.learn(strange, &taken);
            let before = missing.len();
            missing.retain(|event| self.taken_in.wants(&event.header.kind));
            self.tally.left_out += (before - missing.len()) as u64;
        }
        tx.commit().await?;
        Ok(missing)
    }

    /// All of them are durable in the queue when this returns.
    async fn publish(&self, missing: &[&Envelope]) -> Result<(), BackfillError> {
        let Aim::Publish(queue) = self.aim else { return Ok(()) };
        try_join_all(missing.iter().map(|event| publish(queue, event))).await?;
        Ok(())
    }

    /// The words under which it is remembered; what writes nothing is not.
    fn scope(&self) -> Option<&str> {
        match self.aim {
            Aim::Publish(_) => self.request.scope.as_deref(),
            Aim::Count => None,
        }
    }

    async fn note(&self, last: &str) -> Result<(), BackfillError> {
        let Some(scope) = self.scope() else { return Ok(()) };
        let so_far = Unfinished {
            since_at: self.request.listing.since,
            until_at: self.request.listing.until,
            last_event_id: last.to_owned(),
            updated_at: clock::now(),
        };
        let mut tx = self.ledger.begin().await?;
        tx.note_backfill(scope, &so_far).await?;
        Ok(tx.commit().await?)
    }

    async fn forget(&self) -> Result<(), BackfillError> {
        let Some(scope) = self.scope() else { return Ok(()) };
        let mut tx = self.ledger.begin().await?;
        tx.end_backfill(scope).await?;
        Ok(tx.commit().await?)
    }
}

/// Puts one event into the queue, through short troubles of it.
#[shared::built_once]
pub async fn publish(queue: &Queue, event: &Envelope) -> Result<(), PublishError> {
    let pauses = ExponentialBuilder::new()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_max_times(PUBLISH_RETRIES)
        .with_jitter();
    (|| queue.publish(event)).retry(pauses).await
}

fn key(event: &Envelope) -> Key {
    let header = &event.header;
    Key { id: header.id.clone(), account: header.account.clone(), livemode: header.livemode }
}

/// Types without a rule, and whether they come in by webhook.
#[derive(Default)]
struct Types(BTreeMap<String, bool>);

impl Types {
    fn is_new(&self, kind: &str) -> bool {
        !has_rule(kind) && !self.0.contains_key(kind)
    }

    fn learn(&mut self, asked: Vec<String>, taken_in: &[String]) {
        self.0.extend(asked.into_iter().map(|kind| {
            let is_taken_in = taken_in.contains(&kind);
            (kind, is_taken_in)
        }));
    }

    fn wants(&self, kind: &str) -> bool {
        has_rule(kind) || self.0.get(kind).is_some_and(|is_taken_in| *is_taken_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_without_a_rule_counts_where_it_came_by_webhook() {
        let mut types = Types::default();
        assert!(types.is_new("price.created") && !types.is_new("charge.succeeded"));
        types.learn(
            vec!["price.created".to_owned(), "topup.succeeded".to_owned()],
            &["price.created".to_owned()],
        );
        assert!(types.wants("price.created") && types.wants("charge.succeeded"));
        assert!(!types.wants("topup.succeeded") && !types.is_new("topup.succeeded"));
    }
}
