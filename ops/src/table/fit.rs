//! How a table fits a terminal. Free text is cut first; then the last columns go below their row, each under its
//! name. Ids are never cut: people copy them.

use super::{Align, GAP, Table, ellipsis, filled_within, width};

/// Free text is not cut below this many columns.
const PROSE_MIN: usize = 16;
/// A value is wrapped only where this many columns are left for it.
const VALUE_MIN: usize = 24;
const BELOW: &str = "    ";

pub(super) fn titled(table: &Table, terminal: Option<usize>) -> String {
    let shown = table.shown();
    let mut widths: Vec<usize> = shown
        .iter()
        .map(|&index| {
            let cells = table.rows.iter().map(|row| width(&table.cell(row, index, terminal)));
            cells.fold(width(table.columns[index].title), usize::max)
        })
        .collect();
    let limit = terminal.unwrap_or(usize::MAX);
    cut_prose(table, &shown, &mut widths, limit);
    grow_prose(table, &shown, &mut widths, limit);
    let fitting = fitting(&widths, limit);
    let (beside, below) = shown.split_at(fitting);
    let mut text = String::new();
    let titles = beside.iter().map(|&index| table.columns[index].title);
    line(table, &mut text, beside, &widths, titles);
    for row in &table.rows {
        line(table, &mut text, beside, &widths, beside.iter().map(|&index| row[index].as_str()));
        let rest: Vec<usize> = below.iter().copied().filter(|&index| !row[index].is_empty()).collect();
        if !rest.is_empty() {
            text.push_str(&named(table, row, &rest, limit));
        }
    }
    text
}

pub(super) fn bare(table: &Table, terminal: Option<usize>) -> String {
    let shown = table.shown();
    let widths: Vec<usize> = shown
        .iter()
        .map(|&index| {
            let cells = table.rows.iter().map(|row| width(&table.cell(row, index, terminal)));
            cells.max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    let limit = terminal.unwrap_or(usize::MAX);
    let before: usize = widths.iter().rev().skip(1).map(|width| width + GAP.len()).sum();
    let is_wrapped = total(&widths) > limit && limit.saturating_sub(before) >= VALUE_MIN;
    let indent = " ".repeat(before);
    for row in &table.rows {
        let start = text.len();
        line(table, &mut text, &shown, &widths, shown.iter().map(|&index| row[index].as_str()));
        let Some(&last) = shown.last() else { continue };
        if is_wrapped && width(text[start..].trim_end()) > limit {
            let cell = table.cell(row, last, terminal);
            text.truncate(text.len() - 1 - cell.len());
            let words: Vec<&str> = cell.split(' ').collect();
            text.push_str(filled_within(&indent, &words, limit).trim_start());
        }
    }
    text
}

/// The cells that have no room in their row, each with its name.
fn named(table: &Table, row: &[String], rest: &[usize], limit: usize) -> String {
    let mut words: Vec<String> = Vec::new();
    for (place, &index) in rest.iter().enumerate() {
        let end = if place + 1 < rest.len() { "," } else { "" };
        let (column, cell) = (&table.columns[index], table.cell(row, index, Some(limit)));
        let said = format!("{} {cell}{end}", column.title);
        if column.limit < usize::MAX {
            words.extend(said.split(' ').map(str::to_owned));
        } else {
            words.push(said);
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    filled_within(BELOW, &words, limit)
}

/// Takes columns away from free text, the widest first, until the lines fit or nothing more can be taken.
fn cut_prose(table: &Table, shown: &[usize], widths: &mut [usize], limit: usize) {
    while total(widths) > limit {
        let excess = total(widths) - limit;
        let prose = (0..widths.len()).filter(|&place| table.columns[shown[place]].limit < usize::MAX);
        let least = |place: usize| PROSE_MIN.max(width(table.columns[shown[place]].title));
        let widest = prose.filter(|&place| widths[place] > least(place)).max_by_key(|&place| widths[place]);
        let Some(place) = widest else { return };
        widths[place] = widths[place].saturating_sub(excess).max(least(place));
    }
}

/// Gives free text what room is left, the first column first.
fn grow_prose(table: &Table, shown: &[usize], widths: &mut [usize], limit: usize) {
    for place in 0..widths.len() {
        let index = shown[place];
        if table.columns[index].limit < usize::MAX {
            let whole = table.rows.iter().map(|row| width(&row[index])).max().unwrap_or(0);
            let room = limit.saturating_sub(total(widths));
            widths[place] += whole.saturating_sub(widths[place]).min(room);
        }
    }
}

/// How many columns fit side by side; one in any case.
fn fitting(widths: &[usize], limit: usize) -> usize {
    (1..=widths.len()).rev().find(|&count| total(&widths[..count]) <= limit).unwrap_or(widths.len().min(1))
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>().saturating_add(GAP.len() * widths.len().saturating_sub(1))
}

fn line<'a>(
    table: &Table,
    text: &mut String,
    shown: &[usize],
    widths: &[usize],
    cells: impl Iterator<Item = &'a str>,
) {
    let start = text.len();
    for ((cell, &index), &column_width) in cells.zip(shown).zip(widths) {
        if text.len() > start {
            text.push_str(GAP);
        }
        let column = &table.columns[index];
        let cell = if column.limit < usize::MAX { ellipsis(cell, column_width) } else { cell.to_owned() };
        let padding = " ".repeat(column_width.saturating_sub(width(&cell)));
        match column.align {
            Align::Left => text.extend([cell.as_str(), &padding]),
            Align::Right => text.extend([padding.as_str(), &cell]),
        }
    }
    text.truncate(text.trim_end_matches(' ').len());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invoices() -> Table {
        let mut table =
            Table::default().text("CREATED").text("INVOICE").prose("WHY", 60).number("DUE").text("MODE");
        let why = "the customer's bank refused the payment for want of money".to_owned();
        table.row([
            "2026-11-21 08:00:00Z".to_owned(),
            "in_1PgafuB7WZ01zgkWXYmPNZs8".to_owned(),
            why,
            "12.00 USD".to_owned(),
            "live".to_owned(),
        ]);
        table.row([
            "2026-11-22 08:00:00Z".to_owned(),
            "in_2PgafuB7WZ01zgkWXYmPNZs8".to_owned(),
            String::new(),
            "1,300 JPY".to_owned(),
            String::new(),
        ]);
        table
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_no_id_is_cut() {
        for limit in 40..140 {
            let text = titled(&invoices(), Some(limit));
            for id in ["in_1PgafuB7WZ01zgkWXYmPNZs8", "in_2PgafuB7WZ01zgkWXYmPNZs8", "1,300 JPY", "live"] {
                assert!(text.contains(id), "{id} is cut at {limit}:\n{text}");
            }
            assert!(text.lines().all(|line| width(line) <= limit), "{limit}:\n{text}");
        }
    }

    #[test]
    fn free_text_is_cut_before_columns_move_below() {
        let text = titled(&invoices(), Some(90));
        assert!(text.lines().count() == 3 && text.contains('…'), "{text}");
        let narrow = titled(&invoices(), Some(60));
        assert!(narrow.lines().nth(2).is_some_and(|line| line.starts_with("    WHY ")), "{narrow}");
        assert!(narrow.contains("MODE live"), "{narrow}");
    }

    #[test]
    fn without_a_terminal_nothing_is_cut() {
        let mut table = Table::default().text("ID").prose("WHY", 8).text("BY");
        table.row(["evt_1", "the body does not parse", "jane"].map(str::to_owned));
        assert_eq!(titled(&table, None).lines().last(), Some("evt_1  the body does not parse  jane"));
        assert_eq!(bare(&table, None), "evt_1  the body does not parse  jane\n");
        assert!(bare(&table, Some(80)).contains("the bod…"));
        assert_eq!(titled(&invoices(), None).lines().count(), 3);
    }

    #[test]
    fn letters_that_take_two_columns_are_counted_as_two() {
        let mut table = Table::default().text("NAME").text("ID");
        table.row(["山田".to_owned(), "1".to_owned()]);
        table.row(["Jane".to_owned(), "2".to_owned()]);
        table.row(["e\u{301}ric".to_owned(), "3".to_owned()]);
        assert_eq!(titled(&table, None), "NAME  ID\n山田  1\nJane  2\ne\u{301}ric  3\n");
        assert_eq!(ellipsis("山田太郎", 5), "山田…");
    }

    #[test]
    fn long_values_are_wrapped_below_themselves() {
        let mut table = Table::default().text("").prose("", 400);
        table.row(["reason".to_owned(), "word ".repeat(30).trim_end().to_owned()]);
        table.row(["id".to_owned(), "in_1".to_owned()]);
        let text = bare(&table, Some(60));
        assert!(text.lines().count() > 3 && text.lines().all(|line| width(line) <= 60), "{text}");
        assert!(text.lines().nth(1).is_some_and(|line| line.starts_with("        word")), "{text}");
        assert_eq!(text.split_whitespace().filter(|word| *word == "word").count(), 30);
        assert_eq!(bare(&table, None).lines().count(), 2);
    }

    #[test]
    fn free_text_takes_the_room_that_a_wide_terminal_has() {
        let mut table = Table::default().text("ID").prose("WHY", 8).text("BY");
        table.row(["evt_1", "the body does not parse", "jane"].map(str::to_owned));
        let lines = |terminal| titled(&table, terminal).lines().last().unwrap().to_owned();
        assert_eq!(lines(Some(80)), "evt_1  the body does not parse  jane");
        assert_eq!(lines(Some(30)), "evt_1  the body does no…  jane");
    }
}
