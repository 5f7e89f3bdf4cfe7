//! The queue's configuration and limits.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::rabbitmq::nodes;
use crate::digest::{self, EnvelopeKeys};
use crate::env::{Env, Problem, Variable, redacted};

const QUEUE_URL: Variable = Variable {
    name: "QUEUE_URL",
    default: "sqlite:data/queue.db",
    example: "amqps://tidegate:secret@mq-0.example:5671,mq-1.example:5671,mq-2.example:5671/%2f",
    help: "The queue: `sqlite:FILE`, or RabbitMQ as `amqp://` or `amqps://`. Separate the nodes of a cluster by commas; they are tried in turn.",
};
const PUBLISH_IN_FLIGHT: Variable = Variable {
    name: "QUEUE_PUBLISH_IN_FLIGHT",
    default: "1024",
    example: "512",
    help: "Maximum number of events waiting for confirmation; further ones are answered 503. On RabbitMQ, events that arrive while two confirmations are awaited share a message.",
};
const PUBLISH_DEADLINE: Variable = Variable {
    name: "QUEUE_DEADLINE_SECS",
    default: "4",
    example: "3",
    help: "Maximum time for one publish, settle or query of the queue.",
};
const PREFETCH: Variable = Variable {
    name: "QUEUE_PREFETCH",
    default: "2048",
    example: "512",
    help: "About how many unsettled events a worker holds. RabbitMQ counts messages of 1 to 32 events, and is asked for as many as hold so many events, at most 256.",
};
const LEASE: Variable = Variable {
    name: "QUEUE_LEASE_SECS",
    default: "10",
    example: "30",
    help: "Embedded queue only: after how long a dead worker's events are delivered again. A live worker renews its leases.",
};
pub const VARIABLES: &[Variable] = &{
    let [key, key_file, unkeyed_until] = digest::VARIABLES;
    [QUEUE_URL, PUBLISH_IN_FLIGHT, PUBLISH_DEADLINE, PREFETCH, LEASE, key, key_file, unkeyed_until]
};

#[derive(Clone, Debug)]
pub struct QueueConfig {
    pub url: QueueUrl,
    pub publish_in_flight: usize,
    pub deadline: Duration,
    pub prefetch: u16,
    pub lease: Duration,
    /// What is published is signed under these, and what is received checked.
    pub keys: EnvelopeKeys,
}

#[derive(Clone, Debug)]
pub enum QueueUrl {
    RabbitMq(SecretString),
    Sqlite(PathBuf),
}

impl QueueConfig {
    pub fn from_env(env: &Env) -> Result<Self, Problem> {
        Ok(Self {
            url: env.parse(&QUEUE_URL, QueueUrl::read)?,
            publish_in_flight: env.number(&PUBLISH_IN_FLIGHT, 1..=65_536)?,
            deadline: env.seconds(&PUBLISH_DEADLINE, 1..=60)?,
            prefetch: env.number(&PREFETCH, 1..=10_000)?,
            lease: env.seconds(&LEASE, 3..=3_600)?,
            keys: EnvelopeKeys::from_env(env)?,
        })
    }
}

impl QueueUrl {
    pub fn read(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() || path.contains(['?', '#']) {
                return Err("sqlite: needs a file path after the colon".to_owned());
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if text.starts_with("amqp://") || text.starts_with("amqps://") {
            nodes::check(text).map_err(|fault| fault.to_string())?;
            return Ok(Self::RabbitMq(text.to_owned().into()));
        }
        Err("does not begin with sqlite:, amqp:// or amqps://".to_owned())
    }

    /// As people may see it.
    pub fn shown(&self) -> String {
        match self {
            Self::RabbitMq(url) => redacted(url.expose_secret()),
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
        }
    }
}
