//! `tidegate up`: gateway, worker and console in one process, with no configuration or the same variables as everywhere
//! else. Starts them in order, says where everything is, and stops them in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use console::ConsoleConfig;
use gateway::GatewayConfig;
use ledger::{Ledger, LedgerConfig};
use secrecy::{ExposeSecret, SecretString};
use shared::env::Env;
use shared::queue::rabbitmq::topology::NewQueues;
use shared::queue::{Queue, Role};
use shared::shutdown;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use worker::WorkerConfig;

use crate::cli::UpOptions;
use crate::failure::wrongly_called;
use crate::fake_stripe::demo::Demo;
use crate::{
    dev_secret, envelope_key, migrate, output, preflight, probe, roles, settings, staff, topology, variables,
};

const READY_WAIT: Duration = Duration::from_secs(10);
const READY_PAUSE: Duration = Duration::from_millis(20);

pub async fn run(env: Env, options: &UpOptions) -> anyhow::Result<()> {
    let env = settings::of_up(env, options)?;
    let (demo, env) = if options.demo {
        let (demo, env) = Demo::start(env, options.port).await?;
        (Some(demo), env)
    } else {
        (None, env)
    };
    let mut worker_config = WorkerConfig::from_env(&env)?;
    let console_config = ConsoleConfig::from_env(&env)?;
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
    roles::tell_systemd(&env, &settings::INTERNAL_ADDRESSES, &shutdown)?;

    let (ledger, _) = migrate::open_and_migrate(&ledger_config).await?;
    staff::key::provide(&env)?;
    let staff_key = staff::key::of(&env)?;
    worker_config.staff_key = staff::key::of(&env)?.map(Arc::new);
    worker_config.goods = marketplace::KEEPERS;
    let first = first_administrator(&ledger).await?;
    topology::declare(&queue_config, NewQueues::AwaitDisk).await?;
    let queue_shown = queue_config.url.shown();
    let queue = roles::open_queue(queue_config, Role::Both).await?;

    let [stop_gateway, stop_worker, stop_console] = [(); 3].map(|()| CancellationToken::new());
    let gateway =
        ends_all(&shutdown, roles::run_gateway(gateway_config, queue.clone(), stop_gateway.clone()));
    let worker = ends_all(
        &shutdown,
        roles::run_worker(worker_config, queue.clone(), ledger.clone(), stop_worker.clone()),
    );
    let pages = ledger_of_pages(&env, &ledger).await?;
    let console = ends_all(
        &shutdown,
        roles::run_console(console_config, staff_key, queue.clone(), pages.clone(), stop_console.clone()),
    );
    tokio::select! {
        () = shutdown.cancelled() => {}
        greeted = greet(&env, options, secret.as_ref(), demo.as_ref(), (&queue_shown, &queue, &ledger)) => {
            // At once: two messages would come in any order.
            output::announce(greeted? + &first_words(&env, first.as_ref())?);
            shutdown.cancelled().await;
        }
    }
    // Intake ends first, so that what was accepted meanwhile may still be applied.
    stop_gateway.cancel();
    stop_console.cancel();
    let gateway = gateway.await.context("the gateway panicked")?;
    let console = console.await.context("the console panicked")?;
    stop_worker.cancel();
    let worker = worker.await.context("the worker panicked")?;
    queue.close().await;
    pages.close().await;
    ledger.close().await;
    gateway.and(worker).and(console)
}

/// The ledger as the console asks it. On Postgres by sessions of its own, for a worker's plan everything by key; a file
/// is one for all of the process.
async fn ledger_of_pages(env: &Env, ledger: &Ledger) -> anyhow::Result<Ledger> {
    if !ledger.takes_several_writers() {
        return Ok(ledger.clone());
    }
    Ok(Ledger::open(&LedgerConfig::from_env(env)?).await?)
}

/// The code by which the first administrator is made, where the ledger is a file of this machine and nobody is there.
async fn first_administrator(ledger: &Ledger) -> anyhow::Result<Option<SecretString>> {
    if ledger.takes_several_writers() {
        return Ok(None);
    }
    Ok(desk::acts::invitations::invite_first(ledger, shared::clock::now()).await?)
}

/// How the first person gets in, where nobody is in yet.
fn first_words(env: &Env, code: Option<&SecretString>) -> anyhow::Result<String> {
    let Some(code) = code else { return Ok(String::new()) };
    let (me, link) = (output::me(), console::pages::invitation_link(&console::config::url(env)?, code));
    Ok(format!(
        "  people    nobody yet. This link makes the first administrator, once, within 24 h:\n            \
         {link}\n            \
         or `{me} staff accept --name NAME`, with the code behind code=. Until there is a second\n            \
         administrator, nothing that loosens a rule takes two\n",
        link = link.expose_secret()
    ))
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

/// Waits until all are ready, then says what runs where and what to try next.
async fn greet(
    env: &Env,
    options: &UpOptions,
    secret: Option<&SecretString>,
    demo: Option<&Demo>,
    (queue_shown, queue, ledger): (&str, &Queue, &Ledger),
) -> anyhow::Result<String> {
    let address = |name| variables::address(env, name).map(probe::reachable);
    let (public, api) = (address("GATEWAY_ADDR")?, address("CONSOLE_ADDR")?);
    let [gateway, worker, console] = settings::INTERNAL_ADDRESSES.map(address);
    let (gateway, worker, console) = (gateway?, worker?, console?);
    let state = match all_ready([gateway, worker, console]).await {
        Ok(()) => "tidegate is up: gateway, worker and console in one process; Ctrl-C stops it".to_owned(),
        Err(why) => format!("tidegate is running, but not ready yet: {why}"),
    };
    let signed = match secret {
        Some(secret) => format!("{}  (kept in {})", secret.expose_secret(), dev_secret::path(env).display()),
        None => "your secret in STRIPE_WEBHOOK_SECRET".to_owned(),
    };
    let (me, stored) = (output::me(), ledger.shown());
    // Other commands find what was moved only where they are told.
    let moved = settings::moved(env, options).map_or_else(String::new, |moved| {
        format!("  elsewhere type this first in another terminal, or put it into .env line by line:\n            export {moved}\n")
    });
    let demo = match (demo, secret) {
        (Some(demo), Some(secret)) => {
            demo.live(env, options.port, (queue, ledger), (public, secret.expose_secret()), api).await?
        }
        (Some(_), None) => {
            return Err(wrongly_called(
                "STRIPE_WEBHOOK_SECRET is set: unset it for a demo, which has its own",
            ));
        }
        (None, _) => String::new(),
    };
    Ok(format!(
        "{state}\n\
         \x20 webhooks  http://{public}/webhooks/stripe, signed with {signed}\n\
         \x20 pages     http://{api}/ to look and act\n\
         \x20 API       http://{api}/api/v1, described at /api/openapi.json; needs a token\n\
         \x20 data      queue {queue_shown}, ledger {stored}\n\
         \x20 probes    /readyz and /metrics at http://{gateway}, http://{worker} and http://{console}\n\
         \x20 try next  {me} send; {me} events list; {me} help\n\
         {moved}{demo}"
    ))
}

async fn all_ready(addresses: [SocketAddr; 3]) -> Result<(), String> {
    let deadline = Instant::now() + READY_WAIT;
    // Port 0 is any port: only the log says which.
    for address in addresses.into_iter().filter(|address| address.port() != 0) {
        while let Err(why) = probe::ready(address).await {
            if Instant::now() > deadline {
                return Err(why);
            }
            tokio::time::sleep(READY_PAUSE).await;
        }
    }
    Ok(())
}
