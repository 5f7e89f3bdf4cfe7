//! Plots as SVG, drawn here: a title says what one sees, and a table beside each has the numbers.

use std::fmt::Write;

use maud::{Markup, html};

/// One value a stretch of time; `None` where there is nothing to say.
pub type Series = [Option<f64>];

const SPARK: (f64, f64) = (120.0, 30.0);
/// About as many units as a panel beside another has pixels: letters are as large as the stylesheet says.
const PLOT: Frame = Frame { width: 560.0, height: 190.0, left: 52.0, bottom: 24.0, top: 12.0 };

struct Frame {
    width: f64,
    height: f64,
    left: f64,
    bottom: f64,
    top: f64,
}

/// A line without axes; `goal` is a dashed one. Its title tells the span of the values.
pub fn spark(title: &str, values: &Series, goal: Option<f64>) -> Markup {
    let (low, high) = span(values, goal);
    let (width, height) = SPARK;
    let at = |place: usize| position(place, values.len()) * width;
    let up = |value: f64| 2.0 + (height - 4.0) * (1.0 - share(value, low, high));
    html! {
        svg.spark viewBox={ "0 0 " (width) " " (height) } preserveAspectRatio="none" role="img" aria-label=(title) {
            title { (title) }
            @if let Some(goal) = goal { line.goal x1="0" x2=(width) y1=(short(up(goal))) y2=(short(up(goal))) {} }
            @for run in runs(values) {
                @if run.len() > 1 { path.area d=(area(&run, &at, &up, height)) {} }
                path.line d=(path(&run, &at, &up)) {}
            }
        }
    }
}

/// Bars, the second series stacked on the first, with labels at the first, middle and last.
pub fn bars(
    title: &str,
    labels: &[String],
    first: &[f64],
    second: Option<&[f64]>,
    shown: &dyn Fn(f64) -> String,
) -> Markup {
    let of_second = |place: usize| second.and_then(|second| second.get(place)).copied().unwrap_or(0.0);
    let sums = first.iter().enumerate().map(|(place, value)| value + of_second(place));
    let high = nice(sums.fold(0.0, f64::max));
    let width = (PLOT.width - PLOT.left) / number(first.len().max(1));
    let bar = (width * 0.78).min(48.0);
    let x = |place: usize| PLOT.left + width * (number(place) + 0.5) - bar / 2.0;
    let tall = |value: f64| (PLOT.height - PLOT.top - PLOT.bottom) * value / high;
    html! {
        svg.plot viewBox={ "0 0 " (PLOT.width) " " (PLOT.height) } role="img" aria-label=(title) {
            title { (title) }
            (grid(0.0, high, shown))
            @for (place, value) in first.iter().enumerate() {
                @let base = PLOT.height - PLOT.bottom;
                @if *value > 0.0 { rect.bar x=(short(x(place))) width=(short(bar)) y=(short(base - tall(*value))) height=(short(tall(*value))) rx="1" {} }
                @let above = of_second(place);
                @if above > 0.0 { rect.bar.second x=(short(x(place))) width=(short(bar)) y=(short(base - tall(*value + above))) height=(short(tall(above))) rx="1" {} }
            }
            (axis(labels))
        }
    }
}

/// A line with axes, and a dashed goal.
pub fn line(
    title: &str,
    labels: &[String],
    values: &Series,
    goal: Option<f64>,
    shown: &dyn Fn(f64) -> String,
) -> Markup {
    let (low, high) = span(values, goal);
    let width = (PLOT.width - PLOT.left) / number(values.len().max(1));
    let at = |place: usize| PLOT.left + width * (number(place) + 0.5);
    let up = |value: f64| PLOT.top + (PLOT.height - PLOT.top - PLOT.bottom) * (1.0 - share(value, low, high));
    html! {
        svg.plot viewBox={ "0 0 " (PLOT.width) " " (PLOT.height) } role="img" aria-label=(title) {
            title { (title) }
            (grid(low, high, shown))
            @if let Some(goal) = goal { line.goal x1=(PLOT.left) x2=(PLOT.width) y1=(short(up(goal))) y2=(short(up(goal))) {} }
            @for run in runs(values) {
                path.line d=(path(&run, &at, &up)) {}
                @for (place, value) in &run { circle.dot cx=(short(at(*place))) cy=(short(up(*value))) r="3" {} }
            }
            (axis(labels))
        }
    }
}

fn grid(low: f64, high: f64, shown: &dyn Fn(f64) -> String) -> Markup {
    html! {
        @for step in 0..=2_u8 {
            @let part = f64::from(step) / 2.0;
            @let y = PLOT.top + (PLOT.height - PLOT.top - PLOT.bottom) * (1.0 - part);
            line.grid x1=(PLOT.left) x2=(PLOT.width) y1=(short(y)) y2=(short(y)) {}
            text x=(PLOT.left - 6.0) y=(short(y + 4.0)) text-anchor="end" { (shown(low + (high - low) * part)) }
        }
    }
}

fn axis(labels: &[String]) -> Markup {
    let width = (PLOT.width - PLOT.left) / number(labels.len().max(1));
    let every = labels.len().div_ceil(6).max(1);
    html! {
        @for (place, label) in labels.iter().enumerate() {
            @if place % every == 0 {
                text x=(short(PLOT.left + width * (number(place) + 0.5))) y=(PLOT.height - 6.0) text-anchor="middle" { (label) }
            }
        }
    }
}

/// The parts of a series without a gap.
fn runs(values: &Series) -> Vec<Vec<(usize, f64)>> {
    let mut runs: Vec<Vec<(usize, f64)>> = vec![Vec::new()];
    for (place, value) in values.iter().enumerate() {
        match (value, runs.last_mut()) {
            (Some(value), Some(run)) => run.push((place, *value)),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// A single value is a short stroke.
fn path(run: &[(usize, f64)], at: &dyn Fn(usize) -> f64, up: &dyn Fn(f64) -> f64) -> String {
    let mut text = String::new();
    for (index, (place, value)) in run.iter().enumerate() {
        let sign = if index == 0 { 'M' } else { 'L' };
        write!(text, "{sign}{} {}", short(at(*place)), short(up(*value)))
            .expect("a String takes every write");
    }
    if run.len() == 1 {
        text.push_str("h1.5");
    }
    text
}

fn area(run: &[(usize, f64)], at: &dyn Fn(usize) -> f64, up: &dyn Fn(f64) -> f64, bottom: f64) -> String {
    let (first, last) =
        (run.first().map_or(0, |(place, _)| *place), run.last().map_or(0, |(place, _)| *place));
    format!("{}L{} {bottom}L{} {bottom}Z", path(run, at, up), short(at(last)), short(at(first)))
}

/// From the least to the greatest, the goal included, with room where they are the same.
fn span(values: &Series, goal: Option<f64>) -> (f64, f64) {
    let all = || values.iter().flatten().copied().chain(goal);
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    match (low.is_finite(), high - low) {
        (false, _) => (0.0, 1.0),
        (true, room) if room <= 0.0 => (low - low.abs().max(1.0) / 2.0, high + high.abs().max(1.0) / 2.0),
        _ => (low, high),
    }
}

fn share(value: f64, low: f64, high: f64) -> f64 {
    ((value - low) / (high - low)).clamp(0.0, 1.0)
}

/// The next round number: 1, 2 or 5 and zeros.
fn nice(high: f64) -> f64 {
    if high <= 0.0 {
        return 1.0;
    }
    let size = 10_f64.powf(high.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * size).find(|step| *step >= high).unwrap_or(high)
}

fn position(place: usize, count: usize) -> f64 {
    if count < 2 { 0.5 } else { number(place) / number(count - 1) }
}

fn short(value: f64) -> String {
    format!("{value:.1}")
}

#[expect(clippy::cast_precision_loss, reason = "places of a plot: at most some thousands")]
fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_no_zero() {
        let values = [Some(1.0), None, Some(0.5), Some(0.75)];
        assert_eq!(runs(&values).iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
        let html = spark("rate", &values, Some(0.98)).into_string();
        assert!(
            html.contains("<title>rate</title>") && html.matches("class=\"line\"").count() == 2,
            "{html}"
        );
        assert!(!html.contains("NaN") && !html.contains("style="), "{html}");
    }

    #[test]
    fn nothing_and_one_value_are_drawn_without_a_fault() {
        for values in [&[][..], &[None, None], &[Some(3.0)], &[Some(0.0), Some(0.0)]] {
            let drawn = spark("s", values, None).into_string()
                + &line("l", &[], values, None, &|_| String::new()).into_string();
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        }
        assert_eq!((nice(0.0), nice(7.0), nice(1_200.0)), (1.0, 10.0, 2_000.0));
    }
}
