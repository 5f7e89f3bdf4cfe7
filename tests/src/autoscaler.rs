//! How many workers Kubernetes would run: KEDA's scaler for RabbitMQ (`protocol: http`, `mode: QueueLength`)
//! asks the management API for `messages`, ready and unacked, and hands the figure on as an average value; the
//! horizontal pod autoscaler makes a number of pods of it. Pure but for the question.
//!
//! Time is pressed: where Kubernetes looks every 15 s and waits 5 min before it takes workers away, this looks
//! every second and waits 20 s.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::Value;

use crate::broker::Broker;

/// As in `k8s/`: what one worker may find waiting. It applies this within a second or so, so a backlog that is
/// shorter than that starts nobody, and the latency it costs stays far below the 10 s that raise an alert.
pub const MESSAGES_PER_WORKER: u64 = 500;

/// Of the autoscaler; what is named here is named so in its documentation.
#[derive(Clone, Copy, Debug)]
pub struct Scaling {
    pub min: usize,
    pub max: usize,
    pub messages_per_worker: u64,
    /// A ratio of the wanted to the present that is as near to 1 as this changes nothing.
    pub tolerance: f64,
    /// `scaleDown.stabilizationWindowSeconds`: the greatest recommendation in it counts.
    pub window: Duration,
}

impl Default for Scaling {
    fn default() -> Self {
        Self {
            min: 1,
            max: 6,
            messages_per_worker: MESSAGES_PER_WORKER,
            tolerance: 0.1,
            window: Duration::from_secs(20),
        }
    }
}

/// The autoscaler's memory.
#[derive(Debug, Default)]
pub struct Autoscaler {
    pub scaling: Scaling,
    recommended: VecDeque<(Instant, usize)>,
}

impl Scaling {
    /// `ceil(messages / target)`, unless that is about what there is.
    #[expect(
        clippy::cast_precision_loss,
        reason = "as the autoscaler computes it; depths are far below 2^52"
    )]
    pub fn recommend(&self, workers: usize, messages: u64) -> usize {
        let ratio = messages as f64 / (self.messages_per_worker as f64 * workers.max(1) as f64);
        let wanted = if workers > 0 && (1.0 - ratio).abs() <= self.tolerance {
            workers
        } else {
            usize::try_from(messages.div_ceil(self.messages_per_worker)).unwrap_or(self.max)
        };
        wanted.clamp(self.min, self.max)
    }
}

impl Autoscaler {
    /// How many workers there shall be from now on.
    pub fn decide(&mut self, workers: usize, messages: u64, now: Instant) -> usize {
        let recommended = self.scaling.recommend(workers, messages);
        self.recommended.push_back((now, recommended));
        while self.recommended.front().is_some_and(|(at, _)| now - *at > self.scaling.window) {
            self.recommended.pop_front();
        }
        let stable = self.recommended.iter().map(|(_, count)| *count).max().unwrap_or(recommended);
        if recommended >= workers {
            // The default of `scaleUp`: at once, but within one period at most doubled, or four more.
            return recommended.min((workers * 2).max(workers + 4));
        }
        stable.min(workers)
    }
}

/// What the broker's management API says of a queue.
#[derive(Clone, Copy, Debug, Default)]
pub struct Depth {
    /// Ready and unacked: what KEDA reads.
    pub messages: u64,
    pub ready: u64,
    pub unacked: u64,
    /// Deliveries that were not the first of their message, ever.
    pub redelivered: u64,
}

pub async fn depth(broker: &Broker, vhost: &str, queue: &str) -> anyhow::Result<Depth> {
    let page = broker.api(Method::GET, &format!("/api/queues/{vhost}/{queue}"), "").await?;
    let told: Value = serde_json::from_slice(&page)?;
    let number = |name: &str| told[name].as_u64().unwrap_or_default();
    Ok(Depth {
        messages: number("messages"),
        ready: number("messages_ready"),
        unacked: number("messages_unacknowledged"),
        redelivered: told["message_stats"]["redeliver"].as_u64().unwrap_or_default(),
    })
}
