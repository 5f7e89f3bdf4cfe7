//! The ledger away for a while under load, then the broker: nothing dies, nothing is lost, no attempt is used up,
//! and soon after the return everything is applied. `OUTAGE_SECS=60` for the long form.

use std::time::{Duration, Instant};

use harness::chaos::{BROKER, POSTGRES, Site};
use harness::oracle::judge;
use harness::process_guard::until;
use harness::stack::Combination;
use shared::env::{Env, Variable};
use stripe_sim::Random;

use crate::kill_loops::Load;

const SECONDS: Variable = Variable {
    name: "OUTAGE_SECS",
    default: "4",
    example: "60",
    help: "For how long the ledger is away, and then the broker.",
};
/// Events a second: what piles up meanwhile must be workable in a debug build.
const RATE: u64 = 50;
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_ledger_or_broker_buries_nothing_and_uses_up_no_attempt() {
    let away = Duration::from_secs(Env::of_process().number::<u64>(&SECONDS, 1..=3_600).unwrap());
    for part in [POSTGRES, BROKER] {
        let seed = Random::new_seed();
        let mut site = Site::start(Combination::RabbitPostgres).await.unwrap();
        let load = Load::begin(seed, RATE, || site.stack.client());
        tokio::time::sleep(Duration::from_secs(1)).await;
        site.take_away(part, away).await.unwrap();
        let returned = Instant::now();
        let (log, truth) = load.end().await.unwrap();
        let sent = log.entries().len();
        site.stack.ledger().has_handled(sent, PATIENCE).await.unwrap();
        let drained = until("an empty queue", PATIENCE, async || Ok(site.stack.waiting().await? == 0));
        drained.await.unwrap();
        println!(
            "{part} away for {away:?}: {sent} events, all applied {:?} after its return",
            returned.elapsed()
        );
        let ledger = site.stack.ledger();
        let verdict = judge(ledger, &log, &truth).await.unwrap();
        assert!(verdict.is_good(), "seed {seed}, {part}\n{verdict}");
        let buried = "SELECT count(*) FROM events WHERE outcome IN ('dead', 'waiting') OR attempts > 1";
        assert_eq!(ledger.count(buried).await.unwrap(), 0, "{part}: an outage is nobody's failure");
        site.stack.halt().await;
    }
}
