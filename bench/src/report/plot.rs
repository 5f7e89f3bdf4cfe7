//! How a figure grows with the size of something, as the report keeps it and as `docs/` show it.

use harness::plot::{self, Axis, Panel, Shape};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct Plot {
    /// `scale` is written to `docs/performance-scale.svg`.
    pub name: &'static str,
    pub title: String,
    pub across: String,
    pub up: String,
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
        let lines = self.lines.iter().map(|line| plot::Line {
            label: line.name.clone(),
            points: line.points.clone(),
            shape: Shape::Dotted,
        });
        plot::Plot {
            title: self.title.clone(),
            subtitle: String::new(),
            axis: Axis::Sizes(self.across.clone()),
            panels: vec![Panel { label: self.up.clone(), lines: lines.collect() }],
            marks: Vec::new(),
            mark_label: String::new(),
        }
        .svg()
    }
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
            lines: vec![line("a", &[(1e3, 10.0), (1e6, 9.0)]), line("b", &[(1e3, 0.0)])],
        };
        let svg = plot.svg();
        assert_eq!(svg.matches("<circle").count(), 3);
        assert!(svg.contains("Applied &lt; offered") && svg.ends_with("</svg>\n"));
        assert!(svg.contains(">1,000<") && svg.contains(">1,000,000<") && svg.contains(">waiting<"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
