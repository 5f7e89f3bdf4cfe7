//! When something happened, as well as it is known. An event comes within moments of what it tells. An object that is
//! read later, or an event about something else, shows that it happened, and not when: then the best that is known is
//! when the object was made.

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use crate::merge_state;
use crate::row::{At, Cells, Column, Columns, Field, Read, Unreadable};

/// A moment in an object's life; none while nothing has shown it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    at: Option<DateTime<Utc>>,
    is_estimate: bool,
}

impl Moment {
    pub const NONE: Self = Self { at: None, is_estimate: false };

    /// What an event of that moment tells.
    pub fn told(at: DateTime<Utc>) -> Self {
        Self { at: Some(at), is_estimate: false }
    }

    /// It happened then or later.
    pub fn estimated(at: DateTime<Utc>) -> Self {
        Self { at: Some(at), is_estimate: true }
    }

    pub fn at(self) -> Option<DateTime<Utc>> {
        self.at
    }

    pub fn is_estimate(self) -> bool {
        self.is_estimate
    }

    /// The law "first time": what an event told stands before an estimate; of two that were told the earlier, and of two
    /// estimates, which both are too early, the later.
    pub fn see(&mut self, seen: Self) {
        let stands = match (self.at, seen.at) {
            (_, None) => true,
            (None, Some(_)) => false,
            _ if self.is_estimate != seen.is_estimate => seen.is_estimate,
            (known, seen) if self.is_estimate => known >= seen,
            (known, seen) => known <= seen,
        };
        if !stands {
            *self = seen;
        }
    }
}

/// Its own column holds the time; that it is an estimate stands in the merge state.
impl Field for Moment {
    fn columns<'a>(name: &'static str, values: &[&'a Self], columns: &mut Columns<'a>) {
        columns.push((name, Column::Time(values.iter().map(|value| value.at).collect())));
        merge_state::mark(name, values.iter().map(|value| value.is_estimate), columns);
    }
}

impl Read for Moment {
    fn read(at: At, cells: &dyn Cells) -> Result<Self, Unreadable> {
        let At::Named(name) = at else { return Err("a moment stands under its name".into()) };
        Ok(Self { at: cells.time(at)?, is_estimate: merge_state::is_marked(name, cells.merge_state()?)? })
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.at.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seen: &[Moment]) -> Moment {
        seen.iter().fold(Moment::NONE, |mut known, seen| {
            known.see(*seen);
            known
        })
    }

    #[test]
    fn what_was_told_stands_before_every_estimate_in_any_order() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let (first, second) = (Moment::told(at(30)), Moment::told(at(40)));
        let (early, late) = (Moment::estimated(at(10)), Moment::estimated(at(50)));
        for (seen, best) in [
            (&[first, second, early, late][..], first),
            (&[second, late], second),
            (&[early, late], late),
            (&[Moment::NONE, early], early),
            (&[], Moment::NONE),
        ] {
            let mut seen = seen.to_vec();
            for _ in 0..seen.len().max(1) {
                assert_eq!(of(&seen), best, "{seen:?}");
                let reversed: Vec<Moment> = seen.iter().rev().copied().collect();
                assert_eq!(of(&reversed), best, "{reversed:?}");
                assert_eq!(of(&[seen.clone(), reversed].concat()), best, "told twice");
                if !seen.is_empty() {
                    seen.rotate_left(1);
                }
            }
        }
    }
}
