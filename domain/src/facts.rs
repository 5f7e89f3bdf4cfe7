//! Counts what a batch contained that the program does not know. It counts where merged objects changed, so
//! repetitions and replays count once. Figures about money are read from the ledger by event time instead.

use std::collections::BTreeMap;

use super::world::{InWorld, World};
use super::{Object, each_kind, statuses};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Objects that came to a status of Stripe's that no rule knows, by kind.
    pub unknown_statuses: BTreeMap<&'static str, u64>,
}

impl Facts {
    /// What applying events to this world came to.
    pub fn of(world: &World) -> Self {
        let mut facts = Self::default();
        each_kind!(|Row| {
            for (before, after) in Row::rows(world).steps() {
                let (before, after) = (before.stripe_status(), after.stripe_status());
                if before != after && after.is_some_and(|after| !statuses::is_known(Row::KIND, after)) {
                    *facts.unknown_statuses.entry(Row::NAME).or_default() += 1;
                }
            }
        });
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Key;
    use crate::refunds::Refund;
    use crate::row::Field;
    use crate::shelf::Shelf;

    fn shelf<T: Object + Field>(change: impl FnOnce(&mut T)) -> Shelf<T> {
        let mut shelf = Shelf::default();
        let key = Key { id: "x_1".to_owned(), account: String::new(), livemode: true };
        shelf.load(T::placeholder(key.clone()));
        shelf.change(&key, change);
        shelf.tell("evt_1", &mut Vec::new());
        shelf
    }

    #[test]
    fn a_status_that_no_rule_knows_is_noted_once() {
        let mut world = World::default();
        world.refunds = shelf::<Refund>(|row| "pondering".clone_into(&mut row.state.status));
        assert_eq!(Facts::of(&world).unknown_statuses, BTreeMap::from([("refund", 1)]));
        world.refunds = shelf::<Refund>(|row| "failed".clone_into(&mut row.state.status));
        assert_eq!(Facts::of(&world).unknown_statuses, BTreeMap::new());
    }
}
