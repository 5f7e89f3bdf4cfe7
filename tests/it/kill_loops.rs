//! SIGKILL for everything, at random moments, under load: whatever was answered 200 is in the ledger once,
//! the ledger is right, and what was asked of Stripe meanwhile was done at most once. `scripts/torture` runs this
//! for as long as one likes, and keeps count.

mod kept;
mod money;
mod table;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::{StreamExt, stream};
use harness::chaos::{BROKER, POSTGRES, Site};
use harness::client::Client;
use harness::load::SendLog;
use harness::oracle::judge_test_mode;
use harness::process_guard::until;
use harness::stack::Combination;
use harness::stories::{SampleEvent, Stories, Truth};
use shared::env::{Env, Variable};
use stripe_sim::Random;

use self::money::Money;
use self::table::{Row, Table};

const SECONDS: Variable = Variable {
    name: "TORTURE_SECS",
    default: "4",
    example: "600",
    help: "How long each combination is tortured; longer if a part has not been killed by then.",
};
const RATE: Variable = Variable {
    name: "TORTURE_RATE",
    default: "300",
    example: "2000",
    help: "How many events are sent per second, at most.",
};
const SEED: Variable = Variable {
    name: "TORTURE_SEED",
    default: "",
    example: "42",
    help: "Repeats the random choices of a run.",
};

const AT_ONCE: Variable = Variable {
    name: "TORTURE_AT_ONCE",
    default: "1",
    example: "4",
    help: "How many combinations are tortured at the same time.",
};
const KEEP: Variable = Variable {
    name: "TORTURE_KEEP",
    default: "",
    example: "target/torture/kills.jsonl",
    help: "The file to which each combination appends a line with what was killed and what came of it.",
};

const CLIENTS: u64 = 8;
/// Of each process for one of each server, which takes seconds to come back.
const PROCESS_SHARE: usize = 6;
/// How long a blow waits for a process to be at work.
const WORK_PATIENCE: Duration = Duration::from_secs(10);
/// Stories whose events are shuffled among each other.
const WINDOW_EVENTS: usize = 200;
/// Operations that a killed worker leaves in doubt take minutes to settle: a short run asks for none, for the battery of
/// operations kills workers, too.
const MONEY_FROM: Duration = Duration::from_secs(20);
/// Above the longest pause that a worker takes before it tries an interrupted event again.
const END_PATIENCE: Duration = Duration::from_secs(100);

/// An event that was in hand when several processes died waits longer and longer before it is tried again.
const SETTLE_PATIENCE: Duration = Duration::from_mins(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_at_whatever_moment_nothing_is_lost_or_doubled() {
    let env = Env::of_process();
    let seconds = env.number::<u64>(&SECONDS, 1..=86_400).unwrap();
    let rate = env.number::<u64>(&RATE, 1..=20_000).unwrap();
    let seed = env.given(SEED.name).map_or_else(Random::new_seed, |text| text.parse().expect("a number"));
    let at_once = env.number::<usize>(&AT_ONCE, 1..=Combination::ALL.len()).unwrap();
    println!("TORTURE_SEED={seed}");
    let mut table = Table::default();
    let runs = Combination::ALL.map(async |combination| {
        let row = torture(combination, Duration::from_secs(seconds), rate, seed).await;
        row.with_context(|| format!("{combination:?}, seed {seed}"))
    });
    let mut runs = stream::iter(runs).buffer_unordered(at_once);
    while let Some(row) = runs.next().await {
        let row = row.unwrap();
        if let Some(file) = env.given(KEEP.name) {
            kept::append(file.as_ref(), &row, seed).unwrap();
        }
        table.rows.push(row);
        println!("{table}\n{}", table.failures());
    }
    let failures = table.failures();
    assert!(failures.is_empty(), "seed {seed}\n{table}\n{failures}");
}

async fn torture(combination: Combination, duration: Duration, rate: u64, seed: u64) -> anyhow::Result<Row> {
    let (mut site, money) = Money::begin(combination, seed).await?;
    if duration < MONEY_FROM {
        money.asks_no_more();
    }
    let begun = Instant::now();
    let load = Load::begin(seed, rate, || site.stack.client());
    let hits = strike_all(&mut site, duration, Random::of_seed(seed)).await?;
    let struck = begun.elapsed();
    money.asks_no_more();
    site.heal().await?;
    let (log, truth) = load.end().await?;
    // The last repetitions may still be on their way. What counts is the state when everything has stopped.
    let mut verdict = judge_test_mode(site.stack.ledger(), &log, &truth).await?;
    let settled = until("an empty queue and a right ledger", SETTLE_PATIENCE, async || {
        if site.stack.waiting().await? > 0 {
            return Ok(false);
        }
        verdict = judge_test_mode(site.stack.ledger(), &log, &truth).await?;
        Ok(verdict.is_good())
    });
    // What waits in the queue may be what Stripe said of a refund.
    let money = money.end(&site.stack, struck).await?;
    let mut failures = money.faults.clone();
    if let Err(error) = settled.await {
        let left = site.stack.waiting().await?;
        failures.push(format!("{error:#}; {left} events are in the queue"));
        println!("{}\n{verdict}", site.stack.logs());
        site.stack.abandon();
    } else {
        site.stack.halt().await;
        verdict = judge_test_mode(site.stack.ledger(), &log, &truth).await?;
        // The ledger as it came through all this is what its own events say: else this fails, and tells where.
        match site.stack.tidegate(&["rebuild"]).await {
            Ok(told) => println!("{combination:?}: {told}"),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    Ok(Row::of(&site, hits, struck, &log, &verdict, &money, failures))
}

/// Every part in random order, again and again, until the time is over and each had its turn; how many of the
/// processes were at work when they were hit.
async fn strike_all(site: &mut Site, duration: Duration, mut random: Random) -> anyhow::Result<u32> {
    let begun = Instant::now();
    let mut round = Vec::new();
    let mut hits = 0;
    while begun.elapsed() < duration || site.kills.len() < site.parts().len() {
        tokio::time::sleep(Duration::from_millis(random.within(20..400))).await;
        if round.is_empty() {
            let is_server = |part: &&str| [BROKER, POSTGRES].contains(part);
            let (servers, processes): (Vec<_>, Vec<_>) = site.parts().into_iter().partition(is_server);
            round = processes.repeat(PROCESS_SHARE);
            round.extend(servers);
            random.shuffle(&mut round);
        }
        let part = round.pop().expect("just filled");
        // Most are let come to work again; some are hit while they start.
        let waits = random.percent(85);
        let longest = if random.percent(10) { 1_500 } else { 150 };
        let dead_for = random.within(0..longest);
        if site.stack.names().contains(&part) {
            let asked = Instant::now();
            let mut is_ready = site.stack.is_ready(part).await;
            while waits && !is_ready && asked.elapsed() < WORK_PATIENCE {
                site.revive()?;
                tokio::time::sleep(Duration::from_millis(20)).await;
                is_ready = site.stack.is_ready(part).await;
            }
            if is_ready {
                // Not always in its first moments.
                tokio::time::sleep(Duration::from_millis(random.within(0..300))).await;
            }
            hits += u32::from(is_ready);
        } else {
            hits += 1;
        }
        let struck = site.take_away(part, Duration::from_millis(dead_for)).await;
        struck.with_context(|| format!("after a blow at {part}"))?;
    }
    Ok(hits)
}

/// Senders that, like Stripe, repeat an event until it is accepted, and now and then once more.
pub(crate) struct Load {
    source: Arc<Mutex<Source>>,
    log: SendLog,
    over: Arc<AtomicBool>,
    rate: Arc<AtomicU64>,
    senders: Vec<tokio::task::JoinHandle<()>>,
}

/// What is still to be sent. A window that was begun is sent to its end, so that the truth is whole.
struct Source {
    stories: Stories,
    window: Vec<SampleEvent>,
    truth: Truth,
}

impl Load {
    pub(crate) fn begin(seed: u64, rate: u64, client: impl Fn() -> Client) -> Self {
        Self::begin_with(CLIENTS, seed, rate, client)
    }

    /// The same, with so many senders: that many requests are under way at once, at most.
    pub(crate) fn begin_with(clients: u64, seed: u64, rate: u64, client: impl Fn() -> Client) -> Self {
        let source = Source { stories: Stories::of_seed(seed), window: Vec::new(), truth: Truth::default() };
        let (source, log) = (Arc::new(Mutex::new(source)), SendLog::default());
        let over = Arc::new(AtomicBool::new(false));
        let rate = Arc::new(AtomicU64::new(rate));
        let senders = (0..clients).map(|number| {
            let sender = Sender {
                source: Arc::clone(&source),
                log: log.clone(),
                over: Arc::clone(&over),
                rate: Arc::clone(&rate),
                clients,
                random: Random::of_seed(seed ^ number),
            };
            tokio::spawn(sender.run(client()))
        });
        Self { senders: senders.collect(), source, log, over, rate }
    }

    /// What was sent so far, and what came of it.
    pub(crate) fn log(&self) -> &SendLog {
        &self.log
    }

    /// From now on at most so many events a second.
    pub(crate) fn set_rate(&self, rate: u64) {
        self.rate.store(rate.max(1), Ordering::Relaxed);
    }

    /// Begins no further window, and waits until everything that was begun is accepted.
    pub(crate) async fn end(self) -> anyhow::Result<(SendLog, Truth)> {
        self.over.store(true, Ordering::Release);
        for sender in self.senders {
            tokio::time::timeout(END_PATIENCE, sender)
                .await
                .context("events are not accepted any more")??;
        }
        let truth = self.source.lock().unwrap_or_else(PoisonError::into_inner).truth.clone();
        Ok((self.log, truth))
    }
}

/// One of the senders.
struct Sender {
    source: Arc<Mutex<Source>>,
    log: SendLog,
    over: Arc<AtomicBool>,
    rate: Arc<AtomicU64>,
    clients: u64,
    random: Random,
}

impl Sender {
    async fn run(mut self, mut client: Client) {
        let mut due = tokio::time::Instant::now();
        loop {
            tokio::time::sleep_until(due).await;
            let pace = Duration::from_micros(1_000_000 * self.clients / self.rate.load(Ordering::Relaxed));
            due = tokio::time::Instant::now().max(due + pace);
            let Some(event) = self.next() else { return };
            while !self.log.send(&mut client, &event).await.accepted() {
                tokio::time::sleep(Duration::from_millis(self.random.within(10..200))).await;
            }
            if self.random.percent(5) {
                self.log.send(&mut client, &event).await;
            }
        }
    }

    fn next(&self) -> Option<SampleEvent> {
        let is_over = self.over.load(Ordering::Acquire);
        self.source.lock().unwrap_or_else(PoisonError::into_inner).next(is_over)
    }
}

impl Source {
    fn next(&mut self, is_over: bool) -> Option<SampleEvent> {
        if self.window.is_empty() && !is_over {
            let (events, truth) = self.stories.history(WINDOW_EVENTS);
            self.window = events;
            self.truth.extend(truth);
        }
        self.window.pop()
    }
}
