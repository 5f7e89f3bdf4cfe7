//! Deletes raw bodies after their retention: segment by segment, and then those with their own rows. It first
//! records their objects, which can no longer be rebuilt from events alone, and copies out what is to stay: what is dead
//! or waits, what is on hold, and what tells of a dispute or its payment until 90 days after the dispute's end. A worker
//! whose clock is far from the database's removes nothing.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use shared::clock;

use crate::consume::Lanes;
use domain::Key;
use domain::event::{Content, EventKey};
use domain::evidence::KEPT_AFTER_DISPUTE;
use domain::identity::Identity;
use ledger::tables::archive::Archived;
use ledger::tables::bodies::Body;
use ledger::{Ledger, LedgerError, Transaction};

const INTERVAL: Duration = Duration::from_mins(1);
/// Bodies with their own rows expire late, when a dead letter is dealt with at last; so they are looked through
/// less often.
const OWN_INTERVAL: Duration = Duration::from_hours(1);
/// Between two steps, so that events go first.
const BREATH: Duration = Duration::from_millis(100);
/// A step ends with the segment that brings it to so many events.
const EVENTS_AT_ONCE: i64 = 500;
const SEGMENTS_AT_ONCE: i64 = 64;
/// So many bodies with their own rows are looked at in one step, and so many removed.
const LOOKED_AT: i64 = 1_000;
const REMOVED_AT_ONCE: usize = 200;
const FILES_KEPT: TimeDelta = TimeDelta::days(30);
/// Where our clock and the database's are farther apart, one of them is wrong.
const CLOCKS_APART: TimeDelta = TimeDelta::hours(1);

/// One round through everything that may have expired, in steps.
#[derive(Debug)]
pub struct Round {
    /// Segments up to this number are done.
    segment: i64,
    /// Bodies with their own rows up to this one are done; `None` where they all are, or are left out.
    own: Option<Identity>,
    are_segments_done: bool,
    /// Disputes that ended later keep their bodies.
    disputes_until: DateTime<Utc>,
}

impl Round {
    /// A round that begins now. Without `own` it looks at segments only.
    pub fn begin(own: bool, now: DateTime<Utc>) -> Self {
        let disputes_until = now - KEPT_AFTER_DISPUTE;
        Self { segment: 0, own: own.then(Identity::first), are_segments_done: false, disputes_until }
    }

    /// Removes some of what was recorded up to a moment; says how many bodies, and `None` when the round is over.
    pub async fn step(&mut self, ledger: &Ledger, until: DateTime<Utc>) -> Result<Option<u64>, LedgerError> {
        let mut tx = ledger.begin().await?;
        let removed = match (self.are_segments_done, self.own) {
            (false, _) => self.segments(&mut tx, until).await?,
            (true, Some(after)) => self.own_bodies(&mut tx, after, until).await?,
            (true, None) => return Ok(None),
        };
        tx.commit().await?;
        Ok(Some(removed))
    }

    async fn segments(&mut self, tx: &mut Transaction, until: DateTime<Utc>) -> Result<u64, LedgerError> {
        let mut expired = tx.expired_segments(self.segment, until, SEGMENTS_AT_ONCE).await?;
        let mut events = 0;
        let mut is_within = |segment: &ledger::tables::retention::ExpiredSegment| {
            let is_within = events < EVENTS_AT_ONCE;
            events += segment.events;
            is_within
        };
        expired.truncate(expired.iter().take_while(|segment| is_within(segment)).count());
        let Some(last) = expired.last().map(|last| last.number) else {
            self.are_segments_done = true;
            return Ok(0);
        };
        let found = tx.events_in(&expired).await?;
        // What cannot be read cannot be retired either: it stays, and is found by `audit verify`.
        let damaged: BTreeSet<i64> = found.iter().filter_map(|event| damaged(&event.body)).collect();
        for segment in &damaged {
            tracing::error!(segment, "a segment is damaged, and so is not removed after its retention");
        }
        expired.retain(|segment| !damaged.contains(&segment.number));
        let staying = self.staying(tx, &found).await?;
        let (settled, others): (Vec<Archived>, Vec<Archived>) =
            found.into_iter().partition(|event| event.is_settled() && !staying.contains(&event.key));
        let mut staying: Vec<(EventKey, _)> =
            others.into_iter().filter_map(|event| Some((event.key, event.body.bytes()?.clone()))).collect();
        staying.sort_by(|a, b| a.0.cmp(&b.0));
        tx.keep_bodies(&staying).await?;
        tx.retire(&subjects(&settled)).await?;
        tx.remove_segments(&expired).await?;
        self.segment = last;
        Ok(settled.iter().filter(|event| event.body.bytes().is_some()).count() as u64)
    }

    /// Those that outlived their segment.
    async fn own_bodies(
        &mut self,
        tx: &mut Transaction,
        after: Identity,
        until: DateTime<Utc>,
    ) -> Result<u64, LedgerError> {
        let looked_at = tx.own_bodies(after, LOOKED_AT).await?;
        let (mut expired, mut last) = (Vec::new(), None);
        for body in looked_at {
            if body.has_expired(until) {
                expired.push(body.key.clone());
            }
            last = Some(body.place);
            if expired.len() == REMOVED_AT_ONCE {
                break;
            }
        }
        let mut found = tx.archived(&expired).await?;
        let staying = self.staying(tx, &found).await?;
        found.retain(|event| !staying.contains(&event.key));
        // What does not open cannot be retired either.
        let unopened: BTreeSet<EventKey> = found
            .extract_if(.., |event| matches!(event.body, Body::Unopened { .. }))
            .map(|event| event.key)
            .collect();
        expired.retain(|key| !staying.contains(key) && !unopened.contains(key));
        tx.retire(&subjects(&found)).await?;
        let removed = tx.remove_bodies(&expired).await?;
        self.own = last;
        Ok(removed)
    }

    /// The events that are on hold, or tell of what is, or of a dispute that is not long over.
    async fn staying(
        &self,
        tx: &mut Transaction,
        events: &[Archived],
    ) -> Result<BTreeSet<EventKey>, LedgerError> {
        let told: Vec<(&EventKey, BTreeSet<Key>)> = events
            .iter()
            .map(|event| {
                let of = &event.key;
                let own = Key { id: of.id.clone(), account: of.account.clone(), livemode: of.livemode };
                let told = subjects(std::slice::from_ref(event)).into_iter().map(|(_, key)| key);
                (of, told.chain([own]).collect())
            })
            .collect();
        let keys: BTreeSet<Key> = told.iter().flat_map(|(_, keys)| keys.iter().cloned()).collect();
        let kept = tx.kept_longer(&keys.into_iter().collect::<Vec<_>>(), self.disputes_until).await?;
        let stays = told.into_iter().filter(|(_, keys)| !keys.is_disjoint(&kept));
        Ok(stays.map(|(event, _)| event.clone()).collect())
    }
}

/// Runs until the worker stops.
pub async fn run(lanes: Lanes, retention: Duration) {
    let mut own_at: Option<Instant> = None;
    let mut round: Option<Round> = None;
    let mut pause = BREATH;
    while lanes.rest(pause).await {
        pause = INTERVAL;
        if lanes.availability.outage().is_some() {
            continue;
        }
        let (ours, servers) = (clock::now(), lanes.ledger.server_clock().await);
        let now = match servers.map(|servers| agreed(ours, servers)) {
            Ok(Some(now)) => now,
            Ok(None) => {
                tracing::error!(
                    "this machine's clock and the database's are more than an hour apart: nothing is removed after its retention until both are right"
                );
                pause = OWN_INTERVAL;
                continue;
            }
            Err(error) if lanes.fatal.report(&error) => return,
            Err(error) => {
                tracing::debug!(%error, "the database's clock was not asked");
                continue;
            }
        };
        match round.get_or_insert_with(|| Round::begin(true, now)).step(&lanes.ledger, now - retention).await
        {
            Ok(Some(removed)) => {
                lanes.metrics.bodies_removed.inc_by(removed);
                pause = BREATH;
            }
            Ok(None) => {
                let own = own_at.is_none_or(|at| at.elapsed() >= OWN_INTERVAL);
                if own {
                    own_at = Some(Instant::now());
                    if let Err(error) = forget_files(&lanes.ledger, retention, now).await {
                        tracing::debug!(%error, "erasing old files, and what files brought, failed");
                    }
                }
                round = Some(Round::begin(own, now));
            }
            Err(error) if lanes.fatal.report(&error) => return,
            Err(error) => tracing::debug!(%error, "deleting old bodies failed"),
        }
    }
}

/// The earlier of our clock and the database's, where it is a server: what is removed too early is lost. `None` where
/// they are too far apart.
fn agreed(ours: DateTime<Utc>, servers: Option<DateTime<Utc>>) -> Option<DateTime<Utc>> {
    let theirs = servers.unwrap_or(ours);
    ((ours - theirs).abs() <= CLOCKS_APART).then(|| ours.min(theirs))
}

/// Files of evidence that were attached and never sent: no dispute can be answered for so long. And the bodies that files
/// brought for replays: what ran of them is stored as every event is.
pub async fn forget_files(
    ledger: &Ledger,
    retention: Duration,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    let mut tx = ledger.begin().await?;
    tx.forget_evidence_files(now - FILES_KEPT).await?;
    tx.forget_brought_bodies(now - retention).await?;
    tx.commit().await
}

/// The objects that these events say something of.
fn subjects(events: &[Archived]) -> Vec<(&'static str, Key)> {
    let envelopes = events.iter().filter_map(Archived::envelope);
    let subjects = envelopes.flat_map(|envelope| Content::of(&envelope).subjects(&envelope));
    let named: BTreeSet<_> = subjects.map(|(kind, key)| (kind.as_str(), key)).collect();
    named.into_iter().collect()
}

fn damaged(body: &Body) -> Option<i64> {
    match body {
        Body::Damaged { segment, .. } => Some(*segment),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_of_two_clocks_counts_and_neither_where_they_are_far_apart() {
        let now = DateTime::from_timestamp(1_780_000_000, 0).unwrap();
        let (minutes, days) = (TimeDelta::minutes, TimeDelta::days);
        assert_eq!(agreed(now, None), Some(now), "a file has this machine's clock");
        assert_eq!(agreed(now, Some(now + minutes(30))), Some(now));
        assert_eq!(agreed(now, Some(now - minutes(30))), Some(now - minutes(30)));
        assert_eq!(agreed(now, Some(now - days(31))), None, "ours is ahead");
        assert_eq!(agreed(now, Some(now + days(31))), None, "theirs is ahead");
    }
}
