//! The gateway as a process of its own, for a queue that others read. It contains no SQL.

use std::process::ExitCode;

use shared::env::{Env, answered_help};
use shared::queue::{Queue, QueueConfig, Role};
use shared::{queue, shutdown, spans, telemetry};

const WHAT: &str = "Takes Stripe's webhooks in: verifies, makes durable, answers.";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::last_words(&format!("Error: {error:?}"));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let variables = [gateway::VARIABLES, queue::VARIABLES, telemetry::VARIABLES, spans::VARIABLES];
    if answered_help("tidegate-gateway", WHAT, &variables) {
        return Ok(());
    }
    let env = Env::of_process();
    let _logging = telemetry::init(&env)?;
    let config = gateway::GatewayConfig::from_env(&env)?;
    let shutdown = shutdown::on_signal()?;
    let queue = Queue::open(QueueConfig::from_env(&env)?, Role::Publish).await?;
    let served = gateway::run(config, queue.clone(), shutdown).await;
    queue.close().await;
    served
}
