//! Limits requests per second, evenly spaced: early callers wait for their turn.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

#[derive(Debug)]
pub(super) struct RateLimit {
    distance: Duration,
    next: Mutex<Instant>,
}

impl RateLimit {
    pub(super) fn per_sec(rate: u32) -> Self {
        Self { distance: Duration::from_secs(1) / rate.max(1), next: Mutex::new(Instant::now()) }
    }

    pub(super) async fn turn(&self) {
        let turn = {
            let mut next = self.next.lock().await;
            let turn = (*next).max(Instant::now());
            *next = turn + self.distance;
            turn
        };
        sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_keep_their_distance() {
        let rate_limit = RateLimit::per_sec(100);
        let begun = Instant::now();
        for _ in 0..6 {
            rate_limit.turn().await;
        }
        assert!(begun.elapsed() >= Duration::from_millis(50), "{:?}", begun.elapsed());
    }
}
