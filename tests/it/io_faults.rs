//! The n-th input or output of `tidegate up` fails, on new files, on those of a process that was stopped, and while it
//! recovers from a kill: what was answered 200 is in the ledger once, a refund is sent once, and whoever cannot go on
//! says why. `scripts/io-faults` runs as many as one likes.

mod case;
mod ledger_alone;
mod place;
mod rotten;
mod start;
mod table;

use std::sync::Mutex;
use std::time::Instant;

use futures_util::future::join_all;
use harness::io_faults::{Fault, Plan};
use shared::env::{Env, Variable};
use stripe_sim::Random;

use self::place::Place;
use self::start::Start;
use self::table::Table;

const CASES: Variable = Variable {
    name: "IO_FAULTS_CASES",
    default: "12",
    example: "3000",
    help: "How many cases, spread evenly over all starts, faults and calls.",
};
const FROM: Variable = Variable {
    name: "IO_FAULTS_FROM",
    default: "0",
    example: "1200",
    help: "The first case that is run: goes on with an earlier run of the same seed and the same number of cases.",
};
const LANES: Variable = Variable {
    name: "IO_FAULTS_LANES",
    default: "3",
    example: "6",
    help: "How many cases run at the same time.",
};
const SEED: Variable = Variable {
    name: "IO_FAULTS_SEED",
    default: "",
    example: "42",
    help: "Repeats the random choices of a run.",
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_call_fails_nothing_accepted_is_lost_or_doubled() {
    let env = Env::of_process();
    let cases = env.number::<u64>(&CASES, 1..=1_000_000).unwrap();
    let from = env.number::<usize>(&FROM, 0..=1_000_000).unwrap();
    let lanes = env.number::<usize>(&LANES, 1..=64).unwrap();
    let seed = seed(&env);
    let starts = Start::all(seed).await.unwrap();
    let plans = plans(&starts, cases, seed).await;
    println!("{} cases, from case {from}", plans.len());
    let (begun, table) = (Instant::now(), Mutex::new(Table::default()));
    let next = Mutex::new(plans.into_iter().enumerate().skip(from));
    join_all((0..lanes).map(|_| lane(&starts, &next, &table))).await;
    let table = table.into_inner().unwrap();
    println!("{table}in {} s", begun.elapsed().as_secs());
    assert!(table.is_good(), "seed {seed}\n{table}");
}

fn seed(env: &Env) -> u64 {
    let seed = env.given(SEED.name).map_or_else(Random::new_seed, |text| text.parse().expect("a number"));
    println!("IO_FAULTS_SEED={seed}");
    seed
}

type Plans = std::iter::Skip<std::iter::Enumerate<std::vec::IntoIter<(usize, Plan)>>>;

/// One installation, which goes through one case after the other.
async fn lane(starts: &[Start], next: &Mutex<Plans>, table: &Mutex<Table>) {
    let place = Place::new().unwrap();
    loop {
        let turn = next.lock().unwrap().next();
        let Some((number, (start, plan))) = turn else { return };
        let start = &starts[start];
        let outcome = match case::run(&place, start, plan).await {
            Ok(outcome) => outcome,
            Err(error) => panic!("case {number}, {}, {plan}: {error:#}", start.name),
        };
        for problem in &outcome.problems {
            println!(
                "case {number}, {}, {plan} ({}): {:?}: {}",
                start.name,
                outcome.call.as_deref().unwrap_or("not reached"),
                problem.kind,
                problem.words
            );
        }
        table.lock().unwrap().add(start.name, plan.fault, &outcome);
    }
}

/// So many cases, in random order: of each start each fault, at calls that lie evenly among those that it may befall. Enough
/// cases are all calls. A run without a fault counts them, and must be without a problem.
async fn plans(starts: &[Start], cases: u64, seed: u64) -> Vec<(usize, Plan)> {
    let place = Place::new().unwrap();
    let mut random = Random::of_seed(seed);
    let mut plans = Vec::new();
    let faults = [&Fault::AT_CALLS[..], &[Fault::Full]].concat();
    let share = cases.div_ceil((starts.len() * faults.len()) as u64);
    for (number, start) in starts.iter().enumerate() {
        let outcome =
            case::run(&place, start, Plan { fault: Fault::Count, at: 0, seed, only: "" }).await.unwrap();
        assert!(outcome.problems.is_empty(), "{}, without a fault: {:?}", start.name, outcome.problems);
        let report = std::fs::read_to_string(place.report()).unwrap();
        let calls: Vec<(&str, &str)> = report.lines().filter_map(|line| line.split_once(' ')).collect();
        for fault in &faults {
            let among = match fault {
                Fault::Full => grown(&calls),
                fault => calls.iter().filter(|(class, _)| fault.befalls(class)).count() as u64,
            };
            let wanted = share.min(among);
            println!("{}: {}: {wanted} of {among}", start.name, fault.words());
            let offset = random.within(0..(among / wanted).max(1));
            plans.extend((0..wanted).map(|turn| {
                let at = 1 + among * turn / wanted + offset;
                (number, Plan { fault: *fault, at, seed: random.number(), only: "" })
            }));
        }
    }
    random.shuffle(&mut plans);
    plans.truncate(usize::try_from(cases).expect("a small number"));
    plans
}

/// By how many bytes all files grew.
fn grown(calls: &[(&str, &str)]) -> u64 {
    let growths = calls.iter().filter(|(class, _)| *class == "grow");
    growths.filter_map(|(_, bytes)| bytes.parse::<u64>().ok()).sum()
}
