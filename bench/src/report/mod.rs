//! What the bench has to say, as data: figures with what they are to reach, rows of contestants, tables and
//! plots. The text for people, the JSON and `docs/performance.md` are written from the same.

pub mod document;
pub mod figure;
pub mod markdown;
pub mod plot;
pub mod row;
pub mod table;
pub mod text;

use std::time::Duration;

use serde::Serialize;

pub use self::figure::{Figure, Reach, Side};
pub use self::plot::{Line, Plot};
pub use self::row::{Contest, Row};
pub use self::table::{Cell, Table};

const ROUNDS: usize = 5;
/// The part of every time and count that `--quick` takes.
const QUICK_PART: f64 = 0.1;

/// What every command is asked with.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Short runs, a tenth of the time, and one round: shows that everything works, and no figure worth keeping
    #[arg(long)]
    pub quick: bool,
    /// Prints the report as JSON
    #[arg(long)]
    pub json: bool,
    /// How many rounds count, after one that warms up [default: 5, with --quick 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=50))]
    pub rounds: Option<u8>,
}

impl Options {
    pub fn rounds(&self) -> usize {
        self.rounds.map_or(if self.quick { 1 } else { ROUNDS }, usize::from)
    }

    /// How long a run takes that takes so many seconds in full.
    pub fn time(&self, full_secs: f64) -> Duration {
        Duration::from_secs_f64(if self.quick { full_secs * QUICK_PART } else { full_secs })
    }

    /// How many of something there are, of so many in full.
    pub fn count(&self, full: usize) -> usize {
        if self.quick { (full / 10).max(1) } else { full }
    }
}

/// What one command found out.
#[derive(Debug, Serialize)]
pub struct Section {
    /// The command's name, and that of its place in the template of `docs/performance.md`.
    pub name: &'static str,
    pub title: &'static str,
    pub figures: Vec<Figure>,
    pub contests: Vec<Contest>,
    pub tables: Vec<Table>,
    pub plots: Vec<Plot>,
    /// Sentences that only this run can say.
    pub notes: Vec<String>,
}

impl Section {
    pub fn new(name: &'static str, title: &'static str) -> Self {
        Self {
            name,
            title,
            figures: Vec::new(),
            contests: Vec::new(),
            tables: Vec::new(),
            plots: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Takes in what another run found out about the same.
    pub fn extend(&mut self, other: Self) {
        self.figures.extend(other.figures);
        self.contests.extend(other.contests);
        self.tables.extend(other.tables);
        self.plots.extend(other.plots);
        self.notes.extend(other.notes);
    }
}

/// A number as people read it: three digits that count, thousands apart.
pub fn shown(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let digits = match value.abs() {
        0.0 => 0,
        small if small < 0.01 => 4,
        small if small < 1.0 => 3,
        small if small < 10.0 => 2,
        small if small < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    let (whole, fraction) = text.split_once('.').map_or((&*text, None), |(whole, rest)| (whole, Some(rest)));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match fraction {
        Some(fraction) => format!("{sign}{grouped}.{fraction}"),
        None => format!("{sign}{grouped}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_their_thousands_apart() {
        let table = [
            (0.0, "0"),
            (0.0541, "0.054"),
            (0.004, "0.0040"),
            (1.234, "1.23"),
            (29.04, "29.0"),
            (314.6, "315"),
            (15_012.4, "15,012"),
            (1_234_567.0, "1,234,567"),
            (-3.5, "-3.50"),
            (f64::NAN, "-"),
        ];
        for (value, text) in table {
            assert_eq!(shown(value), text);
        }
    }
}
