//! The gateway as its own process, for a queue that others read. Built by itself it contains no SQL.

use std::process::ExitCode;

use shared::env::{Env, Names, answered_help};
use shared::queue::{Queue, QueueConfig, Role};
use shared::{healthcheck, queue, service_manager, shutdown, spans, telemetry};

const WHAT: &str = "Receives Stripe webhooks: verifies, stores durably, answers.
`tidegate-gateway healthcheck` says whether the one on this machine is ready: exit code 0, or 1 and why.";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::last_words(&format!("error: {}", telemetry::told(error.as_ref())));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let env = Env::of_process();
    if healthcheck::is_asked() {
        return healthcheck::own(&env, &gateway::config::INTERNAL_ADDR).await.map_err(anyhow::Error::msg);
    }
    let variables = [gateway::VARIABLES, queue::VARIABLES, telemetry::VARIABLES, spans::VARIABLES];
    if answered_help("tidegate-gateway", WHAT, &variables) {
        return Ok(());
    }
    Names { groups: &variables, families: gateway::ENDPOINT_VARIABLES }.check(&env)?;
    let _logging = telemetry::init(&env)?;
    let config = gateway::GatewayConfig::from_env(&env)?;
    let shutdown = shutdown::on_signal()?;
    service_manager::attend(&env, &[config.internal_address], shutdown.clone());
    let queue = Queue::open(QueueConfig::from_env(&env)?, Role::Publish).await?;
    let served = gateway::run(config, queue.clone(), shutdown).await;
    queue.close().await;
    served
}
