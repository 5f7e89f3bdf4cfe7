//! A batch as the rules read it: each event once, however often it came.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::Permanent;
use domain::blame::Blame;
use domain::event::{Content, EventKey, Meaning};
use domain::object_graph::Event;
use domain::outcome::Outcome;
use domain::redaction::KeptBody;
use domain::risk::Risk;
use envelope::Envelope;
use ledger::failure::Failure;
use ledger::tables::events::Record;

use crate::failpoint;

/// An envelope that the rules have read, before anything is written.
#[derive(Debug)]
pub struct Reading<'a> {
    envelope: &'a Envelope,
    key: EventKey,
    body: KeptBody,
    meaning: Result<Meaning, Permanent>,
    risk: Risk,
}

/// The events of a batch, sorted by key.
pub(crate) struct Batch<'a> {
    pub(crate) deliveries: usize,
    pub(crate) records: Vec<Record<'a>>,
    pub(crate) events: BTreeMap<EventKey, Event>,
    /// Every delivery of each event, in the order of arrival.
    pub(crate) envelopes: BTreeMap<EventKey, Vec<&'a Envelope>>,
}

impl<'a> Batch<'a> {
    /// Reads the envelopes; `Err` where one of them is to blame.
    pub(crate) fn read(envelopes: &[&'a Envelope]) -> Result<Self, Failure> {
        let readings = envelopes.iter().map(|envelope| read(envelope)).collect::<Result<Vec<_>, _>>()?;
        let deliveries = readings.len();
        let mut records = BTreeMap::new();
        let mut events = BTreeMap::new();
        let mut envelopes: BTreeMap<EventKey, Vec<&Envelope>> = BTreeMap::new();
        for Reading { envelope, key, body, meaning, risk } in readings {
            envelopes.entry(key.clone()).or_default().push(envelope);
            if records.contains_key(&key) {
                continue;
            }
            let (outcome, observations) = match meaning {
                Ok(Meaning::Observations(observations)) => (Outcome::Applied, observations),
                Ok(Meaning::Ignored(reason)) => (Outcome::Ignored { reason: reason.to_owned() }, Vec::new()),
                Err(permanent) => (Outcome::Dead { failed: permanent.failed() }, Vec::new()),
            };
            events.insert(key.clone(), Event { id: key.id.clone(), observations });
            records.insert(key.clone(), Record { key, envelope, body, outcome, attempts: 1, risk });
        }
        Ok(Self { deliveries, records: records.into_values().collect(), events, envelopes })
    }

    /// The replays that are asked for, sorted.
    pub(crate) fn replays(&self) -> Vec<(EventKey, String)> {
        let asked = self.envelopes.iter().flat_map(|(key, envelopes)| {
            let replays = envelopes.iter().filter_map(|envelope| envelope.header.replay.clone());
            replays.map(|replay| (key.clone(), replay))
        });
        asked.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// Reads one envelope. A panic of a rule is caught: it is the event's failure, not the process's.
pub fn read(envelope: &Envelope) -> Result<Reading<'_>, Failure> {
    let read = || {
        let content = Content::of(envelope);
        if !content.fits(envelope) {
            return Err(Failure::Blame(Blame::Unfit)); // alone it is told apart, and becomes a suspect
        }
        failpoint::before_rules(envelope);
        let meaning = content.meaning(envelope);
        let risk = if meaning.is_err() { content.risk(envelope) } else { Risk::default() };
        let body = KeptBody(content.kept(envelope));
        Ok(Reading { envelope, key: content.key, body, meaning, risk })
    };
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(Failure::panicked()))
}
