//! A list as a spreadsheet gets it: every row that the filters of a page let through, in the columns of the command
//! line. It is read while it is sent, a page at a time, so its length is no limit.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use desk::csv::{self, Column};
use desk::sheets::{self, desk_records};
use desk::views::ban::ListedBan;
use desk::views::dispute_list::{DisputeQuery, read_list};
use desk::views::failed_attempts;
use ledger::views::audit_list::AuditFilter;
use ledger::views::lists::{
    BanFilter, FailureFilter, FindingFilter, InvoiceFilter, OperationFilter, PaymentFilter, PayoutFilter,
    RefundFilter,
};
use ledger::views::page::{Page, Part as PageOfList, Place};
use ledger::views::stored_events::EventFilter;
use ledger::{Ledger, LedgerError};
use marketplace::sheet;
use marketplace::view::ListingFilter;
use tokio::sync::mpsc::Sender;

use crate::Console;
use crate::response_body::{Part, ResponseBody};

/// So many rows are in memory at a time.
const ROWS_AT_ONCE: i64 = 500;

/// Which list, by the filters of its page.
pub enum List {
    Payments(Box<PaymentFilter>),
    Failures(FailureFilter),
    Refunds(RefundFilter),
    Invoices(InvoiceFilter),
    Payouts(PayoutFilter),
    Disputes(DisputeQuery),
    Bans(BanFilter),
    Findings(Box<FindingFilter>),
    Events(EventFilter),
    Listings(ListingFilter),
    Operations(Box<OperationFilter>),
    Acts(AuditFilter),
}

/// A list whose beginning has been read: that the ledger cannot be read is said before anything is sent.
pub struct Sheet {
    list: List,
    begun: String,
    next: Option<Place>,
    now: DateTime<Utc>,
}

impl List {
    pub async fn begin(self, ledger: &Ledger, now: DateTime<Utc>) -> Result<Sheet, LedgerError> {
        let head = match &self {
            Self::Payments(_) => csv::head(sheets::payments::COLUMNS),
            Self::Failures(_) => csv::head(sheets::failures::COLUMNS),
            Self::Refunds(_) => csv::head(sheets::refunds::COLUMNS),
            Self::Invoices(_) => csv::head(sheets::invoices::COLUMNS),
            Self::Payouts(_) => csv::head(sheets::payouts::COLUMNS),
            Self::Disputes(_) => csv::head(sheets::disputes::COLUMNS),
            Self::Bans(_) => csv::head(sheets::bans::COLUMNS),
            Self::Findings(_) => csv::head(sheets::findings::COLUMNS),
            Self::Events(_) => csv::head(sheets::events::COLUMNS),
            Self::Listings(_) => csv::head(sheet::COLUMNS),
            Self::Operations(_) => csv::head(desk_records::OPERATIONS),
            Self::Acts(_) => csv::head(desk_records::ACTS),
        };
        let (lines, next) = self.lines(ledger, None, now).await?;
        Ok(Sheet { list: self, begun: head + &lines, next, now })
    }

    async fn lines(
        &self,
        ledger: &Ledger,
        after: Option<Place>,
        now: DateTime<Utc>,
    ) -> Result<(String, Option<Place>), LedgerError> {
        let part = &PageOfList { after, limit: ROWS_AT_ONCE };
        let mut tx = ledger.read().await?;
        Ok(match self {
            Self::Payments(filter) => written(sheets::payments::COLUMNS, tx.payments(filter, part).await?),
            Self::Failures(filter) => {
                written(sheets::failures::COLUMNS, failed_attempts::read_page(&mut tx, filter, part).await?)
            }
            Self::Refunds(filter) => written(sheets::refunds::COLUMNS, tx.refunds(filter, part).await?),
            Self::Invoices(filter) => written(sheets::invoices::COLUMNS, tx.invoices(filter, part).await?),
            Self::Payouts(filter) => written(sheets::payouts::COLUMNS, tx.payouts(filter, part).await?),
            Self::Disputes(query) => {
                written(sheets::disputes::COLUMNS, read_list(ledger, &mut tx, query, part, now).await?)
            }
            Self::Bans(filter) => {
                written(sheets::bans::COLUMNS, ListedBan::read_list(&mut tx, filter, part, now).await?)
            }
            Self::Findings(filter) => {
                written(sheets::findings::COLUMNS, tx.findings(filter, part, now).await?)
            }
            Self::Operations(filter) => written(desk_records::OPERATIONS, tx.operations(filter, part).await?),
            Self::Acts(filter) => written(desk_records::ACTS, tx.audit_lines(filter, part).await?),
            Self::Events(filter) => written(sheets::events::COLUMNS, tx.events(filter, part).await?),
            Self::Listings(filter) => {
                written(sheet::COLUMNS, marketplace::view::list(&mut tx, filter, part, now).await?)
            }
        })
    }
}

fn written<T>(columns: &[Column<T>], page: Page<T>) -> (String, Option<Place>) {
    (page.rows.iter().map(|row| csv::row(columns, row)).collect(), page.next)
}

impl Sheet {
    pub fn name(&self) -> String {
        let what = match self.list {
            List::Payments(_) => "payments",
            List::Failures(_) => "failed-attempts",
            List::Refunds(_) => "refunds",
            List::Invoices(_) => "invoices",
            List::Payouts(_) => "payouts",
            List::Disputes(_) => "disputes",
            List::Bans(_) => "bans",
            List::Findings(_) => "findings",
            List::Events(_) => "events",
            List::Listings(_) => "listings",
            List::Operations(_) => "operations",
            List::Acts(_) => "audit",
        };
        format!("{what}-{}.csv", self.now.format("%Y-%m-%d"))
    }

    /// Sends it. `None` where too many lists are being sent already.
    pub(crate) fn send(self, console: &Arc<Console>) -> Option<ResponseBody> {
        let place = Arc::clone(&console.exports).try_acquire_owned().ok()?;
        let (sender, body) = ResponseBody::stream();
        let ledger = console.ledger.clone();
        console.tasks.spawn(async move {
            let _place = place;
            if let Err(error) = self.write(&ledger, &sender).await {
                tracing::warn!(error = shared::telemetry::told(&error), "a list was not sent to its end");
            }
        });
        Some(body)
    }

    async fn write(self, ledger: &Ledger, sender: &Sender<Part>) -> Result<(), LedgerError> {
        let Self { list, begun, mut next, now } = self;
        let mut text = begun;
        loop {
            // Whoever asked may have gone.
            if sender.send(Part::Bytes(Bytes::from(text))).await.is_err() {
                return Ok(());
            }
            if next.is_none() {
                drop(sender.send(Part::End).await);
                return Ok(());
            }
            (text, next) = list.lines(ledger, next, now).await?;
        }
    }
}
