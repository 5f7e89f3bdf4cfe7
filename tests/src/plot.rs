//! A small drawing of figures over time or over sizes, as SVG: panels below each other with one axis, legible on
//! light and dark pages.

use std::fmt::Write;

const WIDTH: f64 = 960.0;
const PANEL_HEIGHT: f64 = 190.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 81.0; // a title and two lines below it
const LINE_CHARS: usize = 125;
const BETWEEN: f64 = 58.0;
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-size:17px;font-weight:600}\
.axis{stroke:#57606a;stroke-width:1}.grid{stroke:#d0d7de;stroke-width:1}.small{fill:#57606a;font-size:12px}\
.page{fill:#fff}.a{stroke:#0969da;fill:none;stroke-width:2}.area{fill:#0969da;opacity:.14;stroke:none}\
.b{stroke:#bc4c00;fill:none;stroke-width:2}.mark{stroke:#cf222e;stroke-width:2;stroke-dasharray:3 3}\
.c{stroke:#1a7f37;fill:none;stroke-width:2}.ka{fill:#0969da}.kb{fill:#bc4c00}.kc{fill:#1a7f37}.km{fill:#cf222e}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.axis{stroke:#9198a1}.grid{stroke:#30363d}\
.page{fill:#0d1117}.a{stroke:#4493f8}.area{fill:#4493f8;opacity:.2}.b{stroke:#f0883e}.mark{stroke:#f85149}\
.c{stroke:#3fb950}.ka{fill:#4493f8}.kb{fill:#f0883e}.kc{fill:#3fb950}.km{fill:#f85149}}";

pub struct Plot {
    pub title: String,
    pub subtitle: String,
    pub axis: Axis,
    pub panels: Vec<Panel>,
    /// Moments, in seconds, that are drawn through all panels, and what they are.
    pub marks: Vec<f64>,
    pub mark_label: String,
}

/// What is across.
pub enum Axis {
    /// From the first second on.
    Seconds,
    /// Sizes, in powers of ten, and of what they are.
    Sizes(String),
}

pub struct Panel {
    pub label: String,
    pub lines: Vec<Line>,
}

pub struct Line {
    pub label: String,
    /// Where across, and how much; in the order of the axis.
    pub points: Vec<(f64, f64)>,
    pub shape: Shape,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Area,
    /// A value holds until the next.
    Steps,
    Plain,
    /// Each point is shown: there are few.
    Dotted,
}

impl Plot {
    pub fn svg(&self) -> String {
        let panels = u32::try_from(self.panels.len()).unwrap_or(1);
        let height = TOP + f64::from(panels) * (PANEL_HEIGHT + BETWEEN) + 10.0;
        let mut svg = String::new();
        self.write(&mut svg, height).expect("a String takes every write");
        svg
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| line.points.iter().copied())
    }

    /// Where a value stands on the axis, before it is stretched over the page.
    fn place(&self, across: f64) -> f64 {
        match self.axis {
            Axis::Seconds => across,
            Axis::Sizes(_) => across.max(1.0).log10(),
        }
    }

    /// The first and the last place, which are never the same.
    fn ends(&self) -> (f64, f64) {
        let places = || self.points().map(move |(across, _)| self.place(across));
        let last = places().fold(1.0, f64::max);
        match self.axis {
            Axis::Seconds => (0.0, last),
            Axis::Sizes(_) => (places().fold(last - 1.0, f64::min), last),
        }
    }

    /// Round seconds, or the sizes that there are.
    fn ticks_across(&self) -> Vec<(f64, String)> {
        if let Axis::Sizes(_) = self.axis {
            let mut sizes: Vec<f64> = self.points().map(|(size, _)| size).collect();
            sizes.sort_by(f64::total_cmp);
            sizes.dedup();
            return sizes.into_iter().map(|size| (size, grouped(size))).collect();
        }
        let (_, last) = self.ends();
        let (every, count) = ticks(last, 10.0);
        let seconds = (0_u32..).map(|number| f64::from(number) * every);
        let seconds = seconds.take_while(|second| *second <= every * count && *second <= last);
        seconds.map(|second| (second, format!("{second} s"))).collect()
    }

    fn write(&self, svg: &mut String, height: f64) -> std::fmt::Result {
        writeln!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             aria-label=\"{}\">\n<style>{STYLE}</style>\n<rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\"/>",
            escaped(&self.title)
        )?;
        writeln!(svg, "<text class=\"title\" x=\"{LEFT}\" y=\"24\">{}</text>", escaped(&self.title))?;
        let mut y = 43;
        for line in lines(&self.subtitle) {
            writeln!(svg, "<text class=\"small\" x=\"{LEFT}\" y=\"{y}\">{}</text>", escaped(&line))?;
            y += 17;
        }
        let (first, last) = self.ends();
        let x = |across: f64| LEFT + (self.place(across) - first) / (last - first) * (WIDTH - LEFT - RIGHT);
        let mut top = TOP;
        for panel in &self.panels {
            top += 18.0;
            self.panel(svg, panel, top, &x)?;
            top += PANEL_HEIGHT + BETWEEN - 18.0;
        }
        writeln!(svg, "</svg>")
    }

    fn panel(&self, svg: &mut String, panel: &Panel, top: f64, x: &impl Fn(f64) -> f64) -> std::fmt::Result {
        let highest =
            panel.lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(1.0, f64::max);
        let (step, steps) = ticks(highest, 5.0);
        let scale = step * steps;
        let bottom = top + PANEL_HEIGHT;
        let y = |value: f64| bottom - value / scale * PANEL_HEIGHT;
        let mut tick = 0.0;
        while tick <= scale {
            let at = y(tick);
            writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>",
                WIDTH - RIGHT
            )?;
            let (label_x, label_y) = (LEFT - 8.0, at + 4.0);
            writeln!(
                svg,
                "<text class=\"small\" text-anchor=\"end\" x=\"{label_x}\" y=\"{label_y:.1}\">{}</text>",
                grouped(tick)
            )?;
            tick += step;
        }
        let middle = "class=\"small\" text-anchor=\"middle\"";
        for (across, label) in self.ticks_across() {
            let (at, below) = (x(across), bottom + 17.0);
            writeln!(svg, "<text {middle} x=\"{at:.1}\" y=\"{below:.1}\">{label}</text>")?;
        }
        if let Axis::Sizes(what) = &self.axis {
            let (at, below) = (f64::midpoint(LEFT, WIDTH - RIGHT), bottom + 36.0);
            writeln!(svg, "<text {middle} x=\"{at:.1}\" y=\"{below:.1}\">{}</text>", escaped(what))?;
        }
        for at in &self.marks {
            let at = x(*at);
            writeln!(
                svg,
                "<line class=\"mark\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>"
            )?;
        }
        let mut legend = LEFT;
        let above = top - 8.0;
        writeln!(svg, "<text x=\"{legend}\" y=\"{above:.1}\">{}</text>", escaped(&panel.label))?;
        legend = WIDTH - RIGHT;
        let mut keys: Vec<(&str, &str)> = panel
            .lines
            .iter()
            .zip(["ka", "kb", "kc"])
            .map(|(line, class)| (line.label.as_str(), class))
            .collect();
        keys.extend((!self.marks.is_empty()).then_some((self.mark_label.as_str(), "km")));
        for (label, class) in keys.into_iter().rev() {
            let width =
                f64::from(u32::try_from(label.chars().count()).unwrap_or_default()).mul_add(7.0, 30.0);
            legend -= width;
            let (swatch, text) = (above - 9.0, legend + 15.0);
            writeln!(
                svg,
                "<rect class=\"{class}\" x=\"{legend:.1}\" y=\"{swatch:.1}\" width=\"10\" height=\"10\"/>"
            )?;
            writeln!(svg, "<text x=\"{text:.1}\" y=\"{above:.1}\">{}</text>", escaped(label))?;
        }
        for (line, class) in panel.lines.iter().zip(["a", "b", "c"]) {
            let path = path(line, x, &y);
            if line.shape == Shape::Area
                && let (Some(first), Some(end)) = (line.points.first(), line.points.last())
            {
                let (from, to) = (x(first.0), x(end.0));
                writeln!(
                    svg,
                    "<path class=\"area\" d=\"{path}L{to:.1} {bottom:.1}L{from:.1} {bottom:.1}Z\"/>"
                )?;
            }
            writeln!(svg, "<path class=\"{class}\" d=\"{path}\"/>")?;
            for (across, value) in line.points.iter().filter(|_| line.shape == Shape::Dotted) {
                let (x, y) = (x(*across), y(*value));
                writeln!(svg, "<circle class=\"k{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>")?;
            }
        }
        let right = WIDTH - RIGHT;
        writeln!(svg, "<path class=\"axis\" fill=\"none\" d=\"M{LEFT} {top:.1}V{bottom:.1}H{right:.1}\"/>")
    }
}

fn path(line: &Line, x: &impl Fn(f64) -> f64, y: &impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    for (seconds, value) in &line.points {
        let (x, y) = (x(*seconds), y(*value));
        let written = match (path.is_empty(), line.shape) {
            (true, _) => write!(path, "M{x:.1} {y:.1}"),
            (false, Shape::Steps) => write!(path, "H{x:.1}V{y:.1}"),
            (false, _) => write!(path, "L{x:.1} {y:.1}"),
        };
        written.expect("a String takes every write");
    }
    path
}

/// A round distance between about so many ticks, and how many of it cover the highest value.
fn ticks(highest: f64, about: f64) -> (f64, f64) {
    let raw = highest / about;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|round| round * power).find(|step| *step >= raw);
    let step = step.unwrap_or(power * 10.0).max(1.0);
    (step, (highest / step).ceil())
}

/// A whole number with its thousands apart.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// SVG does not break lines by itself.
fn lines(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        if lines[last].chars().count() + word.chars().count() >= LINE_CHARS {
            lines.push(word.to_owned());
        } else {
            let blank = if lines[last].is_empty() { "" } else { " " };
            lines[last].push_str(blank);
            lines[last].push_str(word);
        }
    }
    lines
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
