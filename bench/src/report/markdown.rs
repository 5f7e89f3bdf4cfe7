//! The parts of `docs/performance.md` that this run measured, as Markdown.

use std::fmt::Write;

use super::table::Cell;
use super::{Figure, Section, Table, text};

/// A section under its heading.
pub fn section(section: &Section) -> String {
    let mut page = format!("## {}\n\n", section.title);
    for table in text::tables(section) {
        page += &written(&table);
    }
    for plot in &section.plots {
        writeln!(page, "![{}]({})\n", plot.title, plot.file_name()).expect("a String takes every write");
    }
    for note in &section.notes {
        writeln!(page, "{note}\n").expect("a String takes every write");
    }
    page.trim_end().to_owned()
}

/// Every figure that is to reach something, of all sections.
pub fn reached(sections: &[Section]) -> String {
    let figures: Vec<&Figure> = sections
        .iter()
        .flat_map(|section| &section.figures)
        .filter(|figure| figure.reach.is_some())
        .collect();
    written(&text::figures(figures)).trim_end().to_owned()
}

fn written(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut page = if table.title.is_empty() { String::new() } else { format!("**{}**\n\n", table.title) };
    page += &line(table.columns.clone());
    page += &line(vec!["---".to_owned(); table.columns.len()]);
    for row in &table.rows {
        page += &line(row.iter().map(Cell::shown).map(|cell| cell.replace('|', "\\|")).collect());
    }
    page.push('\n');
    page
}
