//! What all lists have in common: one page as a table or as JSON with the command that shows the next, or every
//! matching row as CSV, a page at a time.

use chrono::{DateTime, Utc};
use ledger::views::page::{Page, Place};
use serde::Serialize;

use crate::cli::{PageOptions, Shape};
use crate::failure::wrongly_called;
use crate::table::{Table, clean};
use crate::{csv, output};

const DEFAULT_LIMIT: i64 = 50;
const LIMIT: i64 = 10_000;
/// So many rows of CSV are in memory at a time.
const CSV_PAGE: i64 = 500;

/// A column of CSV: its name beside what stands in it.
pub type Column<T> = (&'static str, fn(&T) -> String);

/// How a list of these is shown.
pub struct Listing<'a, T> {
    /// What one of them is called.
    pub what: &'static str,
    /// Whether the caller asked for some of them only.
    pub is_filtered: bool,
    pub ledger: String,
    pub table: fn(&[T], DateTime<Utc>) -> Table,
    pub columns: &'a [Column<T>],
}

/// The form of `--json`.
#[derive(Serialize)]
struct Document<'a, T> {
    items: &'a [T],
    /// For `--after`; `null` where this is the last page.
    next: Option<String>,
}

pub async fn show<T: Serialize>(
    (options, shape): (&PageOptions, &Shape),
    listing: &Listing<'_, T>,
    now: DateTime<Utc>,
    read: impl AsyncFn(Option<Place>, i64) -> anyhow::Result<Page<T>>,
) -> anyhow::Result<()> {
    if options.csv {
        return write_csv(options, listing.columns, read).await;
    }
    let limit = options.limit.unwrap_or(DEFAULT_LIMIT);
    if limit > LIMIT {
        return Err(wrongly_called(format!("--limit: at most {LIMIT} at a time; --csv has no such limit")));
    }
    let Page { rows, next } = read(options.after.clone(), limit).await?;
    if shape.json {
        return output::print_json(&Document { items: &rows, next: next.map(|next| next.to_string()) });
    }
    if rows.is_empty() {
        if options.after.is_some() {
            output::remark("that was the last page");
        } else {
            output::nothing(listing.what, &listing.ledger, listing.is_filtered);
        }
        return Ok(());
    }
    output::print(&(listing.table)(&rows, now).render())?;
    if let Some(next) = next {
        let command = following(&output::me(), std::env::args().skip(1), &next);
        output::remark(&format!("the first {}; for more:\n  {command}", rows.len()));
    }
    Ok(())
}

async fn write_csv<T>(
    options: &PageOptions,
    columns: &[Column<T>],
    read: impl AsyncFn(Option<Place>, i64) -> anyhow::Result<Page<T>>,
) -> anyhow::Result<()> {
    let (mut left, mut after) = (options.limit.unwrap_or(i64::MAX), options.after.clone());
    let mut text = csv::line(columns.iter().map(|(name, _)| *name));
    loop {
        let page = read(after, left.min(CSV_PAGE)).await?;
        for row in &page.rows {
            let cells: Vec<String> = columns.iter().map(|(_, cell)| cell(row)).collect();
            text.push_str(&csv::line(cells.iter().map(String::as_str)));
        }
        output::print(&text)?;
        text.clear();
        left = left.saturating_sub(i64::try_from(page.rows.len()).unwrap_or(i64::MAX));
        after = page.next;
        if after.is_none() || left == 0 {
            return Ok(());
        }
    }
}

/// The command that was called, with the place where its next page begins.
fn following(me: &str, arguments: impl Iterator<Item = String>, next: &Place) -> String {
    let (mut command, mut is_value) = (me.to_owned(), false);
    for argument in arguments {
        let is_place = std::mem::replace(&mut is_value, argument == "--after");
        if !is_place && !is_value && !argument.starts_with("--after=") {
            command.extend([" ", &quoted(&argument)]);
        }
    }
    format!("{command} --after {next}")
}

/// As a shell takes it for one word.
pub fn quoted(argument: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !argument.is_empty() && argument.bytes().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", clean(argument).replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_the_same_command_with_another_place() {
        let next = Place::default();
        let called = |arguments: &[&str]| {
            following("tidegate", arguments.iter().map(|argument| (*argument).to_owned()), &next)
        };
        let expected = format!("tidegate events list --type 'invoice.*' --after {next}");
        assert_eq!(called(&["events", "list", "--type", "invoice.*"]), expected);
        assert_eq!(called(&["events", "list", "--after", "1.l.a.b.", "--type", "invoice.*"]), expected);
        assert_eq!(called(&["events", "list", "--type", "invoice.*", "--after=1.l.a.b."]), expected);
        assert_eq!(called(&["x", "it's"]), format!("tidegate x 'it'\\''s' --after {next}"));
    }
}
