//! What a batch did, for metrics and logs.

use std::collections::BTreeMap;

use domain::api_versions;
use domain::batch_counts::BatchCounts;
use domain::dead_letter_streaks::NewDeadLetter;
use domain::due::{Due, Manner};
use domain::outcome::Outcome;
use ledger::tables::events::Record;

use crate::batch::Batch;
use crate::event_log::Entry;
use crate::record::Recorded;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Handled {
    pub applied: usize,
    pub ignored: usize,
    pub dead: usize,
    /// Came before; nothing was done again.
    pub repeated: usize,
    /// Stripe's deliveries that the ledger now knows of, first and further, each once.
    pub recorded: u64,
    pub transitions: usize,
    /// What was buried, by cause.
    pub new_dead_letters: Vec<NewDeadLetter>,
    /// The same by class, without what was dead before.
    pub buried: BTreeMap<&'static str, u64>,
    /// API versions, of what came for the first time.
    pub versions: BTreeMap<&'static str, u64>,
    pub counts: BatchCounts,
    /// Of an event that was handled alone: how often it was tried, with this time.
    pub attempts: Option<i64>,
}

impl Handled {
    /// Together with an entry for each event that was due.
    pub(crate) fn of<'a>(
        batch: Batch<'a>,
        recorded: &Recorded,
        manner: Manner,
        transitions: usize,
        counts: BatchCounts,
    ) -> (Self, Vec<Entry<'a>>) {
        let mut handled = Self { transitions, counts, recorded: recorded.deliveries, ..Self::default() };
        let due = batch.records.into_iter().filter(|record| recorded.is_handled(&record.key));
        let mut entries = Vec::new();
        for record in due {
            handled.count(&record, recorded.due[&record.key]);
            entries.push(Entry {
                envelope: record.envelope,
                outcome: record.outcome,
                attempts: record.attempts,
            });
        }
        handled.repeated = batch.deliveries - entries.len();
        if manner == Manner::Isolated {
            handled.attempts = entries.first().map(|entry| entry.attempts);
        }
        (handled, entries)
    }

    fn count(&mut self, record: &Record<'_>, due: Due) {
        match &record.outcome {
            Outcome::Applied => self.applied += 1,
            Outcome::Ignored { .. } => self.ignored += 1,
            Outcome::Dead { failed } => {
                self.dead += 1;
                self.new_dead_letters.push(NewDeadLetter::of(&failed.fingerprint, &record.envelope.header));
                if !due.was_dead() {
                    *self.buried.entry(failed.class()).or_default() += 1;
                }
            }
            Outcome::Waiting { .. } => {} // reading alone comes to no such outcome
        }
        if due == Due::First {
            let version = api_versions::label(record.envelope.header.api_version.as_deref());
            *self.versions.entry(version).or_default() += 1;
        }
    }
}
