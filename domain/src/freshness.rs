//! Freshness: a total order over reports that does not depend on arrival. Stripe's `created` has whole seconds
//! and guarantees no order, so class and ranks complete it.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::merge_state;
use super::observation;
use super::row::{At, Cells, Columns, Field, Read, Unreadable, row};
use super::{earliest, latest};

/// Compared left to right. Nothing seen yet is older than everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Freshness(Option<Report>);

/// What is known of the report that a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Report {
    pub(crate) class: u8,
    pub(crate) created: i64,
    /// Amounts that only grow in an object's life: of two reports of one second the greater are the later.
    pub(crate) grown: (i64, i64),
    pub(crate) type_rank: u8,
    pub(crate) status_rank: u8,
    pub(crate) content: u64,
    /// Another report of the same class and moment says otherwise.
    pub(crate) contested: bool,
}

impl Freshness {
    pub const NONE: Self = Self(None);

    /// `content` is a hash of what the report says.
    pub fn of(class: u8, created: i64, type_rank: u8, status_rank: u8, content: u64) -> Self {
        let grown = (0, 0);
        Self(Some(Report { class, created, grown, type_rank, status_rank, content, contested: false }))
    }

    /// The same report, which inside its second is the later the further these amounts have grown.
    #[must_use]
    pub fn grown(self, first: i64, second: i64) -> Self {
        Self(self.0.map(|report| Report { grown: (first, second), ..report }))
    }

    /// The same report in another class: what one object tells of another may count more, or less.
    #[must_use]
    pub fn in_class(self, class: u8) -> Self {
        Self(self.0.map(|report| Report { class, ..report }))
    }

    pub fn is_none(self) -> bool {
        self.0.is_none()
    }

    /// Stripe's stamp of the report, in seconds since 1970.
    pub fn created(self) -> Option<i64> {
        self.0.map(|report| report.created)
    }

    /// The first and strongest part.
    pub fn class(self) -> Option<u8> {
        self.0.map(|report| report.class)
    }

    /// Only Stripe can tell which of two reports came last.
    pub fn is_contested(self) -> bool {
        self.0.is_some_and(|report| report.contested)
    }

    /// The law "greatest key": whether a report this fresh replaces what is known. Where two different
    /// contents share the greatest class and stamp the greater key stands, and is `contested`.
    pub fn replace_by(&mut self, seen: Self) -> bool {
        let contested = match (self.0, seen.0) {
            (Some(a), Some(b)) if (a.class, a.created) == (b.class, b.created) => {
                a.contested || a.content != b.content
            }
            _ => (*self).max(seen).is_contested(),
        };
        let fresher = seen > *self;
        if fresher {
            *self = seen;
        }
        if let Some(report) = &mut self.0 {
            report.contested = contested;
        }
        fresher
    }
}

row! {
    /// What the events about an object have in common: the freshest report, and the span of all of them.
    pub struct Seen {
        pub freshness: Freshness,
        /// Two reports of one moment contradict each other, or something is known only in sum: Stripe has to
        /// be asked.
        pub needs_refetch: bool,
        pub first_event_at: Option<DateTime<Utc>>,
        pub last_event_at: Option<DateTime<Utc>>,
    }
}

impl Seen {
    /// Takes a report in: its state replaces the known one where it is fresher.
    pub fn take<S: Clone, L>(&mut self, state: &mut S, report: &observation::Report<S, L>) -> bool {
        self.take_as(report.freshness, state, report)
    }

    /// The same, of a report that weighs more or less than it says.
    pub fn take_as<S: Clone, L>(
        &mut self,
        freshness: Freshness,
        state: &mut S,
        report: &observation::Report<S, L>,
    ) -> bool {
        earliest(&mut self.first_event_at, report.at);
        latest(&mut self.last_event_at, report.at);
        let Some(reported) = &report.state else { return false };
        let fresher = self.freshness.replace_by(freshness);
        self.needs_refetch = self.freshness.is_contested();
        if fresher {
            state.clone_from(reported);
        }
        fresher
    }

    /// Whether the object has been reported, not only named.
    pub fn is_reported(&self) -> bool {
        !self.freshness.is_none()
    }
}

/// The law "greatest key that has it": for links and fields that a fresher report may lack.
pub fn keep_freshest(
    known: &mut Option<String>,
    known_freshness: &mut Freshness,
    seen: Option<&str>,
    freshness: Freshness,
) {
    if let Some(seen) = seen
        && (freshness, Some(seen)) > (*known_freshness, known.as_deref())
    {
        *known = Some(seen.to_owned());
        *known_freshness = freshness;
    }
}

/// The place of a name in its list; names that we do not know rank above all.
pub fn rank(names: &[&str], name: &str) -> u8 {
    let place = names.iter().position(|known| *known == name).unwrap_or(names.len());
    u8::try_from(place).unwrap_or(u8::MAX)
}

/// Its form for people who compare rows, and in `refetches`.
impl fmt::Display for Freshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(r) => {
                write!(f, "{}.{:012}", r.class, r.created)?;
                if r.grown != (0, 0) {
                    write!(f, "+{}+{}", r.grown.0, r.grown.1)?;
                }
                let contested = if r.contested { ".contested" } else { "" };
                write!(f, ".{:02}.{:02}.{:016x}{contested}", r.type_rank, r.status_rank, r.content)
            }
        }
    }
}

/// All freshness keys of a row stand packed in one column, `merge_state`: see there.
impl Field for Freshness {
    fn columns<'a>(name: &'static str, values: &[&'a Self], columns: &mut Columns<'a>) {
        merge_state::add(name, values.iter().map(|value| value.0.as_ref()), columns);
    }
}

impl Read for Freshness {
    fn read(at: At, cells: &dyn Cells) -> Result<Self, Unreadable> {
        let At::Named(name) = at else { return Err("a freshness key stands under its name".into()) };
        Ok(Self(merge_state::find(name, cells.merge_state()?)?))
    }
}

impl Serialize for Freshness {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn class_decides_before_the_stamp_and_ranks_after_it() {
        let key = Freshness::of;
        assert!(Freshness::NONE < key(0, 0, 0, 0, 0));
        assert!(key(1, 1, 0, 0, 0) > key(0, 9, 9, 9, 9));
        assert!(key(0, 2, 0, 0, 0) > key(0, 1, 9, 9, 9).grown(9, 9));
        assert!(key(0, 1, 0, 0, 0).grown(6, 1) > key(0, 1, 9, 9, 9).grown(6, 0));
        assert!(key(0, 1, 1, 0, 0) > key(0, 1, 0, 9, 9));
    }

    #[test]
    fn a_fresher_report_without_the_field_leaves_it() {
        let (mut value, mut from) = (None, Freshness::NONE);
        let old = Freshness::of(0, 1, 0, 0, 0);
        let new = Freshness::of(0, 2, 0, 0, 0);
        keep_freshest(&mut value, &mut from, Some("cus_1"), old);
        keep_freshest(&mut value, &mut from, None, new);
        assert_eq!((value.as_deref(), from), (Some("cus_1"), old));
    }

    #[test]
    fn different_contents_of_one_moment_contest_each_other_in_any_order() {
        let older = Freshness::of(0, 4, 9, 0, 9);
        let [a, b, same_as_a] =
            [(1, 1), (2, 2), (3, 1)].map(|(rank, content)| Freshness::of(0, 5, rank, 0, content));
        let merged = |reports: &[Freshness]| {
            let mut known = Freshness::NONE;
            for report in reports {
                known.replace_by(*report);
            }
            known
        };
        assert_eq!(merged(&[older, a, same_as_a]), same_as_a, "the same content twice is no contest");
        for order in [[older, a, b], [b, a, older], [a, older, b], [b, older, a]] {
            assert!(merged(&order).is_contested() && merged(&order) > b);
        }
        let settled = Freshness::of(1, 5, 0, 0, 3);
        assert_eq!(merged(&[a, b, settled, a]), settled, "a fresher report settles it");
    }
}
