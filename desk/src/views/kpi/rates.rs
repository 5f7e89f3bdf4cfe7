//! Key figures beside their targets.

use serde::Serialize;

use super::{Figures, Latency};

/// One figure with what it should be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rate {
    pub name: &'static str,
    /// `null` where nothing happened that it could be of.
    pub value: Option<f64>,
    pub target: Target,
    pub verdict: Verdict,
}

/// A bound that counts as missed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    Above(f64),
    Below(f64),
    BelowSecs(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Met,
    Missed,
    /// There is nothing to judge.
    Unknown,
}

const SUCCESS: Target = Target::Above(0.98);
const REFUNDS: Target = Target::Below(0.10);
const DISPUTES: Target = Target::Below(0.01);
const WON: Target = Target::Above(0.70);
const LATENCY_MEAN: Target = Target::BelowSecs(3.0);
const LATENCY_P95: Target = Target::BelowSecs(5.0);

pub(super) fn judged(figures: &Figures, latency: &Latency) -> Vec<Rate> {
    [
        ("success_rate", figures.success_rate, SUCCESS),
        ("refund_rate", figures.refund_rate, REFUNDS),
        ("dispute_rate", figures.dispute_rate, DISPUTES),
        ("dispute_win_rate", figures.dispute_win_rate, WON),
        ("latency_mean_secs", latency.mean_secs, LATENCY_MEAN),
        ("latency_p95_secs", latency.p95_secs, LATENCY_P95),
    ]
    .into_iter()
    .map(|(name, value, target)| Rate { name, value, target, verdict: target.verdict(value) })
    .collect()
}

impl Target {
    fn verdict(self, value: Option<f64>) -> Verdict {
        let Some(value) = value else { return Verdict::Unknown };
        let is_met = match self {
            Self::Above(bound) => value > bound,
            Self::Below(bound) | Self::BelowSecs(bound) => value < bound,
        };
        if is_met { Verdict::Met } else { Verdict::Missed }
    }
}

/// `None` of nothing.
pub(super) fn part(of: i64, all: i64) -> Option<f64> {
    (all > 0).then(|| float(of) / float(all))
}

/// Counts and milliseconds are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "figures for people: 53 bits are plenty")]
pub(super) fn float(count: i64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_beyond_its_bound_and_nothing_is_judged_of_nothing() {
        assert_eq!(SUCCESS.verdict(Some(0.98)), Verdict::Missed);
        assert_eq!(SUCCESS.verdict(Some(0.981)), Verdict::Met);
        assert_eq!(DISPUTES.verdict(Some(0.0)), Verdict::Met);
        assert_eq!(DISPUTES.verdict(Some(0.01)), Verdict::Missed);
        assert_eq!(WON.verdict(None), Verdict::Unknown);
        assert_eq!((part(1, 0), part(1, 4)), (None, Some(0.25)));
    }
}
