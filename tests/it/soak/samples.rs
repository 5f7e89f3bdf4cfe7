//! What is read of a stack every few seconds, and whether it grows.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use harness::stack::Stack;

/// One look at everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    pub(super) at: Duration,
    /// Of each process.
    pub(super) processes: BTreeMap<&'static str, Process>,
    pub(super) waiting: u64,
    /// Bytes of each file of queue and ledger.
    pub(super) files: BTreeMap<String, u64>,
    /// From receipt to commit, of what was applied since the sample before.
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) applied: f64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    pub(super) rss_kib: u64,
    pub(super) files: u64,
    pub(super) threads: u64,
}

/// Takes samples; the latency is that between two of them.
#[derive(Default)]
pub(super) struct Sampler {
    /// Workers are stopped where they stand: they answer nobody, so what they said last holds.
    pub(super) are_workers_still: bool,
    said: BTreeMap<&'static str, Vec<(String, f64)>>,
    buckets: Vec<(f64, f64)>,
}

impl Sampler {
    pub(super) async fn sample(&mut self, stack: &mut Stack, at: Duration) -> anyhow::Result<Sample> {
        let mut sample = Sample { at, waiting: stack.waiting().await?, ..Sample::default() };
        let mut buckets: BTreeMap<String, f64> = BTreeMap::new();
        for name in stack.names() {
            let Some(id) = stack.process_id(name) else { continue };
            sample.processes.insert(name, Process::of(id)?);
            if !(self.are_workers_still && name.starts_with("worker")) {
                self.said.insert(name, latencies(&stack.metrics(name).await?));
            }
            for (limit, count) in self.said.get(name).into_iter().flatten() {
                *buckets.entry(limit.clone()).or_default() += count;
            }
        }
        let mut buckets: Vec<(f64, f64)> = buckets
            .into_iter()
            .map(|(limit, count)| (limit.parse().unwrap_or(f64::INFINITY), count))
            .collect();
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let before = std::mem::replace(&mut self.buckets, buckets);
        let fresh: Vec<(f64, f64)> = self
            .buckets
            .iter()
            .enumerate()
            .map(|(place, (limit, count))| (*limit, count - before.get(place).map_or(0.0, |old| old.1)))
            .collect();
        sample.applied = fresh.last().map_or(0.0, |all| all.1);
        (sample.p50_ms, sample.p99_ms) = (quantile(&fresh, 0.5), quantile(&fresh, 0.99));
        for name in ["queue.db", "queue.db-wal", "ledger.db", "ledger.db-wal"] {
            if let Ok(found) = std::fs::metadata(stack.folder().join(name)) {
                sample.files.insert(name.to_owned(), found.len());
            }
        }
        Ok(sample)
    }
}

impl Process {
    pub(super) fn of(id: u32) -> anyhow::Result<Self> {
        let folder = Path::new("/proc").join(id.to_string());
        let status = std::fs::read_to_string(folder.join("status"))?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
        };
        let files = std::fs::read_dir(folder.join("fd"))?.count() as u64;
        Ok(Self { rss_kib: number("VmRSS:"), files, threads: number("Threads:") })
    }
}

/// The buckets of the histogram, by their limits in seconds.
fn latencies(page: &str) -> Vec<(String, f64)> {
    let bucket = |line: &str| {
        let rest = line.strip_prefix("tidegate_received_to_applied_seconds_bucket{")?;
        let (_, rest) = rest.split_once("le=\"")?;
        let (limit, rest) = rest.split_once('"')?;
        Some((limit.to_owned(), rest.rsplit(' ').next()?.parse().ok()?))
    };
    page.lines().filter_map(bucket).collect()
}

/// In milliseconds, between the limits of its bucket.
fn quantile(buckets: &[(f64, f64)], share: f64) -> f64 {
    let wanted = buckets.last().map_or(0.0, |all| all.1) * share;
    let mut below = (0.0, 0.0);
    for (limit, count) in buckets {
        if *count >= wanted && wanted > 0.0 {
            let (from, to) = (below.0, if limit.is_finite() { *limit } else { below.0 });
            let part = if *count > below.1 { (wanted - below.1) / (count - below.1) } else { 1.0 };
            return (from + (to - from) * part) * 1_000.0;
        }
        below = (*limit, *count);
    }
    0.0
}

/// How much a straight line through the values rises from their first to their last, by least squares.
pub(super) fn rise(values: &[f64]) -> f64 {
    let count = number(values.len());
    if values.len() < 2 {
        return 0.0;
    }
    let (middle, mean) = ((count - 1.0) / 2.0, values.iter().sum::<f64>() / count);
    let (mut above, mut below) = (0.0, 0.0);
    for (place, value) in values.iter().enumerate() {
        let away = number(place) - middle;
        above += away * (value - mean);
        below += away * away;
    }
    above / below * (count - 1.0)
}

/// Counts, and sizes in KiB: none is beyond four billion.
pub(super) fn number<T: TryInto<u32>>(count: T) -> f64 {
    f64::from(count.try_into().unwrap_or(u32::MAX))
}

pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// A line for each phase: what was highest, and the latency in its middle.
pub(super) fn line(title: &str, samples: &[Sample]) -> String {
    let most = |value: &dyn Fn(&Sample) -> u64| samples.iter().map(value).max().unwrap_or_default();
    let of = |value: &dyn Fn(&Sample) -> f64| median(&samples.iter().map(value).collect::<Vec<_>>());
    let seconds = match samples {
        [first, .., last] => last.at.saturating_sub(first.at).as_secs_f64(),
        _ => 0.0,
    };
    let applied: f64 = samples.iter().skip(1).map(|sample| sample.applied).sum();
    let mut text = format!(
        "| {title} | {seconds:.0} | {:.0} | {:.0} | {:.0} | {} |",
        if seconds > 0.0 { applied / seconds } else { 0.0 },
        of(&|sample| sample.p50_ms),
        of(&|sample| sample.p99_ms),
        most(&|sample| sample.waiting),
    );
    let names: Vec<&str> =
        samples.last().map(|last| last.processes.keys().copied().collect()).unwrap_or_default();
    let process = |read: &dyn Fn(&Process) -> u64| {
        let most = |name: &&str| most(&|sample| sample.processes.get(*name).map_or(0, read)).to_string();
        names.iter().map(most).collect::<Vec<_>>().join(", ")
    };
    let mib = process(&|process| process.rss_kib.div_ceil(1_024));
    write!(
        text,
        " {mib} | {} | {} |",
        process(&|process| process.files),
        process(&|process| process.threads)
    )
    .expect("a String takes every write");
    let wal = most(&|sample| {
        sample
            .files
            .iter()
            .filter(|(name, _)| name.ends_with("-wal"))
            .map(|(_, bytes)| *bytes)
            .max()
            .unwrap_or(0)
    });
    write!(text, " {} |", wal.div_ceil(1 << 20)).expect("a String takes every write");
    text
}

pub(super) const HEAD: &str = "| phase | seconds | applied a second | p50 ms | p99 ms | waiting, most | MiB, most | open files, most | threads, most | largest log, MiB |\n\
                               |---|---:|---:|---:|---:|---:|---:|---:|---:|---:|";

#[test]
fn a_rise_is_told_from_noise() {
    let noise = [5.0, 9.0, 5.0, 9.0, 5.0, 9.0, 5.0, 9.0, 5.0];
    assert!(rise(&noise).abs() < 0.01, "{}", rise(&noise));
    let growing: Vec<f64> =
        noise.iter().enumerate().map(|(place, value)| value + number(place) * 10.0).collect();
    assert!((rise(&growing) - 80.0).abs() < 0.01, "{}", rise(&growing));
    assert!(rise(&[1.0]).abs() < 0.01);
}

#[test]
fn a_quantile_lies_in_its_bucket() {
    let buckets = [(0.005, 50.0), (0.01, 90.0), (f64::INFINITY, 100.0)];
    assert!((quantile(&buckets, 0.5) - 5.0).abs() < 0.01);
    assert!((quantile(&buckets, 0.7) - 7.5).abs() < 0.01);
    assert!((quantile(&buckets, 0.99) - 10.0).abs() < 0.01);
    assert!(quantile(&[], 0.5).abs() < 0.01);
}
