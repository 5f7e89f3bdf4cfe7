//! `tidegate kpi`: key figures of the last hours beside their targets.

use chrono::{DateTime, TimeDelta, Utc};
use desk::views::dashboard::likely_mode;
use desk::views::kpi::{CurrencyFigures, KpiQuery, Kpis, Part, Rate, Target, Verdict, read};
use ledger::views::kpi::Scope;
use shared::clock;
use shared::env::Env;

use crate::cli::{By, KpiOptions};
use crate::failure::wrongly_called;
use crate::table::Table;
use crate::{money, open, output, when};

pub async fn run(env: &Env, options: &KpiOptions) -> anyhow::Result<()> {
    let now = clock::now();
    let scope = Scope { livemode: !options.test_mode, account: options.account.clone() };
    let query = KpiQuery::of_hours(options.hours, options.step(), scope, now);
    let query = query.map_err(|fault| wrongly_called(fault.to_string()))?;
    let ledger = open::ledger(env).await?;
    let figures = async { read(&mut ledger.read().await?, &query).await };
    let kpis = open::answer(&ledger, figures).await?;
    let is_likely = open::answer(&ledger, likely_mode(&ledger)).await?;
    ledger.close().await;
    if options.shape.json {
        return output::print_json(&kpis);
    }
    output::print(&page(&kpis, options.by))?;
    remark_other_mode(kpis.livemode, is_likely);
    Ok(())
}

/// Figures of live mode say nothing where all that there is is of the test mode.
pub fn remark_other_mode(livemode: bool, is_likely: bool) {
    if livemode && !is_likely {
        output::remark(
            "these figures are of live mode, of which there is no event yet; with --test-mode they are of the test mode",
        );
    }
}

fn page(kpis: &Kpis, by: Option<By>) -> String {
    let mode = if kpis.livemode { "live" } else { "test mode" };
    let mut parts = vec![
        format!("{mode}, {} to {}\n\n{}", when::whole(kpis.from), when::whole(kpis.until), rates(kpis)),
        counts(kpis),
    ];
    if !kpis.figures.currencies.is_empty() {
        parts.push(currencies(&kpis.figures.currencies));
    }
    if !kpis.figures.failures_by_code.is_empty() {
        let mut table = Table::default().text("FAILED FOR").number("ATTEMPTS");
        let mut codes: Vec<_> = kpis.figures.failures_by_code.iter().collect();
        codes.sort_by_key(|(code, attempts)| (std::cmp::Reverse(**attempts), (*code).clone()));
        for (code, attempts) in codes {
            table.row([code.clone(), number(*attempts)]);
        }
        parts.push(table.render());
    }
    if let Some(by) = by {
        parts.push(series(&kpis.series, by));
    }
    parts.join("\n")
}

fn rates(kpis: &Kpis) -> String {
    let mut table = Table::default().text("FIGURE").number("VALUE").number("TARGET").text("");
    for rate in &kpis.rates {
        let verdict = match rate.verdict {
            Verdict::Met => "ok",
            Verdict::Missed => "missed",
            Verdict::Unknown => "",
        };
        table.row([title(rate.name), value(rate), target(rate.target), verdict.to_owned()]);
    }
    table.render()
}

/// `success_rate` as a title.
fn title(name: &str) -> String {
    match name {
        "latency_mean_secs" => "received to applied, mean".to_owned(),
        "latency_p95_secs" => "received to applied, P95".to_owned(),
        _ => name.replace('_', " "),
    }
}

fn value(rate: &Rate) -> String {
    match (rate.value, rate.target) {
        (None, _) => "none".to_owned(),
        (Some(secs), Target::BelowSecs(_)) => format!("{secs:.3} s"),
        (Some(fraction), _) => percent(fraction),
    }
}

fn target(target: Target) -> String {
    match target {
        Target::Above(bound) => format!("> {:.0} %", bound * 100.0),
        Target::Below(bound) => format!("< {:.0} %", bound * 100.0),
        Target::BelowSecs(bound) => format!("< {bound:.0} s"),
    }
}

fn percent(fraction: f64) -> String {
    format!("{:.2} %", fraction * 100.0)
}

fn counts(kpis: &Kpis) -> String {
    let figures = &kpis.figures;
    let mut table = Table::default().text("").number("").prose("", 100);
    let mut line = |name: &str, count: i64, note: String| table.row([name.to_owned(), number(count), note]);
    line("payments succeeded", figures.payments_succeeded, String::new());
    line("attempts failed", figures.attempts_failed, String::new());
    line("payments refunded", figures.payments_refunded, String::new());
    line("disputes", figures.disputes, String::new());
    line("disputes won", figures.disputes_won, String::new());
    let after = figures.disputes_resolved_after_mean_secs;
    let after = after.map(|secs| format!("decided after {} (mean)", when::shown(TimeDelta::seconds(secs))));
    line("disputes lost", figures.disputes_lost, after.unwrap_or_default());
    line("events waiting", kpis.webhooks.waiting, "now, for their next attempt".to_owned());
    line("events dead", kpis.webhooks.dead, "now; `dead-letters groups` says why".to_owned());
    table.render_bare()
}

fn currencies(currencies: &[CurrencyFigures]) -> String {
    let mut table = Table::default()
        .text("CURRENCY")
        .number("PAYMENTS")
        .number("VOLUME")
        .number("AVERAGE")
        .number("REFUNDED")
        .number("DISPUTED");
    for of in currencies {
        let amount = |minor_units| money::shown(minor_units, &of.currency);
        table.row([
            of.currency.to_ascii_uppercase(),
            number(of.payments),
            amount(of.volume),
            amount(of.average),
            amount(of.refunded),
            amount(of.disputed),
        ]);
    }
    table.render()
}

fn series(parts: &[Part], by: By) -> String {
    let moment = |at: DateTime<Utc>| match by {
        By::Hour => at.format("%Y-%m-%d %H:%MZ").to_string(),
        By::Day => at.format("%Y-%m-%d").to_string(),
    };
    let mut table = Table::default()
        .text("FROM")
        .number("SUCCEEDED")
        .number("FAILED")
        .number("SUCCESS")
        .number("REFUNDED")
        .number("DISPUTES");
    for part in parts {
        let figures = &part.figures;
        table.row([
            moment(part.from),
            number(figures.payments_succeeded),
            number(figures.attempts_failed),
            figures.success_rate.map(percent).unwrap_or_default(),
            number(figures.payments_refunded),
            number(figures.disputes),
        ]);
    }
    table.render()
}

fn number(count: i64) -> String {
    money::count(count.unsigned_abs())
}
