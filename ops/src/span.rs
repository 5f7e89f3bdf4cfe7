//! Spans of time as people write and read them: `90s`, `15m`, `1h`, `7d`; `12.3 ms`, `3 min 4 s`.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use desk::wording;

/// A moment: RFC 3339, a day in UTC, or so long before `now`.
pub fn moment(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    if let Some(moment) = date(text) {
        return Ok(moment);
    }
    let span = length(text).and_then(|span| now.checked_sub_signed(span));
    span.ok_or_else(|| {
        format!(
            "`{text}` is neither a span such as 90s, 15m, 1h or 7d nor a moment such as 2026-11-21 or \
             2026-11-21T08:00:00Z"
        )
    })
}

/// A moment that is written out: RFC 3339, or a day in UTC.
pub fn date(text: &str) -> Option<DateTime<Utc>> {
    let moment = DateTime::parse_from_rfc3339(text).map(|moment| moment.to_utc());
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    moment.ok().or_else(|| day().map(|midnight| midnight.and_utc()))
}

/// So long after `now`.
pub fn ahead(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let span = length(text).and_then(|span| now.checked_add_signed(span));
    span.ok_or_else(|| format!("`{text}` is no span such as 12h, 7d or 30d"))
}

fn length(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let seconds: i64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u32 = text[..text.len() - 1].parse().ok()?;
    i64::from(number).checked_mul(seconds).and_then(TimeDelta::try_seconds)
}

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

/// A moment for people, to the millisecond.
pub fn precise(moment: DateTime<Utc>) -> String {
    moment.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// A moment for people, to the second: Stripe's own stamps know no more.
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
    fn a_moment_is_a_span_back_or_a_date() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (text, back) in [("90s", 90), ("15m", 900), ("1h", 3_600), ("7d", 604_800)] {
            assert_eq!(moment(text, now).unwrap(), now - TimeDelta::seconds(back));
        }
        assert_eq!(moment("2027-01-15T08:00:00Z", now).unwrap(), now);
        assert_eq!(moment("2027-01-15", now).unwrap(), now - TimeDelta::hours(8));
        assert_eq!(ahead("7d", now).unwrap(), now + TimeDelta::days(7));
        assert!(ahead("2027-01-15", now).is_err() && ahead("4294967295d", now).is_err());
        for bad in ["", "h", "1", "-1h", "1w", "1.5h", "99999999999d", "é", "yesterday"] {
            assert!(moment(bad, now).is_err(), "{bad}");
        }
        assert!(moment("4294967295d", now).is_err(), "before the calendar begins");
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
