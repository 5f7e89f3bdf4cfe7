//! The page of a report, to be read and printed: one file, without scripts. Everything in it is ours, but codes of
//! failures and currencies, which Stripe wrote: those are escaped.

use std::fmt::Write;

use super::change;
use super::manifest::FileEntry;
use super::period::{Period, ReportKind};
use super::plot::{Bar, bars};
use crate::money;
use crate::views::kpi::{Figures, Kpis, Rate, Target, Verdict};

const STYLE: &str = "body{font:14px/1.5 system-ui,sans-serif;color:#1b1f24;max-width:60rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}p{margin:.25rem 0}\
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
th,td{padding:.25rem .75rem;border-bottom:1px solid #d8dee4;text-align:left}td.n,th.n{text-align:right}\
.plot{width:100%;height:7.5rem}.plot rect{fill:#2f6fde}td{overflow-wrap:anywhere}\
@media screen and (max-width:40rem){table{display:block;overflow-x:auto}}\
@media print{body{margin:0;max-width:none}h2{break-after:avoid}tr{break-inside:avoid}}";

pub(super) fn html(
    kind: ReportKind,
    period: Period,
    kpis: &Kpis,
    before: &[Kpis],
    files: &[FileEntry],
) -> String {
    let mut page = head(kind, period, kpis.livemode);
    section(&mut page, "Targets", &targets(kpis, before));
    section(&mut page, "Money by currency", &currencies(&kpis.figures));
    if !kpis.figures.failures_by_code.is_empty() {
        section(&mut page, "Failed attempts by code", &failures(&kpis.figures));
    }
    if !kpis.series.is_empty() {
        section(&mut page, "Over time", &series(kpis));
    }
    section(&mut page, "Files", &list(files));
    page.push_str("</body></html>\n");
    page
}

/// The page of a report without figures.
pub(super) fn of_files(kind: ReportKind, period: Period, livemode: bool, files: &[FileEntry]) -> String {
    let mut page = head(kind, period, livemode);
    section(&mut page, "Files", &list(files));
    page.push_str("</body></html>\n");
    page
}

fn head(kind: ReportKind, period: Period, livemode: bool) -> String {
    let title = kind.title();
    let mode = if livemode { "live" } else { "test mode" };
    let moment = "%Y-%m-%d %H:%M UTC";
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n<p>{mode}, {} to {}</p>\n",
        period.from().format(moment),
        period.until().format(moment)
    )
}

fn section(page: &mut String, title: &str, content: &str) {
    writeln!(page, "<h2>{title}</h2>\n{content}").expect("a String takes every write");
}

/// A table; columns after the first hold numbers.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let class = |place: usize| if place == 0 { "" } else { " class=\"n\"" };
    let mut text = "<table><thead><tr>".to_owned();
    for (place, name) in head.iter().enumerate() {
        write!(text, "<th scope=\"col\"{}>{name}</th>", class(place)).expect("a String takes every write");
    }
    text.push_str("</tr></thead><tbody>\n");
    for row in rows {
        text.push_str("<tr>");
        for (place, cell) in row.iter().enumerate() {
            write!(text, "<td{}>{}</td>", class(place), escaped(cell)).expect("a String takes every write");
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</tbody></table>");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn targets(kpis: &Kpis, before: &[Kpis]) -> String {
    let compared = !before.is_empty();
    let mut head = vec!["figure", "value", "target", "verdict"];
    if compared {
        head.extend(["mean of the weeks before", "change"]);
    }
    table(
        &head,
        kpis.rates.iter().map(|rate| {
            let mut row = vec![rate.name.replace('_', " "), value(rate.value, rate.target)];
            row.extend([bound(rate.target), verdict(rate).to_owned()]);
            if compared {
                let of = |kpis: &Kpis| kpis.rates.iter().find(|other| other.name == rate.name)?.value;
                let change = change(rate.value, before, of);
                row.push(value(change.map(|(mean, _)| mean), rate.target));
                row.push(change.map(|(_, by)| signed(by, rate.target)).unwrap_or_default());
            }
            row
        }),
    )
}

fn verdict(rate: &Rate) -> &'static str {
    match rate.verdict {
        Verdict::Met => "met",
        Verdict::Missed => "missed",
        Verdict::Unknown => "nothing to judge",
    }
}

fn value(value: Option<f64>, target: Target) -> String {
    match (value, target) {
        (None, _) => "none".to_owned(),
        (Some(secs), Target::BelowSecs(_)) => format!("{secs:.3} s"),
        (Some(fraction), _) => format!("{:.2} %", fraction * 100.0),
    }
}

fn signed(by: f64, target: Target) -> String {
    match target {
        Target::BelowSecs(_) => format!("{by:+.3} s"),
        Target::Above(_) | Target::Below(_) => format!("{:+.2} points", by * 100.0),
    }
}

fn bound(target: Target) -> String {
    match target {
        Target::Above(bound) => format!("> {:.0} %", bound * 100.0),
        Target::Below(bound) => format!("< {:.0} %", bound * 100.0),
        Target::BelowSecs(bound) => format!("< {bound:.0} s"),
    }
}

fn currencies(figures: &Figures) -> String {
    table(
        &["currency", "payments", "volume", "average", "refunded", "disputed"],
        figures.currencies.iter().map(|of| {
            let amount = |minor_units| money::shown(minor_units, &of.currency);
            vec![
                of.currency.to_ascii_uppercase(),
                of.payments.to_string(),
                amount(of.volume),
                amount(of.average),
                amount(of.refunded),
                amount(of.disputed),
            ]
        }),
    )
}

fn failures(figures: &Figures) -> String {
    let mut codes: Vec<_> = figures.failures_by_code.iter().collect();
    codes.sort_by_key(|(code, attempts)| (-**attempts, *code));
    table(
        &["code", "attempts"],
        codes.into_iter().map(|(code, attempts)| vec![code.clone(), attempts.to_string()]),
    )
}

fn series(kpis: &Kpis) -> String {
    let form = if kpis.series.iter().all(|part| (part.until - part.from).num_hours() <= 1) {
        "%m-%d %H:%M"
    } else {
        "%Y-%m-%d"
    };
    let label = |from: chrono::DateTime<chrono::Utc>| from.format(form).to_string();
    let succeeded = kpis
        .series
        .iter()
        .map(|part| Bar { label: label(part.from), count: part.figures.payments_succeeded });
    let plot = bars("Succeeded payments", &succeeded.collect::<Vec<_>>());
    let rows = kpis.series.iter().map(|part| {
        let figures = &part.figures;
        vec![
            label(part.from),
            figures.payments_succeeded.to_string(),
            figures.attempts_failed.to_string(),
            figures.success_rate.map(|rate| format!("{:.2} %", rate * 100.0)).unwrap_or_default(),
            figures.payments_refunded.to_string(),
            figures.disputes.to_string(),
        ]
    });
    let head = ["from (UTC)", "succeeded", "failed", "success", "refunded", "disputes"];
    format!("{plot}\n{}", table(&head, rows))
}

fn list(files: &[FileEntry]) -> String {
    let rows = files.iter().map(|file| {
        let rows = file.rows.map(|rows| rows.to_string()).unwrap_or_default();
        vec![file.name.clone(), rows, file.bytes.to_string(), file.sha256.clone()]
    });
    table(&["file", "rows", "bytes", "SHA-256"], rows)
}
