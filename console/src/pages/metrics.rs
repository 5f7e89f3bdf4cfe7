//! Key figures by event time: each as a plot with its table behind it, beside its target.

use chrono::{DateTime, TimeDelta, Utc};
use desk::money;
use desk::views::kpi::{Kpis, Part, Rate, Target, Verdict};
use desk::when;
use maud::{Markup, html};

use super::address::{Address, link};
use super::modes;
use super::plots::{bars, line};
use super::shell::Frame;
use super::tables::{number, section, table, text};
use super::tones::{Tone, badge};
use super::values::{moment, money as shown_money, several};

/// The spans that a click asks for; any other may stand in the address.
const SPANS: [(i64, &str); 5] =
    [(24, "24 hours"), (72, "3 days"), (168, "7 days"), (720, "30 days"), (2_160, "90 days")];
/// From so many hours on, a part is a day.
const DAYS_FROM_HOURS: i64 = 73;
const HOURS: i64 = 24;

/// How many hours the address asks for.
pub fn hours(address: &Address, default: i64) -> Result<i64, String> {
    let Some(text) = address.get("hours") else { return Ok(default) };
    text.parse().map_err(|_| format!("“{text}” is no number of hours"))
}

/// Into which parts so many hours are cut.
pub fn step(hours: i64) -> desk::views::kpi::Step {
    if hours < DAYS_FROM_HOURS { desk::views::kpi::Step::Hour } else { desk::views::kpi::Step::Day }
}

/// Links to other spans of the same page.
pub fn spans(address: &Address, hours: i64) -> Markup {
    html! {
        nav.tabs aria-label="Span" { @for (span, words) in SPANS {
            a href=(address.with("hours", Some(&span.to_string()))) aria-current=[(span == hours).then_some("true")] { (words) }
        } }
    }
}

pub fn page(frame: &Frame<'_>, kpis: &Kpis, hours: i64) -> Markup {
    let labels: Vec<String> = kpis.series.iter().map(|part| label(part, hours)).collect();
    let count = |of: fn(&Part) -> i64| kpis.series.iter().map(|part| float(of(part))).collect::<Vec<_>>();
    let (succeeded, failed) =
        (count(|part| part.figures.payments_succeeded), count(|part| part.figures.attempts_failed));
    let whole = |value: f64| format!("{value:.0}");
    html! {
        div.title { h1 { "Metrics" } (spans(frame.address, hours)) }
        p.muted { "By the time at which things happened, " (moment(kpis.from)) " to " (moment(kpis.until)) ". Currencies stay apart." }
        section.panel { h2 { "Against their targets" } (targets(kpis)) }
        div.columns {
            section.panel #payments {
                h2 { "Payments and failed attempts" }
                div.inner {
                    p.legend { span { i {} "succeeded" } span { i.second {} "failed" } }
                    (bars(&format!("{} succeeded and {} failed", several(kpis.figures.payments_succeeded, "payment"), several(kpis.figures.attempts_failed, "attempt")), &labels, &succeeded, Some(&failed), &whole))
                }
            }
            section.panel #success_rate {
                h2 { "Success rate" }
                div.inner {
                    (line(&spoken(kpis, "success_rate"), &labels, &rates(kpis, |part| part.figures.success_rate), goal(kpis, "success_rate"), &percent))
                }
            }
            @for money in &kpis.figures.currencies {
                @let volume = volumes(kpis, &money.currency);
                section.panel {
                    h2 { "Volume, " (money.currency.to_uppercase()) }
                    div.inner {
                        p.muted { (shown_money(money.volume, &money.currency)) " in " (several(money.payments, "payment")) ", " (shown_money(money.average, &money.currency)) " on average" }
                        (bars(&format!("Volume: {}", money::shown(money.volume, &money.currency)), &labels, &volume, None, &|value| rounded(value, &money.currency)))
                    }
                }
            }
        }
        (section("Failed attempts by code", &[text("Code"), number("Attempts")], codes(frame, kpis)))
        details.panel {
            summary { "The numbers behind the plots" }
            (table("Figures of each part of the span", &[text("From"), number("Succeeded"), number("Failed"), number("Success rate"), number("Refunded"), number("Disputes"), number("Volume")], kpis.series.iter().map(row).collect()))
        }
    }
}

fn targets(kpis: &Kpis) -> Markup {
    let rows = kpis.rates.iter().map(|rate| {
        vec![
            html! { (name(rate.name)) },
            html! { strong { (value(rate)) } },
            html! { (target(rate.target)) },
            verdict(rate.verdict),
        ]
    });
    table(
        "Figures and targets",
        &[text("Figure"), number("Value"), number("Target"), text("Verdict")],
        rows.collect(),
    )
}

fn row(part: &Part) -> Vec<Markup> {
    vec![
        moment(part.from),
        html! { (part.figures.payments_succeeded) },
        html! { (part.figures.attempts_failed) },
        html! { (part.figures.success_rate.map(percent).unwrap_or_default()) },
        html! { (part.figures.payments_refunded) },
        html! { (part.figures.disputes) },
        html! { @for money in &part.figures.currencies { (shown_money(money.volume, &money.currency)) " " } },
    ]
}

fn codes(frame: &Frame<'_>, kpis: &Kpis) -> Vec<Vec<Markup>> {
    let mut codes: Vec<(&String, &i64)> = kpis.figures.failures_by_code.iter().collect();
    codes.sort_by_key(|(code, attempts)| (-**attempts, (*code).clone()));
    codes
        .into_iter()
        .map(|(code, attempts)| {
            let mode = modes::word(frame.livemode);
            let list = link("/payments/failures", [("code", code.as_str()), ("mode", mode)]);
            vec![html! { a href=(list) { (code.replace('_', " ")) } }, html! { (attempts) }]
        })
        .collect()
}

pub fn rates(kpis: &Kpis, of: fn(&Part) -> Option<f64>) -> Vec<Option<f64>> {
    kpis.series.iter().map(of).collect()
}

pub fn volumes(kpis: &Kpis, currency: &str) -> Vec<f64> {
    let of = |part: &Part| {
        let money = part.figures.currencies.iter().find(|money| money.currency == currency);
        money.map_or(0.0, |money| float(money.volume))
    };
    kpis.series.iter().map(of).collect()
}

/// A rate and its target in one sentence.
pub fn spoken(kpis: &Kpis, of: &str) -> String {
    let Some(rate) = kpis.rates.iter().find(|rate| rate.name == of) else { return name(of) };
    format!("{}: {}, target {}", name(of), value(rate), target(rate.target))
}

pub fn goal(kpis: &Kpis, of: &str) -> Option<f64> {
    let rate = kpis.rates.iter().find(|rate| rate.name == of)?;
    Some(match rate.target {
        Target::Above(bound) | Target::Below(bound) | Target::BelowSecs(bound) => bound,
    })
}

pub fn name(of: &str) -> String {
    match of {
        "latency_mean_secs" => "Received to applied, mean".to_owned(),
        "latency_p95_secs" => "Received to applied, P95".to_owned(),
        _ => super::values::capitalised(&of.replace('_', " ")),
    }
}

pub fn value(rate: &Rate) -> String {
    match (rate.value, rate.target) {
        (None, _) => "–".to_owned(),
        (Some(value), Target::BelowSecs(_)) => seconds(value),
        (Some(value), _) => percent(value),
    }
}

pub fn target(target: Target) -> String {
    match target {
        Target::Above(bound) => format!("> {}", percent(bound)),
        Target::Below(bound) => format!("< {}", percent(bound)),
        Target::BelowSecs(bound) => format!("< {}", seconds(bound)),
    }
}

pub fn verdict(verdict: Verdict) -> Markup {
    match verdict {
        Verdict::Met => badge(Tone::Good, "met"),
        Verdict::Missed => badge(Tone::Bad, "missed"),
        Verdict::Unknown => badge(Tone::Quiet, "no data"),
    }
}

pub fn percent(rate: f64) -> String {
    let percent = rate * 100.0;
    if (percent - percent.round()).abs() < 0.005 {
        format!("{percent:.0} %")
    } else {
        format!("{percent:.1} %")
    }
}

#[expect(clippy::cast_possible_truncation, reason = "figures for people")]
fn seconds(secs: f64) -> String {
    when::shown(TimeDelta::milliseconds((secs * 1e3).round() as i64))
}

/// An amount at the side of a plot, without cents.
#[expect(clippy::cast_possible_truncation, reason = "figures for people")]
fn rounded(minor_units: f64, currency: &str) -> String {
    let shown = money::shown(minor_units.round() as i64, currency);
    let amount = shown.split(' ').next().unwrap_or_default();
    amount.split('.').next().unwrap_or_default().to_owned()
}

fn label(part: &Part, hours: i64) -> String {
    let format = if hours <= HOURS { "%H:%M" } else { "%b %-d" };
    let start: DateTime<Utc> = part.from;
    start.format(format).to_string()
}

#[expect(clippy::cast_precision_loss, reason = "figures for people: 53 bits are plenty")]
fn float(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_as_people_say_them() {
        assert_eq!((percent(0.98), percent(0.6296)), ("98 %".to_owned(), "63.0 %".to_owned()));
        assert_eq!(target(Target::BelowSecs(3.0)), "< 3 s");
        assert_eq!(name("latency_p95_secs"), "Received to applied, P95");
        assert_eq!(rounded(123_456.0, "usd"), "1,234");
        assert!(hours(&Address::of("/m?hours=x").unwrap(), 24).is_err());
    }
}
