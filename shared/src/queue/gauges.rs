//! Gauges of the queues: read at scrape time, at most once a second.

use std::time::{Duration, Instant};

use prometheus::{IntGauge, IntGaugeVec};
use tokio::sync::Mutex;

use super::Queue;
use crate::metrics::MetricsRegistry;

/// However often somebody looks, the broker is asked once in this time.
const FRESH: Duration = Duration::from_secs(1);
/// For a scraper, and for the others who wait for the answer.
const DEADLINE: Duration = Duration::from_secs(2);

pub struct QueueGauges {
    ready: IntGaugeVec,
    leased: IntGaugeVec,
    oldest: IntGaugeVec,
    reachable: IntGauge,
    asked: Mutex<Option<Instant>>,
}

impl QueueGauges {
    pub fn new(register: &MetricsRegistry) -> Self {
        Self {
            ready: register.gauges(
                "queue_ready_messages",
                "Messages waiting in a queue. One of RabbitMQ's holds 1 to 32 events, one of queue.db holds one.",
                &["queue"],
            ),
            leased: register.gauges(
                "queue_leased_messages",
                "Messages delivered and not yet settled in all of their events. RabbitMQ: those of this process, so add up the processes.",
                &["queue"],
            ),
            oldest: register.gauges(
                "queue_oldest_seconds",
                "Age of the oldest event in a queue; 0 if there is none. RabbitMQ: the oldest that this process holds, which is about the oldest of all while it consumes.",
                &["queue"],
            ),
            reachable: register.gauge(
                "queue_reachable",
                "1 while this process can use the queue. Otherwise there are no queue metrics.",
            ),
            asked: Mutex::new(None),
        }
    }

    /// Brings the gauges up to date, bounded in time. What is not known is not told.
    pub async fn read(&self, queue: &Queue) {
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|at| at.elapsed() < FRESH) {
            return;
        }
        let depths = tokio::time::timeout(DEADLINE, queue.depths()).await;
        for gauge in [&self.ready, &self.leased, &self.oldest] {
            gauge.reset();
        }
        let answered = matches!(depths, Ok(Ok(_)));
        self.reachable.set(i64::from(answered && queue.health().is_ok()));
        for (name, depth) in depths.into_iter().flatten().flatten() {
            let name = [name];
            self.ready.with_label_values(&name).set(whole(depth.ready));
            if let Some(leased) = depth.leased {
                self.leased.with_label_values(&name).set(whole(leased));
                let oldest = depth.oldest_age.unwrap_or_default().as_secs();
                self.oldest.with_label_values(&name).set(whole(oldest));
            }
        }
        *asked = Some(Instant::now());
    }
}

fn whole(count: u64) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
