//! Counts what a batch contained that the program does not know. It counts where merged objects changed, so
//! repetitions and replays count once. Figures about money are read from the ledger by event time instead.

use std::collections::BTreeMap;

use super::object_graph::{InGraph, ObjectGraph};
use super::{Object, each_kind, statuses};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// Objects that came to a status of Stripe's that no rule knows, by kind.
    pub unknown_statuses: BTreeMap<&'static str, u64>,
}

impl BatchCounts {
    /// What applying events to this graph came to.
    pub fn of(graph: &ObjectGraph) -> Self {
        let mut counts = Self::default();
        each_kind!(|Row| {
            for (before, after) in Row::rows(graph).steps() {
                let (before, after) = (before.stripe_status(), after.stripe_status());
                if before != after && after.is_some_and(|after| !statuses::is_known(Row::KIND, after)) {
                    *counts.unknown_statuses.entry(Row::NAME).or_default() += 1;
                }
            }
        });
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;
    use crate::refunds::Refund;
    use crate::row::Field;
    use crate::tracked_rows::TrackedRows;

    fn tracked<T: Object + Field>(change: impl FnOnce(&mut T)) -> TrackedRows<T> {
        let mut tracked = TrackedRows::default();
        let key = Key { id: "x_1".to_owned(), account: String::new(), livemode: true };
        tracked.load(T::placeholder(key.clone()));
        tracked.change(&key, change);
        tracked.record_changes("evt_1", &mut Vec::new());
        tracked
    }

    #[test]
    fn a_status_that_no_rule_knows_is_noted_once() {
        let mut graph = ObjectGraph::default();
        graph.refunds = tracked::<Refund>(|row| "pondering".clone_into(&mut row.state.status));
        assert_eq!(BatchCounts::of(&graph).unknown_statuses, BTreeMap::from([("refund", 1)]));
        graph.refunds = tracked::<Refund>(|row| "failed".clone_into(&mut row.state.status));
        assert_eq!(BatchCounts::of(&graph).unknown_statuses, BTreeMap::new());
    }
}
