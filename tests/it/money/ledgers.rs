//! The same through real ledgers: whatever the order, every row of every table is the same, those that say nothing
//! too.

use std::collections::BTreeMap;

use envelope::Envelope;
use harness::histories::{Row, Rows, SampleEvent};
use harness::money::Tale;
use ledger::Ledger;
use shared::clock;
use stripe_sim::Random;
use worker::process::{Manner, process};

use crate::lattice::with_repetitions;
use crate::ledgers::each_ledger;

const HISTORIES: u64 = 10;
const ORDERS: u64 = 3;
const BATCH_LIMIT: u64 = 8;
const SEED: u64 = 7_000;

#[tokio::test]
async fn every_row_that_a_ledger_keeps_is_the_same_in_any_order() {
    each_ledger("money", async |ledger, url| {
        for seed in SEED..SEED + HISTORIES {
            for order in 0..ORDERS {
                let tale = Tale::of_seed(seed).in_account(&account(seed, order));
                let told: Vec<SampleEvent> =
                    tale.play().tellings.into_iter().map(|telling| telling.event).collect();
                println!("MONEY_SEED={seed}, order {order}");
                apply(&ledger, &told, seed * ORDERS + order).await;
            }
        }
        let eyes = harness::ledger::Ledger::at(&url);
        for seed in SEED..SEED + HISTORIES {
            let first = kept(eyes.rows(&account(seed, 0)).await.unwrap());
            for order in 1..ORDERS {
                let other = kept(eyes.rows(&account(seed, order)).await.unwrap());
                for (row, columns) in first.iter().chain(&other) {
                    let (one, two) = (first.get(row), other.get(row));
                    assert_eq!(one, two, "MONEY_SEED={seed}: {row:?} depends on the order ({columns:?})");
                }
            }
        }
    })
    .await;
}

fn account(seed: u64, order: u64) -> String {
    format!("acct_money{seed}x{order}")
}

async fn apply(ledger: &Ledger, told: &[SampleEvent], seed: u64) {
    let mut random = Random::of_seed(seed);
    let mut order = with_repetitions(told.len(), &mut random);
    while !order.is_empty() {
        let count = usize::try_from(random.within(1..BATCH_LIMIT)).unwrap().min(order.len());
        let batch: Vec<Envelope> = order.drain(..count).map(|place| told[place].envelope()).collect();
        let kinds: Vec<&str> = batch.iter().map(|envelope| envelope.header.kind.as_str()).collect();
        println!("    {kinds:?}");
        let batch: Vec<&Envelope> = batch.iter().collect();
        process(ledger, &batch, Manner::Batch, clock::now()).await.unwrap();
    }
}

/// By kind and id. How many steps led to a row depends on the order, and the account is the order's own.
fn kept(rows: Rows) -> BTreeMap<(&'static str, String), Row> {
    let without =
        |row: Row| row.into_iter().filter(|(column, _)| !matches!(column.as_str(), "account" | "revision"));
    rows.into_iter().map(|(subject, row)| ((subject.kind, subject.id), without(row).collect())).collect()
}
