//! A list as a spreadsheet gets it: every row that the filters of a page let through, in the columns of the command
//! line.

use chrono::{DateTime, Utc};
use desk::csv::{self, Column};
use desk::sheets;
use desk::views::dispute_list::{DisputeQuery, read_list};
use ledger::views::lists::PaymentFilter;
use ledger::views::page::{Page, Part, Place};
use ledger::views::stored_events::EventFilter;
use ledger::{Ledger, LedgerError};

/// So many rows are read at a time.
const PAGE: i64 = 500;
/// So many fit into one sheet.
pub const SHEET_LIMIT_ROWS: usize = 50_000;

pub enum List {
    Payments(PaymentFilter),
    Disputes(DisputeQuery),
    Events(EventFilter),
}

/// Lines of a sheet, how many, and where the list goes on.
type Lines = (String, usize, Option<Place>);

impl List {
    /// `None` where it has more rows than fit.
    pub async fn sheet(&self, ledger: &Ledger, now: DateTime<Utc>) -> Result<Option<String>, LedgerError> {
        let mut text = match self {
            Self::Payments(_) => csv::head(sheets::payments::COLUMNS),
            Self::Disputes(_) => csv::head(sheets::disputes::COLUMNS),
            Self::Events(_) => csv::head(sheets::events::COLUMNS),
        };
        let (mut part, mut rows) = (Part::first(PAGE), 0);
        loop {
            let (lines, count, next) = self.lines(ledger, &part, now).await?;
            text.push_str(&lines);
            rows += count;
            match next {
                None => return Ok(Some(text)),
                Some(_) if rows >= SHEET_LIMIT_ROWS => return Ok(None),
                after => part = Part { after, limit: PAGE },
            }
        }
    }

    async fn lines(&self, ledger: &Ledger, part: &Part, now: DateTime<Utc>) -> Result<Lines, LedgerError> {
        let mut tx = ledger.read().await?;
        Ok(match self {
            Self::Payments(filter) => written(sheets::payments::COLUMNS, tx.payments(filter, part).await?),
            Self::Disputes(query) => {
                written(sheets::disputes::COLUMNS, read_list(ledger, &mut tx, query, part, now).await?)
            }
            Self::Events(filter) => written(sheets::events::COLUMNS, tx.events(filter, part).await?),
        })
    }
}

fn written<T>(columns: &[Column<T>], page: Page<T>) -> Lines {
    let lines = page.rows.iter().map(|row| csv::row(columns, row)).collect();
    (lines, page.rows.len(), page.next)
}
