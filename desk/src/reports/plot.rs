//! Bars as SVG, with a title for readers that do not see them. The table beside them says the same in numbers.

use std::fmt::Write;

const WIDTH: usize = 720;
const HEIGHT: usize = 120;

/// One bar.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) count: i64,
}

/// The counts of the parts of a period, as high as they are beside the highest.
pub(super) fn bars(title: &str, bars: &[Bar]) -> String {
    let highest = bars.iter().map(|bar| bar.count).max().unwrap_or(0).max(1);
    let mut svg = format!(
        "<svg role=\"img\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" class=\"plot\"><title>{title}: at most {highest}</title>"
    );
    let count = bars.len().max(1);
    for (place, bar) in bars.iter().enumerate() {
        let height = usize::try_from(i128::from(bar.count.max(0)) * 110 / i128::from(highest)).unwrap_or(0);
        let (left, right) = (place * WIDTH / count, (place + 1) * WIDTH / count);
        let width = (right - left).saturating_sub(1).max(1);
        let top = HEIGHT - height;
        write!(
            svg,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"><title>{}: {}</title></rect>",
            bar.label, bar.count
        )
        .expect("a String takes every write");
    }
    svg.push_str("</svg>");
    svg
}
