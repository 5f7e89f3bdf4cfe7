//! Queues the objects that Stripe lists and the ledger lacks, as events of our own: how an empty ledger is filled from
//! before the thirty days for which Stripe lists events. Page by page; a run that was cut off goes on where it was.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Key, Kind, Object, of_kind};
use futures_util::future::try_join_all;
use ledger::tables::completeness::Unfinished;
use ledger::{Ledger, LedgerError};
use serde::Serialize;
use shared::clock;
use stripe_api::{AnswerClass, Api, ListedObject, ObjectListing, ObjectPage, StripeError};

use crate::backfill::{Aim, BackfillError, publish};

/// A run that was cut off is gone on with for so long; later it begins anew.
const RESUMABLE: TimeDelta = TimeDelta::days(7);

/// Which objects, and the words under which the run can be gone on with.
#[derive(Clone, Debug)]
pub struct Request {
    /// A connected account, or `""` for our own.
    pub account: String,
    pub since: DateTime<Utc>,
    /// The same for every kind: what is created while the run goes on is not compared.
    pub until: DateTime<Utc>,
    /// In the order in which they are read.
    pub kinds: Vec<Kind>,
    /// Those that the ledger has, too: each is told as it is today.
    pub every_object: bool,
    pub scope: String,
}

/// What came of one kind so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KindTally {
    pub listed: u64,
    /// Queued, or to be queued.
    pub missing: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// What was created from then to then is compared: a run that is gone on with keeps its first span.
    pub since: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub kinds: BTreeMap<Kind, KindTally>,
    /// The run was gone on with where it had been cut off.
    pub resumed: bool,
}

impl Tally {
    pub fn listed(&self) -> u64 {
        self.kinds.values().map(|kind| kind.listed).sum()
    }

    pub fn missing(&self) -> u64 {
        self.kinds.values().map(|kind| kind.missing).sum()
    }
}

/// Every kind of object that Stripe lists.
pub fn listed_kinds() -> impl Iterator<Item = Kind> {
    // Payments first: what follows them names them, and little is only named for long.
    Kind::ALL.iter().rev().copied().filter(|kind| kind.at_stripe().is_some())
}

/// A run on its way: `step` until there is no more.
pub struct ObjectBackfill<'a> {
    api: &'a Api,
    ledger: &'a Ledger,
    aim: Aim<'a>,
    request: Request,
    tally: Tally,
    place: Option<Place>,
}

/// Which page is next.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    kind: Kind,
    after: Option<String>,
}

impl<'a> ObjectBackfill<'a> {
    /// Begins, or goes on with a run of the same words.
    pub async fn begin(
        api: &'a Api,
        ledger: &'a Ledger,
        aim: Aim<'a>,
        mut request: Request,
    ) -> Result<Self, LedgerError> {
        let mut resumed = false;
        let mut place = request.kinds.first().map(|kind| Place { kind: *kind, after: None });
        if let Aim::Publish(_) = aim
            && let Some(unfinished) = ledger.unfinished_backfill(&request.scope).await?
            && clock::now() - unfinished.updated_at <= RESUMABLE
            && let Some(known) = Place::noted(&unfinished.last_event_id)
            // Without an end an older version noted it, of which nobody knows how far its kinds were read.
            && let Some(until) = unfinished.until_at
        {
            (request.since, request.until) = (unfinished.since_at, until);
            resumed = true;
            place = Some(known);
        }
        let tally = Tally { since: request.since, until: request.until, resumed, ..Tally::default() };
        Ok(Self { api, ledger, aim, request, tally, place })
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Of which kind the next page is.
    pub fn at(&self) -> Option<Kind> {
        self.place.as_ref().map(|place| place.kind)
    }

    /// Works through one page; `false` after the last.
    #[shared::built_once]
    pub async fn step(&mut self) -> Result<bool, BackfillError> {
        let Some(place) = self.place.clone() else { return Ok(false) };
        let page = self.page(&place).await?;
        let missing = self.missing(place.kind, &page.objects).await?;
        if let Aim::Publish(queue) = self.aim {
            try_join_all(missing.iter().map(|object| publish(queue, &object.event))).await?;
        }
        let tally = self.tally.kinds.entry(place.kind).or_default();
        tally.listed += page.objects.len() as u64;
        tally.missing += missing.len() as u64;
        self.place = next(&self.request.kinds, &place, page.next_after);
        self.note().await?;
        Ok(self.place.is_some())
    }

    async fn page(&self, place: &Place) -> Result<ObjectPage, StripeError> {
        let Request { account, since, until, .. } = &self.request;
        let listing =
            ObjectListing { kind: place.kind, account: account.clone(), since: *since, until: Some(*until) };
        match self.api.object_page(&listing, place.after.as_deref()).await {
            // The object after which the page begins is gone: this kind begins anew.
            Err(error) if place.after.is_some() && is_gone(&error) => {
                self.api.object_page(&listing, None).await
            }
            page => page,
        }
    }

    /// Those that the ledger was never told of.
    async fn missing<'p>(
        &self,
        kind: Kind,
        objects: &'p [ListedObject],
    ) -> Result<Vec<&'p ListedObject>, LedgerError> {
        if self.request.every_object {
            return Ok(objects.iter().collect());
        }
        let mut keys: Vec<Key> = objects.iter().map(|object| object.key.clone()).collect();
        keys.sort();
        keys.dedup();
        let mut tx = self.ledger.read().await?;
        let known: Vec<Key> = of_kind!(kind, |Row| {
            let rows: Vec<Row> = tx.look_up(&keys).await?;
            let reported =
                rows.iter().filter(|row| row.seen().is_some_and(domain::freshness::Seen::is_reported));
            reported.map(|row| row.key().clone()).collect()
        });
        tx.commit().await?;
        Ok(objects.iter().filter(|object| !known.contains(&object.key)).collect())
    }

    /// Everything before the next page is in the queue or in the ledger.
    async fn note(&self) -> Result<(), LedgerError> {
        let Aim::Publish(_) = self.aim else { return Ok(()) };
        let mut tx = self.ledger.begin().await?;
        match &self.place {
            Some(place) => {
                let so_far = Unfinished {
                    since_at: self.request.since,
                    until_at: Some(self.request.until),
                    last_event_id: place.note(),
                    updated_at: clock::now(),
                };
                tx.note_backfill(&self.request.scope, &so_far).await?;
            }
            None => tx.end_backfill(&self.request.scope).await?,
        }
        tx.commit().await
    }
}

fn is_gone(error: &StripeError) -> bool {
    error.is_missing() || (error.class() == AnswerClass::Refused && !error.is_forbidden())
}

fn next(kinds: &[Kind], place: &Place, next_after: Option<String>) -> Option<Place> {
    if next_after.is_some() {
        return Some(Place { kind: place.kind, after: next_after });
    }
    let at = kinds.iter().position(|kind| *kind == place.kind)?;
    kinds.get(at + 1).map(|kind| Place { kind: *kind, after: None })
}

impl Place {
    /// In one word: `charge/ch_1`.
    fn note(&self) -> String {
        format!("{}/{}", self.kind, self.after.as_deref().unwrap_or_default())
    }

    fn noted(note: &str) -> Option<Self> {
        let (kind, after) = note.split_once('/')?;
        let after = Some(after.to_owned()).filter(|after| !after.is_empty());
        Some(Self { kind: Kind::named(kind)?, after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_from_page_to_page_and_from_kind_to_kind() {
        let kinds = [Kind::Payment, Kind::Charge];
        let at = |kind, after: Option<&str>| Place { kind, after: after.map(str::to_owned) };
        let first = at(Kind::Payment, None);
        let second = next(&kinds, &first, Some("pi_1".to_owned())).unwrap();
        assert_eq!(second, at(Kind::Payment, Some("pi_1")));
        let third = next(&kinds, &second, None).unwrap();
        assert_eq!(third, at(Kind::Charge, None));
        assert_eq!(next(&kinds, &third, None), None);
        for place in [first, second, third] {
            assert_eq!(Place::noted(&place.note()), Some(place));
        }
    }

    #[test]
    fn every_kind_that_stripe_lists_is_read() {
        let kinds: Vec<&str> = listed_kinds().map(Kind::as_str).collect();
        for kind in [
            "payment",
            "charge",
            "refund",
            "dispute",
            "invoice",
            "customer",
            "subscription",
            "payout",
            "warning",
        ] {
            assert!(kinds.contains(&kind), "{kind}");
        }
    }
}
