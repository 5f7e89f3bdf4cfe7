//! Reports about a past period, written to a folder: key figures, lists as CSV of any size, a page to print, and a
//! manifest with the hash of each file and the head of the audit. The same ledger and period give the same bytes.

mod folder;
mod manifest;
mod page;
mod period;
mod plot;

use std::io;
use std::path::{Path, PathBuf};

use ledger::views::kpi::{Scope, Stretch};
use ledger::views::lists::{DisputeFilter, FailureFilter, InvoiceFilter, PaymentFilter, RefundFilter};
use ledger::views::page::{Page, Part};
use ledger::views::search::{Whose, Window};
use ledger::views::stored_events::EventFilter;
use ledger::{Ledger, LedgerError, Transaction};

pub use self::manifest::{Difference, FileEntry, Manifest, verify};
pub use self::period::{Period, ReportKind, WrongPeriod};

use self::folder::Folder;
use crate::csv::{self, Column};
use crate::sheets;
use crate::views::dispute_list::{DisputeQuery, read_list};
use crate::views::failed_attempts;
use crate::views::kpi::{self, KpiQuery, Kpis, Step};

/// So many rows are in memory at a time.
const ROWS_AT_ONCE: i64 = 500;
/// With how many periods before it a week is compared.
const WEEKS_COMPARED: i32 = 4;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("{} already holds something: name a new or an empty folder", .0.display())]
    NotEmpty(PathBuf),
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the manifest in {} cannot be read: {fault}", .path.display())]
    Manifest { path: PathBuf, fault: String },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Writes a report, all of it from one state of the ledger.
pub async fn write(
    ledger: &Ledger,
    kind: ReportKind,
    period: Period,
    scope: &Scope,
    folder: &Path,
) -> Result<Manifest, ReportError> {
    let mut folder = Folder::begin(folder)?;
    let mut tx = ledger.read().await?;
    let step = if period.hours() <= 48 { Step::Hour } else { Step::Day };
    let query = |stretch, step| KpiQuery { stretch, step, scope: scope.clone() };
    let kpis = kpi::read(&mut tx, &query(period.stretch(), step)).await?;
    let mut before = Vec::new();
    if kind == ReportKind::Week {
        for weeks in 1..=WEEKS_COMPARED {
            before.push(kpi::read(&mut tx, &query(period.earlier(weeks), Step::Whole)).await?);
        }
    }
    folder.json("kpis.json", &kpis)?;
    if !before.is_empty() {
        folder.json("weeks-before.json", &before)?;
    }
    let lists = Lists { ledger, scope, stretch: period.stretch() };
    lists.write(&mut tx, kind, &mut folder).await?;
    folder.text("report.html", &page::html(kind, period, &kpis, &before, folder.entries()))?;
    let head = tx.last_seal().await?;
    let manifest = Manifest::of(kind, period, scope, head.as_ref(), folder.entries());
    folder.finish(&manifest)?;
    Ok(manifest)
}

/// What the lists of a report have in common.
struct Lists<'a> {
    ledger: &'a Ledger,
    scope: &'a Scope,
    stretch: Stretch,
}

impl Lists<'_> {
    async fn write(
        &self,
        tx: &mut Transaction,
        kind: ReportKind,
        folder: &mut Folder,
    ) -> Result<(), ReportError> {
        if kind == ReportKind::Kpi {
            return Ok(());
        }
        let (whose, window) = (self.whose(), self.window());
        if kind == ReportKind::Incident {
            let Stretch { from, until } = self.stretch;
            let events = EventFilter {
                since: Some(from),
                until: Some(until),
                account: whose.account.clone(),
                livemode: whose.livemode,
                ..EventFilter::default()
            };
            let read = async |tx: &mut Transaction, part: &Part| tx.events(&events, part).await;
            sheet(tx, folder, "events.csv", sheets::events::COLUMNS, read).await?;
        }
        if kind != ReportKind::Month {
            let payments = PaymentFilter { window, whose: whose.clone(), ..PaymentFilter::default() };
            let read = async |tx: &mut Transaction, part: &Part| tx.payments(&payments, part).await;
            sheet(tx, folder, "payments.csv", sheets::payments::COLUMNS, read).await?;
            let failures = FailureFilter { window, whose: whose.clone(), ..FailureFilter::default() };
            let read = async |tx: &mut Transaction, part: &Part| {
                failed_attempts::read_page(tx, &failures, part).await
            };
            sheet(tx, folder, "failures.csv", sheets::failures::COLUMNS, read).await?;
        }
        let invoices = InvoiceFilter { window, whose: whose.clone(), ..InvoiceFilter::default() };
        let read = async |tx: &mut Transaction, part: &Part| tx.invoices(&invoices, part).await;
        sheet(tx, folder, "invoices.csv", sheets::invoices::COLUMNS, read).await?;
        let refunds = RefundFilter { window, whose: whose.clone(), ..RefundFilter::default() };
        let read = async |tx: &mut Transaction, part: &Part| tx.refunds(&refunds, part).await;
        sheet(tx, folder, "refunds.csv", sheets::refunds::COLUMNS, read).await?;
        let filter = DisputeFilter { resolved_too: true, window, whose, ..DisputeFilter::default() };
        let disputes = DisputeQuery { filter, invoice: None, user: None };
        // What is overdue is judged at the end of the period, not at the moment of printing.
        let read = async |tx: &mut Transaction, part: &Part| {
            read_list(self.ledger, tx, &disputes, part, self.stretch.until).await
        };
        sheet(tx, folder, "disputes.csv", sheets::disputes::COLUMNS, read).await
    }

    fn whose(&self) -> Whose {
        Whose { account: self.scope.account.clone(), livemode: Some(self.scope.livemode) }
    }

    fn window(&self) -> Window {
        Window { since: Some(self.stretch.from), until: Some(self.stretch.until) }
    }
}

/// Streams a list into a file, a page at a time.
async fn sheet<T>(
    tx: &mut Transaction,
    folder: &mut Folder,
    name: &'static str,
    columns: &[Column<T>],
    read: impl AsyncFn(&mut Transaction, &Part) -> Result<Page<T>, LedgerError>,
) -> Result<(), ReportError> {
    let mut file = folder.begin_list(name)?;
    file.write(&csv::head(columns))?;
    let mut part = Part { after: None, limit: ROWS_AT_ONCE };
    loop {
        let page = read(tx, &part).await?;
        for row in &page.rows {
            file.write_row(&csv::row(columns, row))?;
        }
        let Some(next) = page.next else { break };
        part.after = Some(next);
    }
    let entry = file.end()?;
    folder.add(entry);
    Ok(())
}

/// Each week before, and how the week stands against their mean.
fn change(now: Option<f64>, before: &[Kpis], of: impl Fn(&Kpis) -> Option<f64>) -> Option<(f64, f64)> {
    let known: Vec<f64> = before.iter().filter_map(of).collect();
    let count = u32::try_from(known.len()).ok().filter(|count| *count > 0)?;
    let mean = known.iter().sum::<f64>() / f64::from(count);
    Some((mean, now? - mean))
}
