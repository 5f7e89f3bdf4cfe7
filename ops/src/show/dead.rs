//! Dead letters on the pages of what they are about: what they say is missing from the ledger, perhaps the object
//! itself.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::Key;
use ledger::views::stored::StoredEvent;
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use crate::table::clean;
use crate::{dead_letters, events, output};

/// A page with the dead letters about its object; the form of `--json`.
#[derive(Serialize)]
pub struct Page<S> {
    #[serde(flatten)]
    pub shown: S,
    pub dead_letters: Vec<StoredEvent>,
}

/// An object that only dead letters tell of; the form of `--json` where the ledger does not know it.
#[derive(Serialize)]
pub struct Unapplied {
    kind: &'static str,
    #[serde(flatten)]
    key: Key,
    dead_letters: Vec<StoredEvent>,
}

/// All pages in one array.
pub struct Answer<'a, S> {
    pub shown: Vec<&'a Page<S>>,
    pub others: &'a [Unapplied],
}

impl<S: Serialize> Serialize for Answer<'_, S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        let mut array = serializer.serialize_seq(Some(self.shown.len() + self.others.len()))?;
        self.shown.iter().try_for_each(|page| array.serialize_element(page))?;
        self.others.iter().try_for_each(|named| array.serialize_element(named))?;
        array.end()
    }
}

/// The object of this id of which a dead letter tells.
pub fn subject(letter: &StoredEvent, id: &str) -> Key {
    Key { id: id.to_owned(), account: letter.account.clone(), livemode: letter.livemode }
}

/// What is left for objects that the ledger does not know: one an account and mode.
pub fn by_subject(kind: &'static str, id: &str, letters: Vec<StoredEvent>) -> Vec<Unapplied> {
    let mut subjects: BTreeMap<Key, Vec<StoredEvent>> = BTreeMap::new();
    for letter in letters {
        subjects.entry(subject(&letter, id)).or_default().push(letter);
    }
    subjects.into_iter().map(|(key, dead_letters)| Unapplied { kind, key, dead_letters }).collect()
}

/// The end of a page.
pub fn section(letters: &[StoredEvent], now: DateTime<Utc>) -> String {
    if letters.is_empty() {
        return String::new();
    }
    let (table, advice) = (dead_letters::table(letters, now).render(), advice(letters));
    format!(
        "\nDead letters: what these events say is missing above, for they could not be applied.\n{table}{advice}"
    )
}

/// The page of an object that is not in the ledger.
pub fn page(named: &Unapplied, now: DateTime<Utc>) -> String {
    let owner = events::belongs_to(&named.key.account, named.key.livemode);
    let (table, advice) =
        (dead_letters::table(&named.dead_letters, now).render(), advice(&named.dead_letters));
    format!(
        "{} {}  not in the ledger  ({})\nStripe has told of it, and nothing of that could be applied: only dead letters name it.\n\n{table}{advice}",
        named.kind,
        clean(&named.key.id),
        clean(&owner)
    )
}

fn advice(letters: &[StoredEvent]) -> String {
    let me = output::me();
    let Some(first) = letters.first() else { return String::new() };
    format!(
        "Every failure, and what to do:  {me} dead-letters show {0}\nWhat a replay would change:      {me} replay plan {0}\n",
        clean(&first.id)
    )
}
