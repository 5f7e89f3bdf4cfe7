//! The page of one object, whatever its kind: how it stands, why, what is known of it and how it came to be, with
//! the dead letters that say what is missing from it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::operations::Operation;
use domain::{Key, Object};
use ledger::tables::audit::Line;
use ledger::tables::notes::{Assignment, Note};
use ledger::views::search::Whose;
use ledger::views::stored_events::StoredEvent;
use ledger::{Ledger, LedgerError, Transaction};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::cards::Cards;
use super::detail::Detail;
use super::reason::Reason;
use super::story::{Beside, Happening, story};
use super::sums::Sum;

/// What the pages of all kinds have in common.
pub trait ObjectView: Serialize + Send + Sized {
    type Object: Object;

    /// Gathers all that the page says from the caller's transaction, so that it shows one state.
    fn read(
        ledger: &Ledger,
        tx: &mut Transaction,
        object: Self::Object,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Self, LedgerError>> + Send;

    fn key(&self) -> &Key;

    fn status(&self, now: DateTime<Utc>) -> String;

    /// Why the status is what it is, in a sentence or two.
    fn why(&self) -> &str;

    /// The facts behind that.
    fn because(&self) -> &[Reason] {
        &[]
    }

    fn details(&self, now: DateTime<Utc>) -> Vec<Detail>;

    /// Its money as a sum, where it has any.
    fn sum(&self) -> Option<Sum> {
        None
    }

    fn timeline(&self) -> &[Line];

    /// What Stripe was or is to be asked to do with it.
    fn operations(&self) -> &[Operation] {
        &[]
    }

    /// Takes out what tells which card it was.
    fn hide_cards(&mut self) {}
}

/// A page with the dead letters about its object.
#[derive(Debug, Serialize)]
pub struct ObjectPage<V> {
    #[serde(flatten)]
    pub view: V,
    /// What staff wrote about it, oldest first.
    pub notes: Vec<Note>,
    /// Who takes care of it, since when, by whose word.
    pub assignment: Option<Assignment>,
    pub dead_letters: Vec<StoredEvent>,
    #[serde(flatten)]
    pub beside: Beside,
}

/// An object that the ledger does not know: only dead letters tell of it.
#[derive(Debug, Serialize)]
pub struct UnappliedObject {
    pub kind: &'static str,
    #[serde(flatten)]
    pub key: Key,
    pub dead_letters: Vec<StoredEvent>,
}

/// All that goes by one id: it may stand for several objects, one for each account and mode. As JSON one array.
#[derive(Debug)]
pub struct ObjectPages<V> {
    pub known: Vec<ObjectPage<V>>,
    pub unapplied: Vec<UnappliedObject>,
}

impl<V: ObjectView> ObjectPage<V> {
    /// All that happened, the oldest first.
    pub fn story(&self) -> Vec<Happening<'_>> {
        let beside = &self.beside;
        let calls = beside.calls.iter().map(|made| (made.operation.as_str(), &made.call));
        story(self.view.timeline().iter().chain(&beside.operation_changes), calls, &beside.notices)
    }
}

impl<V: ObjectView> ObjectPages<V> {
    /// The pages of the objects of this id, of one state of the ledger.
    #[shared::built_once]
    pub async fn read(
        ledger: &Ledger,
        tx: &mut Transaction,
        id: &str,
        whose: &Whose,
        cards: Cards,
        now: DateTime<Utc>,
    ) -> Result<Self, LedgerError> {
        let mut letters = tx.dead_about(id).await?;
        letters.retain(|letter| whose.admits(&subject(letter, id)));
        let mut known = Vec::new();
        for object in tx.find_or_named::<V::Object>(id).await? {
            if whose.admits(object.key()) {
                let mut view = V::read(ledger, tx, object, now).await?;
                if cards.are_hidden() {
                    view.hide_cards();
                }
                let of_it = letters.extract_if(.., |letter| subject(letter, id) == *view.key());
                let dead_letters = of_it.collect();
                let notes = tx.notes_of(V::Object::NAME, view.key()).await?;
                let assignment = tx.last_assignment(V::Object::NAME, view.key()).await?;
                let beside =
                    Beside::read(tx, (V::Object::NAME, view.key()), view.timeline(), view.operations())
                        .await?;
                known.push(ObjectPage { view, notes, assignment, dead_letters, beside });
            }
        }
        Ok(Self { known, unapplied: by_subject(V::Object::NAME, id, letters) })
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.unapplied.is_empty()
    }
}

impl<V: Serialize> Serialize for ObjectPages<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(Some(self.known.len() + self.unapplied.len()))?;
        self.known.iter().try_for_each(|page| array.serialize_element(page))?;
        self.unapplied.iter().try_for_each(|object| array.serialize_element(object))?;
        array.end()
    }
}

/// The object of this id of which a dead letter tells.
fn subject(letter: &StoredEvent, id: &str) -> Key {
    Key { id: id.to_owned(), account: letter.account.clone(), livemode: letter.livemode }
}

/// What is left for objects that the ledger does not know: one an account and mode.
fn by_subject(kind: &'static str, id: &str, letters: Vec<StoredEvent>) -> Vec<UnappliedObject> {
    let mut subjects: BTreeMap<Key, Vec<StoredEvent>> = BTreeMap::new();
    for letter in letters {
        subjects.entry(subject(&letter, id)).or_default().push(letter);
    }
    subjects.into_iter().map(|(key, dead_letters)| UnappliedObject { kind, key, dead_letters }).collect()
}

/// Rows in the order in which they came into being.
pub(super) fn by_time<'a, T: Clone + 'a>(
    rows: impl Iterator<Item = &'a T>,
    moment: impl Fn(&T) -> Option<DateTime<Utc>>,
) -> Vec<T> {
    let mut rows: Vec<T> = rows.cloned().collect();
    rows.sort_by_key(|row| moment(row));
    rows
}
