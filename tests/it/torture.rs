//! SIGKILL for everything, at random moments, under load: whatever was answered 200 is in the ledger once,
//! and the ledger is right. `scripts/torture` runs this for as long as one likes.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use harness::chaos::Site;
use harness::client::Client;
use harness::load::{SendLog, Sent};
use harness::oracle::{Verdict, judge};
use harness::process_guard::until;
use harness::stack::Combination;
use harness::stories::{SampleEvent, Stories, Truth};
use shared::env::{Env, Variable};
use stripe_sim::Random;

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

const CLIENTS: u64 = 8;
/// Stories whose events are shuffled among each other.
const WINDOW_EVENTS: usize = 200;
/// Above the longest pause that a worker takes before it tries an interrupted event again.
const END_PATIENCE: Duration = Duration::from_secs(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_at_whatever_moment_nothing_is_lost_or_doubled() {
    let env = Env::of_process();
    let seconds = env.number::<u64>(&SECONDS, 1..=86_400).unwrap();
    let rate = env.number::<u64>(&RATE, 1..=20_000).unwrap();
    let seed = env.given(SEED.name).map_or_else(Random::new_seed, |text| text.parse().expect("a number"));
    println!("TORTURE_SEED={seed}");
    let mut table = Table::default();
    for combination in Combination::ALL {
        let torture = torture(combination, Duration::from_secs(seconds), rate, seed, &mut table);
        torture.await.with_context(|| format!("{combination:?}, seed {seed}")).unwrap();
    }
    println!("{}", table.text);
    assert!(table.failures.is_empty(), "seed {seed}\n{}\n{}", table.text, table.failures);
}

async fn torture(
    combination: Combination,
    duration: Duration,
    rate: u64,
    seed: u64,
    table: &mut Table,
) -> anyhow::Result<()> {
    let mut site = Site::start(combination).await?;
    let begun = Instant::now();
    let load = Load::begin(seed, rate, || site.stack.client());
    strike_all(&mut site, duration, Random::of_seed(seed)).await?;
    site.heal().await?;
    let (log, truth) = load.end().await?;
    // The last repetitions may still be on their way. What counts is the state when everything has stopped.
    let mut verdict = judge(site.stack.ledger(), &log, &truth).await?;
    let settled = until("an empty queue and a right ledger", END_PATIENCE, async || {
        if site.stack.waiting().await? > 0 {
            return Ok(false);
        }
        verdict = judge(site.stack.ledger(), &log, &truth).await?;
        Ok(verdict.is_good())
    });
    if let Err(error) = settled.await {
        let left = site.stack.waiting().await?;
        writeln!(table.failures, "{combination:?}: {error:#}; {left} events are in the queue")?;
        println!("{}\n{verdict}", site.stack.logs());
        site.stack.abandon();
    } else {
        site.stack.halt().await;
        verdict = judge(site.stack.ledger(), &log, &truth).await?;
        // The ledger as it came through all this is what its own events say: else this fails, and tells where.
        match site.stack.tidegate(&["rebuild"]).await {
            Ok(told) => println!("{combination:?}: {told}"),
            Err(error) => writeln!(table.failures, "{combination:?}: {error:#}")?,
        }
    }
    table.add(&site, begun.elapsed(), &log, &verdict);
    Ok(())
}

/// Every part in random order, again and again, until the time is over and each had its turn.
async fn strike_all(site: &mut Site, duration: Duration, mut random: Random) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut round = Vec::new();
    while begun.elapsed() < duration || site.kills.len() < site.parts().len() {
        tokio::time::sleep(Duration::from_millis(random.within(50..1_000))).await;
        if round.is_empty() {
            round = site.parts();
            random.shuffle(&mut round);
        }
        let part = round.pop().expect("just filled");
        site.strike(part, &mut random).await.with_context(|| format!("after a blow at {part}"))?;
    }
    Ok(())
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

/// One line per combination, for people.
#[derive(Default)]
struct Table {
    text: String,
    failures: String,
}

impl Table {
    fn add(&mut self, site: &Site, elapsed: Duration, log: &SendLog, verdict: &Verdict) {
        let entries = log.entries();
        let sum = |count: fn(&Sent) -> u32| entries.values().map(|sent| u64::from(count(sent))).sum::<u64>();
        let kills: Vec<String> = site.kills.iter().map(|(part, kills)| format!("{part} {kills}")).collect();
        if self.text.is_empty() {
            self.text.push_str(
                "combination       secs  events  requests  answered 200  other  none  lost  double  waiting  \
                 foreign  wrong  overcounted  restarts  kills\n",
            );
        }
        writeln!(
            self.text,
            "{:<16} {:>5} {:>7} {:>9} {:>13} {:>6} {:>5} {:>5} {:>7} {:>8} {:>8} {:>6} {:>12} {:>9}  {}",
            format!("{:?}", site.stack.combination),
            elapsed.as_secs(),
            entries.len(),
            sum(|sent| sent.attempts),
            sum(|sent| sent.accepted),
            sum(|sent| sent.refused),
            sum(|sent| sent.unanswered),
            verdict.lost.len(),
            verdict.double.len(),
            verdict.waiting.len(),
            verdict.foreign.len(),
            verdict.wrong.len(),
            verdict.overcounted.len(),
            site.revivals,
            kills.join(", "),
        )
        .expect("a String takes every write");
        if !verdict.is_good() {
            write!(self.failures, "{:?}:\n{verdict}", site.stack.combination)
                .expect("a String takes every write");
        }
    }
}
