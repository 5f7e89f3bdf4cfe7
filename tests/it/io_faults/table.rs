//! What a run of cases came to, by start and fault, and the last words of the processes that ended by themselves.

use std::collections::BTreeMap;
use std::fmt;

use harness::io_faults::Fault;

use super::case::{Ending, Kind, Outcome};

#[derive(Default)]
pub(super) struct Table {
    rows: BTreeMap<(&'static str, Fault), Row>,
    words: BTreeMap<String, usize>,
}

#[derive(Clone, Default)]
struct Row {
    cases: usize,
    /// The fault was reached.
    hit: usize,
    killed: usize,
    said: usize,
    went_on: usize,
    problems: BTreeMap<Kind, usize>,
}

impl Table {
    pub(super) fn add(&mut self, start: &'static str, fault: Fault, outcome: &Outcome) {
        let row = self.rows.entry((start, fault)).or_default();
        row.cases += 1;
        row.hit += usize::from(outcome.call.is_some());
        match &outcome.ending {
            Some(Ending::Killed) => row.killed += 1,
            Some(Ending::WentOn) => row.went_on += 1,
            Some(Ending::Said(words) | Ending::StoppedSaying(words)) => {
                row.said += 1;
                *self.words.entry(without_paths(words)).or_default() += 1;
            }
            None => {}
        }
        for problem in &outcome.problems {
            *row.problems.entry(problem.kind).or_default() += 1;
        }
    }

    pub(super) fn is_good(&self) -> bool {
        self.rows.values().all(|row| row.problems.is_empty())
    }
}

/// Each case has a folder of its own.
fn without_paths(words: &str) -> String {
    let short = |word: &str| match word.rfind('/') {
        Some(slash) if word.contains("/tidegate-io-faults-") => format!("…{}", &word[slash..]),
        _ => word.to_owned(),
    };
    words.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

impl Row {
    fn plus(&mut self, other: &Self) {
        self.cases += other.cases;
        self.hit += other.hit;
        self.killed += other.killed;
        self.said += other.said;
        self.went_on += other.went_on;
        for (kind, count) in &other.problems {
            *self.problems.entry(*kind).or_default() += count;
        }
    }

    fn line(&self, name: &str) -> String {
        let of = |kind: Kind| self.problems.get(&kind).copied().unwrap_or_default();
        let stuck = of(Kind::Stuck) + of(Kind::Silent) + of(Kind::Refused);
        let figures = [
            self.cases,
            self.hit,
            self.killed,
            self.said,
            self.went_on,
            of(Kind::Lost),
            of(Kind::Doubled),
            of(Kind::Wrong),
            of(Kind::Panicked),
            stuck,
        ];
        format!("| {name} | {} |", figures.map(|figure| figure.to_string()).join(" | "))
    }
}

/// In Markdown, as docs/trust.md has it.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = "cases | faults | killed | ended | went on | lost | doubled | wrong | panics | stuck";
        writeln!(f, "| SQLite files | {head} |\n|---|{}", "---:|".repeat(10))?;
        let (mut by_fault, mut by_start) = (BTreeMap::<Fault, Row>::new(), BTreeMap::<&str, Row>::new());
        let mut all = Row::default();
        for ((start, fault), row) in &self.rows {
            by_fault.entry(*fault).or_default().plus(row);
            by_start.entry(*start).or_default().plus(row);
            all.plus(row);
        }
        for (fault, row) in &by_fault {
            writeln!(f, "{}", row.line(fault.words()))?;
        }
        for (start, row) in &by_start {
            writeln!(f, "{}", row.line(&format!("*{start}*")))?;
        }
        writeln!(f, "{}\n", all.line("**all**"))?;
        for (words, count) in &self.words {
            writeln!(f, "{count:>6} × {words}")?;
        }
        Ok(())
    }
}
