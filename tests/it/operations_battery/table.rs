//! What became of the operations that were under way when a worker died, by the point at which it died.

use std::collections::BTreeMap;
use std::fmt;

use domain::operations::Operation;
use harness::stack::Combination;

pub(super) struct Table {
    combination: Combination,
    pub(super) requests: usize,
    /// By point: how often somebody died there, and what was under way then.
    deaths: Vec<(&'static str, usize, Vec<String>)>,
    states: BTreeMap<String, String>,
    refunds: usize,
}

impl Table {
    pub(super) fn of(combination: Combination) -> Self {
        Self { combination, requests: 0, deaths: Vec::new(), states: BTreeMap::new(), refunds: 0 }
    }

    pub(super) fn killed(&mut self, point: &'static str, under_way: &[Operation]) {
        let ids = under_way.iter().map(|operation| operation.id().to_owned());
        match self.deaths.iter_mut().find(|(known, _, _)| *known == point) {
            Some((_, times, all)) => {
                *times += 1;
                all.extend(ids);
            }
            None => self.deaths.push((point, 1, ids.collect())),
        }
    }

    pub(super) fn ended(&mut self, all: &[Operation], refunds: usize) {
        let states = all.iter().map(|operation| (operation.id().to_owned(), operation.state.to_string()));
        self.states = states.collect();
        self.refunds = refunds;
    }

    fn tally<'a>(&self, ids: impl Iterator<Item = &'a String>) -> String {
        let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
        for id in ids {
            *tally.entry(self.states.get(id).map_or("lost", String::as_str)).or_default() += 1;
        }
        tally.iter().map(|(state, count)| format!("{count} {state}")).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { combination, requests, refunds, .. } = self;
        writeln!(
            f,
            "{combination:?}: {requests} requests, {refunds} refunds: {}",
            self.tally(self.states.keys())
        )?;
        writeln!(f, "  {:<14} {:>6}  under way then, and in the end", "killed", "times")?;
        for (point, times, under_way) in &self.deaths {
            writeln!(f, "  {point:<14} {times:>6}  {}: {}", under_way.len(), self.tally(under_way.iter()))?;
        }
        Ok(())
    }
}
