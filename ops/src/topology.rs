//! `tidegate topology`: declares what the queue needs on RabbitMQ, or says what is missing.

use anyhow::Context;
use secrecy::ExposeSecret;
use serde::Serialize;
use shared::env::Env;
use shared::queue::rabbitmq::topology::{Declared, NewQueues};
use shared::queue::{QueueConfig, QueueUrl, rabbitmq};

use crate::cli::TopologyOptions;
use crate::output;

const NOTHING: Declared = Declared { items: Vec::new(), waited: None };

/// The form of `--json`.
#[derive(Serialize)]
struct TopologyReport {
    queue: String,
    /// What stands there now, one line each; empty where it was only checked.
    declared: Vec<String>,
    /// How long it was waited until new queues were on the disk; `null` where none was new.
    waited_secs: Option<u64>,
}

pub async fn run(env: &Env, options: &TopologyOptions) -> anyhow::Result<()> {
    let config = QueueConfig::from_env(env)?;
    let queue = config.url.shown();
    let Declared { items, waited } = if options.check {
        check(&config).await.map(|()| NOTHING)?
    } else {
        declare(&config, options.new_queues()).await?
    };
    let waited_secs = waited.map(|waited| waited.as_secs());
    if options.shape.json {
        return output::print_json(&TopologyReport { queue, declared: items, waited_secs });
    }
    if matches!(config.url, QueueUrl::Sqlite(_)) {
        return output::print(&format!("{queue} is a file: it needs no topology\n"));
    }
    if options.check {
        return output::print(&format!(
            "{queue} has every exchange and queue; `tidegate topology` also compares their arguments\n"
        ));
    }
    let waited = waited_secs.map(|secs| {
        format!(
            "Waited {secs} s until the new queues were on the broker's disk; a broker killed earlier would restart them empty. They accept events from now on.\n"
        )
    });
    output::print(&format!("{queue} now has\n  {}\n{}", items.join("\n  "), waited.unwrap_or_default()))
}

/// Declares everything at the broker, idempotently; a queue in a file needs nothing.
pub async fn declare(config: &QueueConfig, new_queues: NewQueues) -> anyhow::Result<Declared> {
    match &config.url {
        QueueUrl::Sqlite(_) => Ok(NOTHING),
        QueueUrl::RabbitMq(url) => {
            let declared = rabbitmq::topology::declare(url.expose_secret(), new_queues).await;
            declared.with_context(|| format!("the topology at {} is not declared", config.url.shown()))
        }
    }
}

async fn check(config: &QueueConfig) -> anyhow::Result<()> {
    match &config.url {
        QueueUrl::Sqlite(_) => Ok(()),
        QueueUrl::RabbitMq(url) => {
            let checked = rabbitmq::topology::check(url.expose_secret()).await;
            checked.with_context(|| {
                format!("the topology at {} differs from what is needed", config.url.shown())
            })
        }
    }
}
