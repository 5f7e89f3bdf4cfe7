//! Applies events to an object graph. A panic in a rule is caught: it is the event's failure, not the process's.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::failure::Failure;
use domain::Transition;
use domain::object_graph::{Event, ObjectGraph};

/// The result does not depend on the order; the audit reads better in Stripe's.
pub fn fold(graph: &mut ObjectGraph, events: &[Event]) -> Result<Vec<Transition>, Failure> {
    let mut ordered: Vec<&Event> = events.iter().collect();
    ordered.sort_by_key(|event| event.order_key());
    let fold = || ordered.into_iter().flat_map(|event| graph.apply(event)).collect();
    catch_unwind(AssertUnwindSafe(fold)).map_err(|_| Failure::panicked())
}
