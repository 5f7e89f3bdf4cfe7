//! Compares our clock with Stripe's. A signature's time is when it was sent. An event's timestamp may be much
//! older (a late delivery, a sample), and then says nothing about clocks.

use chrono::TimeDelta;

use crate::finding::Finding;
use crate::probe::Samples;
use crate::when;

const NAME: &str = "Stripe's clock";
/// Stripe's stamps are whole seconds, cut off.
const BEHIND_ACT_SECS: f64 = -2.0;
const AHEAD_LOOK_SECS: f64 = 10.0;
const AHEAD_ACT_SECS: f64 = 60.0;
/// The widest that signatures are refused at by default: a clock that is farther off takes nothing in.
const PLAUSIBLE_SECS: f64 = 300.0;
const ADVICE: &str =
    "synchronise this machine's clock (chrony, timedatectl): signatures are refused at 5 min";

/// Our clock less the time of the last signature that the gateway found good; `None` where it saw none.
pub fn signature_age_secs(gateway: &Samples) -> Option<f64> {
    gateway.label("tidegate_last_event_timestamp_seconds", "endpoint")?;
    gateway.value("tidegate_clock_skew_seconds")
}

/// By the last signature where one is known, else by the event that came soonest after its stamp.
pub fn judged(signature_age_secs: Option<f64>, delay_least_secs: Option<f64>) -> Finding {
    let signed = signature_age_secs.is_some();
    let Some(age) = signature_age_secs.or(delay_least_secs) else {
        return Finding::ok(NAME, "nothing recent to compare our clock with");
    };
    let words = |secs: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "a span that people read")]
        when::shown(TimeDelta::milliseconds((secs * 1e3) as i64))
    };
    if age < BEHIND_ACT_SECS {
        return Finding::act(NAME, format!("ours is {} behind", words(-age)), ADVICE);
    }
    if !signed && age > PLAUSIBLE_SECS {
        let text = format!(
            "the newest timestamp was {} old on arrival, which says nothing about our clock",
            words(age)
        );
        return Finding::ok(NAME, text);
    }
    let source = if signed { "the last signature" } else { "the fastest event" };
    let text = match age {
        ..1.0 => format!("ours agrees within a second, by {source}"),
        _ => format!("ours is at most {} ahead, by {source}", words(age)),
    };
    Finding::weighed(NAME, text, (age > AHEAD_ACT_SECS, age > AHEAD_LOOK_SECS), ADVICE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    #[test]
    fn signatures_judge_our_clock_and_old_stamps_do_not() {
        for (signature, stamp, mark) in [
            (None, None, Mark::Ok),
            (Some(0.0), Some(80_000.0), Mark::Ok),
            (Some(-30.0), Some(0.4), Mark::Act),
            (Some(20.0), None, Mark::Look),
            (Some(90.0), None, Mark::Act),
            (None, Some(-1.0), Mark::Ok),
            (None, Some(-3.0), Mark::Act),
            (None, Some(80_000.0), Mark::Ok),
        ] {
            assert_eq!(judged(signature, stamp).mark, mark, "{signature:?} {stamp:?}");
        }
    }
}
