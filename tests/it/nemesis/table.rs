//! What came of the histories, by nemesis, as a table for people.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

use harness::oracle::Verdict;

use super::history::History;
use super::strikes::Nemesis;

/// One history, or the sum of several.
#[derive(Clone)]
pub(super) struct Row {
    nemesis: Nemesis,
    runs: usize,
    strikes: usize,
    deliveries: usize,
    accepted: usize,
    refused: usize,
    unknown: usize,
    open: usize,
    lost: usize,
    doubled: usize,
    wrong: usize,
    gap: Duration,
    drained: Duration,
    restarted: usize,
    /// In words; empty where nothing is wrong.
    failures: String,
}

#[derive(Default)]
pub(super) struct Table {
    rows: BTreeMap<Nemesis, Row>,
}

impl Row {
    pub(super) fn of(
        nemesis: Nemesis,
        history: &History,
        verdict: &Verdict,
        restarted: usize,
        drained: Duration,
    ) -> Self {
        let (accepted, refused, strange) = (history.accepted(), history.refused(), history.strange());
        let mut failures = if verdict.is_good() { String::new() } else { verdict.to_string() };
        if let Some(first) = strange.first() {
            writeln!(failures, "{} answers were neither 200 nor 503, such as {first:?}", strange.len())
                .expect("a String takes every write");
        }
        let deliveries = history.deliveries.len();
        Self {
            nemesis,
            runs: 1,
            strikes: history.strikes.len(),
            deliveries,
            accepted,
            refused,
            unknown: deliveries - accepted - refused - strange.len(),
            open: history.open(),
            lost: verdict.lost.len(),
            doubled: verdict.double.len(),
            wrong: verdict.foreign.len()
                + verdict.waiting.len()
                + verdict.wrong.len()
                + verdict.overcounted.len()
                + strange.len(),
            gap: history.longest_gap(),
            drained,
            restarted,
            failures,
        }
    }

    /// So many messages never left the queue.
    pub(super) fn unsettled(mut self, left: u64) -> Self {
        writeln!(self.failures, "{left} messages are left in the queue").expect("a String takes every write");
        self
    }

    fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.strikes += other.strikes;
        self.deliveries += other.deliveries;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.open += other.open;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.wrong += other.wrong;
        self.gap = self.gap.max(other.gap);
        self.drained = self.drained.max(other.drained);
        self.restarted += other.restarted;
        self.failures += &other.failures;
    }
}

impl Table {
    pub(super) fn add(&mut self, row: Row) {
        match self.rows.get_mut(&row.nemesis) {
            Some(known) => known.add(&row),
            None => drop(self.rows.insert(row.nemesis, row)),
        }
    }

    pub(super) fn lost(&self) -> usize {
        self.rows.values().map(|row| row.lost).sum()
    }

    pub(super) fn failures(&self) -> String {
        let failed = self.rows.values().filter(|row| !row.failures.is_empty());
        let told: Vec<String> =
            failed.map(|row| format!("{}:\n{}", row.nemesis.name(), row.failures)).collect();
        told.concat()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| nemesis | runs | strikes | deliveries | 200 | 503 | unknown | never accepted | lost | doubled | wrong \
             | longest gap | drained within | nodes restarted |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
        )?;
        self.rows.values().try_for_each(|row| writeln!(f, "{row}"))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            runs, strikes, deliveries, accepted, refused, unknown, open, lost, doubled, wrong, ..
        } = self;
        write!(
            f,
            "| {} | {runs} | {strikes} | {deliveries} | {accepted} | {refused} | {unknown} | {open} | {lost} | \
             {doubled} | {wrong} | {:.1} s | {:.1} s | {} |",
            self.nemesis.name(),
            self.gap.as_secs_f64(),
            self.drained.as_secs_f64(),
            self.restarted,
        )
    }
}
