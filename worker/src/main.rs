//! `tidegate-worker`: one worker process. All configuration is in the environment.

use std::process::ExitCode;

use ledger::{Ledger, LedgerConfig};
use shared::env::{Env, Names};
use shared::queue::{Queue, QueueConfig};
use shared::{shutdown, spans, telemetry};
use worker::WorkerConfig;

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
    let groups = [
        worker::VARIABLES,
        stripe_api::VARIABLES,
        ledger::VARIABLES,
        ledger::POLICY_VARIABLES,
        shared::queue::VARIABLES,
        telemetry::VARIABLES,
        spans::VARIABLES,
    ];
    if shared::env::answered_help("tidegate-worker", "Applies queued Stripe events to the ledger.", &groups) {
        return Ok(());
    }
    let env = Env::of_process();
    Names { groups: &groups, families: &[] }.check(&env)?;
    let _logging = telemetry::init(&env)?;
    let (config, queue_config) = (WorkerConfig::from_env(&env)?, QueueConfig::from_env(&env)?);
    let ledger = Ledger::open(&LedgerConfig::from_env(&env)?.for_batches()).await?;
    let queue = Queue::open(queue_config, config.role()).await?;
    let ended = worker::run(config, queue.clone(), ledger.clone(), shutdown::on_signal()?).await;
    queue.close().await;
    ledger.close().await;
    ended
}
