//! Which objects hang on which: kept beside them, so that a parent finds its children.

use std::collections::{BTreeMap, BTreeSet};

use super::Key;

/// One kind of link, from children to at most one parent each.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    parents: BTreeMap<Key, Key>,
    children: BTreeMap<Key, BTreeSet<Key>>,
}

impl Index {
    /// The child hangs on this parent now, and on no other.
    pub(super) fn put(&mut self, child: &Key, parent: Option<Key>) {
        if self.parents.get(child) == parent.as_ref() {
            return;
        }
        if let Some(old) = self.parents.remove(child) {
            self.children.entry(old).and_modify(|children| {
                children.remove(child);
            });
        }
        if let Some(parent) = parent {
            self.children.entry(parent.clone()).or_default().insert(child.clone());
            self.parents.insert(child.clone(), parent);
        }
    }

    pub(super) fn of(&self, parent: &Key) -> impl Iterator<Item = &Key> + Clone {
        self.children.get(parent).into_iter().flatten()
    }
}
