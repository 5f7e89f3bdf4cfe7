//! What was found, one example for each kind of it, made as short as it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use harness::histories::Rows;
use harness::money::{Account, Difference, Tale};

use super::Endpoint;

/// Of the endpoints that hear a part, so many examples of one column.
const EXAMPLES_LIMIT: usize = 2;
pub(super) const EVERYTHING: &str = "everything";

/// One kind of difference: endpoint, kind of object, column.
type Sort = (&'static str, &'static str, &'static str);

#[derive(Default)]
pub(super) struct Findings {
    judged: BTreeMap<&'static str, (usize, usize)>,
    counts: BTreeMap<Sort, usize>,
    examples: BTreeMap<Sort, String>,
    orders: usize,
    differing: usize,
    disorder: Option<String>,
}

impl Findings {
    pub(super) fn judged(&mut self, endpoint: &'static str, is_right: bool) {
        let (right, wrong) = self.judged.entry(endpoint).or_default();
        *if is_right { right } else { wrong } += 1;
    }

    /// Counts it; whether an example of it would tell something new.
    pub(super) fn insert_if_new(&mut self, endpoint: &'static str, difference: &Difference) -> bool {
        let (kind, column) = (difference.subject.kind, difference.column);
        *self.counts.entry((endpoint, kind, column)).or_default() += 1;
        let has_one = |endpoint| self.examples.contains_key(&(endpoint, kind, column));
        let of_column = self.examples.keys().filter(|sort| (sort.1, sort.2) == (kind, column)).count();
        match endpoint {
            EVERYTHING => !has_one(EVERYTHING),
            _ => !has_one(EVERYTHING) && !has_one(endpoint) && of_column < EXAMPLES_LIMIT,
        }
    }

    pub(super) fn add(&mut self, endpoint: &'static str, difference: &Difference, text: String) {
        self.examples.insert((endpoint, difference.subject.kind, difference.column), text);
    }

    pub(super) fn ordered(&mut self, is_same: bool) {
        self.orders += 1;
        self.differing += usize::from(!is_same);
    }

    pub(super) fn add_order(&mut self, seed: u64, order: &[usize], end: &Rows, other: &Rows) {
        self.disorder.get_or_insert_with(|| {
            let mut text = format!("seed {seed}, in the order {order:?}:\n");
            for subject in end.keys().chain(other.keys().filter(|subject| !end.contains_key(subject))) {
                let (one, two) = (end.get(subject), other.get(subject));
                if one != two {
                    writeln!(text, "    {subject}: {one:?}\n        against {two:?}")
                        .expect("a String takes it");
                }
            }
            text
        });
    }

    /// Prints, and fails if anything is wrong.
    pub(super) fn conclude(self) {
        let mut text = format!("{:<52} {:>9} {:>9}\n", "endpoint hears", "right", "wrong");
        for (endpoint, (right, wrong)) in &self.judged {
            writeln!(text, "{endpoint:<52} {right:>9} {wrong:>9}").expect("a String takes it");
        }
        writeln!(text, "orders with repetitions: {}, differing: {}", self.orders, self.differing)
            .expect("a String takes it");
        println!("{text}");
        for ((endpoint, kind, column), count) in &self.counts {
            writeln!(text, "{count:>6} {endpoint}: {kind}.{column}").expect("a String takes it");
        }
        let is_shown = |(endpoint, kind, column): &Sort| {
            *endpoint == EVERYTHING || !self.examples.contains_key(&(EVERYTHING, *kind, *column))
        };
        let mut shown = BTreeSet::new();
        for (sort, example) in self.examples.iter().filter(|(sort, _)| is_shown(sort)) {
            let endpoint = sort.0;
            if !shown.insert(example) {
                continue;
            }
            writeln!(text, "\n== {endpoint}\n{example}").expect("a String takes it");
        }
        if let Some(disorder) = &self.disorder {
            writeln!(text, "\n== order decides\n{disorder}").expect("a String takes it");
        }
        assert!(self.counts.is_empty() && self.differing == 0, "\n{text}");
    }
}

/// The shortest history, what was told of it, and known and derived side by side.
pub(super) fn told(
    tale: &Tale,
    account: &Account,
    endpoint: &Endpoint,
    wrong: &[Difference],
    rows: &Rows,
) -> String {
    let mut text = format!("MONEY_SEED={} {:?}\n", tale.seed, tale.setting);
    writeln!(text, "steps: {:?}", tale.steps.iter().map(|step| step.what).collect::<Vec<_>>())
        .expect("a String takes it");
    let start = account.tellings.first().map_or(0, |telling| telling.at);
    for telling in
        account.tellings.iter().filter(|telling| telling.is_heard(endpoint.hears, endpoint.deaf_to))
    {
        let (at, kind) = (telling.at - start, telling.event.kind);
        writeln!(text, "  +{at:<8} {kind:<44} {:?}", telling.facts).expect("a String takes it");
    }
    for difference in wrong {
        writeln!(text, "  WRONG {difference}").expect("a String takes it");
        if let Some(row) = rows.get(&difference.subject) {
            let shown =
                row.iter().filter(|(column, value)| !value.is_null() && !column.contains("freshness"));
            let shown: Vec<String> = shown.map(|(column, value)| format!("{column}={value}")).collect();
            writeln!(text, "      {}", shown.join(" ")).expect("a String takes it");
        }
    }
    text
}
