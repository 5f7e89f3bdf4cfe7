//! What a batch of events leaves for the fraud desk to look at: the objects that it changed, and no others.

use std::collections::BTreeSet;

use crate::Key;
use crate::object_graph::ObjectGraph;

/// Objects that changed, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    pub charges: BTreeSet<Key>,
    /// Those of which no charge changed.
    pub payments: BTreeSet<Key>,
    pub users: BTreeSet<Key>,
}

/// Kind, mode, account, id.
type Written = (String, bool, String, String);

const CHARGE: &str = "charge";
const PAYMENT: &str = "payment";
const USER: &str = "user";

impl Due {
    /// The charges and payments that a batch changed, the charges that a bank warned of, the users whose ban changed.
    pub fn of(graph: &ObjectGraph) -> Self {
        let changed = graph.charges.changed();
        let paid: BTreeSet<Key> =
            changed.iter().filter_map(|row| Some(row.key.sibling(row.payment.id()?))).collect();
        let warned = graph.warnings.changed().into_iter();
        let warned = warned.filter_map(|row| Some(row.key.sibling(row.charge.id()?)));
        let payments = graph.payments.changed().into_iter().map(|row| &row.key);
        Self {
            charges: changed.iter().map(|row| row.key.clone()).chain(warned).collect(),
            payments: payments.filter(|key| !paid.contains(key)).cloned().collect(),
            users: graph.bans.changed().into_iter().map(|row| row.key.clone()).collect(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.charges.is_empty() && self.payments.is_empty() && self.users.is_empty()
    }

    /// As the ledger keeps it until somebody looks.
    pub fn text(&self) -> String {
        let of = |kind: &'static str, keys: &BTreeSet<Key>| -> Vec<Written> {
            let written = |key: &Key| (kind.to_owned(), key.livemode, key.account.clone(), key.id.clone());
            keys.iter().map(written).collect()
        };
        let all = [of(CHARGE, &self.charges), of(PAYMENT, &self.payments), of(USER, &self.users)].concat();
        serde_json::to_string(&all).expect("texts and flags")
    }

    /// Adds what the ledger kept; kinds that another version wrote and this one does not know are left out. `false` where it
    /// cannot be read at all.
    #[must_use]
    pub fn add(&mut self, text: &str) -> bool {
        let Ok(written) = serde_json::from_str::<Vec<Written>>(text) else { return false };
        for (kind, livemode, account, id) in written {
            let keys = match kind.as_str() {
                CHARGE => &mut self.charges,
                PAYMENT => &mut self.payments,
                USER => &mut self.users,
                _ => continue,
            };
            keys.insert(Key { id, account, livemode });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_each_object_once() {
        let key = |id: &str, livemode| Key { id: id.to_owned(), account: "acct_1".to_owned(), livemode };
        let due = Due {
            charges: [key("ch_1", true), key("ch_1", false)].into(),
            payments: [key("pi_1", true)].into(),
            users: [key("user \"7\",\n", true)].into(),
        };
        let mut read = Due::default();
        for (text, is_read) in [
            (due.text().as_str(), true),
            (&due.text(), true),
            ("[[\"listing\", true, \"\", \"x\"]]", true),
            ("nothing of ours", false),
        ] {
            assert_eq!(read.add(text), is_read, "{text}");
        }
        assert_eq!(read, due);
        assert!(Due::default().is_empty() && !due.is_empty());
    }
}
