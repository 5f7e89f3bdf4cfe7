//! Lengths and points of time as people read them: `12.3 ms`, `3 min 4 s`, `2h ago`.

use crate::wording;
use chrono::{DateTime, TimeDelta, Utc};

/// Two significant units at most; negative where clocks disagree.
pub fn shown(span: TimeDelta) -> String {
    let Some(micros) = span.num_microseconds() else { return format!("{} d", span.num_days()) };
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    let (millis, seconds) = (micros / 1_000, micros / 1_000_000);
    let text = match seconds {
        0 if millis == 0 => format!("{micros} µs"),
        0 if millis < 100 => tenths(micros / 100, "ms"),
        0 => format!("{millis} ms"),
        1..60 => tenths(micros / 100_000, "s"),
        60..3_600 => two(seconds, 60, "min", "s"),
        3_600..86_400 => two(seconds / 60, 60, "h", "min"),
        _ => two(seconds / 3_600, 24, "d", "h"),
    };
    format!("{sign}{text}")
}

/// How long ago, in one unit: short enough for a column.
pub fn age(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    match (now - then).num_seconds() {
        ..0 => "ahead".to_owned(),
        seconds @ 0..60 => format!("{seconds}s ago"),
        seconds @ 60..3_600 => format!("{}m ago", seconds / 60),
        seconds @ 3_600..172_800 => format!("{}h ago", seconds / 3_600),
        seconds => format!("{}d ago", seconds / 86_400),
    }
}

/// How far ahead, or how long ago, in words.
pub fn until(moment: DateTime<Utc>, now: DateTime<Utc>) -> String {
    if moment > now { format!("in {}", shown(moment - now)) } else { format!("{} ago", shown(now - moment)) }
}

/// A moment for people, to the millisecond, with its zone.
pub fn precise(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%d %H:%M:%S%.3fZ").to_string()
}

/// A moment for people, to the second, with its zone: Stripe's own stamps know no more.
pub fn whole(moment: DateTime<Utc>) -> String {
    wording::moment(moment)
}

fn tenths(tenths: u64, unit: &str) -> String {
    if tenths.is_multiple_of(10) {
        format!("{} {unit}", tenths / 10)
    } else {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

fn two(small: u64, per_big: u64, big_unit: &str, small_unit: &str) -> String {
    match small % per_big {
        0 => format!("{} {big_unit}", small / per_big),
        rest => format!("{} {big_unit} {rest} {small_unit}", small / per_big),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_shown_in_units_of_their_size() {
        for (micros, text) in [
            (0, "0 µs"),
            (999, "999 µs"),
            (1_000, "1 ms"),
            (12_340, "12.3 ms"),
            (250_000, "250 ms"),
            (1_250_000, "1.2 s"),
            (59_990_000, "59.9 s"),
            (184_000_000, "3 min 4 s"),
            (3_600_000_000, "1 h"),
            (7_500_000_000, "2 h 5 min"),
            (273_600_000_000, "3 d 4 h"),
            (-1_500_000, "-1.5 s"),
        ] {
            assert_eq!(shown(TimeDelta::microseconds(micros)), text);
        }
    }

    #[test]
    fn ages_fit_a_column() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let ages = [-5, 0, 59, 60, 3_599, 3_600, 172_799, 172_800]
            .map(|seconds| age(now - TimeDelta::seconds(seconds), now));
        let expected = ["ahead", "0s ago", "59s ago", "1m ago", "59m ago", "1h ago", "47h ago", "2d ago"];
        assert_eq!(ages, expected);
    }
}
