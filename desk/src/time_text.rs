//! Lengths and points of time as people write them: `90m`, `1h 30m`, `7d`, `1w`; `2026-11-21`,
//! `2026-11-21T08:00:00Z`, `yesterday`, `7d ago`. Every option and every parameter that takes one is read here.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

/// A point of time; a length alone is so long before `now`.
pub fn past(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    point(text, now, "so long ago: 90s, 15m, 1h 30m, 7d, 1w", |length| now.checked_sub_signed(length))
}

/// A point of time; a length alone is so long after `now`.
pub fn future(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    point(text, now, "so long from now: 12h, 7d, 4w", |length| now.checked_add_signed(length))
}

/// So long after `now`, and nothing but a length.
pub fn ahead(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    now.checked_add_signed(length(text)?).ok_or_else(|| format!("`{text}` is too far away"))
}

/// One or more numbers, each with its unit.
fn length(text: &str) -> Result<TimeDelta, String> {
    let example = "write numbers with units, as in 90s, 15m, 1h 30m, 7d or 1w";
    let (mut rest, mut seconds) = (text.trim(), 0_i64);
    if rest.is_empty() {
        return Err(format!("a length of time is missing: {example}"));
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let number: u32 =
            number.parse().map_err(|_| format!("`{text}` is not a length of time: {example}"))?;
        if after.starts_with(['.', ',']) {
            return Err(format!(
                "`{text}` has a fraction: use a smaller unit, as in 90m for an hour and a half"
            ));
        }
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let unit_secs = match unit {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 7 * 86_400,
            "" => {
                return Err(format!(
                    "`{text}` lacks a unit: {number}m are minutes, {number}h hours, {number}d days"
                ));
            }
            "M" | "mo" | "month" | "months" | "y" | "yr" | "year" | "years" => {
                return Err(format!(
                    "`{text}`: months and years differ in length: use days or weeks, as in 30d"
                ));
            }
            _ => return Err(format!("`{text}`: `{unit}` is not a unit: {example}")),
        };
        seconds = seconds
            .checked_add(i64::from(number) * unit_secs)
            .ok_or_else(|| "this length of time is too long".to_owned())?;
        rest = after.trim_start();
    }
    TimeDelta::try_seconds(seconds).ok_or_else(|| format!("`{text}` is too long"))
}

fn point(
    text: &str,
    now: DateTime<Utc>,
    lengths: &str,
    away: impl Fn(TimeDelta) -> Option<DateTime<Utc>>,
) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    let midnight = now.date_naive().and_time(NaiveTime::MIN).and_utc();
    let too_far = || format!("`{text}` is too far away");
    match text.to_ascii_lowercase().as_str() {
        "now" => return Ok(now),
        "today" => return Ok(midnight),
        "yesterday" => return midnight.checked_sub_days(Days::new(1)).ok_or_else(too_far),
        "tomorrow" => return midnight.checked_add_days(Days::new(1)).ok_or_else(too_far),
        _ => {}
    }
    if let Some(ago) = text.strip_suffix("ago") {
        return now.checked_sub_signed(length(ago)?).ok_or_else(too_far);
    }
    if let Some(ahead) = text.strip_prefix("in ") {
        return now.checked_add_signed(length(ahead)?).ok_or_else(too_far);
    }
    if text.get(4..5) == Some("-") || text.matches(['.', '/']).count() == 2 {
        return date(text).ok_or_else(|| {
            format!("`{text}` is not a date: write 2026-11-21, 2026-11-21 08:00 or 2026-11-21T08:00:00Z")
        });
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return away(length(text)?).ok_or_else(too_far);
    }
    Err(format!(
        "`{text}` is not a time: write a date such as 2026-11-21 or 2026-11-21T08:00:00Z; now, today or \
         yesterday; or {lengths}. Dates without a zone are UTC"
    ))
}

/// RFC 3339, or a day or a minute in UTC.
fn date(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(written) = DateTime::parse_from_rfc3339(text) {
        return Some(written.to_utc());
    }
    let text = text.replacen(['T', 't'], " ", 1);
    let minute = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"]
        .into_iter()
        .find_map(|form| NaiveDateTime::parse_from_str(&text, form).ok());
    let day = || NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN));
    minute.or_else(day).map(|written| written.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        date("2026-11-21T12:00:00Z").unwrap()
    }

    #[test]
    fn lengths_are_numbers_with_units() {
        for (text, seconds) in [
            ("90s", 90),
            ("90 sec", 90),
            ("15m", 900),
            ("90min", 5_400),
            ("1h 30m", 5_400),
            ("1h30m", 5_400),
            ("1 hour 30 minutes", 5_400),
            ("7d", 604_800),
            ("1w", 604_800),
            ("2 weeks", 1_209_600),
            (" 1d ", 86_400),
            ("0s", 0),
        ] {
            assert_eq!(length(text).map(|length| length.num_seconds()), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_length_is_answered_with_what_would_be_one() {
        for (text, part) in [
            ("", "is missing: write numbers with units"),
            ("7", "`7` lacks a unit: 7m are minutes, 7h hours, 7d days"),
            ("1h 30", "lacks a unit: 30m are minutes"),
            ("1.5h", "has a fraction: use a smaller unit"),
            ("1M", "months and years differ in length: use days or weeks"),
            ("2 years", "months and years differ in length"),
            ("5ms", "`ms` is not a unit: write numbers with units, as in 90s"),
            ("soon", "is not a length of time: write numbers"),
            ("-1h", "is not a length of time"),
            ("7d ago", "is not a length of time"),
            ("99999999999s", "is not a length of time"),
            ("ü", "is not a length of time"),
        ] {
            let fault = length(text).unwrap_err();
            assert!(fault.contains(part), "{text}: {fault}");
        }
    }

    #[test]
    fn points_are_dates_words_or_so_long_from_now() {
        for (text, expected) in [
            ("2026-11-21", "2026-11-21T00:00:00Z"),
            ("2026-11-21 08:30", "2026-11-21T08:30:00Z"),
            ("2026-11-21T08:30", "2026-11-21T08:30:00Z"),
            ("2026-11-21 08:30:15", "2026-11-21T08:30:15Z"),
            ("2026-11-21T08:30:15Z", "2026-11-21T08:30:15Z"),
            ("2026-11-21T08:30:15+02:00", "2026-11-21T06:30:15Z"),
            ("now", "2026-11-21T12:00:00Z"),
            ("today", "2026-11-21T00:00:00Z"),
            ("Yesterday", "2026-11-20T00:00:00Z"),
            ("tomorrow", "2026-11-22T00:00:00Z"),
            ("7d ago", "2026-11-14T12:00:00Z"),
            ("1h 30m ago", "2026-11-21T10:30:00Z"),
            ("in 7d", "2026-11-28T12:00:00Z"),
        ] {
            for read in [past, future] {
                assert_eq!(read(text, now()), Ok(date(expected).unwrap()), "{text}");
            }
        }
    }

    #[test]
    fn a_length_alone_looks_where_the_option_looks() {
        for (text, before, after) in [
            ("12h", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"),
            ("1w", "2026-11-14T12:00:00Z", "2026-11-28T12:00:00Z"),
        ] {
            assert_eq!(past(text, now()), Ok(date(before).unwrap()), "{text}");
            assert_eq!(future(text, now()), Ok(date(after).unwrap()), "{text}");
        }
    }

    #[test]
    fn what_is_no_point_is_answered_with_what_would_be_one() {
        for (text, part) in [
            ("", "is not a time: write a date such as 2026-11-21"),
            ("last week", "now, today or yesterday; or so long ago: 90s, 15m"),
            ("2026-02-30", "`2026-02-30` is not a date: write 2026-11-21"),
            ("2026-11-21 25:00", "is not a date"),
            ("2026-11", "is not a date"),
            ("21.11.2026", "is not a date: write 2026-11-21"),
            ("7", "lacks a unit"),
            ("7 d before", "is not a length of time"),
            ("ago", "a length of time is missing"),
            ("4294967295w", "is too far away"),
        ] {
            let fault = past(text, now()).unwrap_err();
            assert!(fault.contains(part), "{text}: {fault}");
        }
        assert!(ahead("4294967295w", now()).unwrap_err().contains("is too far away"));
        let long = "4294967295w ".repeat(4_000);
        assert!(ahead(&long, now()).unwrap_err().contains("is too long"), "no sum wraps");
        assert!(ahead("2026-11-21", now()).is_err(), "a date is no length");
        let fault = future("next week", now()).unwrap_err();
        assert!(fault.contains("so long from now: 12h, 7d, 4w"), "{fault}");
    }
}
