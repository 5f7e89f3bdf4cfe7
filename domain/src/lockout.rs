//! How long a login waits after others failed, of a name and of an address. Attempts are counted before they are tried,
//! so that many at once count as many.

use chrono::{DateTime, TimeDelta, Utc};

use super::readable;
use super::row::words;

words! {
    pub enum Scope {
        Staff = "staff",
        Address = "address",
    }
}

readable! {
    /// What failed in a row, of one name or one address.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Failures {
        pub failures: i64,
        pub last_at: DateTime<Utc>,
        pub locked_until: Option<DateTime<Utc>>,
    }
}

/// No lock lasts longer: whoever guesses must not be able to keep a person out for a day.
pub const LONGEST: TimeDelta = TimeDelta::minutes(15);
const FIRST: TimeDelta = TimeDelta::seconds(30);
/// After so long without an attempt, nothing is held against anybody.
pub const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(24);

impl Scope {
    /// So many may fail before the next one waits. Behind one address there may be an office.
    fn free(self) -> i64 {
        match self {
            Self::Staff => 5,
            Self::Address => 20,
        }
    }
}

/// Whether one more attempt may be made, and how it is counted; else until when it waits.
pub fn attempt(
    scope: Scope,
    before: Option<&Failures>,
    now: DateTime<Utc>,
) -> Result<Failures, DateTime<Utc>> {
    let before = before.filter(|before| now - before.last_at < FORGOTTEN_AFTER);
    if let Some(until) = before.and_then(|before| before.locked_until).filter(|until| *until > now) {
        // Where the clock was set back the lock stays, but no longer than any lock does.
        return Err(until.min(now + LONGEST));
    }
    let failures = before.map_or(0, |before| before.failures) + 1;
    let over = failures - scope.free();
    let wait = (over >= 0).then(|| {
        let doubled = FIRST * (1 << over.min(10));
        doubled.min(LONGEST)
    });
    Ok(Failures { failures, last_at: now, locked_until: wait.map(|wait| now + wait) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    /// So many failures in a row, each as soon as it may be.
    fn after(scope: Scope, count: usize) -> (Failures, DateTime<Utc>) {
        let (mut failures, mut now) = (None, at(0));
        for _ in 0..count {
            failures = Some(match attempt(scope, failures.as_ref(), now) {
                Ok(failures) => failures,
                Err(until) => {
                    now = until;
                    attempt(scope, failures.as_ref(), now).unwrap()
                }
            });
        }
        (failures.unwrap(), now)
    }

    #[test]
    fn the_wait_grows_and_has_an_end() {
        let (four, now) = after(Scope::Staff, 4);
        assert_eq!((four.locked_until, now), (None, at(0)));
        let waits: Vec<i64> = (5..=12)
            .map(|count| {
                let (failures, now) = after(Scope::Staff, count);
                (failures.locked_until.unwrap() - now).num_seconds()
            })
            .collect();
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(after(Scope::Address, 19).0.locked_until, None);
        assert!(after(Scope::Address, 20).0.locked_until.is_some());
    }

    #[test]
    fn a_clock_set_back_opens_nothing_and_locks_nobody_out_for_long() {
        let (failures, now) = after(Scope::Staff, 8);
        assert!(attempt(Scope::Staff, Some(&failures), now).is_err());
        let back = now - TimeDelta::days(3);
        assert_eq!(attempt(Scope::Staff, Some(&failures), back), Err(back + LONGEST));
        let later = failures.locked_until.unwrap();
        assert_eq!(attempt(Scope::Staff, Some(&failures), later).unwrap().failures, 9);
        let next_week = now + TimeDelta::days(7);
        assert_eq!(attempt(Scope::Staff, Some(&failures), next_week).unwrap().failures, 1);
    }
}
