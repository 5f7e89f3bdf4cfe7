//! The merged and derived tables made again, in memory, from the stored events in random order and from what
//! staff decided; compared with the ledger, and put in the place of what differs. The disaster drill, and the
//! strongest test of everything else. A new rule and another policy come into force this way too.

mod compare;
mod repair;

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

pub use self::compare::{Comparison, Difference, TableComparison, compare};
pub use self::repair::{Repaired, repair};
use domain::event::{Content, EventKey, Meaning};
use domain::identity::Identity;
use domain::object_graph::{Event, ObjectGraph};
use domain::outcome::OutcomeKind;
use ledger::tables::archive::{Archived, ArchivedKey};
use ledger::tables::bodies::Body;
use ledger::{Ledger, LedgerError, Transaction};

const KEYS_AT_ONCE: i64 = 10_000;
/// So many are in memory, and mixed, at once.
const EVENTS_AT_ONCE: usize = 4_000;

/// What the stored events come to.
#[derive(Debug)]
pub struct Rebuilt {
    pub graph: ObjectGraph,
    pub events: usize,
    /// Ignored when they came, for want of a rule that there is now.
    pub revived: Vec<EventKey>,
    /// Their bytes are no longer kept.
    pub without_bytes: usize,
    /// Applied once, and their bytes are gone though nobody removed them.
    pub lost: Vec<EventKey>,
    /// Not readable as the same event: damaged bytes, or of one that was applied a rule that became stricter.
    pub unreadable: Vec<EventKey>,
    /// Segments that have the bodies of some of those, and cannot be read.
    pub damaged_segments: BTreeSet<i64>,
    /// Bodies in rows of their own that cannot be read.
    pub unopened: usize,
}

/// Folds all stored events, in an order that the seed decides. Tells how many of how many are done.
pub async fn rebuild(
    ledger: &Ledger,
    tx: &mut Transaction,
    seed: u64,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Rebuilt, LedgerError> {
    let mut keys = all_keys(tx).await?;
    // The segments in random order, so that each is unpacked once; the events of many of them mixed.
    keys.sort_by_cached_key(|found| match found.segment {
        Some(segment) => place(seed, &[&segment.to_be_bytes()]),
        None => place_of(seed, &found.key),
    });
    let mut rebuilt = Rebuilt {
        graph: ObjectGraph::new(ledger.policy().clone()),
        events: 0,
        revived: Vec::new(),
        without_bytes: 0,
        lost: Vec::new(),
        unreadable: Vec::new(),
        damaged_segments: BTreeSet::new(),
        unopened: 0,
    };
    for ban in tx.last_overrides().await? {
        rebuilt.graph.load(ban);
    }
    let mut done = 0;
    for chunk in keys.chunks(EVENTS_AT_ONCE) {
        let mut wanted: Vec<EventKey> = chunk.iter().map(|found| found.key.clone()).collect();
        wanted.sort();
        let mut found = tx.archived(&wanted).await?;
        found.sort_by_cached_key(|archived| place_of(seed, &archived.key));
        for archived in found {
            rebuilt.take(archived);
        }
        done += chunk.len();
        progress(done, keys.len());
    }
    Ok(rebuilt)
}

impl Rebuilt {
    fn take(&mut self, archived: Archived) {
        let was_applied = archived.outcome == OutcomeKind::Applied.as_str();
        let Some(envelope) = archived.envelope() else {
            match archived.body {
                Body::Damaged { segment, .. } => {
                    self.damaged_segments.insert(segment);
                    self.unreadable.push(archived.key);
                }
                Body::Unopened { .. } => {
                    self.unopened += 1;
                    self.unreadable.push(archived.key);
                }
                _ if was_applied && archived.is_owed => self.lost.push(archived.key),
                _ => self.without_bytes += 1,
            }
            return;
        };
        let content = Content::of(&envelope);
        let is_damaged = content.key != archived.key;
        match content.meaning(&envelope) {
            Ok(Meaning::Observations(observations)) if !is_damaged => {
                if !was_applied {
                    self.revived.push(archived.key);
                }
                self.graph.apply(&Event { id: envelope.header.id, observations });
                self.events += 1;
            }
            // No row has anything of it, and none gets it now.
            _ if !was_applied && !is_damaged => {}
            _ => self.unreadable.push(archived.key),
        }
    }
}

async fn all_keys(tx: &mut Transaction) -> Result<Vec<ArchivedKey>, LedgerError> {
    let mut keys = Vec::new();
    let mut after = Identity::first();
    loop {
        let page = tx.archived_keys(after, KEYS_AT_ONCE).await?;
        let Some(last) = page.last() else { return Ok(keys) };
        after = last.place;
        keys.extend(page);
    }
}

/// The place of an event in the order of this seed.
fn place_of(seed: u64, key: &EventKey) -> [u8; 32] {
    let parts = [&key.id, &key.account, &key.content_hash].map(String::as_bytes);
    place(seed, &[parts[0], parts[1], parts[2], &[u8::from(key.livemode)]])
}

fn place(seed: u64, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(seed.to_be_bytes());
    for part in parts {
        hasher.update(part);
        hasher.update([0]);
    }
    hasher.finalize().into()
}
