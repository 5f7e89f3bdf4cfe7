//! Comma-separated values, as spreadsheets read them (RFC 4180). A text that a spreadsheet would take for a formula
//! begins with an apostrophe: what it says was written by others.

use chrono::{DateTime, SecondsFormat, Utc};

/// How a formula begins, or white space that some spreadsheets skip before one; also in the wide letters of Asian keyboards.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A column: its name beside what stands in it.
pub type Column<T> = (&'static str, fn(&T) -> String);

/// The first line, with the names of the columns.
pub fn head<T>(columns: &[Column<T>]) -> String {
    line(columns.iter().map(|(name, _)| *name))
}

/// The line of one row.
pub fn row<T>(columns: &[Column<T>], row: &T) -> String {
    let cells: Vec<String> = columns.iter().map(|(_, cell)| cell(row)).collect();
    line(cells.iter().map(String::as_str))
}

/// One line.
pub fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            text.push(',');
        }
        if cell.contains(['"', ',', '\n', '\r']) {
            text.extend(["\"", &cell.replace('"', "\"\""), "\""]);
        } else {
            text.push_str(cell);
        }
    }
    text.push('\n');
    text
}

/// A text that came from outside.
pub fn text(text: impl AsRef<str>) -> String {
    let text = text.as_ref();
    if text.starts_with(FORMULA) { format!("'{text}") } else { text.to_owned() }
}

/// The same, or nothing.
pub fn maybe(value: Option<impl AsRef<str>>) -> String {
    value.map(text).unwrap_or_default()
}

pub fn time(moment: Option<DateTime<Utc>>) -> String {
    moment.map(|moment| moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)).unwrap_or_default()
}

/// `live` or `test`.
pub fn mode(livemode: bool) -> String {
    if livemode { "live" } else { "test" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_split_a_line_is_quoted() {
        assert_eq!(
            line(["a", "b,c", "say \"no\"", "", "two\nlines"].into_iter()),
            "a,\"b,c\",\"say \"\"no\"\"\",,\"two\nlines\"\n"
        );
    }

    #[test]
    fn no_text_is_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@x", "\t=1", "\n=1", "＝1+1"] {
            assert_eq!(text(formula), format!("'{formula}"));
        }
        assert_eq!((text("in_1").as_str(), maybe(None::<&str>).as_str()), ("in_1", ""));
        assert_eq!(time(DateTime::from_timestamp(0, 0)), "1970-01-01T00:00:00Z");
    }
}
