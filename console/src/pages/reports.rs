//! Reports in the browser: choose a period that has ended, see the files with their hashes, take them away as one archive,
//! and check whether a file is of the report.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, TimeDelta, Utc};
use desk::audit_key::AuditKey;
use desk::reports::{self, Manifest, Period, ReportError, ReportKind};
use desk::search;
use ledger::Ledger;
use ledger::views::kpi::Scope;
use maud::{Markup, html};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::address::{Address, link};
use super::command::command;
use super::listed::field;
use super::modes;
use super::shell::Frame;
use super::tables::{Column, number, prose, table, text};
use super::values::moment;
use crate::Console;
use crate::response_body::{Part, ResponseBody};

const KINDS: [(ReportKind, &str, &str, &str); 7] = [
    (ReportKind::Day, "day", "Day", "payments, failed attempts, invoices, refunds and disputes of a day"),
    (
        ReportKind::Week,
        "week",
        "Week",
        "payments, invoices, refunds and disputes of a week, beside the four weeks before it",
    ),
    (ReportKind::Month, "month", "Month", "invoices, refunds and disputes of a month"),
    (ReportKind::Soc2, "soc2", "Controls", "people, policies, approvals and the audit's proof of a month"),
    (
        ReportKind::Kpi,
        "kpi",
        "Key figures",
        "with rates beside their targets, volume and errors of any span of days",
    ),
    (
        ReportKind::Incident,
        "incident",
        "Incident",
        "events, calls, acts, payments and failures of a span of days, for your own review",
    ),
    (
        ReportKind::Support,
        "support",
        "Stripe's support",
        "event ids, calls and request ids of a span of days, without names or figures",
    ),
];

/// So many months are offered; any other stands in the address.
const MONTHS: u32 = 24;

const FILES: &[Column] = &[text("File"), number("Rows"), number("Bytes"), prose("SHA-256"), text("")];

/// A report that is wanted.
#[derive(Clone, Debug)]
pub struct ReportRequest {
    kind: ReportKind,
    word: &'static str,
    period: Period,
    scope: Scope,
}

/// Which report the address asks for; `None` where it asks for none yet.
pub fn wanted(frame: &Frame<'_>) -> Result<Option<ReportRequest>, String> {
    let (address, now) = (frame.address, frame.now);
    let Some(name) = address.get("kind") else { return Ok(None) };
    let known = KINDS.into_iter().find(|(_, word, _, _)| *word == name);
    let (kind, word, _, _) = known.ok_or_else(|| format!("There is no report “{name}”"))?;
    let day = |name: &str, otherwise: &str| {
        let text = address.get(name).unwrap_or(otherwise);
        search::day(text, now.date_naive()).map_err(|wrong| wrong.to_string())
    };
    let period = match kind {
        ReportKind::Day => Period::day(day("of", "yesterday")?, now),
        ReportKind::Week => Period::week(day("of", "7d")?, now),
        ReportKind::Month | ReportKind::Soc2 => Period::month(day("of", "31d")?, now),
        ReportKind::Kpi | ReportKind::Incident | ReportKind::Support => {
            let midnight = |day: NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
            let (from, last) = (midnight(day("since", "yesterday")?), midnight(day("until", "today")?));
            // A span may end with today, which has not ended: it then ends with the last whole minute.
            Period::between(from, (last + TimeDelta::days(1)).min(whole_minute(now)), now)
        }
    };
    let period = period.map_err(|wrong| super::values::capitalised(&wrong.to_string()))?;
    let scope = Scope { livemode: frame.livemode, account: address.get("account").map(str::to_owned) };
    Ok(Some(ReportRequest { kind, word, period, scope }))
}

fn whole_minute(now: DateTime<Utc>) -> DateTime<Utc> {
    now - TimeDelta::seconds(now.timestamp().rem_euclid(60))
        - TimeDelta::nanoseconds(now.timestamp_subsec_nanos().into())
}

/// A folder that is gone when nobody needs it any more.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("tidegate-report-{}", shared::trace::random_hex::<8>())))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0)); // what is left of it is in a folder for what is temporary
    }
}

/// So many reports are made to be looked at, at a time.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

impl ReportRequest {
    /// Makes it, and keeps only what its manifest says.
    pub async fn manifest(
        &self,
        ledger: &Ledger,
        key: Option<&Arc<AuditKey>>,
    ) -> Result<Manifest, ReportError> {
        let (wanted, ledger, key) = (self.clone(), ledger.clone(), key.cloned());
        let place = AT_ONCE.acquire().await.expect("it is never closed");
        aside(move |runtime| {
            // It takes its room on the disk until it is gone, also when nobody waits for it any more.
            let (_place, folder) = (place, Folder::new());
            runtime.block_on(wanted.write(&ledger, &folder, key.as_deref()))
        })
        .await
    }

    async fn write(
        &self,
        ledger: &Ledger,
        folder: &Folder,
        key: Option<&AuditKey>,
    ) -> Result<Manifest, ReportError> {
        reports::write(ledger, self.kind, self.period, &self.scope, folder.path(), key).await
    }

    pub fn name(&self) -> String {
        let (from, until) = (self.period.from(), self.period.until());
        format!("tidegate-{}-{}-{}.tar", self.word, from.format("%Y-%m-%d"), until.format("%Y-%m-%d"))
    }

    /// Makes it and sends it. `None` where too much is being sent already.
    pub(crate) fn send(self, console: &Arc<Console>) -> Option<ResponseBody> {
        let place = Arc::clone(&console.exports).try_acquire_owned().ok()?;
        let (sender, body) = ResponseBody::stream();
        let (ledger, key) = (console.ledger.clone(), console.audit_key.clone());
        console.tasks.spawn(aside(move |runtime| {
            let (_place, folder) = (place, Folder::new());
            if let Err(error) = runtime.block_on(self.write(&ledger, &folder, key.as_deref())) {
                tracing::warn!(error = shared::telemetry::told(&error), "a report was not made");
                return;
            }
            let gone = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
            let send = |part: Part| sender.blocking_send(part).map_err(|_| gone());
            let outcome = reports::archive(folder.path(), |part| send(Part::Bytes(Bytes::from(part))))
                .and_then(|()| send(Part::End));
            // Whoever asked may have gone.
            if let Err(error) = outcome
                && error.kind() != std::io::ErrorKind::BrokenPipe
            {
                tracing::warn!(%error, "a report was not sent to its end");
            }
        }));
        Some(body)
    }

    fn command(&self) -> String {
        let (from, until) = (self.period.from().date_naive(), self.period.until().date_naive());
        let mode = if self.scope.livemode { "" } else { " --test-mode" };
        match self.kind {
            ReportKind::Kpi | ReportKind::Incident | ReportKind::Support => {
                format!(
                    "tidegate report {} --since {from} --until {until}{mode} --out {}",
                    self.word, self.word
                )
            }
            _ => format!("tidegate report {} --of {from}{mode} --out {}", self.word, self.word),
        }
    }
}

/// Runs what writes files, in a thread of its own.
async fn aside<T: Send + 'static>(work: impl FnOnce(&Handle) -> T + Send + 'static) -> T {
    let runtime = Handle::current();
    match tokio::task::spawn_blocking(move || work(&runtime)).await {
        Ok(done) => done,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// Every report, and the one that was made.
pub fn page(frame: &Frame<'_>, made: Option<(&ReportRequest, &Manifest)>, may_take: bool) -> Markup {
    let address = frame.address;
    html! {
        div.title { h1 { "Reports" } span.muted { "Of a period that has ended, in UTC" } }
        @if let Some((wanted, manifest)) = made { (files(frame, wanted, manifest)) }
        @if !may_take { p.note { "Making a report needs the permission " code { (domain::permissions::Permission::Export) } "." } }
        div.columns {
            @for (kind, word, title, holds) in KINDS {
                section.panel {
                    h2 { (title) }
                    div.inner {
                        p.muted { (contents(kind, holds)) }
                        form.form method="get" action="/payments/reports" {
                            input type="hidden" name="kind" value=(word);
                            input type="hidden" name="mode" value=(modes::word(frame.livemode));
                            div.row {
                                @match kind {
                                    ReportKind::Kpi | ReportKind::Incident | ReportKind::Support => {
                                        (of_kind(word, address, "since", "From"))
                                        (of_kind(word, address, "until", "To"))
                                    }
                                    ReportKind::Month | ReportKind::Soc2 => (month_of(word, address, frame.now)),
                                    ReportKind::Day | ReportKind::Week => (of_kind(word, address, "of", "Any day of it")),
                                }
                                @if may_take { button type="submit" { "Make" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// All but one begin with key figures.
fn contents(kind: ReportKind, holds: &str) -> String {
    let begin = if kind == ReportKind::Support { "" } else { "Key figures, " };
    super::values::capitalised(&format!("{begin}{holds}."))
}

/// The fields of all forms have one name, and ids of their own.
fn of_kind(word: &str, address: &Address, name: &str, label: &str) -> Markup {
    let given = address.get(name).filter(|_| address.get("kind") == Some(word)).unwrap_or_default();
    let id = format!("{word}-{name}");
    html! { div.field { label for=(id) { (label) } input id=(id) name=(name) type="date" value=(given); } }
}

/// The months that have ended, the latest first; an earlier one that the address names stands among them.
fn month_of(word: &str, address: &Address, now: DateTime<Utc>) -> Markup {
    let given = address.get("of").filter(|_| address.get("kind") == Some(word));
    let given = given.and_then(|of| of.parse().ok()).and_then(|day: NaiveDate| day.with_day(1));
    let latest = now.date_naive().with_day(1).expect("every month has a first day");
    let mut months: Vec<NaiveDate> =
        (1..=MONTHS).filter_map(|back| latest.checked_sub_months(Months::new(back))).collect();
    months.extend(given.filter(|month| *month < latest && !months.contains(month)));
    let id = format!("{word}-of");
    html! {
        div.field {
            label for=(id) { "Month" }
            select id=(id) name="of" {
                @for month in months {
                    option value=(month) selected[given == Some(month)] { (month.format("%B %Y")) }
                }
            }
        }
    }
}

fn files(frame: &Frame<'_>, wanted: &ReportRequest, manifest: &Manifest) -> Markup {
    let address = frame.address;
    let checked = address.get("sha256").map(str::to_ascii_lowercase);
    let is_of_it = |hash: &str| checked.as_deref() == Some(hash);
    let found = manifest.files.iter().find(|file| is_of_it(&file.sha256));
    let rows = manifest.files.iter().map(|file| {
        vec![
            html! { (file.name) },
            html! { @if let Some(rows) = file.rows { (rows) } },
            html! { (file.bytes) },
            html! { span.hash { (file.sha256) } },
            html! { @if is_of_it(&file.sha256) { (super::tones::badge(super::tones::Tone::Good, "this one")) } },
        ]
    });
    let query = address.others(&["sha256"]);
    html! {
        section.panel {
            div.head {
                h2 { (wanted.kind.title()) }
                span.muted { (moment(manifest.from)) " to " (moment(manifest.until)) }
            }
            (table("Files of the report", FILES, rows.collect()))
            div.inner {
                p { a.button href=(link("/payments/reports/archive", query)) { "Download as " (wanted.name()) } }
                @match &manifest.audit {
                    Some(audit) => { p.muted { "The audit's newest block is " (audit.block) ": " span.hash { (audit.hash) }
                        @if let Some(signed) = &audit.signed { ", signed by the key " span.hash { (signed.key) } }
                    } }
                    None => { p.muted { "Nothing of the audit is sealed yet." } }
                }
                form.form method="get" action="/payments/reports" {
                    @for (name, value) in address.others(&["sha256"]) { input type="hidden" name=(name) value=(value); }
                    div.row {
                        (field(address, "sha256", "SHA-256 of a file to check", "", "text"))
                        button type="submit" { "Check" }
                    }
                    @match (&checked, found) {
                        (None, _) => { p.muted { "The same ledger and period give the same bytes. " code { "sha256sum" } " prints the hash of a file that you have." } }
                        (Some(_), Some(file)) => { p.note.good role="status" { "The hash is that of " strong { (file.name) } ": the file is unchanged." } }
                        (Some(_), None) => { p.note.bad role="status" { "No file of this report has that hash: the file was changed, or the ledger has learnt more about the period since." } }
                    }
                }
                (command("same-command", &wanted.command()))
            }
        }
    }
}
