//! Proof that order does not matter, by the pure rules alone: for a history of n events the state of every
//! subset is computed, and one more event takes each to the state of the greater subset. That covers every
//! order with every repetition. In the end stands the truth that an independent Stripe tells.

mod long;
mod stamps;
mod subsets;
mod table;

pub(crate) use self::long::{seed, with_repetitions};

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::event::{Content, Meaning};
use domain::object_graph::{Event, InGraph, ObjectGraph};
use domain::{Object, each_kind, merge_state};
use envelope::hex::hex;
use harness::histories::{ApiVersion, History, Rows, SCENARIOS, SampleEvent, Scenario, Scene, Subject};
use shared::env::{Env, Variable};

use self::table::Table;

/// 2^12 subsets, and 12 steps from each, are still a matter of seconds.
const EVENTS_LIMIT: usize = 12;
/// A history of more events is tried in one API version, another one for each; `scripts/orders` tries all of them.
const IN_EVERY_VERSION: usize = 7;
const VERSIONS: Variable = Variable {
    name: "LATTICE_VERSIONS",
    default: "one",
    example: "all",
    help: "In which API versions the long ones of the short histories are told.",
};
/// What is shown of a history that fails.
const FAULTS_LIMIT: usize = 12;
const SEED: u64 = 2_026;

#[test]
fn every_order_and_every_repetition_of_every_history_ends_in_its_truth() {
    let table = Mutex::new(Table::default());
    let in_all = Env::of_process().text(&VERSIONS) == "all";
    let scenarios: Vec<_> = scenarios().into_iter().enumerate().collect();
    on_every_core(&scenarios, |(number, scenario)| {
        for (place, version) in ApiVersion::ALL.into_iter().enumerate() {
            let history = scenario.play(&scene(SEED + place as u64, version));
            let is_its_turn = number % ApiVersion::ALL.len() == place;
            if in_all || is_its_turn || history.events.len() <= IN_EVERY_VERSION {
                let row = subsets::prove(&history);
                table.lock().unwrap().add(row);
            }
        }
    });
    table.into_inner().unwrap().conclude();
}

pub(crate) fn scenarios() -> Vec<&'static Scenario> {
    SCENARIOS.iter().flat_map(|group| group.iter()).collect()
}

pub(crate) fn scene(seed: u64, version: ApiVersion) -> Scene {
    Scene { seed, account: "acct_history".to_owned(), livemode: true, version }
}

/// The events as the rules read them.
pub(crate) fn read(events: &[SampleEvent]) -> Vec<Event> {
    let read = |event: &SampleEvent| {
        let envelope = event.envelope();
        match Content::of(&envelope).meaning(&envelope) {
            Ok(Meaning::Observations(observations)) => Event { id: event.id.clone(), observations },
            other => panic!("{} has no effect: {other:?}", event.kind),
        }
    };
    events.iter().map(read).collect()
}

/// In the form of the tables: what orders the reports is packed there.
pub(crate) fn rows(graph: &ObjectGraph) -> Rows {
    let mut rows = Rows::new();
    each_kind!(|Row| {
        for object in Row::rows(graph).non_placeholders() {
            let domain::Key { id, account, livemode } = object.key().clone();
            let serde_json::Value::Object(mut row) = serde_json::to_value(&object).unwrap() else {
                panic!("a row is an object")
            };
            row.retain(|column, _| !column.ends_with("freshness"));
            row.extend(merge_state::of(&object).map(|state| ("merge_state".to_owned(), hex(&state).into())));
            rows.insert(Subject { kind: Row::NAME, id, account, livemode }, row);
        }
    });
    rows
}

pub(crate) fn graph_of<'a>(events: impl IntoIterator<Item = &'a Event>) -> ObjectGraph {
    let mut graph = ObjectGraph::default();
    for event in events {
        graph.apply(event);
    }
    graph
}

/// What is wrong with the final state, in lines.
pub(crate) fn faults(history: &History, rows: &Rows) -> Vec<String> {
    history.truth.differences(rows).iter().map(ToString::to_string).collect()
}

/// One thread for each core takes the next item until none is left.
pub(crate) fn on_every_core<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(item);
                }
            });
        }
    });
}
