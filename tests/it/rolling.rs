//! Restarting gateways and workers one after the other, under load, as a cluster's supervisor does: nothing
//! is lost, nobody is answered anything but 200 or 503, and no request in hand is cut off.
//! `scripts/rolling` goes 50 rounds.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use harness::broker::Broker;
use harness::client::{Balancer, Client};
use harness::oracle::judge;
use harness::postgres::Postgres;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use shared::env::{Env, Variable};
use stripe_sim::Random;

use crate::kill_loops::Load;

const ROUNDS: Variable = Variable {
    name: "ROLLING_ROUNDS",
    default: "3",
    example: "50",
    help: "How often every process is restarted.",
};
const RATE: u64 = 150;
const WORKERS: [&str; 2] = ["worker-1", "worker-2"];
/// What `preStop` waits for: until every balancer has heard that the gateway goes.
const PRE_STOP: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarting_everything_one_after_the_other_loses_nothing_and_cuts_nobody_off() {
    let rounds = Env::of_process().number::<u32>(&ROUNDS, 1..=10_000).unwrap();
    let seed = Random::new_seed();
    let mut random = Random::of_seed(seed);
    let (broker, postgres) = (Broker::shared().await, Postgres::shared().await);
    let prepared = Stack::prepare(Combination::RabbitPostgres, &[], Some(broker), Some(postgres));
    let mut stack = prepared.await.unwrap();
    let second = stack.add("gateway-2");
    let gateways = [("gateway", stack.gateway()), ("gateway-2", second)];
    stack.begin_only(&["gateway", "gateway-2", "worker-1", "worker-2"]).await.unwrap();

    let balancer = Balancer::over(&gateways.map(|(_, address)| address));
    let secret = stack.secret().to_owned();
    let load = Load::begin(seed, RATE, || Client::behind(&balancer, &secret));
    let begun = Instant::now();
    for round in 0..rounds {
        for (name, address) in gateways {
            // Out of the rotation, then preStop, then SIGTERM. Its balancer may hear of it late.
            let heard_late = Duration::from_millis(random.within(0..300));
            let (hears, stops) = (tokio::time::sleep(heard_late), tokio::time::sleep(PRE_STOP));
            tokio::join!(
                async {
                    hears.await;
                    balancer.set(address, false);
                },
                stops
            );
            let ended = stack.retire(name).await;
            ended.with_context(|| format!("round {round}, seed {seed}")).unwrap();
            stack.spawn(name).unwrap();
            stack.wait_until_ready(name).await.unwrap();
            balancer.set(address, true);
        }
        for name in WORKERS {
            stack.retire(name).await.with_context(|| format!("round {round}, seed {seed}")).unwrap();
            stack.spawn(name).unwrap();
            stack.wait_until_ready(name).await.unwrap();
        }
    }
    let (elapsed, (log, truth)) = (begun.elapsed(), load.end().await.unwrap());
    let mut verdict = judge(stack.ledger(), &log, &truth).await.unwrap();
    let settled = until("an empty queue and a right ledger", PATIENCE, async || {
        ensure!(WORKERS.iter().all(|name| stack.runs(name)), "a worker has ended by itself");
        verdict = judge(stack.ledger(), &log, &truth).await?;
        Ok(stack.waiting().await? == 0 && verdict.is_good())
    });
    settled.await.with_context(|| format!("seed {seed}\n{verdict}\n{}", stack.logs())).unwrap();
    let (watched, statuses) = (balancer.seen(), log.statuses());
    println!(
        "{rounds} rounds in {} s: {} events, answers {statuses:?}, {} connections refused, {} requests cut off, \
         longest gap {:.2} s, lost {}, double {}",
        elapsed.as_secs(),
        log.entries().len(),
        watched.refused,
        watched.broken,
        log.longest_gap().as_secs_f64(),
        verdict.lost.len(),
        verdict.double.len(),
    );
    assert_eq!(watched.broken, 0, "seed {seed}: no request in hand is cut off");
    assert!(statuses.keys().all(|status| [200, 503].contains(status)), "seed {seed}: {statuses:?}");
    stack.halt().await;
}
