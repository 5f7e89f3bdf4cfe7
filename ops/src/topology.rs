//! `tidegate topology`: declares what the queue needs at RabbitMQ, or says what is missing there.

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
    /// Whether queues and exchanges are as they must be.
    complete: bool,
    /// Whether this run declared them.
    declared: bool,
}

pub async fn run(env: &Env, options: &TopologyOptions) -> anyhow::Result<()> {
    let config = QueueConfig::from_env(env)?;
    let queue = config.url.shown();
    if matches!(config.url, QueueUrl::Sqlite(_)) {
        if options.shape.json {
            return output::print_json(&Answer { queue, complete: true, declared: false });
        }
        return output::print(&format!("{queue} is a file: there is no topology to declare\n"));
    }
    match (&config.url, options.check) {
        (QueueUrl::RabbitMq(url), true) => rabbitmq::topology::check(url.expose_secret()).await?,
        _ => declare(&config).await?,
    }
    if options.shape.json {
        return output::print_json(&Answer { queue, complete: true, declared: !options.check });
    }
    let what = if options.check { "is as it must be" } else { "has every queue and exchange it needs" };
    output::print(&format!("{queue} {what}\n"))
}

pub async fn declare(config: &QueueConfig) -> anyhow::Result<()> {
    if let QueueUrl::RabbitMq(url) = &config.url {
        rabbitmq::topology::declare(url.expose_secret()).await?;
    }
    Ok(())
}
