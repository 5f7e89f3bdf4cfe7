//! Random orders of every history through real ledgers: several workers, batches of random size, everything
//! told twice now and then, and transactions that are dropped half-way. The rows end as the pure rules say.

mod deck;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use harness::histories::{ApiVersion, History, Row, Rows, Scene, says_nothing, violations, walk};
use ledger::Ledger;
use shared::env::{Env, Variable};
use stripe_sim::Random;

use self::deck::{Deck, Spent};
use crate::lattice::{graph_of, read, rows, scenarios, seed};
use crate::ledgers::each_ledger;

const ORDERS: Variable = Variable {
    name: "ORDERS_LEDGER",
    default: "3",
    example: "2000",
    help: "How many random orders of each history go through each ledger.",
};
/// So many orders, each in its own account, are dealt at once: batches mix accounts.
const ORDERS_AT_ONCE: usize = 10;
/// So many histories are dealt at the same time.
const LANES: usize = 3;
/// Of each history.
const FAULTS_SHOWN: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_orders_end_in_the_pure_state_whatever_is_dropped_on_the_way() {
    let env = Env::of_process();
    let orders = env.number::<usize>(&ORDERS, 1..=100_000).unwrap();
    let seed = seed(&env);
    println!("ORDERS_SEED={seed}");
    each_ledger("orders", async |ledger, url| {
        let begun = Instant::now();
        let hall = Arc::new(Hall { ledger, url, orders, seed, next: AtomicUsize::new(0), tales: tales() });
        let mut lanes = tokio::task::JoinSet::new();
        for _ in 0..LANES {
            lanes.spawn(play_all(Arc::clone(&hall)));
        }
        let (mut spent, mut faults) = (Spent::default(), Vec::new());
        for (of_lane, faults_of_lane) in lanes.join_all().await {
            spent += of_lane;
            faults.extend(faults_of_lane);
        }
        let (name, secs) = (hall.name(), begun.elapsed().as_secs());
        println!("{name}: {orders} orders of {} histories, {spent}, {secs} s", hall.tales.len());
        assert!(faults.is_empty(), "{name}, seed {seed}\n{}", faults.join("\n"));
        assert_eq!(spent.deadlocks, 0, "all transactions lock in one order");
    })
    .await;
}

/// What the lanes share: each takes the next history until none is left.
struct Hall {
    ledger: Ledger,
    url: String,
    orders: usize,
    seed: u64,
    next: AtomicUsize,
    tales: Vec<Tale>,
}

impl Hall {
    fn name(&self) -> &'static str {
        if self.ledger.takes_several_writers() { "Postgres" } else { "SQLite" }
    }
}

async fn play_all(hall: Arc<Hall>) -> (Spent, Vec<String>) {
    let (mut spent, mut faults) = (Spent::default(), Vec::new());
    loop {
        let number = hall.next.fetch_add(1, Ordering::Relaxed);
        let Some(tale) = hall.tales.get(number) else { return (spent, faults) };
        for first in (0..hall.orders).step_by(ORDERS_AT_ONCE) {
            let runs = first..hall.orders.min(first + ORDERS_AT_ONCE);
            let histories: Vec<_> = runs.map(|run| tale.play(number, run, hall.seed)).collect();
            let mut random = Random::of_seed(hall.seed ^ ((number << 32) | first) as u64);
            Deck::of(&histories, &mut random).deal(&hall.ledger, &mut random, &mut spent).await;
        }
        let stored = harness::ledger::Ledger::at(&hall.url).rows(&prefix(number)).await.unwrap();
        let mut stored = by_account(stored);
        let found = (0..hall.orders).flat_map(|run| {
            let (history, account) = (tale.play(number, run, hall.seed), account(number, run));
            judge(&history, stored.remove(&account).unwrap_or_default())
        });
        faults.extend(found.take(FAULTS_SHOWN));
    }
}

fn tales() -> Vec<Tale> {
    scenarios().into_iter().map(Tale::Scenario).chain([Tale::Walk]).collect()
}

/// One of the histories, or a walk that is another one each time.
enum Tale {
    Scenario(&'static harness::histories::Scenario),
    Walk,
}

impl Tale {
    fn play(&self, number: usize, run: usize, seed: u64) -> History {
        let seed = seed.wrapping_add(run as u64);
        let version = ApiVersion::ALL[run % ApiVersion::ALL.len()];
        let scene = Scene { seed, account: account(number, run), livemode: run.is_multiple_of(2), version };
        match self {
            Self::Scenario(scenario) => scenario.play(&scene),
            Self::Walk => walk(&scene, 40),
        }
    }
}

fn prefix(number: usize) -> String {
    format!("acct_{number:03}_")
}

fn account(number: usize, run: usize) -> String {
    format!("{}{run:06}", prefix(number))
}

/// The rows of each run: a history about two accounts has a second one of its own.
pub(crate) fn by_account(stored: Rows) -> BTreeMap<String, Rows> {
    let mut accounts: BTreeMap<String, Rows> = BTreeMap::new();
    for (subject, row) in stored {
        let account = subject.account.strip_suffix("_b").unwrap_or(&subject.account);
        accounts.entry(account.to_owned()).or_default().insert(subject, row);
    }
    accounts
}

/// Row by row and column by column, what is stored of a history against what the pure rules make of it.
pub(crate) fn judge(history: &History, mut stored: Rows) -> Vec<String> {
    let pure = rows(&graph_of(&read(&history.events)));
    for row in stored.values_mut() {
        *row = without_revision(row);
    }
    let mut faults = Vec::new();
    for subject in pure.keys().chain(stored.keys()).collect::<BTreeSet<_>>() {
        let (told, found) = (pure.get(subject).map(without_revision), stored.get(subject));
        let is_right = match (&told, found) {
            (Some(told), Some(found)) => difference(Some(told), Some(found)).is_empty(),
            (None, Some(found)) => found.iter().all(|(column, value)| is_key(column) || says_nothing(value)),
            _ => false,
        };
        if !is_right {
            let difference = difference(told.as_ref(), found);
            faults.push(format!("{}: {subject}: {difference}", history.name));
        }
    }
    faults.extend(violations(&stored).iter().map(|violation| format!("{}: {violation}", history.name)));
    faults
}

fn difference(told: Option<&Row>, found: Option<&Row>) -> String {
    let (Some(told), Some(found)) = (told, found) else { return format!("{found:?}, not {told:?}") };
    let columns: BTreeSet<&String> = told.keys().chain(found.keys()).collect();
    let differing = columns.into_iter().filter(|column| told.get(*column) != found.get(*column));
    let words: Vec<String> = differing
        .map(|column| format!("{column} is {:?}, not {:?}", found.get(column), told.get(column)))
        .collect();
    words.join("; ")
}

/// How many steps led to a state depends on the order.
fn without_revision(row: &Row) -> Row {
    row.iter()
        .filter(|(column, _)| *column != "revision")
        .map(|(c, value)| (c.clone(), value.clone()))
        .collect()
}

fn is_key(column: &str) -> bool {
    matches!(column, "id" | "account" | "livemode")
}
