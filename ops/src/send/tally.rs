//! Counts the answers to sent events, in bounded memory.

use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Default)]
pub struct Tally {
    pub accepted: u64,
    /// By HTTP status.
    pub refused: BTreeMap<u16, u64>,
    /// By what went wrong.
    pub unanswered: BTreeMap<&'static str, u64>,
    latencies: Latencies,
}

/// What the gateway made of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    Status(u16),
    Nothing(&'static str),
}

impl Tally {
    pub fn count(&mut self, answer: Reply, took: Duration) {
        match answer {
            Reply::Status(200..=299) => self.accepted += 1,
            Reply::Status(status) => *self.refused.entry(status).or_default() += 1,
            Reply::Nothing(why) => *self.unanswered.entry(why).or_default() += 1,
        }
        if let Reply::Status(_) = answer {
            self.latencies.add(took);
        }
    }

    pub fn sent(&self) -> u64 {
        self.accepted + self.refused.values().sum::<u64>() + self.unanswered.values().sum::<u64>()
    }

    /// The time within which that many of a hundred answers came.
    pub fn percentile(&self, percent: u64) -> Option<Duration> {
        self.latencies.percentile(percent)
    }
}

/// Counts in buckets of 1/32 of a power of two microseconds: within 3 %, from 1 us to an hour and more.
#[derive(Default)]
struct Latencies {
    buckets: BTreeMap<u64, u64>,
    total: u64,
}

const STEPS_BITS: u32 = 5;

impl Latencies {
    fn add(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let coarse = (u64::BITS - micros.leading_zeros()).saturating_sub(STEPS_BITS + 1);
        *self.buckets.entry(micros >> coarse << coarse).or_default() += 1;
        self.total += 1;
    }

    fn percentile(&self, percent: u64) -> Option<Duration> {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (&micros, &count) in &self.buckets {
            seen += count;
            if seen >= rank {
                return Some(Duration::from_micros(micros));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_near_the_truth() {
        let mut tally = Tally::default();
        for micros in 1..=10_000 {
            tally.count(Reply::Status(200), Duration::from_micros(micros));
        }
        for (percent, truth) in [(50, 5_000_u128), (99, 9_900), (100, 10_000)] {
            let found = tally.percentile(percent).unwrap().as_micros();
            assert!(found <= truth && found * 100 >= truth * 96, "{percent}: {found}");
        }
        assert_eq!(tally.accepted, 10_000);
    }

    #[test]
    fn what_was_not_accepted_is_counted_by_its_reason() {
        let mut tally = Tally::default();
        for answer in [Reply::Status(503), Reply::Status(503), Reply::Status(400), Reply::Nothing("refused")]
        {
            tally.count(answer, Duration::ZERO);
        }
        assert_eq!((tally.accepted, tally.sent()), (0, 4));
        assert_eq!(tally.refused.into_iter().collect::<Vec<_>>(), [(400, 1), (503, 2)]);
    }
}
