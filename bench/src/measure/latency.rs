//! The latencies of a run, kept one by one: a few hundred thousand numbers need no histogram.

use std::time::Duration;

#[derive(Clone, Debug, Default)]
pub struct Latencies {
    micros: Vec<u32>,
}

impl Latencies {
    pub fn note(&mut self, latency: Duration) {
        self.micros.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    pub fn len(&self) -> u64 {
        self.micros.len() as u64
    }

    /// Milliseconds that so many of a thousand stay within: 500, 990, 999.
    pub fn within(&self, permille: usize) -> Option<f64> {
        let last = self.micros.len().checked_sub(1)?;
        let mut micros = self.micros.clone();
        let (_, at, _) = micros.select_nth_unstable(last * permille / 1000);
        Some(f64::from(*at) / 1e3)
    }
}
