//! One line for each history, for people, and the failures below.

use std::collections::BTreeMap;
use std::fmt::Write;

/// What was tried with one history, and what came of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tried {
    pub history: &'static str,
    pub events: usize,
    /// Subsets or orders.
    pub ways: usize,
    /// Events applied.
    pub steps: usize,
    /// Different final states.
    pub finals: usize,
    pub equals_truth: bool,
    /// What to say when something is wrong.
    pub faults: Vec<String>,
}

/// Rows of one name, told in several shapes, are one line.
#[derive(Debug, Default)]
pub(crate) struct Table(BTreeMap<&'static str, Vec<Tried>>);

impl Table {
    pub(crate) fn add(&mut self, tried: Tried) {
        self.0.entry(tried.history).or_default().push(tried);
    }

    /// Prints, and fails if anything failed.
    pub(crate) fn conclude(self) {
        let mut text = format!(
            "{:<62} {:>6} {:>7} {:>9} {:>10} {:>7} {:>6}\n",
            "history", "shapes", "events", "tried", "steps", "finals", "truth"
        );
        let mut faults = String::new();
        for (name, tries) in &self.0 {
            let sum = |count: fn(&Tried) -> usize| tries.iter().map(count).sum::<usize>();
            let events =
                |pick: fn(usize, usize) -> usize| tries.iter().map(|t| t.events).reduce(pick).unwrap_or(0);
            let (least, most) = (events(usize::min), events(usize::max));
            let events = if least == most { least.to_string() } else { format!("{least}-{most}") };
            let finals = tries.iter().map(|tried| tried.finals).max().unwrap_or(0);
            let truth = if tries.iter().all(|tried| tried.equals_truth) { "equal" } else { "NOT" };
            let (tried, steps) = (sum(|tried| tried.ways), sum(|tried| tried.steps));
            let shapes = tries.len();
            writeln!(
                text,
                "{name:<62} {shapes:>6} {events:>7} {tried:>9} {steps:>10} {finals:>7} {truth:>6}"
            )
            .expect("a String takes every write");
            let worst = tries.iter().find(|tried| !tried.faults.is_empty());
            if let Some(worst) = worst {
                writeln!(faults, "{name}:\n    {}", worst.faults.join("\n    "))
                    .expect("a String takes every write");
            }
        }
        println!("{text}");
        assert!(faults.is_empty(), "\n{text}\n{faults}");
    }
}
