//! Makes metrics and registers them, under one prefix. Names, labels and buckets are constants of the program,
//! so nothing here depends on input.

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::process_metrics::ProcessMetrics;
use crate::telemetry;

/// The registry of a process that is starting.
pub struct MetricsRegistry(Registry);

impl MetricsRegistry {
    /// With what every process tells of itself: its version, memory, CPU time, open files, and log lines lost.
    pub fn new() -> Self {
        let new = Self(Registry::new());
        new.0.register(Box::new(ProcessMetrics::new())).expect("every name is used once");
        new.0.register(Box::new(telemetry::lost().clone())).expect("every name is used once");
        let build = new.gauges("build_info", "Always 1; the label is the running version.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        new
    }

    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.keep(IntCounterVec::new(options(name, help), labels))
    }

    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.keep(IntGaugeVec::new(options(name, help), labels))
    }

    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.keep(IntCounter::with_opts(options(name, help)))
    }

    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.keep(IntGauge::with_opts(options(name, help)))
    }

    pub fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = HistogramOpts { common_opts: options(name, help), buckets: buckets.to_vec() };
        self.keep(Histogram::with_opts(options))
    }

    pub fn histograms(&self, name: &str, help: &str, buckets: &[f64], labels: &[&str]) -> HistogramVec {
        let options = HistogramOpts { common_opts: options(name, help), buckets: buckets.to_vec() };
        self.keep(HistogramVec::new(options, labels))
    }

    /// What a listener hands out.
    pub fn registry(&self) -> Registry {
        self.0.clone()
    }

    fn keep<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let collector = made.expect("names and labels are constant and legal");
        self.0.register(Box::new(collector.clone())).expect("every name is used once");
        collector
    }
}

impl Default for MetricsRegistry {
    fn default() -> Self {
        Self::new()
    }
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(format!("tidegate_{name}"), help)
}
