//! `tidegate topology`: declares what the queue needs at RabbitMQ, or says what is missing there.

use anyhow::Context;
use secrecy::ExposeSecret;
use serde::Serialize;
use shared::env::Env;
use shared::queue::{QueueConfig, QueueUrl, rabbitmq};

use crate::cli::TopologyOptions;
use crate::output;

/// The form of `--json`.
#[derive(Serialize)]
struct Answer {
    queue: String,
    /// What stands there now, one line each; empty where it was only checked.
    declared: Vec<String>,
}

pub async fn run(env: &Env, options: &TopologyOptions) -> anyhow::Result<()> {
    let config = QueueConfig::from_env(env)?;
    let queue = config.url.shown();
    let declared =
        if options.check { check(&config).await.map(|()| Vec::new()) } else { declare(&config).await };
    let declared = declared?;
    if options.shape.json {
        return output::print_json(&Answer { queue, declared });
    }
    if matches!(config.url, QueueUrl::Sqlite(_)) {
        return output::print(&format!("{queue} is a file: it needs no topology\n"));
    }
    if options.check {
        return output::print(&format!(
            "{queue} has every exchange and queue; `tidegate topology` also compares how they are set up\n"
        ));
    }
    output::print(&format!("{queue} now has\n  {}\n", declared.join("\n  ")))
}

/// Declares everything at the broker, idempotently; a queue in a file needs nothing.
pub async fn declare(config: &QueueConfig) -> anyhow::Result<Vec<String>> {
    match &config.url {
        QueueUrl::Sqlite(_) => Ok(Vec::new()),
        QueueUrl::RabbitMq(url) => {
            let declared = rabbitmq::topology::declare(url.expose_secret()).await;
            declared.with_context(|| format!("the topology at {} is not declared", config.url.shown()))
        }
    }
}

async fn check(config: &QueueConfig) -> anyhow::Result<()> {
    match &config.url {
        QueueUrl::Sqlite(_) => Ok(()),
        QueueUrl::RabbitMq(url) => {
            let checked = rabbitmq::topology::check(url.expose_secret()).await;
            checked.with_context(|| format!("the topology at {} is not as it must be", config.url.shown()))
        }
    }
}
