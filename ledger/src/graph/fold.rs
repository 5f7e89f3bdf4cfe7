//! Applies events to an object graph. A panic in a rule is caught: it is the event's failure, not the process's.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::failure::Failure;
use domain::Transition;
use domain::object_graph::{Event, ObjectGraph};

/// Whom the events would concern: merges them into the graph and derives nothing.
pub fn rehearse(graph: &mut ObjectGraph, events: &[Event]) -> Result<(), Failure> {
    caught(|| in_order(events).into_iter().for_each(|event| graph.rehearse(event)))
}

/// The result does not depend on the order; the audit reads better in Stripe's.
pub fn fold(graph: &mut ObjectGraph, events: &[Event]) -> Result<Vec<Transition>, Failure> {
    caught(|| in_order(events).into_iter().flat_map(|event| graph.apply(event)).collect())
}

fn in_order(events: &[Event]) -> Vec<&Event> {
    let mut ordered: Vec<&Event> = events.iter().collect();
    ordered.sort_by_key(|event| event.order_key());
    ordered
}

fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Failure::panicked())
}
