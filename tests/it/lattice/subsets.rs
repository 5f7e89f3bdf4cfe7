//! All subsets of one short history: 2^n states, n steps from each.

use domain::object_graph::{Event, ObjectGraph};
use harness::histories::{History, violations};

use super::table::Tried;
use super::{EVENTS_LIMIT, FAULTS_LIMIT, faults, graph_of, read, rows};

/// A set of events, one bit for each.
type Set = usize;

pub(super) fn prove(history: &History) -> Tried {
    let events = read(&history.events);
    let count = events.len();
    assert!(count <= EVENTS_LIMIT, "{} has {count} events: too many for all subsets", history.name);
    let states = states(&events);
    let mut found = Vec::new();
    for (set, state) in states.iter().enumerate() {
        for violation in violations(&rows(state)) {
            found.push(format!("after {}: {violation}", told(history, set)));
        }
    }
    let full = states.len() - 1;
    let finals = 1 + step_everywhere(history, &events, &states, &mut found);
    let untrue = faults(history, &rows(&states[full]));
    let equals_truth = untrue.is_empty();
    found.extend(untrue);
    found.truncate(FAULTS_LIMIT);
    Tried {
        history: history.name,
        events: count,
        ways: states.len(),
        steps: states.len() * count,
        finals,
        equals_truth,
        faults: found,
    }
}

/// The state of every subset, each by one path: its lowest event comes last.
fn states(events: &[Event]) -> Vec<ObjectGraph> {
    let mut states = vec![ObjectGraph::default()];
    for set in 1..1 << events.len() {
        let mut state: ObjectGraph = states[set & (set - 1)].clone();
        state.apply(&events[set.trailing_zeros() as usize]);
        states.push(state);
    }
    states
}

/// From every subset with every event, those included that it has already. Gives how many other final states
/// were seen, and tells the smallest subset from which a step leads astray.
fn step_everywhere(
    history: &History,
    events: &[Event],
    states: &[ObjectGraph],
    found: &mut Vec<String>,
) -> usize {
    let full = states.len() - 1;
    let mut strays: Vec<ObjectGraph> = Vec::new();
    let mut smallest: Option<(Set, usize)> = None;
    for (set, state) in states.iter().enumerate() {
        for (place, event) in events.iter().enumerate() {
            let mut state = state.clone();
            state.apply(event);
            let goal = set | 1 << place;
            if state.is_same_as(&states[goal]) {
                continue;
            }
            if smallest.is_none_or(|(smaller, _)| set.count_ones() < smaller.count_ones()) {
                smallest = Some((set, place));
            }
            if goal == full && !strays.iter().any(|stray| stray.is_same_as(&state)) {
                strays.push(state);
            }
        }
    }
    if let Some((set, place)) = smallest {
        let kind = history.events[place].kind;
        found.push(format!(
            "{}, then {kind} ({place}) leads elsewhere than another order",
            told(history, set)
        ));
        let path = events.iter().enumerate().filter(|(number, _)| set & 1 << number != 0);
        // The lowest comes last, as in `states`.
        let mut graph = graph_of(path.rev().map(|(_, event)| event));
        graph.apply(&events[place]);
        let (one, other) = (rows(&graph), rows(&states[set | 1 << place]));
        for (subject, row) in &one {
            if other.get(subject) != Some(row) {
                found.push(format!("{subject}: {row:?} against {:?}", other.get(subject)));
            }
        }
        let missing = other.keys().filter(|subject| !one.contains_key(subject));
        found.extend(missing.map(|subject| format!("{subject} is missing")));
    }
    strays.len()
}

/// The order by which a subset was reached.
fn told(history: &History, set: Set) -> String {
    let kinds = history.events.iter().enumerate().filter(|(place, _)| set & 1 << place != 0).rev();
    let kinds: Vec<String> = kinds.map(|(place, event)| format!("{} ({place})", event.kind)).collect();
    if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") }
}
