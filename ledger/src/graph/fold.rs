//! Applies events to a world. A panic in a rule is caught: it is the event's failure, not the process's.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::failure::Failure;
use domain::Transition;
use domain::world::{Event, World};

/// The result does not depend on the order; the audit reads better in Stripe's.
pub fn fold(world: &mut World, events: &[Event]) -> Result<Vec<Transition>, Failure> {
    let mut ordered: Vec<&Event> = events.iter().collect();
    ordered.sort_by_key(|event| event.place());
    let fold = || ordered.into_iter().flat_map(|event| world.apply(event)).collect();
    catch_unwind(AssertUnwindSafe(fold)).map_err(|_| Failure::panicked())
}
