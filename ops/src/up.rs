//! `tidegate up`: gateway and worker in one process, with no configuration or the same variables as everywhere
//! else. Starts them in order, says where everything is, and stops them in order.

use std::time::Duration;

use anyhow::Context;
use gateway::GatewayConfig;
use ledger::{Ledger, LedgerConfig};
use secrecy::{ExposeSecret, SecretString};
use shared::env::Env;
use shared::queue::Role;
use shared::queue::rabbitmq::topology::NewQueues;
use shared::shutdown;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use worker::WorkerConfig;

use crate::cli::UpOptions;
use crate::{
    dev_secret, envelope_key, migrate, output, preflight, probe, roles, settings, staff, topology, variables,
};

const READY_WAIT: Duration = Duration::from_secs(10);
const READY_PAUSE: Duration = Duration::from_millis(20);

pub async fn run(env: Env, options: &UpOptions) -> anyhow::Result<()> {
    let env = settings::of_up(env, options)?;
    let worker_config = WorkerConfig::from_env(&env)?;
    let ledger_config = LedgerConfig::from_env(&env)?.for_batches();
    preflight::addresses_are_free(&env, &settings::ADDRESSES)?;
    let secret = dev_secret::provide(&env)?;
    let queue_config = envelope_key::provide(&env, shared::clock::now())?;
    let env = match &secret {
        Some(secret) => env.or("STRIPE_WEBHOOK_SECRET", secret.expose_secret()),
        None => env,
    };
    let gateway_config = GatewayConfig::from_env(&env)?;
    let shutdown = shutdown::on_signal()?;
    roles::tell_systemd(&env, &settings::ADDRESSES[1..], &shutdown)?;

    let (ledger, _) = migrate::open_and_migrate(&ledger_config).await?;
    staff::key::provide(&env)?;
    let first = first_administrator(&ledger).await?;
    topology::declare(&queue_config, NewQueues::AwaitDisk).await?;
    let (queue_shown, ledger_shown) = (queue_config.url.shown(), ledger.shown());
    let queue = roles::open_queue(queue_config, Role::Both).await?;

    let (stop_gateway, stop_worker) = (CancellationToken::new(), CancellationToken::new());
    let gateway =
        ends_all(&shutdown, roles::run_gateway(gateway_config, queue.clone(), stop_gateway.clone()));
    let worker = ends_all(
        &shutdown,
        roles::run_worker(worker_config, queue.clone(), ledger.clone(), stop_worker.clone()),
    );
    tokio::select! {
        () = shutdown.cancelled() => {}
        greeted = greet(&env, options, secret.as_ref(), &queue_shown, &ledger_shown) => {
            greeted?;
            announce_first(first.as_ref());
            shutdown.cancelled().await;
        }
    }
    // Intake ends first, so that what was accepted meanwhile may still be applied.
    stop_gateway.cancel();
    let gateway = gateway.await.context("the gateway panicked")?;
    stop_worker.cancel();
    let worker = worker.await.context("the worker panicked")?;
    queue.close().await;
    ledger.close().await;
    gateway.and(worker)
}

/// The code by which the first administrator is made, where the ledger is a file of this machine and nobody is there.
async fn first_administrator(ledger: &Ledger) -> anyhow::Result<Option<SecretString>> {
    if ledger.takes_several_writers() {
        return Ok(None);
    }
    Ok(desk::acts::invitations::invite_first(ledger, shared::clock::now()).await?)
}

fn announce_first(code: Option<&SecretString>) {
    let Some(code) = code else { return };
    let (me, code) = (output::me(), code.expose_secret());
    output::announce(format!(
        "  people    nobody yet: `{me} staff accept --name NAME` makes the first administrator, with {code}\n            \
         (once, within 24 h). Until there is a second one, nothing that loosens a rule takes two\n"
    ));
}

/// Runs a role; when it ends, for whatever reason, everything ends.
fn ends_all(
    shutdown: &CancellationToken,
    role: impl Future<Output = anyhow::Result<()>> + Send + 'static,
) -> JoinHandle<anyhow::Result<()>> {
    let on_drop = shutdown.clone().drop_guard(); // also when it panics
    tokio::spawn(async move {
        let result = role.await;
        drop(on_drop);
        result
    })
}

/// Waits until both are ready, then tells what runs where and what to try next.
async fn greet(
    env: &Env,
    options: &UpOptions,
    secret: Option<&SecretString>,
    queue: &str,
    ledger: &str,
) -> anyhow::Result<()> {
    let [public, gateway, worker] =
        settings::ADDRESSES.map(|name| variables::address(env, name).map(probe::reachable));
    let (public, gateway, worker) = (public?, gateway?, worker?);
    let state = match both_ready(gateway, worker).await {
        Ok(()) => "tidegate is up: gateway and worker in one process; Ctrl-C stops it".to_owned(),
        Err(why) => format!("tidegate is running, but not ready yet: {why}"),
    };
    let signed = match secret {
        Some(secret) => format!("{}  (kept in {})", secret.expose_secret(), dev_secret::path(env).display()),
        None => "your secret in STRIPE_WEBHOOK_SECRET".to_owned(),
    };
    let me = output::me();
    // Other commands find what was moved only where they are told.
    let moved = settings::moved(env, options).map_or_else(String::new, |moved| {
        format!("  elsewhere export {moved}   for other commands; or lines in .env\n")
    });
    output::announce(format!(
        "{state}\n\
         \x20 webhooks  http://{public}/webhooks/stripe, signed with {signed}\n\
         \x20 data      queue {queue}, ledger {ledger}\n\
         \x20 probes    http://{gateway}/readyz and http://{worker}/readyz, also /metrics\n\
         \x20 try next  {me} send    {me} events list    {me} help\n\
         {moved}"
    ));
    Ok(())
}

async fn both_ready(gateway: std::net::SocketAddr, worker: std::net::SocketAddr) -> Result<(), String> {
    let deadline = Instant::now() + READY_WAIT;
    loop {
        let (one, two) = tokio::join!(probe::ready(gateway), probe::ready(worker));
        match one.and(two) {
            Ok(()) => return Ok(()),
            Err(why) if Instant::now() > deadline => return Err(why),
            Err(_) => tokio::time::sleep(READY_PAUSE).await,
        }
    }
}
