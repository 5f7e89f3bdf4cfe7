//! What a process tells of itself under Prometheus' usual names: CPU time, memory, open files, threads, start.
//! Read from Linux's /proc whenever somebody asks; elsewhere these series are missing.

use std::fs;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, IntGauge};
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

pub(crate) struct ProcessMetrics {
    cpu_seconds: Counter,
    open_files: IntGauge,
    open_files_limit: IntGauge,
    virtual_bytes: IntGauge,
    resident_bytes: IntGauge,
    started_at: IntGauge,
    threads: IntGauge,
}

/// What we need of /proc/self/stat.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    cpu_ticks: u64,
    threads: i64,
    /// Since the machine started.
    started_ticks: u64,
    virtual_bytes: i64,
    resident_pages: i64,
}

impl ProcessMetrics {
    pub(crate) fn new() -> Self {
        let gauge = |name, help| IntGauge::new(name, help).expect("the name is legal");
        Self {
            cpu_seconds: Counter::new(
                "process_cpu_seconds_total",
                "Total user and system CPU time spent in seconds.",
            )
            .expect("the name is legal"),
            open_files: gauge("process_open_fds", "Number of open file descriptors."),
            open_files_limit: gauge("process_max_fds", "Maximum number of open file descriptors."),
            virtual_bytes: gauge("process_virtual_memory_bytes", "Virtual memory size in bytes."),
            resident_bytes: gauge("process_resident_memory_bytes", "Resident memory size in bytes."),
            started_at: gauge(
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
            ),
            threads: gauge("process_threads", "Number of OS threads in the process."),
        }
    }

    fn all(&self) -> [&dyn Collector; 7] {
        [
            &self.cpu_seconds,
            &self.open_files,
            &self.open_files_limit,
            &self.virtual_bytes,
            &self.resident_bytes,
            &self.started_at,
            &self.threads,
        ]
    }

    /// `None` where there is no /proc.
    fn read(&self) -> Option<()> {
        let stat = Stat::parse(&fs::read_to_string("/proc/self/stat").ok()?)?;
        // The folder that is being listed is open, too.
        let open_files = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
        let ticks = clock_ticks_per_second();
        let page = i64::try_from(page_size()).ok()?;
        if let Some(limit) = getrlimit(Resource::Nofile).current {
            self.open_files_limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
        }
        if let Some(booted_at) = booted_at(&fs::read_to_string("/proc/stat").ok()?) {
            self.started_at.set(booted_at + i64::try_from(stat.started_ticks / ticks).ok()?);
        }
        self.open_files.set(i64::try_from(open_files).ok()?);
        self.virtual_bytes.set(stat.virtual_bytes);
        self.resident_bytes.set(stat.resident_pages.saturating_mul(page));
        self.threads.set(stat.threads);
        #[expect(clippy::cast_precision_loss, reason = "centuries of CPU time fit")]
        let spent = stat.cpu_ticks as f64 / ticks as f64;
        // Two who ask at once may both add: the later one adds nothing, for time only grows.
        self.cpu_seconds.inc_by((spent - self.cpu_seconds.get()).max(0.0));
        Some(())
    }
}

impl Collector for ProcessMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        if self.read().is_none() {
            return Vec::new();
        }
        self.all().into_iter().flat_map(Collector::collect).collect()
    }
}

impl Stat {
    /// The second field is the program's name in parentheses, in which anything may stand. proc(5) counts from 1.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).copied();
        let count = |number| field(number)?.parse::<u64>().ok();
        let size = |number| field(number)?.parse::<i64>().ok();
        Some(Self {
            cpu_ticks: count(14)?.checked_add(count(15)?)?,
            threads: size(20)?,
            started_ticks: count(22)?,
            virtual_bytes: size(23)?,
            resident_pages: size(24)?,
        })
    }
}

/// When the machine started, in Unix time, as /proc/stat says.
fn booted_at(text: &str) -> Option<i64> {
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_program_s_name_may_hold_anything() {
        let text =
            "42 (a) b (c) R 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 7 0 12345 1048576 256 1844 1 1";
        let stat = Stat::parse(text).unwrap();
        let expected = Stat {
            cpu_ticks: 300,
            threads: 7,
            started_ticks: 12_345,
            virtual_bytes: 1_048_576,
            resident_pages: 256,
        };
        assert_eq!(stat, expected);
        assert!(Stat::parse("42 (short) R 1 2 3").is_none() && Stat::parse("").is_none());
        assert_eq!(booted_at("cpu 1 2\nbtime 1700000000\nprocesses 3\n"), Some(1_700_000_000));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_described_as_it_is() {
        let metrics = ProcessMetrics::new();
        metrics.read().unwrap();
        let (files, spent) = (metrics.open_files.get(), metrics.cpu_seconds.get());
        assert!(files >= 3 && files < metrics.open_files_limit.get(), "{files}");
        assert!(
            metrics.resident_bytes.get() > 1 << 20
                && metrics.virtual_bytes.get() > metrics.resident_bytes.get()
        );
        assert!(metrics.threads.get() >= 1);
        let now = u64::try_from(crate::clock::now().timestamp()).unwrap();
        assert!(u64::try_from(metrics.started_at.get()).unwrap().abs_diff(now) < 3_600);

        // More than the tests beside this one open and close meanwhile.
        let held: Vec<_> = (0..200).map(|_| fs::File::open("/proc/self/stat").unwrap()).collect();
        let begun = Instant::now();
        let mut sum = 0_u64;
        while begun.elapsed() < Duration::from_millis(60) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let told: Vec<_> = metrics.collect().iter().map(|family| family.name().to_owned()).collect();
        assert_eq!(told.len(), metrics.desc().len(), "{told:?}");
        assert!(metrics.cpu_seconds.get() > spent, "time was spent");
        assert!(metrics.open_files.get() >= files + 100, "{} files were opened", held.len());
    }
}
