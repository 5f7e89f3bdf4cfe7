//! The objects of one kind in an object graph, and which of them changed.

use std::collections::BTreeMap;

use super::{Key, Object, Transition};

#[derive(Clone, Debug)]
pub struct TrackedRows<T> {
    rows: BTreeMap<Key, T>,
    /// Those that changed, as they were when the graph was loaded.
    changed: BTreeMap<Key, T>,
    /// As they were before the event at hand, those that it may have changed.
    before: BTreeMap<Key, T>,
}

impl<T> Default for TrackedRows<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), changed: BTreeMap::new(), before: BTreeMap::new() }
    }
}

impl<T: Object> TrackedRows<T> {
    pub fn get(&self, key: &Key) -> Option<&T> {
        self.rows.get(key)
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.rows.contains_key(key)
    }

    pub fn rows(&self) -> impl Iterator<Item = &T> {
        self.rows.values()
    }

    /// Those of these keys that are here.
    pub(super) fn among<'a, 'k>(
        &'a self,
        keys: impl Iterator<Item = &'k Key> + Clone,
    ) -> impl Iterator<Item = &'a T> + Clone {
        keys.filter_map(|key| self.rows.get(key))
    }

    /// Those that an event changed, sorted by key.
    pub fn changed(&self) -> Vec<&T> {
        self.changed.keys().map(|key| &self.rows[key]).collect()
    }

    /// The same, each as it was when the graph was loaded, and as it is now.
    pub fn steps(&self) -> impl Iterator<Item = (&T, &T)> {
        self.changed.iter().map(|(key, before)| (before, &self.rows[key]))
    }

    /// The object as it was when the graph was loaded; `None` where nobody had named it.
    pub fn as_loaded(&self, key: &Key) -> Option<&T> {
        self.changed.get(key).or_else(|| self.rows.get(key))
    }

    /// Takes in a row as the ledger has it; what is here already stays.
    pub(super) fn load(&mut self, row: T) {
        self.rows.entry(row.key().clone()).or_insert(row);
    }

    /// Changes the object of this key, which is a placeholder where nobody knew it.
    pub(super) fn change(&mut self, key: &Key, change: impl FnOnce(&mut T)) {
        if !self.rows.contains_key(key) {
            self.rows.insert(key.clone(), T::placeholder(key.clone()));
        }
        let row = self.rows.get_mut(key).expect("it was put there");
        // One copy an event: by most events an object is changed twice, by its report and by what derives.
        if !self.before.contains_key(key) {
            self.before.insert(key.clone(), row.clone());
        }
        change(row);
    }

    /// The hash of the last line about an audited object.
    pub(super) fn audit_hash(&mut self, key: &Key) -> Option<&mut Vec<u8>> {
        self.rows.get_mut(key)?.audit_hash()
    }

    /// The objects that are more than placeholders, without their revisions.
    pub fn non_placeholders(&self) -> impl Iterator<Item = T> {
        self.rows.values().filter_map(without_revision)
    }

    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.non_placeholders().eq(other.non_placeholders())
    }

    /// Ends the event at hand: notes what it changed, and tells what it did to audited objects, each line with
    /// its revision.
    pub(super) fn record_changes(&mut self, event_id: &str, transitions: &mut Vec<Transition>) {
        for (key, before) in std::mem::take(&mut self.before) {
            let row = self.rows.get_mut(&key).expect("what changed is here");
            if *row == before {
                continue;
            }
            for change in T::audit_changes(&before, row) {
                let Some(revision) = row.revision() else { continue };
                *revision += 1;
                let (kind, revision) = (T::NAME, *revision);
                let event_id = Some(event_id.to_owned());
                transitions.push(Transition { kind, key: key.clone(), revision, event_id, change });
            }
            self.changed.entry(key).or_insert(before);
        }
    }
}

/// The row as the events alone make it: how many steps led there depends on their order. `None` for a row
/// that says nothing, but was only touched.
pub fn without_revision<T: Object>(row: &T) -> Option<T> {
    let mut row = row.clone();
    row.revision().into_iter().for_each(|revision| *revision = 0);
    row.audit_hash().into_iter().for_each(Vec::clear);
    (row != T::placeholder(row.key().clone())).then_some(row)
}
