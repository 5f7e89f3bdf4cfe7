//! A plot of a few lines as SVG, plain enough to be read in a diff and on light and dark pages.

use std::fmt::Write;

use serde::Serialize;

use super::shown;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 80.0;
/// Half of the last number below the axis stands here.
const RIGHT: f64 = 50.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 60.0;
const COLOURS: [&str; 6] = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b"];
const STEPS: u8 = 5;

#[derive(Debug, Serialize)]
pub struct Plot {
    /// `scale` is written to `docs/performance-scale.svg`.
    pub name: &'static str,
    pub title: String,
    pub across: String,
    pub up: String,
    /// Across in powers of ten.
    pub logarithmic: bool,
    pub lines: Vec<Line>,
}

#[derive(Debug, Serialize)]
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

impl Plot {
    pub fn file_name(&self) -> String {
        format!("performance-{}.svg", self.name)
    }

    pub fn svg(&self) -> String {
        let place = |across: f64| if self.logarithmic { across.max(1e-9).log10() } else { across };
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let first = points().map(|(across, _)| place(*across)).fold(f64::INFINITY, f64::min);
        let last = points().map(|(across, _)| place(*across)).fold(f64::NEG_INFINITY, f64::max);
        let top = rounded_up(points().map(|(_, up)| *up).fold(0.0, f64::max));
        let span = if last > first { last - first } else { 1.0 };
        let x = |across: f64| LEFT + (place(across) - first) / span * (WIDTH - LEFT - RIGHT);
        let y = |up: f64| HEIGHT - BOTTOM - up / top * (HEIGHT - TOP - BOTTOM);

        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
        );
        text(&mut svg, (WIDTH / 2.0, 20.0), "middle", &self.title);
        text(&mut svg, (WIDTH / 2.0, HEIGHT - 26.0), "middle", &self.across);
        text(&mut svg, (LEFT - 66.0, TOP - 12.0), "start", &self.up);
        for step in 0..=STEPS {
            let up = top * f64::from(step) / f64::from(STEPS);
            let (left, right) = (LEFT, WIDTH - RIGHT);
            add(&mut svg, &format!("<path d=\"M{left} {0:.1}H{right}\" stroke=\"#ddd\"/>", y(up)));
            text(&mut svg, (LEFT - 8.0, y(up) + 4.0), "end", &shown(up));
        }
        let mut ticks: Vec<f64> = points().map(|(across, _)| *across).collect();
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
        for across in ticks {
            text(&mut svg, (x(across), HEIGHT - BOTTOM + 16.0), "middle", &shown(across));
        }
        for (number, (line, colour)) in (0_u32..).zip(self.lines.iter().zip(COLOURS.iter().cycle())) {
            let path: Vec<String> =
                line.points.iter().map(|(across, up)| format!("{:.1},{:.1}", x(*across), y(*up))).collect();
            let path = path.join(" ");
            add(
                &mut svg,
                &format!(
                    "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
                ),
            );
            for (across, up) in &line.points {
                let (x, y) = (x(*across), y(*up));
                add(&mut svg, &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"));
            }
            let left = LEFT + f64::from(number) * 200.0;
            let down = HEIGHT - 14.0;
            add(
                &mut svg,
                &format!("<rect x=\"{left}\" y=\"{down}\" width=\"12\" height=\"4\" fill=\"{colour}\"/>"),
            );
            text(&mut svg, (left + 18.0, HEIGHT - 8.0), "start", &line.name);
        }
        add(&mut svg, "</svg>");
        svg
    }
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    add(
        svg,
        &format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#333\">{text}</text>"),
    );
}

fn add(svg: &mut String, element: &str) {
    writeln!(svg, "{element}").expect("a String takes every write");
}

/// The next number of the kind 1, 2, 2.5, 3, 4, 5, 8 times a power of ten.
fn rounded_up(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(most.log10().floor());
    [1.0, 2.0, 2.5, 3.0, 4.0, 5.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|top| *top >= most)
        .unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_a_line_for_each_and_ends() {
        let line =
            |name: &str, points: &[(f64, f64)]| Line { name: name.to_owned(), points: points.to_vec() };
        let plot = Plot {
            name: "scale",
            title: "Applied < offered".to_owned(),
            across: "waiting".to_owned(),
            up: "per second".to_owned(),
            logarithmic: true,
            lines: vec![line("a", &[(1e3, 10.0), (1e6, 9.0)]), line("b", &[(1e3, 0.0)])],
        };
        let svg = plot.svg();
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains("Applied &lt; offered") && svg.ends_with("</svg>\n"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (most, top) in
            [(0.0, 1.0), (1.4, 2.0), (2.0, 2.0), (23_400.0, 25_000.0), (0.031, 0.04), (291.0, 300.0)]
        {
            assert!((rounded_up(most) - top).abs() < 1e-9, "{most}");
        }
    }
}
