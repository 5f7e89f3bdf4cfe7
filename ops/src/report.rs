//! `tidegate report`: writes a report to a folder, or checks one.

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Days, Months, NaiveDate, Utc};
use desk::audit_key::AuditKey;
use desk::reports::{self, Compared, FileEntry, Period, ReportKind, WrongPeriod};
use desk::views::dashboard::likely_mode;
use ledger::views::kpi::Scope;
use shared::clock;
use shared::env::Env;

use crate::cli::{OfDateOptions, OfSpanOptions, ReportCommand, ToOptions, VerifyReportOptions};
use crate::failure::wrongly_called;
use crate::kpi::remark_other_mode;
use crate::table::Table;
use crate::{money, open, output};

pub async fn run(env: &Env, command: &ReportCommand) -> anyhow::Result<ExitCode> {
    let now = clock::now();
    let (kind, period, to) = match command {
        ReportCommand::Day(options) => {
            (ReportKind::Day, of_date(options, now, day_before, Period::day), &options.to)
        }
        ReportCommand::Week(options) => {
            (ReportKind::Week, of_date(options, now, week_before, Period::week), &options.to)
        }
        ReportCommand::Month(options) => {
            (ReportKind::Month, of_date(options, now, month_before, Period::month), &options.to)
        }
        ReportCommand::Soc2(options) => {
            (ReportKind::Soc2, of_date(options, now, month_before, Period::month), &options.to)
        }
        ReportCommand::Kpi(options) => (ReportKind::Kpi, of_span(options, now)?, &options.to),
        ReportCommand::Incident(options) => (ReportKind::Incident, of_span(options, now)?, &options.to),
        ReportCommand::Support(options) => (ReportKind::Support, of_span(options, now)?, &options.to),
        ReportCommand::Verify(options) => return verify(env, options),
    };
    let period = period.map_err(|fault| wrongly_called(fault.to_string()))?;
    write(env, kind, period, to).await?;
    Ok(ExitCode::SUCCESS)
}

fn of_date(
    options: &OfDateOptions,
    now: DateTime<Utc>,
    last: fn(NaiveDate) -> Option<NaiveDate>,
    period: fn(NaiveDate, DateTime<Utc>) -> Result<Period, WrongPeriod>,
) -> Result<Period, WrongPeriod> {
    let date = options.of.or_else(|| last(now.date_naive())).ok_or(WrongPeriod::Backwards)?;
    period(date, now)
}

fn day_before(today: NaiveDate) -> Option<NaiveDate> {
    today.pred_opt()
}

fn week_before(today: NaiveDate) -> Option<NaiveDate> {
    today.checked_sub_days(Days::new(7))
}

fn month_before(today: NaiveDate) -> Option<NaiveDate> {
    today.checked_sub_months(Months::new(1))
}

/// Until now where no end is named.
fn of_span(options: &OfSpanOptions, now: DateTime<Utc>) -> anyhow::Result<Result<Period, WrongPeriod>> {
    let window = options.window.read(now)?;
    let Some(since) = window.since else {
        return Err(wrongly_called(
            "--since is missing: when does the period begin? For example 24h or 2026-11-21",
        ));
    };
    Ok(Period::between(since, window.until.unwrap_or(now), now))
}

async fn write(env: &Env, kind: ReportKind, period: Period, to: &ToOptions) -> anyhow::Result<()> {
    let scope = Scope { livemode: !to.test_mode, account: to.account.clone() };
    let folder = to.out.clone().unwrap_or_else(|| usual(kind, period, &scope));
    let ledger = open::ledger(env).await?;
    let key = AuditKey::from_env(env)?;
    let manifest = reports::write(&ledger, kind, period, &scope, &folder, key.as_ref()).await?;
    let is_likely = open::answer(&ledger, likely_mode(&ledger)).await?;
    ledger.close().await;
    if to.shape.json {
        return output::print_json(&manifest);
    }
    output::print(&table(&manifest.files).render())?;
    output::remark(&format!(
        "written to {}; open report.html in a browser to read or print it",
        folder.display()
    ));
    remark_other_mode(scope.livemode, is_likely);
    Ok(())
}

/// `reports/day-2026-11-27`.
fn usual(kind: ReportKind, period: Period, scope: &Scope) -> PathBuf {
    let mode = if scope.livemode { "" } else { "-test" };
    let (from, until) = (period.from(), period.until());
    let name = match kind {
        ReportKind::Day => format!("day-{}", from.format("%Y-%m-%d")),
        ReportKind::Week => format!("week-{}", from.format("%G-W%V")),
        ReportKind::Month => format!("month-{}", from.format("%Y-%m")),
        ReportKind::Soc2 => format!("soc2-{}", from.format("%Y-%m")),
        ReportKind::Kpi | ReportKind::Incident | ReportKind::Support => {
            let kind = match kind {
                ReportKind::Kpi => "kpi",
                ReportKind::Support => "support",
                _ => "incident",
            };
            format!("{kind}-{}-{}", from.format("%Y%m%dT%H%M%SZ"), until.format("%Y%m%dT%H%M%SZ"))
        }
    };
    PathBuf::from("reports").join(format!("{name}{mode}"))
}

fn verify(env: &Env, options: &VerifyReportOptions) -> anyhow::Result<ExitCode> {
    let own = AuditKey::from_env(env)?.map(|key| key.public());
    let compared = reports::verify(&options.folder, options.key.as_deref().or(own.as_deref()))?;
    let Compared { files, differences, signed_by } = &compared;
    let code = if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if options.shape.json {
        output::print_json(&compared)?;
        return Ok(code);
    }
    if differences.is_empty() {
        let signed = match signed_by {
            Some(key) => format!(", signed by {key}"),
            None => "; it is not signed".to_owned(),
        };
        output::print(&format!("{} files are as the manifest says{signed}\n", files.len()))?;
        return Ok(code);
    }
    let mut table = Table::default().text("FILE").text("DIFFERENCE");
    for difference in differences {
        table.row([difference.name.clone(), difference.fault.to_owned()]);
    }
    output::print(&table.render())?;
    Ok(code)
}

fn table(files: &[FileEntry]) -> Table {
    let mut table = Table::default().text("FILE").number("ROWS").number("BYTES").text("SHA-256");
    for file in files {
        table.row([
            file.name.clone(),
            file.rows.map(money::count).unwrap_or_default(),
            money::count(file.bytes),
            file.sha256.clone(),
        ]);
    }
    table
}
