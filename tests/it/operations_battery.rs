//! Refunds requested for one payment by many at once, workers killed at every named point of sending them, and a Stripe
//! that cuts, delays and fails: never more than was captured, each operation done at most once, none lost.
//! `scripts/operations` runs as many as one likes.

mod table;
mod verdict;

use std::collections::BTreeMap;
use std::time::Duration;

use domain::Key;
use domain::operations::{Operation, OperationState};
use fake_stripe::Fault;
use harness::process_guard::until;
use harness::stack::Combination;
use ledger::views::lists::OperationFilter;
use ledger::views::page::Part;
use shared::env::{Env, Variable};
use stripe_sim::Random;

use self::table::Table;
pub(crate) use self::verdict::contradictions;
use crate::executor::scene::Scene;

const REQUESTS: Variable = Variable {
    name: "OPERATIONS_REQUESTS",
    default: "64",
    example: "10000",
    help: "How many refunds are requested on each combination.",
};
const KILLS: Variable = Variable {
    name: "OPERATIONS_KILLS",
    default: "1",
    example: "20",
    help: "How often workers are killed at each point.",
};
const SEED: Variable = Variable {
    name: "OPERATIONS_SEED",
    default: "",
    example: "42",
    help: "Repeats the random choices of a run.",
};

/// As worker/src/failpoint.rs names them.
const POINTS: [&str; 7] =
    ["before_row", "after_row", "before_call", "during_call", "after_call", "before_stored", "after_stored"];
const AT_ONCE: usize = 8;
const CAPTURED: i64 = 5_000;
const DEATH_PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn refunds_leave_at_most_once_wherever_a_worker_dies() {
    let env = Env::of_process();
    let requests = env.number::<usize>(&REQUESTS, AT_ONCE..=1_000_000).unwrap();
    let kills = env.number::<usize>(&KILLS, 1..=10_000).unwrap();
    let seed = env.given(SEED.name).map_or_else(Random::new_seed, |text| text.parse().expect("a number"));
    println!("OPERATIONS_SEED={seed}");
    let run = |combination| run(combination, requests, kills, seed);
    let (embedded, separate) = tokio::join!(run(Combination::SqliteSqlite), run(Combination::RabbitPostgres));
    println!("{embedded}\n{separate}");
}

async fn run(combination: Combination, requests: usize, kills: usize, seed: u64) -> Table {
    let mut random = Random::of_seed(seed);
    let mut scene = Scene::begin_with(combination, &[("STRIPE_DEADLINE_SECS", "1")]).await;
    let payments = pay(&scene, requests.div_ceil(AT_ONCE)).await;
    let mut table = Table::of(combination);
    // Some go out while nobody dies, and all others while somebody does.
    let turns = POINTS.len() * kills;
    let mut waves = payments.chunks(payments.len().div_ceil(turns));
    for turn in 0..turns {
        let point = POINTS[turn % POINTS.len()];
        if point == "during_call" {
            let slow = [Fault::Slow(Duration::from_millis(200)); 4];
            scene.stripe.fails_at("POST /v1/refunds", slow);
        } else {
            scene.stripe.fails_at("POST /v1/refunds", faults(&mut random));
        }
        arm(&mut scene, &format!("{point}:{}", 1 + below(&mut random, 2)));
        let wave: &[Key] = waves.next().unwrap_or_default();
        table.requests += ask(&scene, wave, &mut random).await;
        die(&mut scene, point).await;
        table.killed(point, &under_way(&scene).await);
    }
    for wave in waves {
        table.requests += ask(&scene, wave, &mut random).await;
    }
    arm(&mut scene, "");
    // One call a rest tries an endpoint that failed: the faults that are left would take minutes.
    scene.stripe.recovers();
    settle(&scene, requests).await;
    judge(&scene, &payments, &mut table).await;
    scene.end().await;
    table
}

async fn pay(scene: &Scene, payments: usize) -> Vec<Key> {
    let mut paid = Vec::new();
    for number in 0..payments {
        paid.push(scene.pay(number, CAPTURED).await);
    }
    let statement = "SELECT count(*) FROM charges WHERE status = 'succeeded' AND payment IS NOT NULL";
    let patience = Duration::from_secs(60 + payments as u64);
    let all = until("all payments to be there", patience, async || {
        Ok(scene
            .stack
            .ledger()
            .count(statement)
            .await
            .is_ok_and(|count| usize::try_from(count) == Ok(payments)))
    });
    assert!(all.await.is_ok(), "{}", scene.stack.logs());
    paid
}

/// Many ask at once for refunds of one payment, each of them a person of their own.
async fn ask(scene: &Scene, payments: &[Key], random: &mut Random) -> usize {
    let mut asked = 0;
    for payment in payments {
        let amounts: Vec<i64> = (0..AT_ONCE).map(|_| 500 + 100 * below(random, 21)).collect();
        let names: Vec<String> = (0..AT_ONCE).map(|number| format!("jane-{}-{number}", payment.id)).collect();
        let all = amounts.iter().zip(&names).map(|(amount, name)| scene.ask(payment, *amount, name));
        asked += futures_util::future::join_all(all).await.len();
    }
    asked
}

fn below(random: &mut Random, end: u64) -> i64 {
    i64::try_from(random.within(0..end)).expect("a small number")
}

fn faults(random: &mut Random) -> Vec<Fault> {
    const ALL: [Fault; 7] = [
        Fault::CutBefore,
        Fault::CutAfter,
        Fault::Malformed,
        Fault::Busy(0),
        Fault::Trouble(500),
        Fault::TroubleAfter(500),
        Fault::Slow(Duration::from_millis(50)),
    ];
    (0..2).map(|_| *random.pick(&ALL)).collect()
}

/// Every process that may send dies at this point from now on.
fn arm(scene: &mut Scene, point: &str) {
    for name in scene.stack.names() {
        scene.stack.set(name, "FAILPOINT_KILL_AT", point);
        if name == "gateway" {
            continue;
        }
        scene.stack.kill(name);
        scene.stack.spawn(name).unwrap();
    }
}

/// Waits until one of them is dead.
async fn die(scene: &mut Scene, point: &str) {
    let names = scene.stack.names();
    let what = format!("a worker to die {point}");
    let died =
        until(&what, DEATH_PATIENCE, async || Ok(names.iter().any(|name| scene.stack.has_ended(name))));
    let died = died.await.is_ok();
    assert!(died, "nobody died {point}\n{}", scene.stack.logs());
}

async fn under_way(scene: &Scene) -> Vec<Operation> {
    let state = Some(OperationState::Executing.to_string());
    let filter = OperationFilter { state, ..OperationFilter::default() };
    let part = Part { after: None, limit: 1_000 };
    scene.ledger.read().await.unwrap().operations(&filter, &part).await.unwrap().rows
}

async fn operations(scene: &Scene, payments: &[Key]) -> Vec<Operation> {
    let mut tx = scene.ledger.read().await.unwrap();
    let mut found = Vec::new();
    for payment in payments {
        found.extend(tx.operations_of_payment(payment, 1_000).await.unwrap());
    }
    found
}

/// Waits until every operation has ended, or waits for its time or for a person as unknown.
async fn settle(scene: &Scene, requests: usize) {
    let statement = "SELECT count(*) FROM operations WHERE state IN ('approved', 'executing')";
    let patience = Duration::from_secs(60 + requests as u64 / 4);
    let settled = until("every operation to end", patience, async || {
        Ok(scene.stack.ledger().count(statement).await.is_ok_and(|count| count == 0))
    });
    assert!(settled.await.is_ok(), "{}", scene.stack.logs());
}

/// What Stripe has is what the ledger says.
async fn judge(scene: &Scene, payments: &[Key], table: &mut Table) {
    let refunds = scene.stripe.all("", "refund");
    let all = operations(scene, payments).await;
    assert_eq!(all.len(), table.requests, "every request is kept");
    let captured: BTreeMap<&str, i64> =
        payments.iter().map(|payment| (payment.id.as_str(), CAPTURED)).collect();
    let found = contradictions(&refunds, &all, &captured);
    assert!(found.is_empty(), "{}", found.join("\n"));
    table.ended(&all, refunds.len());
}
