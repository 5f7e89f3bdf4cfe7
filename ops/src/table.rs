//! Tables for people: aligned columns without frames, never wider than the terminal. Stored text is stripped of
//! control characters, so that it cannot manipulate a terminal.

mod fit;

use unicode_width::UnicodeWidthStr;

use crate::terminal;

const GAP: &str = "  ";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Align {
    Left,
    Right,
}

struct Column {
    title: &'static str,
    align: Align,
    limit: usize,
}

/// Columns are described first, rows follow; a column that is empty in every row is left out.
#[derive(Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn text(self, title: &'static str) -> Self {
        self.column(title, Align::Left, usize::MAX)
    }

    pub fn number(self, title: &'static str) -> Self {
        self.column(title, Align::Right, usize::MAX)
    }

    /// Free text: at a terminal it is cut with an ellipsis where it is longer and there is no room for more. Ids are never
    /// cut: people copy them.
    pub fn prose(self, title: &'static str, limit: usize) -> Self {
        self.column(title, Align::Left, limit)
    }

    fn column(mut self, title: &'static str, align: Align, limit: usize) -> Self {
        self.columns.push(Column { title, align, limit });
        self
    }

    /// One row, a cell for each column.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        assert_eq!(N, self.columns.len(), "a row has a cell for each column");
        self.rows.push(cells.into_iter().map(|cell| clean(&cell)).collect());
    }

    /// Leaves columns out, where the page around the table says the same.
    pub fn without(mut self, titles: &[&str]) -> Self {
        let kept: Vec<bool> = self.columns.iter().map(|column| !titles.contains(&column.title)).collect();
        let mut places = kept.iter();
        self.columns.retain(|_| places.next() == Some(&true));
        for row in &mut self.rows {
            let mut places = kept.iter();
            row.retain(|_| places.next() == Some(&true));
        }
        self
    }

    /// The lines, each ended, with the titles first. What does not fit the terminal goes below its row.
    pub fn render(&self) -> String {
        fit::titled(self, terminal::width())
    }

    /// The lines without the titles, for short lists of names and values. Long values are wrapped.
    pub fn render_bare(&self) -> String {
        fit::bare(self, terminal::width())
    }

    /// A cell; at a terminal free text is no longer than its limit.
    fn cell(&self, row: &[String], index: usize, terminal: Option<usize>) -> String {
        terminal.map_or_else(|| row[index].clone(), |_| ellipsis(&row[index], self.columns[index].limit))
    }

    /// The columns that have something in them.
    fn shown(&self) -> Vec<usize> {
        (0..self.columns.len()).filter(|&index| self.rows.iter().any(|row| !row[index].is_empty())).collect()
    }
}

/// Words in lines of limited width, indented.
pub fn filled(indent: &str, words: &[&str]) -> String {
    filled_within(indent, words, terminal::line_limit())
}

fn filled_within(indent: &str, words: &[&str], limit: usize) -> String {
    let (mut text, mut line) = (String::new(), String::new());
    for word in words {
        if !line.is_empty() && width(indent) + width(&line) + 1 + width(word) > limit {
            text.extend([indent, &line, "\n"]);
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    text.extend([indent, &line, "\n"]);
    text
}

/// Without what moves cursors, rings bells or reorders letters.
pub fn clean(text: &str) -> String {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if harmful(c) { '\u{fffd}' } else { c }).collect()
}

/// In columns of the terminal: a letter of Chinese takes two, a combining accent none.
fn width(text: &str) -> usize {
    text.width()
}

fn ellipsis(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        if width(&kept) + width(letter.encode_utf8(&mut [0; 4])) + 1 > limit {
            break;
        }
        kept.push(letter);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells<const N: usize>(cells: [&str; N]) -> [String; N] {
        cells.map(str::to_owned)
    }

    #[test]
    fn columns_are_aligned_and_lines_have_no_trailing_blanks() {
        let mut table = Table::default().text("ID").number("COUNT").text("NOTE");
        table.row(cells(["evt_1", "5", "né"]));
        table.row(cells(["evt_22", "1,234", ""]));
        assert_eq!(table.render(), "ID      COUNT  NOTE\nevt_1       5  né\nevt_22  1,234\n");
    }

    #[test]
    fn a_column_without_content_is_left_out() {
        let mut table = Table::default().text("ID").text("ACCOUNT").text("TYPE");
        table.row(cells(["a", "", "x"]));
        assert_eq!(table.render(), "ID  TYPE\na   x\n");
    }

    #[test]
    fn columns_that_the_page_says_already_can_be_left_out() {
        let mut table = Table::default().text("ID").text("MODE").text("TYPE");
        table.row(cells(["a", "live", "x"]));
        assert_eq!(table.without(&["MODE"]).render(), "ID  TYPE\na   x\n");
    }

    #[test]
    fn prose_is_cut_and_ids_are_not() {
        let mut table = Table::default().text("ID").prose("WHY", 8);
        table.row(cells(["evt_123456789", "the body does not parse"]));
        assert_eq!(fit::bare(&table, Some(80)), "evt_123456789  the bod…\n");
    }

    #[test]
    fn words_fill_lines_and_are_never_cut() {
        let long = "x".repeat(120);
        let text = filled("  ", &["aaaa"; 30].into_iter().chain([long.as_str()]).collect::<Vec<_>>());
        assert!(text.lines().all(|line| line.len() <= 100 || line.trim() == long), "{text}");
        assert_eq!(text.split_whitespace().count(), 31);
    }

    #[test]
    fn stored_text_cannot_play_with_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\nc\u{202e}d"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
    }
}
