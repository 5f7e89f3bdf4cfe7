//! What one run of one contestant gave.

use std::collections::BTreeMap;
use std::time::Duration;

use super::latency::Latencies;

/// The parts of a run are named for people: `gateway`, `worker`, `broker`, `postgres`, `generator`.
pub type Part = &'static str;

#[derive(Debug, Default)]
pub struct Sample {
    /// What was done in the time: confirmed, applied, inserted.
    pub events: u64,
    pub seconds: f64,
    /// CPU seconds, user and system, of each part in the time.
    pub cpu: BTreeMap<Part, f64>,
    /// Of each single event, where the run looks at them: from the intended time in an open loop.
    pub latencies: Latencies,
    /// The most memory (resident) that a part held, bytes.
    pub peak: BTreeMap<Part, u64>,
    /// Whatever else a run wants shown: flushes per event, batch size, statements.
    pub notes: BTreeMap<&'static str, f64>,
}

impl Sample {
    pub fn of(events: u64, time: Duration) -> Self {
        Self { events, seconds: time.as_secs_f64(), ..Self::default() }
    }

    pub fn per_second(&self) -> f64 {
        to_float(self.events) / self.seconds
    }

    /// Microseconds of CPU for one event in this part.
    pub fn cpu_per_event(&self, part: Part) -> f64 {
        self.cpu.get(part).copied().unwrap_or_default() * 1e6 / to_float(self.events.max(1))
    }
}

/// Counts here are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "counts of one run are far below 2^52")]
pub fn to_float(count: u64) -> f64 {
    count as f64
}
