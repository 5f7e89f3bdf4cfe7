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
use domain::object_graph::{Event, ObjectGraph};
use harness::histories::{ApiVersion, History, Rows, SCENARIOS, SampleEvent, Scenario, Scene, Subject};

use self::table::Table;

/// 2^12 subsets, and 12 steps from each, are still a matter of seconds.
const EVENTS_LIMIT: usize = 12;
/// What is shown of a history that fails.
const FAULTS_LIMIT: usize = 12;
const SEED: u64 = 2_026;

#[test]
fn every_order_and_every_repetition_of_every_history_ends_in_its_truth() {
    let table = Mutex::new(Table::default());
    on_every_core(&scenarios(), |scenario| {
        for (place, version) in ApiVersion::ALL.into_iter().enumerate() {
            let history = scenario.play(&scene(SEED + place as u64, version));
            let row = subsets::prove(&history);
            table.lock().unwrap().add(row);
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

pub(crate) fn rows(graph: &ObjectGraph) -> Rows {
    let row = |((kind, key), value): ((domain::Kind, domain::Key), serde_json::Value)| {
        let kind = kind.as_str();
        let subject = Subject { kind, id: key.id, account: key.account, livemode: key.livemode };
        let serde_json::Value::Object(row) = value else { panic!("a row is an object") };
        (subject, row)
    };
    graph.state().into_iter().map(row).collect()
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
