//! Random orders of every history through real ledgers: several workers, batches of random size, everything
//! told twice now and then, and transactions that are dropped half-way. The rows end as the pure rules say.

mod deck;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Mutex;
use std::time::Instant;

use harness::histories::{ApiVersion, History, Row, Rows, Scene, says_nothing, violations, walk};
use harness::random::Random;
use shared::env::{Env, Variable};
use worker::ledger::Ledger;

use self::deck::{Deck, Spent};
use crate::lattice::{plots, read, rows, seed, world_of};
use crate::ledgers::each_ledger;

const ORDERS: Variable = Variable {
    name: "ORDERS_LEDGER",
    default: "20",
    example: "2000",
    help: "How many random orders of each history go through each ledger.",
};
/// So many orders, each in an account of its own, are dealt at once: batches mix accounts.
const ORDERS_AT_ONCE: usize = 10;
/// Of each history.
const FAULTS_SHOWN: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_orders_end_in_the_pure_state_whatever_is_dropped_on_the_way() {
    let env = Env::of_process();
    let orders = env.number::<usize>(&ORDERS, 1..=100_000).unwrap();
    let seed = seed(&env);
    println!("ORDERS_SEED={seed}");
    let all_faults = Mutex::new(String::new());
    each_ledger("orders", async |ledger, url| {
        let begun = Instant::now();
        let mut spent = Spent::default();
        let tales: Vec<Tale> = plots().into_iter().map(Tale::Plot).chain([Tale::Walk]).collect();
        for (number, tale) in tales.iter().enumerate() {
            for first in (0..orders).step_by(ORDERS_AT_ONCE) {
                let runs = first..orders.min(first + ORDERS_AT_ONCE);
                let histories = runs.map(|run| tale.play(number, run, seed)).collect();
                let mut random = Random::of_seed(seed ^ ((number << 32) | first) as u64);
                Deck::of(histories, &mut random).deal(&ledger, &mut random, &mut spent).await;
            }
            let stored = harness::ledger::Ledger::at(&url).rows(&prefix(number)).await.unwrap();
            let mut faults = String::new();
            for run in 0..orders {
                judge(&tale.play(number, run, seed), &account(number, run), &stored, &mut faults);
            }
            for fault in faults.lines().take(FAULTS_SHOWN) {
                writeln!(all_faults.lock().unwrap(), "{}: {fault}", ledger_name(&ledger)).unwrap();
            }
        }
        println!(
            "{}: {orders} orders of {} histories, {spent}, {} s",
            ledger_name(&ledger),
            tales.len(),
            begun.elapsed().as_secs()
        );
        assert_eq!(spent.deadlocks, 0, "all transactions lock in one order");
    })
    .await;
    let all_faults = all_faults.into_inner().unwrap();
    assert!(all_faults.is_empty(), "seed {seed}\n{all_faults}");
}

/// One of the histories, or a walk that is another one each time.
enum Tale {
    Plot(&'static harness::histories::Plot),
    Walk,
}

impl Tale {
    fn play(&self, number: usize, run: usize, seed: u64) -> History {
        let seed = seed.wrapping_add(run as u64);
        let version = ApiVersion::ALL[run % ApiVersion::ALL.len()];
        let scene = Scene { seed, account: account(number, run), livemode: run % 2 == 0, version };
        match self {
            Self::Plot(plot) => plot.play(&scene),
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

fn ledger_name(ledger: &Ledger) -> &'static str {
    if ledger.takes_several_writers() { "Postgres" } else { "SQLite" }
}

/// Row by row and column by column, with the rows of this run among all that are stored.
fn judge(history: &History, account: &str, stored: &Rows, faults: &mut String) {
    let pure = rows(&world_of(&read(&history.events)));
    let is_ours = |name: &str| name == account || name.strip_suffix("_b") == Some(account);
    let stored: Rows = stored
        .iter()
        .filter(|(subject, _)| is_ours(&subject.account))
        .map(|(subject, row)| (subject.clone(), without_revision(row)))
        .collect();
    let subjects: BTreeSet<_> = pure.keys().chain(stored.keys()).collect();
    for subject in subjects {
        let (told, found) = (pure.get(subject).map(without_revision), stored.get(subject));
        let is_right = match (&told, found) {
            (Some(told), Some(found)) => told == found,
            (None, Some(found)) => found.iter().all(|(column, value)| is_key(column) || says_nothing(value)),
            _ => false,
        };
        if !is_right {
            writeln!(faults, "{}: {subject}: {}", history.name, difference(told.as_ref(), found))
                .expect("a String takes every write");
        }
    }
    for violation in violations(&stored) {
        writeln!(faults, "{}: {violation}", history.name).expect("a String takes every write");
    }
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
