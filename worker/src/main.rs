//! `tidegate-worker`: one worker process. All configuration is in the environment.

use std::process::ExitCode;

use ledger::{Ledger, LedgerConfig};
use shared::env::{Env, Names};
use shared::queue::{Queue, QueueConfig};
use shared::{healthcheck, service_manager, shutdown, spans, telemetry};
use worker::WorkerConfig;

const WHAT: &str = "Applies queued Stripe events to the ledger.
`tidegate-worker healthcheck` says whether the one on this machine is ready: exit code 0, or 1 and why.";

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
        return healthcheck::own(&env, &worker::INTERNAL_ADDR).await.map_err(anyhow::Error::msg);
    }
    let groups = [
        worker::VARIABLES,
        worker::NOTICE_VARIABLES,
        &[desk::staff_key::KEY, desk::staff_key::KEY_FILE],
        stripe_api::VARIABLES,
        ledger::VARIABLES,
        ledger::POLICY_VARIABLES,
        shared::queue::VARIABLES,
        telemetry::VARIABLES,
        spans::VARIABLES,
    ];
    if shared::env::answered_help("tidegate-worker", WHAT, &groups) {
        return Ok(());
    }
    Names { groups: &groups, families: &[] }.check(&env)?;
    let _logging = telemetry::init(&env)?;
    let (mut config, queue_config) = (WorkerConfig::from_env(&env)?, QueueConfig::from_env(&env)?);
    config.goods = marketplace::KEEPERS;
    let ledger_config = LedgerConfig::from_env(&env)?.for_batches();
    let shutdown = shutdown::on_signal()?;
    service_manager::attend(&env, &[config.internal_addr], shutdown.clone());
    let ledger = Ledger::open(&ledger_config).await?;
    let queue = Queue::open(queue_config, config.role()).await?;
    let ended = worker::run(config, queue.clone(), ledger.clone(), shutdown).await;
    queue.close().await;
    ledger.close().await;
    ended
}
