//! Two transactions on the same objects, stepped by hand: on Postgres statement by statement, as far as locks
//! allow; on SQLite one waits for the other. However they meet, no update is lost.

mod conductor;

use std::collections::BTreeMap;
use std::time::Duration;

use envelope::Envelope;
use harness::histories::{ApiVersion, History, SampleEvent, Scene};
use ledger::Ledger;
use shared::env::{Env, Variable};
use stripe_sim::Random;
use tokio::task::JoinHandle;
use worker::process::Handled;

use self::conductor::{Conductor, Place, gated};
use crate::lattice::scenarios;
use crate::ledgers::{each_ledger, together};
use crate::orders::{by_account, judge};

/// Each about another object that two transactions write: a charge's refunds, a user's disputes, an
/// invoice's payments, links that move, and a whole chain from the dispute to the invoice.
const MEETINGS: &[&str] = &[
    "a refund fails late while another succeeded",
    "children long before their parents",
    "one decline under three ids",
    "partial payments through invoice_payment",
    "the merchant's own invoice, paid in parts",
    "the second chargeback bans",
    "three reports with links A, B, none",
    "two disputes of one payment",
    "customer.updated changes the user, and the ban moves",
    "a charge without a payment intent, refunded and disputed",
    "one payment of two invoices, charged back",
    "an order reference is told before its invoice",
    "the subscription ends, and with it the plan",
];
/// After so many statements of the first the second goes through, as far as it gets.
const HEAD_STARTS: &[usize] = &[1, 2, 3, 5, 7, 9, 11, 14];
const SCHEDULES: Variable = Variable {
    name: "INTERLEAVED_SCHEDULES",
    default: "8",
    example: "40",
    help: "How many random turns each two transactions take.",
};
/// A transaction that reports one invoice makes at most so many.
const REPORT_STEPS: usize = 12;
/// In so many accounts at once a batch has enough keys without a row to lock them, instead of making rows.
const CROWD: usize = 16;
const GLANCE: Duration = Duration::from_millis(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_interleaving_of_two_transactions_loses_an_update() {
    let schedules = Env::of_process().number(&SCHEDULES, 1..=10_000).unwrap();
    each_ledger("interleaved", async |ledger, url| {
        if ledger.takes_several_writers() {
            let mut stage = Stage::new(ledger, &url).await;
            for name in MEETINGS {
                stage.meet(name, schedules).await;
            }
            stage.meet_between_two_reads().await;
            stage.conclude(&url).await;
        } else {
            one_waits_for_the_other(&ledger, &url).await;
        }
    })
    .await;
}

/// Two gated workers on one ledger, and what they were given.
struct Stage {
    free: Ledger,
    workers: [Ledger; 2],
    conductor: Conductor,
    played: BTreeMap<String, History>,
    meetings: usize,
    steps: usize,
    waits: usize,
}

impl Stage {
    async fn new(free: Ledger, url: &str) -> Self {
        let conductor = Conductor::new(url).await;
        let workers = [gated(url, 0).await, gated(url, 1).await];
        Self { free, workers, conductor, played: BTreeMap::new(), meetings: 0, steps: 0, waits: 0 }
    }

    /// One history in halves, by every head start and by random turns.
    async fn meet(&mut self, name: &str, schedules: u64) {
        for (first, other) in [(0, 1), (1, 0)] {
            for head_start in HEAD_STARTS.iter().skip(first).step_by(2) {
                let turns = move |turn| if turn < *head_start { first } else { other };
                self.play(name, 1, turns).await;
            }
        }
        for seed in 0..schedules {
            let mut random = Random::of_seed(seed);
            let accounts = if seed % 4 == 0 { CROWD } else { 1 };
            self.play(name, accounts, move |_| usize::from(random.percent(50))).await;
        }
    }

    /// The same history in each of so many accounts: a third of the events is there before, and the rest is divided
    /// between the two.
    async fn play(&mut self, name: &str, accounts: usize, turns: impl FnMut(usize) -> usize) {
        let mut hands: [Vec<Envelope>; 3] = Default::default();
        for _ in 0..accounts {
            let number = self.played.len();
            let (account, history) = history(name, number);
            let mut random = Random::of_seed(number as u64);
            for event in &history.events {
                let hand = usize::try_from(random.within(0..3)).unwrap();
                hands[hand].push(event.envelope());
            }
            self.played.insert(account, history);
        }
        let [before, one, other] = hands;
        together(&self.free, &before.iter().collect::<Vec<_>>()).await;
        self.step([one, other], turns).await;
        self.meetings += 1;
    }

    /// A payment refers to an invoice that somebody else is just reporting: whoever reports it looked for such payments
    /// before, and has to look again. Wherever the payment comes in between, it counts.
    async fn meet_between_two_reads(&mut self) {
        for head_start in 1..=REPORT_STEPS {
            let (account, history) =
                history("an order reference is told before its invoice", self.played.len());
            let envelopes = history.events.iter().map(SampleEvent::envelope);
            let (reports, payments) =
                envelopes.partition(|envelope| envelope.header.kind.starts_with("invoice."));
            self.played.insert(account, history);
            self.step([reports, payments], move |turn| usize::from(turn >= head_start)).await;
            self.meetings += 1;
        }
    }

    async fn step(&mut self, batches: [Vec<Envelope>; 2], mut turns: impl FnMut(usize) -> usize) {
        let [one, other] = batches;
        let tasks = [begin(&self.workers[0], one), begin(&self.workers[1], other)];
        let mut turn = 0;
        loop {
            let places = [self.conductor.place(0, &tasks[0]).await, self.conductor.place(1, &tasks[1]).await];
            assert_ne!(places, [Place::Blocked; 2], "they wait for each other");
            if places == [Place::Done; 2] {
                break;
            }
            self.waits += usize::from(places.contains(&Place::Blocked));
            let wanted = turns(turn);
            let at_gate = [wanted, 1 - wanted].into_iter().find(|number| places[*number] == Place::Gate);
            // Nobody, where a lock was just given free and is not yet taken.
            if let Some(number) = at_gate {
                self.conductor.let_pass(number).await;
                self.steps += 1;
                turn += 1;
            }
        }
        for task in tasks {
            task.await.unwrap();
        }
    }

    async fn conclude(self, url: &str) {
        let stored = harness::ledger::Ledger::at(url).rows("acct_").await.unwrap();
        let mut stored = by_account(stored);
        let mut faults = Vec::new();
        for (account, history) in &self.played {
            faults.extend(judge(history, stored.remove(account).unwrap_or_default()));
        }
        println!(
            "Postgres: {} meetings of two transactions, {} statements stepped, {} times one waited for the other",
            self.meetings, self.steps, self.waits
        );
        assert!(self.waits > 0, "they met");
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}

fn history(name: &str, number: usize) -> (String, History) {
    let account = format!("acct_{number:05}");
    let version = ApiVersion::ALL[number % ApiVersion::ALL.len()];
    let scenario =
        scenarios().into_iter().find(|scenario| scenario.name == name).expect("a scenario of this name");
    let scene = Scene { seed: number as u64, account: account.clone(), livemode: true, version };
    (account, scenario.play(&scene))
}

fn begin(ledger: &Ledger, batch: Vec<Envelope>) -> JoinHandle<Handled> {
    let ledger = ledger.clone();
    tokio::spawn(async move { together(&ledger, &batch.iter().collect::<Vec<_>>()).await })
}

/// SQLite takes one writer: while a transaction is open the other has not begun, and it goes on after it.
async fn one_waits_for_the_other(ledger: &Ledger, url: &str) {
    let mut played = BTreeMap::new();
    for (number, name) in MEETINGS.iter().enumerate() {
        let (account, history) = history(name, number);
        let half = |first| history.events.iter().skip(first).step_by(2).map(SampleEvent::envelope).collect();
        let open = ledger.begin().await.unwrap();
        let mut tasks = [begin(ledger, half(0)), begin(ledger, half(1))];
        let first = tokio::time::timeout(GLANCE, &mut tasks[0]).await;
        assert!(first.is_err(), "a second writer went on beside an open transaction");
        open.commit().await.unwrap();
        for task in tasks {
            task.await.unwrap();
        }
        played.insert(account, history);
    }
    let mut stored = by_account(harness::ledger::Ledger::at(url).rows("acct_").await.unwrap());
    for (account, history) in &played {
        let faults = judge(history, stored.remove(account).unwrap_or_default());
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
    println!("SQLite: {} meetings of two transactions, one always waited for the other", played.len());
}
