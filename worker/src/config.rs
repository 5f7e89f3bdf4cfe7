//! The worker's limits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use shared::env::{Env, Problem, Variable};
use shared::queue::Role;
use shared::spans::SpansConfig;

use crate::chores::notices::config::NoticeConfig;
use crate::failpoint::Failpoint;
use desk::goods::Keep;
use desk::staff_key::StaffKey;
use stripe_api::StripeConfig;

pub const INTERNAL_ADDR: Variable = Variable {
    name: "WORKER_INTERNAL_ADDR",
    default: "127.0.0.1:8082",
    example: "0.0.0.0:8082",
    help: "Address of the worker's internal listener: /livez, /readyz, /metrics. Keep it private.",
};
const BATCH: Variable = Variable {
    name: "WORKER_BATCH_EVENTS",
    default: "512",
    example: "128",
    help: "Maximum number of events per transaction. A worker takes what waits, so batches are small while little does.",
};
const LANES: Variable = Variable {
    name: "WORKER_LANES",
    default: "2",
    example: "4",
    help: "Number of parallel batches per worker; always 1 on a SQLite ledger.",
};
const RETRIES: Variable = Variable {
    name: "WORKER_RETRY_SECS",
    default: "1,10,60,600,3600",
    example: "1,10,60",
    help: "Delays before each retry of an event that failed without explanation. After the last, it becomes a dead letter.",
};
const EVENT_DEADLINE: Variable = Variable {
    name: "WORKER_EVENT_DEADLINE_SECS",
    default: "60",
    example: "30",
    help: "Time after which a rule that has not returned counts as hung; the process then exits. With all that it waits for, a batch has ten times as long.",
};
const DRAIN: Variable = Variable {
    name: "WORKER_DRAIN_SECS",
    default: "20",
    example: "45",
    help: "How long a stopping worker may take to finish its batches.",
};
const RETENTION: Variable = Variable {
    name: "EVENT_RETENTION_DAYS",
    default: "30",
    example: "90",
    help: "Days for which raw bodies are kept. Ids and hashes are kept for ever, and so are bodies of dead and waiting events.",
};
const PAUSE_AFTER: Variable = Variable {
    name: "WORKER_PAUSE_AFTER_DEAD_LETTERS",
    default: "100",
    example: "20",
    help: "Number of dead letters of one cause, without a success of their kind in between, that pauses consumption.",
};
pub const VARIABLES: &[Variable] =
    &[INTERNAL_ADDR, BATCH, LANES, RETRIES, EVENT_DEADLINE, DRAIN, RETENTION, PAUSE_AFTER];

const SECONDS_A_DAY: u64 = 86_400;

#[derive(Clone, Debug)]
pub struct WorkerConfig {
    pub internal_addr: SocketAddr,
    pub batch_events: usize,
    pub lanes: usize,
    pub retries: Vec<Duration>,
    pub event_deadline: Duration,
    pub drain: Duration,
    pub retention: Duration,
    pub pause_after_dead_letters: usize,
    pub spans: SpansConfig,
    /// Where there is a key, Stripe is asked.
    pub stripe: Option<StripeConfig>,
    pub failpoint: Failpoint,
    pub notices: NoticeConfig,
    /// Opens the secrets of targets.
    pub staff_key: Option<Arc<StaffKey>>,
    /// What keeps the merchant's own goods.
    pub goods: &'static [Keep],
}

impl WorkerConfig {
    /// What the worker does with the queue: it publishes only what it brings back from Stripe.
    pub fn role(&self) -> Role {
        if self.stripe.is_some() { Role::Both } else { Role::Consume }
    }

    pub fn from_env(env: &Env) -> Result<Self, Problem> {
        Ok(Self {
            internal_addr: env.address(&INTERNAL_ADDR)?,
            batch_events: env.number(&BATCH, 1..=1_000)?,
            lanes: env.number(&LANES, 1..=32)?,
            retries: env.parse(&RETRIES, read_retries)?,
            event_deadline: env.seconds(&EVENT_DEADLINE, 2..=3_600)?,
            drain: env.seconds(&DRAIN, 1..=600)?,
            retention: Duration::from_secs(env.number::<u64>(&RETENTION, 1..=36_500)? * SECONDS_A_DAY),
            pause_after_dead_letters: env.number(&PAUSE_AFTER, 2..=1_000_000)?,
            spans: SpansConfig::from_env(env)?,
            stripe: StripeConfig::from_env(env)?,
            failpoint: Failpoint::from_env(env),
            notices: NoticeConfig::from_env(env)?,
            staff_key: StaffKey::from_env(env)?.map(Arc::new),
            goods: &[],
        })
    }
}

fn read_retries(text: &str) -> Result<Vec<Duration>, String> {
    const LONGEST_SECS: u64 = 7 * 24 * 3_600;
    let seconds =
        text.split(',').map(|part| part.trim().parse().ok().filter(|s| (1..=LONGEST_SECS).contains(s)));
    match seconds.collect::<Option<Vec<u64>>>() {
        Some(seconds) if seconds.len() <= 20 => Ok(seconds.into_iter().map(Duration::from_secs).collect()),
        _ => Err("not a list of at most 20 numbers of seconds, each from 1 to 604800 (a week)".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_good_and_odd_distances_refused() {
        let config = WorkerConfig::from_env(&Env::of(&[])).unwrap();
        assert_eq!(config.retries.len(), 5);
        for odd in ["1,,2", "0", "-1", "x", "1;2", "99999999"] {
            let problem = WorkerConfig::from_env(&Env::of(&[("WORKER_RETRY_SECS", odd)])).unwrap_err();
            assert_eq!(problem.name, "WORKER_RETRY_SECS");
        }
    }
}
