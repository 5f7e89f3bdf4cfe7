//! The roles of a process, from the environment to a clean end. `up` has all; in a cluster each has its own
//! processes, from the same binary and variables.

use std::sync::Arc;

use anyhow::Context;
use console::ConsoleConfig;
use desk::staff_key::StaffKey;
use gateway::GatewayConfig;
use ledger::{Ledger, LedgerConfig};
use shared::env::Env;
use shared::queue::{Queue, QueueConfig, QueueUrl, Role};
use shared::{service_manager, shutdown};
use tokio_util::sync::CancellationToken;
use worker::WorkerConfig;

use crate::{envelope_key, preflight, staff, variables};

/// Only the gateway.
pub async fn gateway(env: &Env) -> anyhow::Result<()> {
    let config = GatewayConfig::from_env(env)?;
    let queue_config = envelope_key::queue_config(env)?;
    preflight::addresses_are_free(env, &["GATEWAY_ADDR", "GATEWAY_INTERNAL_ADDR"])?;
    let shutdown = shutdown::on_signal()?;
    tell_systemd(env, &["GATEWAY_INTERNAL_ADDR"], &shutdown)?;
    let queue = open_queue(queue_config, Role::Publish).await?;
    let result = run_gateway(config, queue.clone(), shutdown).await;
    queue.close().await;
    result
}

/// Only the worker.
pub async fn worker(env: &Env) -> anyhow::Result<()> {
    let mut config = WorkerConfig::from_env(env)?;
    config.staff_key = staff::key::of(env)?.map(Arc::new);
    config.goods = marketplace::KEEPERS;
    let queue_config = envelope_key::queue_config(env)?;
    let ledger_config = LedgerConfig::from_env(env)?.for_batches();
    preflight::addresses_are_free(env, &["WORKER_INTERNAL_ADDR"])?;
    let shutdown = shutdown::on_signal()?;
    tell_systemd(env, &["WORKER_INTERNAL_ADDR"], &shutdown)?;
    let ledger = Ledger::open(&ledger_config).await?;
    let queue = open_queue(queue_config, config.role()).await?;
    let result = run_worker(config, queue.clone(), ledger.clone(), shutdown).await;
    queue.close().await;
    ledger.close().await;
    result
}

/// Only the console. It publishes what staff replay, and takes nothing from the queue.
pub async fn console(env: &Env) -> anyhow::Result<()> {
    let config = ConsoleConfig::from_env(env)?;
    let queue_config = envelope_key::queue_config(env)?;
    let ledger_config = LedgerConfig::from_env(env)?;
    preflight::addresses_are_free(env, &["CONSOLE_ADDR", "CONSOLE_INTERNAL_ADDR"])?;
    let shutdown = shutdown::on_signal()?;
    tell_systemd(env, &["CONSOLE_INTERNAL_ADDR"], &shutdown)?;
    let ledger = Ledger::open(&ledger_config).await?;
    let queue = open_queue(queue_config, Role::Publish).await?;
    let key = staff::key::of(env)?;
    let result = run_console(config, key, queue.clone(), ledger.clone(), shutdown).await;
    queue.close().await;
    ledger.close().await;
    result
}

/// Where systemd started this process, it hears from now on how the roles behind these addresses are.
pub fn tell_systemd(env: &Env, addresses: &[&str], shutdown: &CancellationToken) -> anyhow::Result<()> {
    let listens_at = addresses.iter().map(|name| variables::address(env, name));
    service_manager::attend(env, &listens_at.collect::<anyhow::Result<Vec<_>>>()?, shutdown.clone());
    Ok(())
}

pub async fn open_queue(config: QueueConfig, role: Role) -> anyhow::Result<Queue> {
    if let QueueUrl::Sqlite(path) = &config.url {
        preflight::make_folder_of(path)?;
    }
    Ok(Queue::open(config, role).await?)
}

/// The gateway until it is told to stop, or until the queue can no longer promise durability.
pub async fn run_gateway(
    config: GatewayConfig,
    queue: Queue,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let run = gateway::run(config, queue, shutdown.clone());
    run.await.context("the gateway ended")?;
    unasked("gateway", &shutdown)
}

pub async fn run_worker(
    config: WorkerConfig,
    queue: Queue,
    ledger: Ledger,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let run = worker::run(config, queue, ledger, shutdown.clone());
    run.await.context("the worker ended")?;
    unasked("worker", &shutdown)
}

pub async fn run_console(
    config: ConsoleConfig,
    staff_key: Option<StaffKey>,
    queue: Queue,
    ledger: Ledger,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let run = console::run(config, staff_key, queue, ledger, shutdown.clone());
    run.await.context("the console ended")?;
    unasked("console", &shutdown)
}

/// A role that ends well, though nobody told it to, is a failure of the process.
fn unasked(role: &str, shutdown: &CancellationToken) -> anyhow::Result<()> {
    if !shutdown.is_cancelled() {
        anyhow::bail!("the {role} exited by itself");
    }
    Ok(())
}
