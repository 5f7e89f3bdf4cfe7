//! Several workers, each with batches of the same new payments at the same moment, as after an outage: none
//! waits in a circle, few begin again, and the rows end as the pure rules say.

use std::collections::BTreeMap;
use std::time::Instant;

use envelope::Envelope;
use harness::histories::{ApiVersion, History, Scene};
use shared::clock;
use worker::process::{Manner, process};

use crate::lattice::scenarios;
use crate::ledgers::{each_ledger, open};
use crate::orders::{by_account, judge};

const WORKERS: usize = 4;
/// Below and above what makes a batch lock its new keys, and beyond what it may lock.
const BATCHES: [usize; 3] = [16, 128, 512];
/// Each history so often for each size, in their own accounts.
const TIMES: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_with_batches_of_the_same_payments_do_not_throw_each_other_back() {
    each_ledger("crowds", async |ledger, url| {
        for (round, size) in BATCHES.into_iter().enumerate() {
            let times = round * TIMES..(round + 1) * TIMES;
            work_together(&url, &times.flat_map(histories).collect(), size).await;
        }
        ledger.close().await;
    })
    .await;
}

async fn work_together(url: &str, played: &BTreeMap<String, History>, size: usize) {
    // As a broker deals them: each worker gets every fourth event, so that all of them are about every payment.
    let mut hands: [Vec<Envelope>; WORKERS] = Default::default();
    for (place, event) in played.values().flat_map(|history| &history.events).enumerate() {
        hands[place % WORKERS].push(event.envelope());
    }
    let begun = Instant::now();
    let mut workers = tokio::task::JoinSet::new();
    for hand in hands {
        let ledger = open(url).await;
        workers.spawn(async move {
            for batch in hand.chunks(size) {
                let batch: Vec<&Envelope> = batch.iter().collect();
                // What a worker would take for an outage: a deadlock, or a batch that was begun too often.
                process(&ledger, &batch, Manner::Batch, clock::now()).await.unwrap();
            }
            let shown = ledger.shown().clone();
            ledger.close().await;
            shown
        });
    }
    let shown = workers.join_all().await.pop().unwrap();
    let events: usize = played.values().map(|history| history.events.len()).sum();
    println!("{shown}: {events} events in batches of {size}, {:?}", begun.elapsed());

    let mut stored = by_account(harness::ledger::Ledger::at(url).rows("acct_").await.unwrap());
    let faults: Vec<String> = played
        .iter()
        .flat_map(|(account, history)| judge(history, stored.remove(account).unwrap_or_default()))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn histories(time: usize) -> Vec<(String, History)> {
    let play = |(number, scenario): (usize, &harness::histories::Scenario)| {
        let account = format!("acct_{time:02}{number:04}");
        let version = ApiVersion::ALL[number % ApiVersion::ALL.len()];
        let seed = (time * 1_000 + number) as u64;
        (account.clone(), scenario.play(&Scene { seed, account, livemode: true, version }))
    };
    scenarios().into_iter().enumerate().map(play).collect()
}
