//! What came of each fault, as a table for people.

use std::fmt;
use std::fmt::Write;
use std::time::Duration;

use harness::load::SendLog;
use harness::oracle::Verdict;

use super::fault::Fault;

pub(super) struct Row {
    fault: Fault,
    events: usize,
    requests: u64,
    unavailable: u64,
    other: u64,
    unanswered: u64,
    gap: Duration,
    lost: usize,
    double: usize,
    redelivered: u64,
    /// What is wrong with the ledger; empty where nothing is.
    wrong: String,
}

#[derive(Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Row>,
}

impl Row {
    pub(super) fn of(fault: Fault, log: &SendLog, verdict: &Verdict, redelivered: u64) -> Self {
        let sent = log.entries();
        let statuses = log.statuses();
        let answered: u64 = statuses.values().sum();
        Self {
            fault,
            events: sent.len(),
            requests: sent.values().map(|sent| u64::from(sent.attempts)).sum(),
            unavailable: log.answered(503),
            other: answered - log.answered(200) - log.answered(503),
            unanswered: sent.values().map(|sent| u64::from(sent.unanswered)).sum(),
            gap: log.longest_gap(),
            lost: verdict.lost.len(),
            double: verdict.double.len(),
            redelivered,
            wrong: if verdict.is_good() { String::new() } else { verdict.to_string() },
        }
    }
}

impl Table {
    pub(super) fn markdown(&self) -> String {
        let mut text = String::from(
            "| fault | events | requests | 503 | other | no answer | longest gap | lost | double | redelivered |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n",
        );
        for row in &self.rows {
            writeln!(text, "{row}").expect("a String takes every write");
        }
        text
    }

    /// What must not be.
    pub(super) fn failures(&self, longest_gap: Duration) -> Vec<String> {
        let mut failures = Vec::new();
        for row in &self.rows {
            let name = row.fault.name();
            if !row.wrong.is_empty() {
                failures.push(format!("{name}: the ledger is wrong\n{}", row.wrong));
            }
            if row.other > 0 {
                failures.push(format!("{name}: {} answers were neither 200 nor 503", row.other));
            }
            if row.fault.is_single() && row.gap > longest_gap {
                failures.push(format!("{name}: for {:?} nothing was accepted", row.gap));
            }
        }
        failures
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, requests, unavailable, other, unanswered, lost, double, redelivered, .. } = self;
        write!(
            f,
            "| {} | {events} | {requests} | {unavailable} | {other} | {unanswered} | {:.1} s | {lost} | {double} | \
             {redelivered} |",
            self.fault.name(),
            self.gap.as_secs_f64(),
        )
    }
}
