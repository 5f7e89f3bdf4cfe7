//! `tidegate healthcheck`: whether gateway and worker on this machine, or one process, are ready, in one line and an exit code, for
//! containers and scripts.

use anyhow::anyhow;
use shared::env::Env;
use shared::healthcheck;

use crate::cli::HealthcheckOptions;
use crate::{output, variables};

const PROCESSES: [(&str, &str); 3] = [
    ("gateway", "GATEWAY_INTERNAL_ADDR"),
    ("worker", "WORKER_INTERNAL_ADDR"),
    ("console", "CONSOLE_INTERNAL_ADDR"),
];

pub async fn run(env: &Env, options: &HealthcheckOptions) -> anyhow::Result<()> {
    let is_asked = |name: &str| options.process.as_deref().map_or(name != "console", |only| only == name);
    let mut ready = Vec::new();
    for (name, variable) in PROCESSES.into_iter().filter(|(name, _)| is_asked(name)) {
        let address = healthcheck::reachable(variables::address(env, variable)?);
        let found = healthcheck::ready(address).await;
        found.map_err(|why| anyhow!("the {name} is not ready: {why}"))?;
        ready.push(name);
    }
    output::print(&format!("ready: {}\n", ready.join(", ")))
}
