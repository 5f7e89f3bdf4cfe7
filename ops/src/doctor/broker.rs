//! Checks the queue: whether it can be used, and whether the broker has everything that it needs.

use secrecy::ExposeSecret;
use shared::env::Env;
use shared::queue::rabbitmq::cluster_check::NodeCheck;
use shared::queue::rabbitmq::topology::{self, TopologyError};
use shared::queue::{QueueConfig, QueueUrl, Role};

use super::damage;
use crate::finding::{Finding, Mark};
use crate::open;
use crate::output::me;

const QUEUE: &str = "queue";
const TOPOLOGY: &str = "queue topology";
const NODES: &str = "queue nodes";

pub async fn check(env: &Env) -> Vec<Finding> {
    // A bad configuration is found with the others.
    let Ok(config) = QueueConfig::from_env(env) else { return Vec::new() };
    let mut findings = Vec::new();
    findings.extend(damage::queue(&config).await);
    if findings.iter().any(|finding| finding.mark == Mark::Act) {
        return findings; // to open a damaged file may change it
    }
    if let QueueUrl::RabbitMq(url) = &config.url {
        match topology::check(url.expose_secret()).await {
            Err(TopologyError::Unreachable(why)) => {
                let advice = "do what it says; webhooks are answered 503 until it can be used";
                return vec![Finding::act(QUEUE, format!("{}: {why}", config.url.shown()), advice)];
            }
            Err(TopologyError::NotWhole(_)) => {} // only who declares is told so
            Err(differs) => {
                let advice = format!("`{} topology` declares what is missing", me());
                findings.push(Finding::act(TOPOLOGY, differs.to_string(), advice));
            }
            Ok(()) => findings.push(Finding::ok(
                TOPOLOGY,
                format!(
                    "every exchange and queue exists. AMQP does not show their arguments, bindings, policies or members; `{} topology` compares the arguments",
                    me()
                ),
            )),
        }
        findings.extend(nodes(url.expose_secret()).await);
    }
    let advice = "follow its message; webhooks are answered 503 until it works";
    findings.insert(
        0,
        match open::queue(env, Role::Look).await {
            Err(error) => Finding::act(QUEUE, format!("{error:#}"), advice),
            Ok((queue, shown)) => {
                let depth = queue.depth().await;
                queue.close().await;
                match depth {
                    Ok(depth) => {
                        Finding::ok(QUEUE, format!("{shown} answers; {} messages waiting", depth.ready))
                    }
                    Err(error) => Finding::act(QUEUE, format!("{shown}: {error}"), advice),
                }
            }
        },
    );
    findings
}

/// Every node that the address names, where it names several.
async fn nodes(url: &str) -> Option<Finding> {
    let seen = topology::survey(url).await.ok()?;
    let faults: Vec<String> = seen.iter().filter_map(NodeCheck::fault).collect();
    match (seen.len(), faults.is_empty()) {
        (0 | 1, _) => None,
        (count, true) => Some(Finding::ok(NODES, format!("all {count} answer and form one cluster"))),
        (count, false) => {
            let advice = "start it, or remove it from QUEUE_URL; the others are used meanwhile";
            Some(Finding::look(NODES, format!("of {count}: {}", faults.join(", ")), advice))
        }
    }
}
