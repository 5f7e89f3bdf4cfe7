//! Limits how many log lines per second strangers can cause.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

const LINES_PER_SECOND: u32 = 10;

pub struct LogBudget {
    began: Instant,
    spent: Mutex<Spent>,
}

#[derive(Default)]
struct Spent {
    second: u64,
    lines: u32,
    withheld: u64,
}

impl Default for LogBudget {
    fn default() -> Self {
        Self::new()
    }
}

impl LogBudget {
    pub fn new() -> Self {
        Self { began: Instant::now(), spent: Mutex::default() }
    }

    /// Whether a line may be written now; if so, how many were withheld since the last one.
    pub fn take(&self) -> Option<u64> {
        self.take_at(self.began.elapsed().as_secs())
    }

    fn take_at(&self, second: u64) -> Option<u64> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.second != second {
            (spent.second, spent.lines) = (second, 0);
        }
        if spent.lines == LINES_PER_SECOND {
            spent.withheld += 1;
            return None;
        }
        spent.lines += 1;
        Some(std::mem::take(&mut spent.withheld))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_its_size_is_told_afterwards() {
        let budget = LogBudget::new();
        let written = (0..100).filter(|_| budget.take_at(7).is_some()).count();
        assert_eq!(written, LINES_PER_SECOND as usize);
        assert_eq!(budget.take_at(8), Some(90));
        assert_eq!(budget.take_at(8), Some(0));
    }
}
