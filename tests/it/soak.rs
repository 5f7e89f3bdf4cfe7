//! Hours of steady load, a burst of ten times as much, and consumers that stand still: nothing is lost, and nothing grows
//! that has no reason to. `scripts/soak` runs this for as long as one likes.

mod connections;
mod samples;

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use harness::oracle::judge;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use shared::env::{Env, Variable};

use self::samples::{HEAD, Sample, Sampler, line, median, number, rise};
use crate::kill_loops::Load;

const SECONDS: Variable = Variable {
    name: "SOAK_SECS",
    default: "2",
    example: "3600",
    help: "How long each combination works at seven tenths of what it can.",
};
const BURST: Variable = Variable {
    name: "SOAK_BURST_SECS",
    default: "1",
    example: "60",
    help: "How long ten times as much is offered, and how long consumers stand still.",
};

const RATE: Variable = Variable {
    name: "SOAK_RATE",
    default: "0",
    example: "500",
    help: "Events a second, instead of seven tenths of what a flood measures; 0 to measure.",
};

/// So many requests are under way at once: more than the limits let in.
const CLIENTS: u64 = 96;
const IN_FLIGHT: &str = "64";
/// More than any combination can take.
const FLOOD: u64 = 20_000;
/// What a short run is held to; nothing is measured in it.
const CALM: u64 = 100;
/// From so many seconds on growth is told from noise.
const LEVEL_SECS: u64 = 120;
const PATIENCE: Duration = Duration::from_mins(5);

/// What is allowed to rise between the warm-up and the end.
const RSS_KIB: f64 = 16_384.0;
const FILES: f64 = 8.0;
const THREADS: f64 = 4.0;
/// Events that wait while consumers keep up are those under way.
const BACKLOG: f64 = 1_000.0;
/// Of a ledger in a file, pages are cached: up to 64 MiB by whoever writes, and by whoever reads, and no more than there are.
const CACHE_KIB: f64 = 131_072.0;
/// SQLite begins its log anew long before.
const LOG_BYTES: u64 = 64 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_steady_load_nothing_grows_and_after_a_burst_all_is_as_before() {
    let env = Env::of_process();
    let seconds = env.number::<u64>(&SECONDS, 1..=604_800).unwrap();
    let burst = env.number::<u64>(&BURST, 1..=3_600).unwrap();
    let is_short = env.given(SECONDS.name).is_none();
    let rate = if is_short { CALM } else { env.number::<u64>(&RATE, 0..=FLOOD).unwrap() };
    let both = [Combination::SqliteSqlite, Combination::RabbitPostgres];
    for combination in if is_short { &both[..1] } else { &both[..] } {
        println!("\n{combination:?}\n\n{HEAD}");
        let soak = soak(*combination, seconds, burst, rate);
        soak.await.with_context(|| format!("{combination:?}")).unwrap();
    }
}

struct Soak {
    stack: Stack,
    load: Load,
    sampler: Sampler,
    begun: Instant,
    every: Duration,
}

async fn soak(combination: Combination, seconds: u64, burst: u64, rate: u64) -> anyhow::Result<()> {
    // So a flood meets the limit, and is answered 503 where it is over it.
    let stack = Stack::start_with(combination, &[("QUEUE_PUBLISH_IN_FLIGHT", IN_FLIGHT)]).await;
    let is_measured = rate == 0;
    let load = Load::begin_with(CLIENTS, 7, if is_measured { FLOOD } else { rate }, || stack.client());
    let every = Duration::from_millis((seconds * 1_000 / 150).clamp(500, 30_000));
    let mut soak = Soak { stack, load, sampler: Sampler::default(), begun: Instant::now(), every };
    let calm = if is_measured { soak.capacity(burst).await? * 7 / 10 } else { rate };

    soak.load.set_rate(calm);
    let steady = soak.phase("steady load", seconds).await?;
    if seconds >= LEVEL_SECS {
        judge_growth(&steady)?;
    }
    soak.load.set_rate(calm * 10);
    soak.phase("10 times that", burst).await?;
    soak.load.set_rate(calm);
    soak.drained("until drained").await?;
    soak.phase("calm again", burst).await?;

    soak.stand_still(true).await?;
    let stood = soak.phase("consumers stand still", burst).await;
    soak.stand_still(false).await?;
    stood?; // first they go on, else nobody learns what was wrong
    soak.drained("until drained").await?;
    let last = soak.phase("calm again", burst.max(2)).await?;
    if seconds >= LEVEL_SECS {
        judge_return(&steady, &last)?;
    }
    soak.end().await
}

impl Soak {
    /// How many events a second come through, measured with a flood and until it is worked off.
    async fn capacity(&mut self, seconds: u64) -> anyhow::Result<u64> {
        let begun = Instant::now();
        self.phase("a flood, to measure", seconds.min(20)).await?;
        // Each sender once a second: who sleeps longer begins the next phase late.
        self.load.set_rate(CLIENTS);
        self.drained("until drained").await?;
        let accepted = self.load.log().answered(200);
        let a_second = accepted / begun.elapsed().as_secs().max(1);
        println!("measured: {a_second} events a second; answers so far: {:?}", self.load.log().statuses());
        Ok(a_second.max(10))
    }

    async fn phase(&mut self, title: &str, seconds: u64) -> anyhow::Result<Vec<Sample>> {
        let (begun, mut samples) = (Instant::now(), Vec::new());
        loop {
            samples.push(self.sample().await?);
            if begun.elapsed() >= Duration::from_secs(seconds) {
                break;
            }
            tokio::time::sleep(self.every).await;
        }
        println!("{}", line(title, &samples));
        Ok(samples)
    }

    async fn sample(&mut self) -> anyhow::Result<Sample> {
        let sample = self.sampler.sample(&mut self.stack, self.begun.elapsed()).await?;
        for (file, bytes) in sample.files.iter().filter(|(file, _)| file.ends_with("-wal")) {
            ensure!(*bytes < LOG_BYTES, "{file} has {bytes} bytes");
        }
        Ok(sample)
    }

    async fn drained(&mut self, title: &str) -> anyhow::Result<()> {
        let (begun, mut samples) = (Instant::now(), Vec::new());
        loop {
            let sample = self.sample().await?;
            let waiting = sample.waiting;
            samples.push(sample);
            // What is under way is no backlog.
            if waiting < CLIENTS * 2 {
                break;
            }
            ensure!(begun.elapsed() < PATIENCE, "{waiting} events wait after {PATIENCE:?}");
            tokio::time::sleep(self.every.min(Duration::from_secs(1))).await;
        }
        println!("{}", line(title, &samples));
        Ok(())
    }

    /// Workers of their own are stopped where they stand; within one process they are paused.
    async fn stand_still(&mut self, is_still: bool) -> anyhow::Result<()> {
        if self.stack.combination.has_broker() {
            self.sampler.are_workers_still = is_still;
            for name in self.stack.names().into_iter().filter(|name| name.starts_with("worker")) {
                self.stack.freeze(name, is_still);
            }
        } else if is_still {
            self.stack.tidegate(&["worker", "pause", "--reason", "a slow consumer"]).await?;
        } else {
            self.stack.tidegate(&["worker", "resume"]).await?;
        }
        Ok(())
    }

    /// Everything that was answered 200 is there once, and right.
    async fn end(mut self) -> anyhow::Result<()> {
        let (log, truth) = self.load.end().await?;
        let mut verdict = judge(self.stack.ledger(), &log, &truth).await?;
        let settled = until("an empty queue and a right ledger", PATIENCE, async || {
            if self.stack.waiting().await? > 0 {
                return Ok(false);
            }
            verdict = judge(self.stack.ledger(), &log, &truth).await?;
            Ok(verdict.is_good())
        });
        if let Err(error) = settled.await {
            self.stack.abandon();
            return Err(error.context(verdict.to_string()));
        }
        let entries = log.entries();
        println!("\n{} events, none lost, doubled or wrong; answers: {:?}", entries.len(), log.statuses());
        self.stack.halt().await;
        Ok(())
    }
}

/// After a quarter of the time everything is warm: from there on nothing rises.
fn judge_growth(samples: &[Sample]) -> anyhow::Result<()> {
    let warm = &samples[samples.len() / 4..];
    let of = |read: &dyn Fn(&Sample) -> f64| warm.iter().map(read).collect::<Vec<_>>();
    let ledger = |sample: &Sample| sample.files.get("ledger.db").map_or(0.0, |bytes| number(*bytes >> 10));
    let cached = rise(&of(&ledger)).clamp(0.0, CACHE_KIB);
    println!("pages that may be cached: {cached:.0} KiB");
    for name in samples.last().context("there are samples")?.processes.keys() {
        let mib = |sample: &Sample| sample.processes.get(name).map_or(0, |process| process.rss_kib >> 10);
        let tenths: Vec<String> =
            (0..=10).map(|tenth| mib(&samples[(samples.len() - 1) * tenth / 10]).to_string()).collect();
        println!("{name}: MiB of memory at each tenth of the time: {}", tenths.join(" "));
        let process = |read: fn(&samples::Process) -> u64| {
            let one =
                |sample: &Sample| sample.processes.get(name).map_or(0.0, |process| number(read(process)));
            (rise(&of(&one)), median(&of(&one)))
        };
        for (what, (rose, usual), limit) in [
            ("KiB of memory", process(|process| process.rss_kib), RSS_KIB + cached),
            ("open files", process(|process| process.files), FILES),
            ("threads", process(|process| process.threads), THREADS),
        ] {
            println!("{name}: {what} {usual:.0}, rose by {rose:.0} after the warm-up");
            ensure!(rose < limit.max(usual * 0.15), "{name}: {what} rise by {rose:.0} from about {usual:.0}");
        }
    }
    let more = rise(&of(&|sample| number(sample.waiting)));
    ensure!(
        more < BACKLOG,
        "{more:.0} events more wait at the end: too much is offered, as when other work takes the machine; give a --rate"
    );
    let (first, second) = warm.split_at(warm.len() / 2);
    let p99 = |samples: &[Sample]| median(&samples.iter().map(|sample| sample.p99_ms).collect::<Vec<_>>());
    let (before, after) = (p99(first), p99(second));
    println!("p99 {before:.0} ms in the first half, {after:.0} ms in the second");
    ensure!(after < before * 2.0 + 50.0, "the p99 rises from {before:.0} to {after:.0} ms");
    Ok(())
}

/// What the burst took is given back, up to what an allocator keeps.
fn judge_return(steady: &[Sample], last: &[Sample]) -> anyhow::Result<()> {
    let rss = |samples: &[Sample], name: &str| {
        let one = |sample: &Sample| sample.processes.get(name).map_or(0.0, |process| number(process.rss_kib));
        median(&samples.iter().map(one).collect::<Vec<_>>())
    };
    for name in last.last().context("there are samples")?.processes.keys() {
        let (before, after) = (rss(steady, name), rss(last, name));
        println!("{name}: {before:.0} KiB under steady load, {after:.0} KiB after bursts");
        ensure!(after < before * 1.5 + 2.0 * RSS_KIB, "{name}: {before:.0} KiB before, {after:.0} KiB after");
    }
    Ok(())
}
