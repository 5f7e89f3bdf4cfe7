//! Goods of the merchant's own as the ledger keeps them, and the terms that they are sold on. What a kind of goods is,
//! its own crate knows: here it is a word, a record that its acts write, and what its rule derived from it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

pub use self::removed::{REMOVED, Removed};
use super::row::row;
use super::{Key, readable};

mod removed;

/// The name of goods of any kind in the audit.
pub const NAME: &str = "goods";
pub const TABLE: &str = "goods";

row! {
    /// One of a merchant's goods.
    pub struct Goods {
        /// The id is the merchant's own.
        #[serde(flatten)]
        pub key: Key,
        pub kind: String,
        pub user_id: String,
        /// What it is listed under, such as a category.
        pub label: String,
        /// What acts said, as JSON: nothing of it is derived.
        #[serde(skip)]
        pub record: String,
        pub created_at: DateTime<Utc>,
        /// From here on derived from the record and the payments, without a clock: `shown_until` says until when
        /// the state may be shown.
        pub state: String,
        /// Where it stands in lists; the newest first.
        pub sort_at: Option<DateTime<Utc>>,
        pub shown_until: Option<DateTime<Utc>>,
        /// What else follows, as JSON.
        #[serde(skip)]
        pub derived: String,
        /// What they say in the answer to a dispute, as JSON.
        #[serde(skip)]
        pub testimony: String,
        /// When the clock next makes something of it, and what it has made so far.
        pub turns_at: Option<DateTime<Utc>>,
        pub told_state: String,
        pub revision: i64,
        #[serde(skip)]
        pub audit_hash: Vec<u8>,
    }
}

readable! {
    /// A value that a term has from a moment on. Money is in minor units; what is no money has no currency.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Term {
        pub kind: String,
        pub name: String,
        pub currency: String,
        pub version: i64,
        pub value: i64,
        pub reason: String,
        pub set_by: String,
        pub set_at: DateTime<Utc>,
    }
}

/// The record of goods is not what its kind writes: nothing can be said or done about them until somebody mends it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the record of {kind} {id} cannot be read: {why}. Restore its row of `goods` from a backup")]
pub struct Unreadable {
    pub kind: String,
    pub id: String,
    pub why: String,
}

/// A term by its name and currency.
type Named = (String, String);

/// All terms of a kind of goods, with their past: a payment is judged by those of its own time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    usual: BTreeMap<Named, i64>,
    /// By name and currency, the oldest first.
    set: BTreeMap<Named, Vec<(DateTime<Utc>, i64)>>,
}

impl Terms {
    /// `usual` holds where nothing is set.
    pub fn of(usual: &[(&str, &str, i64)], set: impl IntoIterator<Item = Term>) -> Self {
        let usual = usual.iter().map(|(name, currency, value)| (named(name, currency), *value)).collect();
        let mut terms = Self { usual, set: BTreeMap::new() };
        let mut rows: Vec<Term> = set.into_iter().collect();
        rows.sort_by_key(|row| row.version);
        for Term { name, currency, value, set_at, .. } in rows {
            terms.set.entry((name, currency)).or_default().push((set_at, value));
        }
        terms
    }

    /// What a term was at a moment; `None` where there is no such term.
    pub fn at(&self, name: &str, currency: &str, moment: DateTime<Utc>) -> Option<i64> {
        let named = named(name, currency);
        let set = self.set.get(&named).into_iter().flatten().rev().find(|(since, _)| *since <= moment);
        set.map(|(_, value)| *value).or_else(|| self.usual.get(&named).copied())
    }

    /// Everything that a term was since a moment, the oldest first; nothing where there is no such term.
    pub fn since(&self, name: &str, currency: &str, moment: DateTime<Utc>) -> Vec<i64> {
        let set = self.set.get(&named(name, currency)).into_iter().flatten();
        let later = set.filter(|(since, _)| *since > moment).map(|(_, value)| *value);
        self.at(name, currency, moment).into_iter().chain(later).collect()
    }

    /// Every term with what it is at a moment.
    pub fn all_at(&self, moment: DateTime<Utc>) -> Vec<(&str, &str, i64)> {
        let names: std::collections::BTreeSet<_> = self.usual.keys().chain(self.set.keys()).collect();
        let value = |(name, currency): &Named| self.at(name, currency, moment);
        names
            .into_iter()
            .filter_map(|named| Some((named.0.as_str(), named.1.as_str(), value(named)?)))
            .collect()
    }
}

fn named(name: &str, currency: &str) -> Named {
    (name.to_owned(), currency.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_what_it_was_at_a_moment() {
        let at = |secs| DateTime::from_timestamp(secs, 0).unwrap();
        let set = |version, value, secs| Term {
            kind: "listing".to_owned(),
            name: "bump".to_owned(),
            currency: "usd".to_owned(),
            version,
            value,
            reason: String::new(),
            set_by: String::new(),
            set_at: at(secs),
        };
        let terms = Terms::of(&[("bump", "usd", 200), ("days", "", 30)], [set(2, 400, 20), set(1, 300, 10)]);
        let bump: Vec<_> = [9, 10, 19, 20].map(|secs| terms.at("bump", "usd", at(secs))).into();
        assert_eq!(bump, [Some(200), Some(300), Some(300), Some(400)]);
        assert_eq!((terms.at("bump", "eur", at(30)), terms.at("days", "", at(0))), (None, Some(30)));
        assert_eq!(terms.all_at(at(12)), [("bump", "usd", 300), ("days", "", 30)]);
        assert_eq!(terms.since("bump", "usd", at(5)), [200, 300, 400]);
        assert_eq!(
            (terms.since("bump", "usd", at(20)), terms.since("bump", "eur", at(0))),
            (vec![400], vec![])
        );
    }
}
