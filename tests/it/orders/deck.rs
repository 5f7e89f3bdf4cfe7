//! The events of several histories, shuffled, and three workers that take them in batches. A batch whose
//! transaction was dropped goes back into the deck, as a queue would give it again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use envelope::Envelope;
use harness::histories::History;
use ledger::Ledger;
use ledger::failure::Failure;
use shared::clock;
use stripe_sim::Random;
use worker::process::{Manner, process};

const WORKERS: u64 = 3;
/// Small batches meet more often; large ones hold more locks.
const BATCH_LIMITS: &[u64] = &[1, 4, 12, 40];
const DROPS_PERCENT: u64 = 15;
const REPETITIONS_PERCENT: u64 = 10;

pub(super) struct Deck(Arc<Mutex<Vec<Envelope>>>);

/// What it took.
#[derive(Debug, Default)]
pub(super) struct Spent {
    pub deadlocks: usize,
    events: usize,
    batches: usize,
    dropped: usize,
    retried: usize,
}

impl Deck {
    /// Some events come twice, as their own deliveries.
    pub(super) fn of(histories: &[History], random: &mut Random) -> Self {
        let mut envelopes = Vec::new();
        for event in histories.iter().flat_map(|history| &history.events) {
            envelopes.push(event.envelope());
            if random.percent(REPETITIONS_PERCENT) {
                envelopes.push(event.envelope());
            }
        }
        random.shuffle(&mut envelopes);
        Self(Arc::new(Mutex::new(envelopes)))
    }

    /// Until every event was handled.
    pub(super) async fn deal(self, ledger: &Ledger, random: &mut Random, spent: &mut Spent) {
        let limit = *random.pick(BATCH_LIMITS);
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..WORKERS {
            let (deck, ledger) = (Self(Arc::clone(&self.0)), ledger.clone());
            workers.spawn(work(deck, ledger, limit, Random::of_seed(random.number())));
        }
        for of_worker in workers.join_all().await {
            *spent += of_worker;
        }
    }

    fn take(&self, count: u64) -> Vec<Envelope> {
        let mut deck = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = deck.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        deck.split_off(left)
    }

    /// Among the others, so that the next batch is another one.
    fn give_back(&self, batch: Vec<Envelope>, random: &mut Random) {
        let mut deck = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        deck.extend(batch);
        random.shuffle(&mut deck);
    }
}

async fn work(deck: Deck, ledger: Ledger, limit: u64, mut random: Random) -> Spent {
    let mut spent = Spent::default();
    loop {
        let batch = Arc::new(deck.take(1 + random.within(0..limit)));
        if batch.is_empty() {
            return spent;
        }
        let task = {
            let (ledger, batch) = (ledger.clone(), Arc::clone(&batch));
            tokio::spawn(async move {
                let envelopes: Vec<&Envelope> = batch.iter().collect();
                process(&ledger, &envelopes, Manner::Batch, clock::now()).await
            })
        };
        if random.percent(DROPS_PERCENT) {
            // Somewhere between the begin and the commit, or just after it.
            tokio::time::sleep(Duration::from_micros(random.within(0..6_000))).await;
            task.abort();
        }
        let again = match task.await {
            Ok(Ok(_)) => false,
            Err(stopped) if stopped.is_cancelled() => {
                spent.dropped += 1;
                true
            }
            Ok(Err(Failure::Transient(error))) => {
                let words = format!("{error:?}");
                spent.deadlocks += usize::from(words.contains("40P01"));
                spent.retried += 1;
                assert!(spent.retried < 1_000, "it does not heal: {words}");
                true
            }
            other => panic!("{other:?}"),
        };
        spent.batches += 1;
        if again {
            let batch = Arc::try_unwrap(batch).unwrap_or_else(|batch| batch.to_vec());
            deck.give_back(batch, &mut random);
        } else {
            spent.events += batch.len();
        }
    }
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.deadlocks += other.deadlocks;
        self.events += other.events;
        self.batches += other.batches;
        self.dropped += other.dropped;
        self.retried += other.retried;
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} deliveries in {} batches, {} of them dropped, {} tried again, {} deadlocks",
            self.events, self.batches, self.dropped, self.retried, self.deadlocks
        )
    }
}
