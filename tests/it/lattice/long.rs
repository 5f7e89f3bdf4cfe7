//! Histories too long for all subsets: random walks, in random orders with repetitions.

use std::sync::Mutex;

use domain::object_graph::{Event, ObjectGraph};
use harness::histories::{ApiVersion, History, violations, walk};
use shared::env::{Env, Variable};
use stripe_sim::Random;

use super::table::{Table, Tried};
use super::{FAULTS_LIMIT, faults, graph_of, on_every_core, read, rows, scene};

const ORDERS: Variable = Variable {
    name: "ORDERS_PURE",
    default: "400",
    example: "200000",
    help: "How many random orders of long histories go through the pure rules.",
};
const SEED: Variable = Variable {
    name: "ORDERS_SEED",
    default: "",
    example: "42",
    help: "Repeats the random choices of a run.",
};
/// A walk of so many events, tried in so many percent of the orders, and so many of them before the next walk.
const WALKS: &[(&str, usize, usize, usize)] = &[
    ("random walk of 20 events", 20, 80, 100),
    ("random walk of 60 events", 60, 18, 50),
    ("random walk of 250 events", 250, 2, 4),
];

#[test]
fn random_orders_of_long_histories_end_in_their_truth() {
    let env = Env::of_process();
    let orders = env.number::<usize>(&ORDERS, 1..=100_000_000).unwrap();
    let seed = seed(&env);
    println!("ORDERS_SEED={seed}");
    let mut walks = Vec::new();
    for (name, events, percent, per_walk) in WALKS {
        let mut left = orders * percent / 100;
        while left > 0 {
            walks.push((*name, *events, left.min(*per_walk), seed.wrapping_add(walks.len() as u64)));
            left -= left.min(*per_walk);
        }
    }
    let table = Mutex::new(Table::default());
    on_every_core(&walks, |(name, events, orders, seed)| {
        let version = ApiVersion::ALL[usize::try_from(*seed).unwrap() % ApiVersion::ALL.len()];
        let history = walk(&scene(*seed, version), *events);
        let tried = try_orders(name, &history, *orders, *seed);
        table.lock().unwrap().add(tried);
    });
    table.into_inner().unwrap().conclude();
}

pub(crate) fn seed(env: &Env) -> u64 {
    env.given(SEED.name).map_or_else(Random::new_seed, |text| text.parse().expect("a number"))
}

fn try_orders(name: &'static str, history: &History, orders: usize, seed: u64) -> Tried {
    let events = read(&history.events);
    let mut random = Random::of_seed(seed);
    let end = graph_of(&events);
    let mut faults = faults(history, &rows(&end));
    let equals_truth = faults.is_empty();
    let mut tried =
        Tried { history: name, events: events.len(), finals: 1, equals_truth, ..Tried::default() };
    for number in 0..orders {
        let order = with_repetitions(events.len(), &mut random);
        let graph = go(&events, &order, number == 0, &mut faults);
        tried.ways += 1;
        tried.steps += order.len();
        if !graph.is_same_as(&end) {
            tried.finals += 1;
            let (one, other) = (rows(&graph), rows(&end));
            let differing = one.iter().filter(|(subject, row)| other.get(subject) != Some(row));
            faults.extend(
                differing
                    .take(3)
                    .map(|(subject, row)| format!("{subject}: {row:?} against {:?}", other.get(subject))),
            );
        }
    }
    faults.truncate(FAULTS_LIMIT);
    Tried { faults: faults.into_iter().map(|fault| format!("seed {seed}: {fault}")).collect(), ..tried }
}

/// Every event once, and a tenth of them once more.
pub(crate) fn with_repetitions(events: usize, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..events).collect();
    for place in 0..events {
        if random.percent(10) {
            order.push(place);
        }
    }
    random.shuffle(&mut order);
    order
}

fn go(events: &[Event], order: &[usize], watch: bool, faults: &mut Vec<String>) -> ObjectGraph {
    let mut graph = ObjectGraph::default();
    for place in order {
        graph.apply(&events[*place]);
        // On the first way the invariants are looked at after each step.
        if watch {
            faults.extend(violations(&rows(&graph)));
        }
    }
    graph
}
