//! Contestants of one comparison, each with all that its runs gave.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::measure::rounds::{Series, Spread};
use crate::measure::sample::{Part, Sample, to_float};

#[derive(Debug, Serialize)]
pub struct Contest {
    pub title: String,
    pub rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
pub struct Row {
    pub name: &'static str,
    pub events_per_second: Spread,
    pub cpu_micros_per_event: BTreeMap<Part, Spread>,
    /// Milliseconds; `None` where single events were not looked at.
    pub p50_ms: Option<Spread>,
    pub p99_ms: Option<Spread>,
    pub p999_ms: Option<Spread>,
    pub peak_megabytes: BTreeMap<Part, Spread>,
    pub notes: BTreeMap<&'static str, Spread>,
}

impl Contest {
    pub fn of<'s>(title: impl Into<String>, series: impl IntoIterator<Item = &'s Series>) -> Self {
        Self { title: title.into(), rows: series.into_iter().map(Row::of).collect() }
    }
}

impl Row {
    pub fn of(series: &Series) -> Self {
        let samples = &series.samples;
        let latency = |permille| {
            let found: Vec<f64> =
                samples.iter().filter_map(|sample| sample.latencies.within(permille)).collect();
            (!found.is_empty()).then(|| Spread::of(found.into_iter()))
        };
        Self {
            name: series.name,
            events_per_second: series.per_second(),
            cpu_micros_per_event: keys(samples, |sample| &sample.cpu)
                .into_iter()
                .map(|part| (part, series.cpu_per_event(part)))
                .collect(),
            p50_ms: latency(500),
            p99_ms: latency(990),
            p999_ms: latency(999),
            peak_megabytes: spreads(samples, |sample| &sample.peak, |bytes| to_float(*bytes) / 1e6),
            notes: spreads(samples, |sample| &sample.notes, |number| *number),
        }
    }
}

fn spreads<V>(
    samples: &[Sample],
    field: impl Fn(&Sample) -> &BTreeMap<&'static str, V>,
    figure: impl Fn(&V) -> f64,
) -> BTreeMap<&'static str, Spread> {
    let spread = |key| Spread::of(samples.iter().filter_map(|sample| field(sample).get(key).map(&figure)));
    keys(samples, &field).into_iter().map(|key| (key, spread(key))).collect()
}

fn keys<V>(
    samples: &[Sample],
    field: impl Fn(&Sample) -> &BTreeMap<&'static str, V>,
) -> BTreeSet<&'static str> {
    samples.iter().flat_map(|sample| field(sample).keys().copied()).collect()
}
