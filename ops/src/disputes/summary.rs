//! `tidegate disputes summary`: how many, how much, how they ended and how long they took. Live and test mode
//! apart, and currencies too: nothing is converted.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::disputes::Status;
use ledger::views::lists::DisputeFigures;
use serde::Serialize;
use shared::clock;
use shared::env::Env;

use crate::cli::SummaryOptions;
use crate::table::Table;
use crate::{money, open, output, span};

/// So many are summed up in memory.
const DISPUTES_LIMIT: i64 = 1_000_000;

/// One mode; the form of `--json` is an array of these.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Summary {
    livemode: bool,
    /// Without inquiries.
    count: u64,
    won: u64,
    lost: u64,
    open: u64,
    /// Prevented: neither won nor lost.
    closed: u64,
    unknown: u64,
    /// A bank's questions, before anything is disputed.
    inquiries: u64,
    /// won / (won + lost); `null` before any is decided.
    win_rate: Option<f64>,
    /// From opening to the end, of those that were won or lost.
    resolved_after_median_secs: Option<i64>,
    resolved_after_mean_secs: Option<i64>,
    currencies: Vec<Money>,
}

/// The money of one currency, in its minor unit, without inquiries.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Money {
    currency: String,
    count: u64,
    amount: i64,
    amount_won: i64,
    amount_lost: i64,
    amount_open: i64,
}

pub async fn run(env: &Env, options: &SummaryOptions) -> anyhow::Result<()> {
    let window = options.window.read(clock::now())?;
    let whose = options.whose.read();
    let ledger = open::ledger(env).await?;
    let read = async { ledger.read().await?.dispute_figures(&window, &whose, DISPUTES_LIMIT).await };
    let rows = open::answer(&ledger, read).await?;
    ledger.close().await;
    if i64::try_from(rows.len()).is_ok_and(|count| count >= DISPUTES_LIMIT) {
        anyhow::bail!("these are more than {DISPUTES_LIMIT} disputes: narrow them by --since and --until");
    }
    let summaries: Vec<Summary> = [true, false]
        .into_iter()
        .map(|livemode| (livemode, rows.iter().filter(|row| row.livemode == livemode).collect::<Vec<_>>()))
        .filter(|(_, rows)| !rows.is_empty())
        .map(|(livemode, rows)| summed_up(livemode, &rows))
        .collect();
    if options.shape.json {
        return output::print_json(&summaries);
    }
    if summaries.is_empty() {
        output::nothing("dispute", &ledger.shown(), !options.window.is_any() || !options.whose.is_any());
        return Ok(());
    }
    output::print(&summaries.iter().map(page).collect::<Vec<_>>().join("\n"))
}

fn summed_up(livemode: bool, rows: &[&DisputeFigures]) -> Summary {
    let mut summary = Summary { livemode, ..Summary::default() };
    let mut currencies: BTreeMap<&str, Money> = BTreeMap::new();
    let mut spans = Vec::new();
    for row in rows {
        if row.inquiry {
            summary.inquiries += 1;
            continue;
        }
        summary.count += 1;
        if row.currency.is_empty() {
            // Only named so far: nobody has said how much it is about.
            summary.unknown += 1;
            continue;
        }
        let money = currencies.entry(row.currency.as_str()).or_default();
        money.count += 1;
        add(&mut money.amount, row.amount);
        match row.status {
            Status::Won => {
                summary.won += 1;
                add(&mut money.amount_won, row.amount);
            }
            Status::Lost => {
                summary.lost += 1;
                add(&mut money.amount_lost, row.amount);
            }
            Status::Opened | Status::UnderReview => {
                summary.open += 1;
                add(&mut money.amount_open, row.amount);
            }
            Status::Closed => summary.closed += 1,
            Status::Unknown => summary.unknown += 1,
        }
        if let (Status::Won | Status::Lost, Some(opened), Some(closed)) =
            (row.status, row.opened_at, row.closed_at)
        {
            spans.push((closed - opened).num_seconds());
        }
    }
    let decided = summary.won + summary.lost;
    #[expect(clippy::cast_precision_loss, reason = "counts of disputes are far below 2^52")]
    let rate = |won: u64| won as f64 / decided as f64;
    summary.win_rate = (decided > 0).then(|| rate(summary.won));
    spans.sort_unstable();
    summary.resolved_after_median_secs = median(&spans);
    summary.resolved_after_mean_secs = mean(&spans);
    let named =
        currencies.into_iter().map(|(currency, money)| Money { currency: currency.to_owned(), ..money });
    summary.currencies = named.collect();
    summary
}

fn add(sum: &mut i64, amount: i64) {
    *sum = sum.saturating_add(amount);
}

fn median(sorted: &[i64]) -> Option<i64> {
    let (low, high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some(i64::midpoint(*low, *high))
}

fn mean(spans: &[i64]) -> Option<i64> {
    let sum: i128 = spans.iter().map(|span| i128::from(*span)).sum();
    let count = i128::try_from(spans.len()).ok().filter(|count| *count > 0)?;
    i64::try_from(sum / count).ok()
}

fn page(summary: &Summary) -> String {
    let mut facts = Table::default().text("").number("").prose("", 100);
    let mut line = |name: &str, number: u64, note: &str| {
        facts.row([name.to_owned(), money::count(number), note.to_owned()]);
    };
    line("disputes", summary.count, "");
    line("won", summary.won, &win_rate(summary));
    line("lost", summary.lost, &resolved_after(summary));
    line("open", summary.open, "");
    for (name, number, note) in [
        ("closed", summary.closed, "prevented: neither won nor lost"),
        ("unknown", summary.unknown, "in a status that this version does not know, or only named so far"),
        ("inquiries", summary.inquiries, "not counted above: nothing is disputed yet"),
    ] {
        if number > 0 {
            line(name, number, note);
        }
    }
    let mode = if summary.livemode { "live" } else { "test mode" };
    format!("{mode}\n\n{}\n{}", facts.render_bare(), money_table(&summary.currencies))
}

fn money_table(currencies: &[Money]) -> String {
    let mut table = Table::default()
        .text("CURRENCY")
        .number("DISPUTES")
        .number("AMOUNT")
        .number("WON")
        .number("LOST")
        .number("OPEN");
    for money in currencies {
        let amount = |minor_units| money::shown(minor_units, &money.currency);
        table.row([
            money.currency.to_ascii_uppercase(),
            money::count(money.count),
            amount(money.amount),
            amount(money.amount_won),
            amount(money.amount_lost),
            amount(money.amount_open),
        ]);
    }
    table.render()
}

fn win_rate(summary: &Summary) -> String {
    match summary.win_rate {
        Some(rate) => format!("{:.1} % of those decided", rate * 100.0),
        None => "none is decided yet".to_owned(),
    }
}

fn resolved_after(summary: &Summary) -> String {
    let shown = |secs| span::shown(TimeDelta::seconds(secs));
    match (summary.resolved_after_median_secs, summary.resolved_after_mean_secs) {
        (Some(median), Some(mean)) => {
            format!("decided after {} in the median, {} in the mean", shown(median), shown(mean))
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn row(status: Status, inquiry: bool, amount: i64, currency: &str, days: i64) -> DisputeFigures {
        let opened = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        DisputeFigures {
            status,
            inquiry,
            amount,
            currency: currency.to_owned(),
            livemode: true,
            opened_at: Some(opened),
            closed_at: (days > 0).then(|| opened + TimeDelta::days(days)),
        }
    }

    #[test]
    fn disputes_are_counted_by_their_end_and_inquiries_by_themselves() {
        let rows = [
            row(Status::Won, false, 100, "usd", 10),
            row(Status::Lost, false, 200, "usd", 20),
            row(Status::Lost, false, 300, "jpy", 60),
            row(Status::Opened, false, 400, "usd", 0),
            row(Status::Closed, true, 500, "usd", 90),
            row(Status::Closed, false, 50, "usd", 1),
        ];
        let summary = summed_up(true, &rows.iter().collect::<Vec<_>>());
        let Summary { count, won, lost, open, closed, inquiries, .. } = summary;
        assert_eq!((count, won, lost, open, closed, inquiries), (5, 1, 2, 1, 1, 1));
        assert_eq!(summary.win_rate.map(|rate| (rate * 1_000.0).round()), Some(333.0));
        assert_eq!(summary.resolved_after_median_secs, Some(20 * 86_400));
        assert_eq!(summary.resolved_after_mean_secs, Some(30 * 86_400));
        let usd = &summary.currencies[1];
        assert_eq!((usd.currency.as_str(), usd.count, usd.amount), ("usd", 4, 750));
        assert_eq!((usd.amount_won, usd.amount_lost, usd.amount_open), (100, 200, 400));
        assert_eq!(summary.currencies[0].amount_lost, 300);
    }

    #[test]
    fn what_is_not_decided_has_no_rate_and_no_time() {
        let rows = [row(Status::Opened, false, 1, "usd", 0)];
        let summary = summed_up(true, &rows.iter().collect::<Vec<_>>());
        assert_eq!((summary.win_rate, summary.resolved_after_median_secs), (None, None));
        assert_eq!((median(&[1, 3]), median(&[]), mean(&[])), (Some(2), None, None));
    }
}
