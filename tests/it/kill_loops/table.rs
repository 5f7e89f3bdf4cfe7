//! One line per combination, for people.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use harness::chaos::Site;
use harness::load::{SendLog, Sent};
use harness::oracle::Verdict;
use harness::stack::Combination;

use super::money::Judged;

pub(super) struct Row {
    pub(super) combination: Combination,
    /// By who was killed.
    pub(super) kills: BTreeMap<&'static str, u32>,
    /// How many of them were at work.
    pub(super) hits: u32,
    /// From the first blow to the last.
    pub(super) struck: Duration,
    pub(super) revivals: u32,
    pub(super) events: usize,
    pub(super) requests: u64,
    pub(super) accepted: u64,
    pub(super) unanswered: u64,
    pub(super) operations: usize,
    pub(super) refunds: usize,
    pub(super) lost: usize,
    pub(super) doubled: usize,
    pub(super) wrong: usize,
    failures: Vec<String>,
}

#[derive(Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
}

impl Row {
    pub(super) fn of(
        site: &Site,
        hits: u32,
        struck: Duration,
        log: &SendLog,
        verdict: &Verdict,
        money: &Judged,
        mut failures: Vec<String>,
    ) -> Self {
        let entries = log.entries();
        let sum = |count: fn(&Sent) -> u32| entries.values().map(|sent| u64::from(count(sent))).sum::<u64>();
        if !verdict.is_good() {
            failures.push(verdict.to_string());
        }
        Self {
            combination: site.stack.combination,
            kills: site.kills.clone(),
            hits,
            struck,
            revivals: site.revivals,
            events: entries.len(),
            requests: sum(|sent| sent.attempts),
            accepted: sum(|sent| sent.accepted),
            unanswered: sum(|sent| sent.unanswered),
            operations: money.operations,
            refunds: money.refunds,
            lost: verdict.lost.len(),
            doubled: verdict.double.len() + money.doubled,
            wrong: verdict.waiting.len()
                + verdict.foreign.len()
                + verdict.wrong.len()
                + verdict.overcounted.len()
                + money.faults.len(),
            failures,
        }
    }

    fn killed(&self) -> u32 {
        self.kills.values().sum()
    }
}

impl Table {
    pub(super) fn failures(&self) -> String {
        let of = |row: &Row| format!("{:?}:\n{}\n", row.combination, row.failures.join("\n"));
        self.rows.iter().filter(|row| !row.failures.is_empty()).map(of).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "combination       secs  kills  a minute  at work  events  requests  answered 200  none  asked  refunds  lost  \
             doubled  wrong  restarts  by part"
        )?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_part: Vec<String> = self.kills.iter().map(|(part, kills)| format!("{part} {kills}")).collect();
        write!(
            f,
            "{:<16} {:>5} {:>6} {:>9.1} {:>8} {:>7} {:>9} {:>13} {:>5} {:>6} {:>8} {:>5} {:>8} {:>6} {:>9}  {}",
            format!("{:?}", self.combination),
            self.struck.as_secs(),
            self.killed(),
            f64::from(self.killed()) * 60.0 / self.struck.as_secs_f64(),
            self.hits,
            self.events,
            self.requests,
            self.accepted,
            self.unanswered,
            self.operations,
            self.refunds,
            self.lost,
            self.doubled,
            self.wrong,
            self.revivals,
            by_part.join(", "),
        )
    }
}
