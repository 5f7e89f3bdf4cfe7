//! Which days are compared by the clock: each once it has ended, again every morning until everything in it has settled,
//! then ever more rarely until nothing differs, and at once when Stripe has completed one of its payouts.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::Verdict;

/// Stripe's list may lack what was made a moment ago.
const SETTLES_AFTER: TimeDelta = TimeDelta::hours(2);
/// So far back missed days are caught up on.
const CAUGHT_UP_DAYS: i64 = 31;
/// Days that never settle, or differ for ever, are left alone after so long.
const UNSETTLED_DAYS: i64 = 45;
/// What Stripe did not answer is asked again so soon.
const RETRY_AFTER: TimeDelta = TimeDelta::minutes(15);

/// What is known of a day that was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedDay {
    pub day: NaiveDate,
    pub verdict: Verdict,
    /// By something that the ledger may learn yet, and not only by what nobody understands.
    pub differs: bool,
    pub is_final: bool,
    pub compared_at: DateTime<Utc>,
}

/// The last day, in UTC, whose transactions are complete.
pub fn last_day(now: DateTime<Utc>) -> NaiveDate {
    before((now - SETTLES_AFTER).date_naive(), 1)
}

/// The days that are due, oldest first. `completed` are days with a payout whose list became complete, and when.
pub fn due(
    known: &[ComparedDay],
    completed: &[(NaiveDate, DateTime<Utc>)],
    hour: i64,
    now: DateTime<Utc>,
) -> Vec<NaiveDate> {
    let mark = TimeDelta::hours(hour.max(SETTLES_AFTER.num_hours()));
    let last = before((now - mark).date_naive(), 1);
    // The morning that has come last.
    let morning = midnight(before(last, -1)) + mark;
    // A person may have compared a later day meanwhile: the days before it are due all the same.
    let oldest = known.iter().map(|it| it.day).min();
    let first = oldest.map_or(last, |oldest| oldest.max(before(last, CAUGHT_UP_DAYS)));
    let mut days: Vec<NaiveDate> = first
        .iter_days()
        .take_while(|day| *day <= last)
        .filter(|day| known.iter().all(|it| it.day != *day))
        .collect();
    for it in known {
        let is_old = it.day < before(last, UNSETTLED_DAYS);
        // What the ledger has learned since closes findings of a final day, too; the older it is, the more rarely.
        let may_change = !it.is_final || it.differs;
        let rests =
            if it.is_final { TimeDelta::days((last - it.day).num_days() / 4) } else { TimeDelta::zero() };
        let is_due = may_change && !is_old && it.compared_at < morning - rests;
        let is_unread = it.verdict == Verdict::Incomplete && !is_old && it.compared_at + RETRY_AFTER <= now;
        if is_due || is_unread {
            days.push(it.day);
        }
    }
    for (day, at) in completed {
        let seen = known.iter().find(|it| it.day == *day);
        if seen.is_some_and(|it| it.compared_at < *at) && midnight(before(*day, -1)) + SETTLES_AFTER <= now {
            days.push(*day);
        }
    }
    days.sort_unstable();
    days.dedup();
    days
}

/// So many days before, or after where it is negative.
fn before(day: NaiveDate, days: i64) -> NaiveDate {
    let count = Days::new(days.unsigned_abs());
    let moved = if days < 0 { day.checked_add_days(count) } else { day.checked_sub_days(count) };
    moved.unwrap_or(day)
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn compared(text: &str, is_final: bool, at_text: &str) -> ComparedDay {
        let (verdict, compared_at) = (Verdict::Reconciled, at(at_text));
        ComparedDay { day: day(text), verdict, differs: false, is_final, compared_at }
    }

    fn shown(known: &[ComparedDay], completed: &[(NaiveDate, DateTime<Utc>)], now: &str) -> Vec<String> {
        due(known, completed, 6, at(now)).iter().map(|day| day.to_string()[5..].to_owned()).collect()
    }

    #[test]
    fn a_day_is_due_at_six_and_not_before_and_once() {
        assert_eq!(shown(&[], &[], "2026-11-28T05:59:59Z"), ["11-26"]);
        assert_eq!(shown(&[], &[], "2026-11-28T06:00:00Z"), ["11-27"]);
        let done = [compared("2026-11-27", true, "2026-11-28T06:01:00Z")];
        assert!(shown(&done, &[], "2026-11-28T23:00:00Z").is_empty());
        assert_eq!(shown(&done, &[], "2026-11-29T06:00:00Z"), ["11-28"]);
        assert_eq!(last_day(at("2026-11-28T01:59:59Z")), day("2026-11-26"));
        assert_eq!(last_day(at("2026-11-28T02:00:00Z")), day("2026-11-27"));
    }

    #[test]
    fn what_has_not_settled_is_due_every_morning_and_missed_days_are_caught_up_on() {
        let known = [
            compared("2026-11-24", false, "2026-11-25T06:00:00Z"),
            compared("2026-11-25", true, "2026-11-26T06:00:00Z"),
        ];
        assert_eq!(shown(&known, &[], "2026-11-28T07:00:00Z"), ["11-24", "11-26", "11-27"]);
        let known = [compared("2026-09-01", false, "2026-09-02T06:00:00Z")];
        assert_eq!(shown(&known, &[], "2026-11-28T07:00:00Z").first().unwrap(), "10-27");
    }

    #[test]
    fn a_final_day_that_differs_is_due_ever_more_rarely_until_it_agrees_or_is_old() {
        let known = |text, differs| [ComparedDay { differs, ..compared(text, true, "2026-11-27T06:00:01Z") }];
        let differs = known("2026-11-26", true);
        assert!(shown(&differs, &[], "2026-11-28T05:59:59Z").is_empty(), "not again before the morning");
        assert_eq!(shown(&differs, &[], "2026-11-28T06:00:00Z"), ["11-26", "11-27"]);
        assert_eq!(shown(&known("2026-11-26", false), &[], "2026-11-28T06:00:00Z"), ["11-27"]);
        let three_weeks = known("2026-11-06", true);
        for (now, first) in [("2026-12-03T06:00:00Z", "11-07"), ("2026-12-04T06:00:00Z", "11-06")] {
            assert_eq!(shown(&three_weeks, &[], now)[0], first, "after a quarter of its age");
        }
        let old = known("2026-10-01", true);
        assert!(!shown(&old, &[], "2026-11-28T06:00:00Z").contains(&"10-01".to_owned()));
    }

    #[test]
    fn a_payout_that_is_complete_and_a_read_that_was_not_are_due_at_once() {
        let known = [compared("2026-11-27", false, "2026-11-28T06:00:00Z")];
        let completed = |at_text: &str| [(day("2026-11-27"), at(at_text))];
        assert_eq!(shown(&known, &completed("2026-11-28T09:00:00Z"), "2026-11-28T09:00:01Z"), ["11-27"]);
        assert!(shown(&known, &completed("2026-11-28T05:00:00Z"), "2026-11-28T09:00:01Z").is_empty());
        let unread = [ComparedDay { verdict: Verdict::Incomplete, ..known[0].clone() }];
        assert!(shown(&unread, &[], "2026-11-28T06:14:00Z").is_empty());
        assert_eq!(shown(&unread, &[], "2026-11-28T06:15:00Z"), ["11-27"]);
    }
}
