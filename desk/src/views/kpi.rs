//! Key figures of a span of time, by event time: rates beside their targets, money by currency, failures by code, and
//! the same for each hour or day of the span. Currencies stay apart: nothing is converted.

mod rates;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use ledger::views::kpi::{
    self, ALL_STRETCHES, Applied, Decided, Decisions, Earned, FailedByCode, LATENCY_SAMPLE, Scope, Stretch,
    Summed,
};
use ledger::{Ledger, LedgerError, Transaction};
use serde::Serialize;

pub use self::rates::{Rate, Target, Verdict};

/// The longest span: a leap year.
pub const SPAN_LIMIT_HOURS: i64 = 366 * 24;
/// The most hours or days that a span is cut into.
const STRETCHES_LIMIT: i64 = 1_000;

/// Into which parts a span is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Whole,
    Hour,
    Day,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KpiQuery {
    pub stretch: Stretch,
    pub step: Step,
    pub scope: Scope,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongSpan {
    #[error("a span of {0} hours cannot be summed up: ask for 1 to {SPAN_LIMIT_HOURS}")]
    Hours(i64),
    #[error("the span has more than {STRETCHES_LIMIT} hours: ask for days")]
    TooManyHours,
}

#[derive(Debug, PartialEq, Serialize)]
pub struct Kpis {
    pub livemode: bool,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    #[serde(flatten)]
    pub figures: Figures,
    pub latency: Latency,
    pub webhooks: Unprocessed,
    pub rates: Vec<Rate>,
    /// The parts of the span, oldest first; empty where it is not cut.
    pub series: Vec<Part>,
}

#[derive(Debug, PartialEq, Serialize)]
pub struct Part {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    #[serde(flatten)]
    pub figures: Figures,
}

/// Counts and rates. A rate is a fraction, and `null` where there is nothing that it is a part of.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    pub payments_succeeded: i64,
    pub attempts_failed: i64,
    /// Succeeded payments / (succeeded payments + failed attempts).
    pub success_rate: Option<f64>,
    pub failure_rate: Option<f64>,
    /// Failed attempts by code: the bank's where it gave one, else Stripe's.
    pub failures_by_code: BTreeMap<String, i64>,
    /// The same as parts of all attempts that succeeded or failed.
    pub failure_rates_by_code: BTreeMap<String, f64>,
    /// Each counts once, however often it was refunded within the span.
    pub payments_refunded: i64,
    /// Refunded payments / succeeded payments, each by its own time.
    pub refund_rate: Option<f64>,
    pub disputes: i64,
    /// Disputes / succeeded payments, each by its own time.
    pub dispute_rate: Option<f64>,
    pub disputes_won: i64,
    pub disputes_lost: i64,
    /// Won / (won + lost), of those that ended in this span.
    pub dispute_win_rate: Option<f64>,
    /// From opening to the end, of the same; of the newest 10,000, where there are more.
    pub disputes_resolved_after_mean_secs: Option<i64>,
    pub currencies: Vec<CurrencyFigures>,
}

/// In the currency's minor unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CurrencyFigures {
    pub currency: String,
    pub payments: i64,
    pub volume: i64,
    /// Rounded to the nearest minor unit.
    pub average: i64,
    pub refunded: i64,
    pub disputed: i64,
}

/// From receiving an event to committing its effects, of the newest events of the span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    pub events: usize,
    /// There were more than are looked at: only the newest count.
    pub is_sample: bool,
    pub mean_secs: Option<f64>,
    pub p95_secs: Option<f64>,
}

/// Accepted and not applied, now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unprocessed {
    pub waiting: i64,
    pub dead: i64,
}

impl KpiQuery {
    /// The last hours before `now`.
    pub fn of_hours(hours: i64, step: Step, scope: Scope, now: DateTime<Utc>) -> Result<Self, WrongSpan> {
        if !(1..=SPAN_LIMIT_HOURS).contains(&hours) {
            return Err(WrongSpan::Hours(hours));
        }
        if step == Step::Hour && hours > STRETCHES_LIMIT {
            return Err(WrongSpan::TooManyHours);
        }
        Ok(Self { stretch: Stretch { from: now - TimeDelta::hours(hours), until: now }, step, scope })
    }

    /// The stretches that are looked at: the parts, or the whole.
    fn asked(&self) -> Vec<Stretch> {
        let parts = self.parts();
        if parts.is_empty() { vec![self.stretch] } else { parts }
    }

    /// The parts of the span by the clock in UTC; the first and the last are cut where the span begins and ends.
    fn parts(&self) -> Vec<Stretch> {
        let length = match self.step {
            Step::Whole => return Vec::new(),
            Step::Hour => 3_600,
            Step::Day => 86_400,
        };
        let mut parts = Vec::new();
        let mut from = self.stretch.from;
        while from < self.stretch.until {
            let next = (from.timestamp().div_euclid(length) + 1) * length;
            let next = DateTime::from_timestamp(next, 0).unwrap_or(self.stretch.until);
            parts.push(Stretch { from, until: next.min(self.stretch.until) });
            from = next;
        }
        parts
    }
}

/// Reads and sums up, by a number of statements that does not depend on the span.
#[shared::built_once]
pub async fn read(tx: &mut Transaction, query: &KpiQuery) -> Result<Kpis, LedgerError> {
    let asked = query.asked();
    let succeeded = tx.kpi_succeeded(&query.scope, &asked).await?;
    Ok(summed(query, &succeeded, &tx.kpi_figures(&query.scope, &asked).await?))
}

/// The same for somebody who waits for it. Two sessions of Postgres read at once, each as of its own moment, in half of the
/// time; two readers of a file would take longer than one, because each keeps pages of its own.
#[shared::built_once]
pub async fn read_soon(ledger: &Ledger, query: &KpiQuery) -> Result<Kpis, LedgerError> {
    if ledger.is_file() {
        return read(&mut ledger.read().await?, query).await;
    }
    let asked = query.asked();
    let succeeded = async { ledger.read().await?.kpi_succeeded(&query.scope, &asked).await };
    let others = async { ledger.read().await?.kpi_figures(&query.scope, &asked).await };
    // Both to their ends: `try_join` would drop the one where the other fails, perhaps in the middle of its BEGIN.
    let (succeeded, others) = tokio::join!(succeeded, others);
    Ok(summed(query, &succeeded?, &others?))
}

fn summed(query: &KpiQuery, succeeded: &[Earned], found: &kpi::Figures) -> Kpis {
    let parts = query.parts();
    let of = |wanted: i64| {
        let is_part = move |number: i64| wanted == ALL_STRETCHES || number == wanted;
        Figures::of(
            succeeded.iter().filter(|row| is_part(row.number)),
            found.failed.iter().filter(|row| is_part(row.number)),
            // Payments that were refunded are counted anew in all: one may be in several parts.
            found.refunded.iter().filter(|row| row.number == wanted),
            found.disputed.iter().filter(|row| is_part(row.number)),
            found.decisions.iter().filter(|row| is_part(row.number)),
            found.decided.iter().filter(|row| is_part(row.number)),
        )
    };
    let figures = of(ALL_STRETCHES);
    let latency = Latency::of(&found.applied);
    let series = (0..).zip(&parts).map(|(number, part)| Part {
        from: part.from,
        until: part.until,
        figures: of(number),
    });
    Kpis {
        livemode: query.scope.livemode,
        from: query.stretch.from,
        until: query.stretch.until,
        rates: rates::judged(&figures, &latency),
        latency,
        webhooks: Unprocessed { waiting: found.unprocessed.waiting, dead: found.unprocessed.dead },
        series: series.collect(),
        figures,
    }
}

impl Figures {
    fn of<'a>(
        succeeded: impl Iterator<Item = &'a Earned>,
        failed: impl Iterator<Item = &'a FailedByCode>,
        refunded: impl Iterator<Item = &'a Summed>,
        disputed: impl Iterator<Item = &'a Summed>,
        decisions: impl Iterator<Item = &'a Decisions>,
        decided: impl Iterator<Item = &'a Decided>,
    ) -> Self {
        let mut figures = Self::default();
        let mut currencies: BTreeMap<String, CurrencyFigures> = BTreeMap::new();
        for row in succeeded {
            figures.payments_succeeded += row.payments;
            let money = of_currency(&mut currencies, &row.currency);
            money.payments += row.payments;
            money.volume += row.amount;
        }
        for row in failed {
            figures.attempts_failed += row.attempts;
            *figures.failures_by_code.entry(row.code.clone()).or_default() += row.attempts;
        }
        for row in refunded {
            figures.payments_refunded += row.payments;
            of_currency(&mut currencies, &row.currency).refunded += row.amount;
        }
        for row in disputed {
            figures.disputes += row.objects;
            of_currency(&mut currencies, &row.currency).disputed += row.amount;
        }
        let mut resolved_after = Vec::new();
        for row in decisions {
            let count =
                if row.status == "won" { &mut figures.disputes_won } else { &mut figures.disputes_lost };
            *count += row.disputes;
        }
        for row in decided {
            resolved_after.extend(row.opened_at.map(|opened_at| (row.closed_at - opened_at).num_seconds()));
        }
        for money in currencies.values_mut() {
            money.average = rounded(money.volume, money.payments);
        }
        let (succeeded, attempts) =
            (figures.payments_succeeded, figures.payments_succeeded + figures.attempts_failed);
        figures.success_rate = rates::part(succeeded, attempts);
        figures.failure_rate = rates::part(figures.attempts_failed, attempts);
        let of_code = |(code, failed): (&String, &i64)| Some((code.clone(), rates::part(*failed, attempts)?));
        figures.failure_rates_by_code = figures.failures_by_code.iter().filter_map(of_code).collect();
        figures.refund_rate = rates::part(figures.payments_refunded, succeeded);
        figures.dispute_rate = rates::part(figures.disputes, succeeded);
        figures.dispute_win_rate =
            rates::part(figures.disputes_won, figures.disputes_won + figures.disputes_lost);
        let count = i64::try_from(resolved_after.len()).unwrap_or(i64::MAX);
        figures.disputes_resolved_after_mean_secs =
            (count > 0).then(|| rounded(resolved_after.iter().sum(), count));
        figures.currencies = currencies.into_values().collect();
        figures
    }
}

fn of_currency<'a>(
    currencies: &'a mut BTreeMap<String, CurrencyFigures>,
    currency: &str,
) -> &'a mut CurrencyFigures {
    currencies
        .entry(currency.to_owned())
        .or_insert_with(|| CurrencyFigures { currency: currency.to_owned(), ..CurrencyFigures::default() })
}

/// To the nearest whole, halves away from zero; 0 of nothing.
fn rounded(sum: i64, count: i64) -> i64 {
    if count == 0 { 0 } else { (sum + sum.signum() * count / 2) / count }
}

impl Latency {
    fn of(applied: &[Applied]) -> Self {
        let took = |event: &Applied| (event.recorded_at - event.received_at).num_milliseconds().max(0);
        let mut millis: Vec<i64> = applied.iter().map(took).collect();
        millis.sort_unstable();
        let events = millis.len();
        let secs = |millis: i64| rates::float(millis) / 1e3;
        let count = i64::try_from(events).unwrap_or(i64::MAX);
        Self {
            events,
            is_sample: count >= LATENCY_SAMPLE,
            mean_secs: (events > 0).then(|| secs(rounded(millis.iter().sum(), count))),
            p95_secs: (events > 0).then(|| secs(millis[(events * 95).div_ceil(100) - 1])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn query(from: &str, until: &str, step: Step) -> KpiQuery {
        let stretch = Stretch { from: at(from), until: at(until) };
        KpiQuery { stretch, step, scope: Scope { livemode: true, account: None } }
    }

    #[test]
    fn a_span_is_cut_by_the_clock_and_nothing_is_left_out() {
        let parts = query("2026-11-28T09:30:00Z", "2026-11-28T12:15:00Z", Step::Hour).parts();
        let shown: Vec<_> = parts.iter().map(|part| (part.until - part.from).num_minutes()).collect();
        assert_eq!(shown, [30, 60, 60, 15]);
        assert!(parts.windows(2).all(|pair| pair[0].until == pair[1].from));
        assert_eq!(query("2026-11-26T23:59:59Z", "2026-11-28T00:00:00Z", Step::Day).parts().len(), 2);
        assert!(query("2026-11-26T00:00:00Z", "2026-11-28T00:00:00Z", Step::Whole).parts().is_empty());
    }

    #[test]
    fn spans_have_limits() {
        let scope = || Scope { livemode: true, account: None };
        let now = at("2026-11-28T12:00:00Z");
        for (hours, step, fits) in [
            (0, Step::Whole, false),
            (1, Step::Whole, true),
            (SPAN_LIMIT_HOURS, Step::Day, true),
            (SPAN_LIMIT_HOURS + 1, Step::Day, false),
            (1_000, Step::Hour, true),
            (1_001, Step::Hour, false),
        ] {
            assert_eq!(KpiQuery::of_hours(hours, step, scope(), now).is_ok(), fits, "{hours} {step:?}");
        }
    }

    #[test]
    fn currencies_stay_apart_and_an_average_is_of_its_own_payments() {
        let earned = |currency: &str, payments, amount| Earned {
            number: 0,
            currency: currency.to_owned(),
            payments,
            amount,
        };
        let paid = [earned("usd", 2, 101), earned("eur", 1, 700)];
        let refunded =
            [Summed { number: 0, currency: "usd".to_owned(), objects: 1, payments: 1, amount: 50 }];
        let failed = [FailedByCode { number: 0, code: "card_declined".to_owned(), attempts: 1 }];
        let figures =
            Figures::of(paid.iter(), failed.iter(), refunded.iter(), [].iter(), [].iter(), [].iter());
        assert_eq!(figures.success_rate, Some(0.75));
        assert_eq!(figures.failure_rates_by_code.get("card_declined"), Some(&0.25));
        assert_eq!((figures.dispute_rate, figures.dispute_win_rate), (Some(0.0), None));
        let usd = &figures.currencies[1];
        assert_eq!((usd.average, usd.refunded, usd.payments), (51, 50, 2));
        assert_eq!(figures.currencies[0].volume, 700);
    }

    #[test]
    fn the_95th_percentile_is_a_latency_that_was_seen() {
        let applied: Vec<Applied> = (1..=100)
            .map(|secs| Applied {
                received_at: at("2026-11-28T12:00:00Z"),
                recorded_at: at("2026-11-28T12:00:00Z") + TimeDelta::seconds(secs),
            })
            .collect();
        let latency = Latency::of(&applied);
        assert_eq!((latency.p95_secs, latency.mean_secs), (Some(95.0), Some(50.5)));
        assert_eq!(Latency::of(&[]).p95_secs, None);
        assert_eq!(Latency::of(&applied[..1]).p95_secs, Some(1.0));
    }
}
