//! What all lists have in common: one page as a table or as JSON with the command that shows the next, or every
//! matching row as CSV, a page at a time.

use chrono::{DateTime, Utc};
pub use desk::csv::Column;
use ledger::views::page::{Page, Part, Place};
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

use crate::cli::{PageOptions, Shape};
use crate::failure::wrongly_called;
use crate::table::{Table, clean};
use crate::{csv, open, output};

const DEFAULT_LIMIT: i64 = 50;
const LIMIT: i64 = 10_000;
/// So many rows of CSV are in memory at a time.
const CSV_PAGE: i64 = 500;
/// Why a list is empty can be seen from the events.
pub const SEE_EVENTS: &str = "events list` shows what has arrived";

/// How a list of these is shown.
pub struct Listing<'a, T> {
    /// What one of them is called.
    what: &'a str,
    table: fn(&[T], DateTime<Utc>) -> Table,
    columns: &'a [Column<T>],
    /// Whether the caller asked for some of them only.
    is_filtered: bool,
    /// What to do where there is none yet.
    first: &'a str,
}

impl<'a, T> Listing<'a, T> {
    pub fn of(what: &'a str, table: fn(&[T], DateTime<Utc>) -> Table, columns: &'a [Column<T>]) -> Self {
        Self { what, table, columns, is_filtered: false, first: SEE_EVENTS }
    }

    pub fn filtered(self, is_filtered: bool) -> Self {
        Self { is_filtered, ..self }
    }

    /// What to do about an empty list, instead of looking at the events: a command and what it does.
    pub fn begun_by(self, first: &'a str) -> Self {
        Self { first, ..self }
    }
}

/// The form of `--json`.
#[derive(Serialize)]
struct Document<'a, T> {
    items: &'a [T],
    /// For `--after`; `null` where this is the last page.
    next: Option<String>,
}

/// Reads what was asked for, shows it and closes the ledger.
pub async fn show<T: Serialize>(
    ledger: &Ledger,
    (options, shape): (&PageOptions, &Shape),
    listing: &Listing<'_, T>,
    now: DateTime<Utc>,
    read: impl AsyncFn(&mut Transaction, &Part) -> Result<Page<T>, LedgerError>,
) -> anyhow::Result<()> {
    let page =
        async |part: Part| open::answer(ledger, async { read(&mut ledger.read().await?, &part).await }).await;
    let shown = if options.csv {
        write_csv(options, listing.columns, page).await
    } else {
        show_page(ledger, (options, shape), listing, now, page).await
    };
    ledger.close().await;
    shown
}

async fn show_page<T: Serialize>(
    ledger: &Ledger,
    (options, shape): (&PageOptions, &Shape),
    listing: &Listing<'_, T>,
    now: DateTime<Utc>,
    page: impl AsyncFn(Part) -> anyhow::Result<Page<T>>,
) -> anyhow::Result<()> {
    let limit = options.limit.unwrap_or(DEFAULT_LIMIT);
    if limit > LIMIT {
        return Err(wrongly_called(format!("--limit: at most {LIMIT} at a time; --csv has no such limit")));
    }
    let Page { rows, next } = page(Part { after: options.after.clone(), limit }).await?;
    if shape.json {
        return output::print_json(&Document { items: &rows, next: next.map(|next| next.to_string()) });
    }
    if rows.is_empty() {
        if options.after.is_some() {
            output::remark("that was the last page");
        } else {
            output::nothing(listing.what, &ledger.shown(), listing.is_filtered, listing.first);
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
    page: impl AsyncFn(Part) -> anyhow::Result<Page<T>>,
) -> anyhow::Result<()> {
    let (mut left, mut after) = (options.limit.unwrap_or(i64::MAX), options.after.clone());
    let mut text = csv::head(columns);
    loop {
        let page = page(Part { after, limit: left.min(CSV_PAGE) }).await?;
        for row in &page.rows {
            text.push_str(&csv::row(columns, row));
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
