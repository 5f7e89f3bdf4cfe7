//! What one event says about one object.

use chrono::{DateTime, Utc};

use super::freshness::Freshness;
use super::kinds::Kind;
use super::moments::Moment;
use super::{Key, with_kinds};

/// A report of one object: its state `S`, and its links to others `L`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report<S, L> {
    pub key: Key,
    pub freshness: Freshness,
    /// Stripe's stamp of the event.
    pub at: DateTime<Utc>,
    /// When what it shows came to be.
    pub moment: Moment,
    /// The fields that the freshest report replaces together; `None` where the event only names the object.
    pub state: Option<S>,
    pub links: L,
}

macro_rules! observation {
    (
        []
        reported { $($reported:ident: $rows:ident, $row:ty, $report:ty;)* }
        derived { $($derived:tt)* }
    ) => {
        /// An event's own object comes first among its observations; the objects that it names follow, so that every
        /// reference makes a row.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Observation { $($reported($report),)* }

        impl Observation {
            /// The object that it is about: its kind and its key.
            pub fn subject(&self) -> (Kind, &Key) {
                match self { $(Self::$reported(report) => (Kind::$reported, &report.key),)* }
            }

            /// Whether it reports the object, and does not only name it.
            pub fn is_report(&self) -> bool {
                match self { $(Self::$reported(report) => report.state.is_some(),)* }
            }

            pub fn freshness(&self) -> Freshness {
                match self { $(Self::$reported(report) => report.freshness,)* }
            }

            /// Stripe's stamp of the event.
            pub fn at(&self) -> DateTime<Utc> {
                match self { $(Self::$reported(report) => report.at,)* }
            }
        }
    };
}
with_kinds!((observation));
