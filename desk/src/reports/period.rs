//! Which period a report is about. Days, weeks and months are those of the calendar in UTC.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Utc};
use ledger::views::kpi::Stretch;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    Day,
    Week,
    Month,
    Kpi,
    Soc2,
    Incident,
    Support,
}

/// A period that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Period {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongPeriod {
    #[error("the period has not ended: a report about it would not be the same tomorrow")]
    NotOver,
    #[error("the period ends before it begins")]
    Backwards,
    #[error("the period is longer than a year")]
    TooLong,
}

impl ReportKind {
    pub fn title(self) -> &'static str {
        match self {
            Self::Day => "Report of a day",
            Self::Week => "Report of a week",
            Self::Month => "Report of a month",
            Self::Kpi => "Key figures",
            Self::Soc2 => "Evidence of controls",
            Self::Incident => "Report of an incident",
            Self::Support => "Events and calls, for Stripe's support",
        }
    }
}

impl Period {
    pub fn day(day: NaiveDate, now: DateTime<Utc>) -> Result<Self, WrongPeriod> {
        Self::of_dates(day, day.checked_add_days(Days::new(1)), now)
    }

    /// The week from Monday on that holds this day.
    pub fn week(day: NaiveDate, now: DateTime<Utc>) -> Result<Self, WrongPeriod> {
        let back = Days::new(day.weekday().num_days_from_monday().into());
        let monday = day.checked_sub_days(back).ok_or(WrongPeriod::Backwards)?;
        Self::of_dates(monday, monday.checked_add_days(Days::new(7)), now)
    }

    /// The month that holds this day.
    pub fn month(day: NaiveDate, now: DateTime<Utc>) -> Result<Self, WrongPeriod> {
        let first = day.with_day(1).ok_or(WrongPeriod::Backwards)?;
        Self::of_dates(first, first.checked_add_months(Months::new(1)), now)
    }

    pub fn between(
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Self, WrongPeriod> {
        if until <= from {
            return Err(WrongPeriod::Backwards);
        }
        if until > now {
            return Err(WrongPeriod::NotOver);
        }
        if until - from > TimeDelta::days(366) {
            return Err(WrongPeriod::TooLong);
        }
        Ok(Self { from, until })
    }

    fn of_dates(from: NaiveDate, until: Option<NaiveDate>, now: DateTime<Utc>) -> Result<Self, WrongPeriod> {
        let midnight = |date: NaiveDate| date.and_time(chrono::NaiveTime::MIN).and_utc();
        let until = until.ok_or(WrongPeriod::TooLong)?;
        Self::between(midnight(from), midnight(until), now)
    }

    pub fn from(self) -> DateTime<Utc> {
        self.from
    }

    pub fn until(self) -> DateTime<Utc> {
        self.until
    }

    pub fn hours(self) -> i64 {
        (self.until - self.from).num_hours()
    }

    pub(super) fn stretch(self) -> Stretch {
        Stretch { from: self.from, until: self.until }
    }

    /// The same so many weeks before.
    pub(super) fn earlier(self, weeks: i32) -> Stretch {
        let back = TimeDelta::days(7) * weeks;
        Stretch { from: self.from - back, until: self.until - back }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn days_weeks_and_months_are_the_calendars() {
        let now = at("2026-11-28T12:00:00Z");
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        let shown = |period: Result<Period, WrongPeriod>| {
            period.map(|period| format!("{} {}", period.from.format("%m-%d"), period.until.format("%m-%d")))
        };
        assert_eq!(shown(Period::day(date("2026-11-27"), now)), Ok("11-27 11-28".to_owned()));
        assert_eq!(shown(Period::week(date("2026-11-22"), now)), Ok("11-16 11-23".to_owned()));
        assert_eq!(shown(Period::week(date("2026-11-16"), now)), Ok("11-16 11-23".to_owned()));
        assert_eq!(shown(Period::month(date("2026-02-28"), now)), Ok("02-01 03-01".to_owned()));
        assert_eq!(shown(Period::day(date("2026-11-28"), now)), Err(WrongPeriod::NotOver));
        assert_eq!(shown(Period::month(date("2026-11-01"), now)), Err(WrongPeriod::NotOver));
        assert_eq!(Period::between(now, now, now), Err(WrongPeriod::Backwards));
    }
}
