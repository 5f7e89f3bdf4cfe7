//! Reports about a past period, written to a folder: key figures, lists as CSV of any size, a page to print, and a
//! manifest with the hash of each file and the head of the audit. The same ledger and period give the same bytes.

mod archive;
mod folder;
mod lists;
mod manifest;
mod page;
mod period;
mod plot;

use std::io;
use std::path::{Path, PathBuf};

use ledger::views::kpi::Scope;
use ledger::{Ledger, LedgerError, Transaction};

pub use self::archive::archive;
pub(crate) use self::manifest::sha256_of;
pub use self::manifest::{Compared, FileEntry, Manifest, verify};
pub use self::period::{Period, ReportKind, WrongPeriod};

use self::folder::Folder;
use self::lists::Lists;
use crate::audit_key::AuditKey;
use crate::views::kpi::{self, KpiQuery, Kpis, Step};

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
    key: Option<&AuditKey>,
) -> Result<Manifest, ReportError> {
    let mut folder = Folder::begin(folder)?;
    let mut tx = ledger.read().await?;
    let lists = Lists { ledger, scope, stretch: period.stretch() };
    if kind == ReportKind::Support {
        // It leaves the house: no figures of the business.
        lists.write(&mut tx, kind, &mut folder).await?;
        folder.text("report.html", &page::of_files(kind, period, scope.livemode, folder.entries()))?;
        return finish(&mut tx, kind, period, scope, folder, key).await;
    }
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
    lists.write(&mut tx, kind, &mut folder).await?;
    folder.text("report.html", &page::html(kind, period, &kpis, &before, folder.entries()))?;
    finish(&mut tx, kind, period, scope, folder, key).await
}

async fn finish(
    tx: &mut Transaction,
    kind: ReportKind,
    period: Period,
    scope: &Scope,
    folder: Folder,
    key: Option<&AuditKey>,
) -> Result<Manifest, ReportError> {
    let head = tx.last_seal().await?;
    let manifest = Manifest::of(kind, period, scope, head.as_ref(), folder.entries(), key);
    folder.finish(&manifest, key)?;
    Ok(manifest)
}

/// Each week before, and how the week stands against their mean.
fn change(now: Option<f64>, before: &[Kpis], of: impl Fn(&Kpis) -> Option<f64>) -> Option<(f64, f64)> {
    let known: Vec<f64> = before.iter().filter_map(of).collect();
    let count = u32::try_from(known.len()).ok().filter(|count| *count > 0)?;
    let mean = known.iter().sum::<f64>() / f64::from(count);
    Some((mean, now? - mean))
}
