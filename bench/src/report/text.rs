//! The report for people at a terminal, in aligned columns.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::table::Cell;
use super::{Contest, Figure, Row, Section, Table, shown};
use crate::measure::rounds::Spread;

pub fn write(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections {
        let underline = "=".repeat(section.title.chars().count());
        writeln!(text, "\n{}\n{underline}\n", section.title).expect("a String takes every write");
        for table in tables(section) {
            text += &aligned(&table);
        }
        for note in &section.notes {
            writeln!(text, "{note}").expect("a String takes every write");
        }
    }
    text
}

/// Figures and contests as tables like any other.
pub(super) fn tables(section: &Section) -> Vec<Table> {
    let mut tables = Vec::new();
    if !section.figures.is_empty() {
        tables.push(figures(&section.figures));
    }
    tables.extend(section.contests.iter().map(contest));
    tables.extend(section.tables.iter().map(|table| Table {
        title: table.title.clone(),
        columns: table.columns.clone(),
        rows: table.rows.iter().map(|row| row.iter().map(|cell| cell.shown().into()).collect()).collect(),
    }));
    tables
}

pub(super) fn figures<'f>(figures: impl IntoIterator<Item = &'f Figure>) -> Table {
    let mut table = Table::new("", &["figure", "value", "ours", "compared with", "target", "met"]);
    for figure in figures {
        let side = |side: &Option<super::Side>| match side {
            Some(side) => {
                format!("{} {} ({})", shown(side.value.median), side.unit, side.name).replace(" /", "/")
            }
            None => String::new(),
        };
        table.row([
            figure.what.into(),
            format!("{} {}", figure.value.shown(), figure.unit).trim_end().into(),
            side(&figure.ours).into(),
            side(&figure.limit).into(),
            figure.reach.map(|reach| reach.shown(figure.unit)).unwrap_or_default().into(),
            match figure.reached {
                Some(true) => "yes",
                Some(false) => "no",
                None => "",
            }
            .into(),
        ]);
    }
    table
}

fn contest(contest: &Contest) -> Table {
    let has = |look: fn(&Row) -> bool| contest.rows.iter().any(look);
    let (latencies, peaks) = (has(|row| row.p50_ms.is_some()), has(|row| !row.peak_megabytes.is_empty()));
    let notes = has(|row| !row.notes.is_empty());
    let mut columns = vec!["contestant", "per second", "CPU µs per event"];
    if latencies {
        columns.extend(["p50 ms", "p99 ms", "p99.9 ms"]);
    }
    if peaks {
        columns.push("peak MB");
    }
    if notes {
        columns.push("also");
    }
    let mut table = Table::new(contest.title.clone(), &columns);
    for row in &contest.rows {
        let mut cells: Vec<Cell> = vec![
            row.name.into(),
            row.events_per_second.shown().into(),
            named(&row.cpu_micros_per_event).into(),
        ];
        if latencies {
            let shown = |spread: &Option<Spread>| spread.map_or(String::new(), Spread::shown);
            cells.extend([&row.p50_ms, &row.p99_ms, &row.p999_ms].map(|it| shown(it).into()));
        }
        if peaks {
            cells.push(named(&row.peak_megabytes).into());
        }
        if notes {
            cells.push(named(&row.notes).into());
        }
        table.row(cells);
    }
    table
}

fn named(spreads: &BTreeMap<&'static str, Spread>) -> String {
    let each = spreads.iter().map(|(name, spread)| format!("{name} {}", shown(spread.median)));
    each.collect::<Vec<_>>().join(", ")
}

fn aligned(table: &Table) -> String {
    let mut lines: Vec<Vec<String>> = vec![table.columns.clone()];
    lines.extend(table.rows.iter().map(|row| row.iter().map(Cell::shown).collect()));
    let width = |column: usize| {
        lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let mut text = if table.title.is_empty() { String::new() } else { format!("{}\n", table.title) };
    for line in &lines {
        let mut shown = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            write!(shown, "{cell:<width$}  ").expect("a String takes every write");
        }
        text += shown.trim_end();
        text.push('\n');
    }
    text.push('\n');
    text
}
