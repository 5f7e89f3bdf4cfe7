//! One figure: what was measured, what it was held against in the same run, and what it is to reach.

use serde::Serialize;

use crate::measure::rounds::{Series, Spread};
use crate::measure::sample::Sample;

#[derive(Debug, Serialize)]
pub struct Figure {
    pub what: &'static str,
    /// The median counts; the rest shows how far it can be trusted.
    pub value: Spread,
    /// `ms`, `MB`; `""` for a ratio.
    pub unit: &'static str,
    pub ours: Option<Side>,
    pub limit: Option<Side>,
    /// `None` for what is only worth knowing.
    pub reach: Option<Reach>,
    pub reached: Option<bool>,
}

/// One of the two that a ratio is of.
#[derive(Debug, Serialize)]
pub struct Side {
    pub name: &'static str,
    pub value: Spread,
    pub unit: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    AtLeast(f64),
    AtMost(f64),
}

impl Figure {
    pub fn new(what: &'static str, value: Spread, unit: &'static str) -> Self {
        Self { what, value, unit, ours: None, limit: None, reach: None, reached: None }
    }

    /// Ours over the limit, round by round.
    pub fn ratio(
        what: &'static str,
        ours: &Series,
        limit: &Series,
        unit: &'static str,
        figure: impl Fn(&Sample) -> f64,
    ) -> Self {
        let side = |series: &Series| Side {
            name: series.name,
            value: Spread::of(series.samples.iter().map(&figure)),
            unit,
        };
        let mut ratio = Self::new(what, ours.ratio(limit, &figure), "");
        (ratio.ours, ratio.limit) = (Some(side(ours)), Some(side(limit)));
        ratio
    }

    #[must_use]
    pub fn between(mut self, ours: Side, limit: Side) -> Self {
        (self.ours, self.limit) = (Some(ours), Some(limit));
        self
    }

    #[must_use]
    pub fn reaching(mut self, reach: Reach) -> Self {
        self.reached = Some(reach.is_met_by(self.value.median));
        self.reach = Some(reach);
        self
    }
}

impl Reach {
    pub fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }

    pub fn shown(self, unit: &str) -> String {
        let (sign, number) = match self {
            Self::AtLeast(least) => ("≥", least),
            Self::AtMost(most) => ("≤", most),
        };
        format!("{sign} {number} {unit}").trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_decides_and_nothing_is_not_enough() {
        let figure = |median| Figure::new("", Spread { least: 0.0, median, most: 9.0 }, "");
        assert_eq!(figure(0.65).reaching(Reach::AtLeast(0.65)).reached, Some(true));
        assert_eq!(figure(1.41).reaching(Reach::AtMost(1.4)).reached, Some(false));
        assert_eq!(figure(f64::NAN).reaching(Reach::AtMost(1.4)).reached, Some(false));
    }
}
