//! `tidegate disputes summary`: how many, how much, how they ended and how long they took.

use chrono::TimeDelta;
use desk::views::dispute_summary::{DISPUTES_LIMIT, DisputeMoney, DisputeSummary, read_summaries};
use shared::clock;
use shared::env::Env;

use crate::cli::SummaryOptions;
use crate::table::Table;
use crate::{listing, money, open, output, when};

pub async fn run(env: &Env, options: &SummaryOptions) -> anyhow::Result<()> {
    let window = options.window.read(clock::now())?;
    let whose = options.whose.read();
    let ledger = open::ledger(env).await?;
    let read = async { read_summaries(&mut ledger.read().await?, &window, &whose).await };
    let summaries = open::answer(&ledger, read).await?;
    ledger.close().await;
    let Some(summaries) = summaries else {
        anyhow::bail!("more than {DISPUTES_LIMIT} disputes: narrow the time with --since and --until");
    };
    if options.shape.json {
        return output::print_json(&summaries);
    }
    if summaries.is_empty() {
        let is_filtered = !options.window.is_any() || !options.whose.is_any();
        output::nothing("dispute", &ledger.shown(), is_filtered, listing::SEE_EVENTS);
        return Ok(());
    }
    output::print(&summaries.iter().map(page).collect::<Vec<_>>().join("\n"))
}

fn page(summary: &DisputeSummary) -> String {
    let mut facts = Table::default().text("").number("").prose("", 100);
    let mut line = |name: &str, number: u64, note: &str| {
        facts.row([name.to_owned(), money::count(number), note.to_owned()]);
    };
    line("disputes", summary.count, "");
    line("won", summary.won, &win_rate(summary));
    line("lost", summary.lost, &resolved_after(summary));
    line("open", summary.open, "");
    for (name, number, note) in [
        ("resolved", summary.resolved, "by staff; at Stripe they are still open"),
        ("closed", summary.closed, "prevented: neither won nor lost"),
        ("unknown", summary.unknown, "unknown status, or only named so far"),
        ("inquiries", summary.inquiries, "not counted above: not disputed yet"),
    ] {
        if number > 0 {
            line(name, number, note);
        }
    }
    let mode = if summary.livemode { "live" } else { "test mode" };
    format!("{mode}\n\n{}\n{}", facts.render_bare(), money_table(&summary.currencies))
}

fn money_table(currencies: &[DisputeMoney]) -> String {
    let mut table = Table::default()
        .text("CURRENCY")
        .number("DISPUTES")
        .number("AMOUNT")
        .number("WON")
        .number("LOST")
        .number("OPEN")
        .number("RESOLVED");
    for money in currencies {
        let amount = |minor_units| money::shown(minor_units, &money.currency);
        table.row([
            money.currency.to_ascii_uppercase(),
            money::count(money.count),
            amount(money.amount),
            amount(money.amount_won),
            amount(money.amount_lost),
            amount(money.amount_open),
            if money.amount_resolved == 0 { String::new() } else { amount(money.amount_resolved) },
        ]);
    }
    table.render()
}

fn win_rate(summary: &DisputeSummary) -> String {
    match summary.win_rate {
        Some(rate) => format!("{:.1} % of those decided", rate * 100.0),
        None => "none decided yet".to_owned(),
    }
}

fn resolved_after(summary: &DisputeSummary) -> String {
    let shown = |secs| when::shown(TimeDelta::seconds(secs));
    match (summary.resolved_after_median_secs, summary.resolved_after_mean_secs) {
        (Some(median), Some(mean)) => {
            format!("decided after {} (median), {} (mean)", shown(median), shown(mean))
        }
        _ => String::new(),
    }
}
