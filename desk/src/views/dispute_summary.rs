//! Disputes summed up: how many, how much, how they ended and how long they took. Live and test mode apart, and
//! currencies too: nothing is converted.

use std::collections::BTreeMap;

use domain::disputes::Status;
use ledger::views::lists::DisputeFigures;
use ledger::views::search::{Whose, Window};
use ledger::{LedgerError, Transaction};
use serde::Serialize;

/// So many are summed up in memory.
pub const DISPUTES_LIMIT: i64 = 1_000_000;

/// The disputes of one mode.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct DisputeSummary {
    pub livemode: bool,
    /// Without inquiries.
    pub count: u64,
    pub won: u64,
    pub lost: u64,
    pub open: u64,
    /// Neither won nor lost yet, and staff are done with them.
    pub resolved: u64,
    /// Prevented: neither won nor lost.
    pub closed: u64,
    pub unknown: u64,
    /// A bank's questions, before anything is disputed.
    pub inquiries: u64,
    /// won / (won + lost); `null` before any is decided.
    pub win_rate: Option<f64>,
    /// From opening to the end, of those that were won or lost.
    pub resolved_after_median_secs: Option<i64>,
    pub resolved_after_mean_secs: Option<i64>,
    pub currencies: Vec<DisputeMoney>,
}

/// The money of one currency, in its minor unit, without inquiries.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DisputeMoney {
    pub currency: String,
    pub count: u64,
    pub amount: i64,
    pub amount_won: i64,
    pub amount_lost: i64,
    pub amount_open: i64,
    pub amount_resolved: i64,
}

/// One summary a mode, live first; `None` where these are more disputes than are summed up.
#[shared::built_once]
pub async fn read_summaries(
    tx: &mut Transaction,
    window: &Window,
    whose: &Whose,
) -> Result<Option<Vec<DisputeSummary>>, LedgerError> {
    let rows = tx.dispute_figures(window, whose, DISPUTES_LIMIT).await?;
    let is_cut = i64::try_from(rows.len()).is_ok_and(|count| count >= DISPUTES_LIMIT);
    Ok((!is_cut).then(|| by_mode(&rows)))
}

fn by_mode(rows: &[DisputeFigures]) -> Vec<DisputeSummary> {
    [true, false]
        .into_iter()
        .map(|livemode| (livemode, rows.iter().filter(|row| row.livemode == livemode).collect::<Vec<_>>()))
        .filter(|(_, rows)| !rows.is_empty())
        .map(|(livemode, rows)| summed_up(livemode, &rows))
        .collect()
}

fn summed_up(livemode: bool, rows: &[&DisputeFigures]) -> DisputeSummary {
    let mut summary = DisputeSummary { livemode, ..DisputeSummary::default() };
    let mut currencies: BTreeMap<&str, DisputeMoney> = BTreeMap::new();
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
            // At Stripe it goes on; here nobody has anything to do with it any more.
            Status::Opened | Status::UnderReview if row.resolved => {
                summary.resolved += 1;
                add(&mut money.amount_resolved, row.amount);
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
    let named = currencies
        .into_iter()
        .map(|(currency, money)| DisputeMoney { currency: currency.to_owned(), ..money });
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

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

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
            resolved: false,
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
        let DisputeSummary { count, won, lost, open, closed, inquiries, .. } = summary;
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
    fn what_staff_are_done_with_is_not_open() {
        let resolved = DisputeFigures { resolved: true, ..row(Status::UnderReview, false, 400, "usd", 0) };
        let rows = [resolved, row(Status::Opened, false, 1, "usd", 0)];
        let summary = summed_up(true, &rows.iter().collect::<Vec<_>>());
        assert_eq!((summary.open, summary.resolved, summary.count), (1, 1, 2));
        let usd = &summary.currencies[0];
        assert_eq!((usd.amount_open, usd.amount_resolved, usd.amount), (1, 400, 401));
        // What Stripe has decided counts as decided, even if staff resolved it before.
        let lost = DisputeFigures { resolved: true, ..row(Status::Lost, false, 5, "usd", 3) };
        assert_eq!(summed_up(true, &[&lost]).lost, 1);
    }

    #[test]
    fn what_is_not_decided_has_no_rate_and_no_time() {
        let rows = [row(Status::Opened, false, 1, "usd", 0)];
        let summary = summed_up(true, &rows.iter().collect::<Vec<_>>());
        assert_eq!((summary.win_rate, summary.resolved_after_median_secs), (None, None));
        assert_eq!((median(&[1, 3]), median(&[]), mean(&[])), (Some(2), None, None));
    }
}
