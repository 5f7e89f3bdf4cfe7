//! The HTTP API: what people and programs do and see, over the desk's acts and views. One table of endpoints
//! (`resources/`) is the router, the matrix of permissions and the OpenAPI document.

mod answer;
mod authenticate;
mod bodies;
mod call;
pub mod client;
pub mod config;
pub mod endpoint;
pub mod fields;
mod idempotency;
mod metrics;
pub mod multipart;
pub mod openapi;
pub mod pages;
mod permit;
pub mod problem;
mod qr_code;
mod rate_limit;
mod requests;
pub mod resources;
pub mod response_body;
mod responses;
mod router;
mod schemas;

use std::error::Error;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use desk::audit_key::AuditKey;
use desk::staff_key::StaffKey;
use desk::till::Till;
use hyper::Request;
use hyper::body::Incoming;
use ledger::Ledger;
use prometheus::Registry;
use shared::Pending;
use shared::http::{self, ConnectionLimits, ConnectionMetrics, Edge, LogBudget};
use shared::internal::{self, Probes};
use shared::queue::Queue;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client::TrustedProxy;
use crate::config::Limits;
pub use crate::config::{ConsoleConfig, VARIABLES};
use crate::endpoint::{BODY_LIMIT_BYTES, FILE_BODY_LIMIT_BYTES, FILES_AT_ONCE};
use crate::metrics::Metrics;
use crate::rate_limit::{RateLimit, SharedRateLimit};
use crate::response_body::ResponseBody;

/// How often the ledger is asked whether it answers.
const LOOK: Duration = Duration::from_secs(2);

/// So many lists are sent as CSV at a time: each keeps the ledger busy until it ends.
const EXPORTS_AT_ONCE: usize = 8;

/// What all requests share.
pub struct Console {
    ledger: Ledger,
    queue: Queue,
    limits: Limits,
    /// What second factors are kept under.
    staff_key: Option<StaffKey>,
    /// What signs the reports that people take.
    audit_key: Option<Arc<AuditKey>>,
    proxy: Option<TrustedProxy>,
    /// Where browsers reach it.
    url: String,
    /// Describes the API.
    document: serde_json::Value,
    metrics: Metrics,
    log_budget: LogBudget,
    address_rate: RateLimit<IpAddr>,
    actor_rate: SharedRateLimit,
    user_rate: RateLimit<String>,
    /// Of the merchant's customers, by the address that the homepage saw.
    network_rate: RateLimit<IpAddr>,
    /// Asks Stripe for what customers pay by themselves.
    till: Till,
    /// A permit for every byte that bodies may take together.
    room: Semaphore,
    /// For requests with a file, or with a text as long as one.
    file_room: Semaphore,
    /// A permit for every request in progress.
    places: Arc<Semaphore>,
    /// A permit for every list that is sent as CSV.
    exports: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Why the ledger cannot be used now.
    ledger_fault: Mutex<Option<String>>,
    /// Cancelled when the ledger can no longer be relied on.
    broken: CancellationToken,
    stopping: AtomicBool,
}

/// Binds both listeners and serves until `shutdown` is cancelled, or until the ledger breaks, which is an error: the
/// process must end then. Requests in progress are answered first, within the drain deadline.
pub fn run(
    config: ConsoleConfig,
    staff_key: Option<StaffKey>,
    queue: Queue,
    ledger: Ledger,
    shutdown: CancellationToken,
) -> Pending<'static, anyhow::Result<()>> {
    Box::pin(serve(config, staff_key, queue, ledger, shutdown))
}

async fn serve(
    config: ConsoleConfig,
    staff_key: Option<StaffKey>,
    queue: Queue,
    ledger: Ledger,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let public = TcpListener::bind(config.address)
        .await
        .with_context(|| format!("CONSOLE_ADDR: cannot listen on {}", config.address))?;
    let inner = TcpListener::bind(config.internal_address)
        .await
        .with_context(|| format!("CONSOLE_INTERNAL_ADDR: cannot listen on {}", config.internal_address))?;
    let mut config = config;
    config.limits.connections = http::make_room(config.limits.connections);
    let limits = config.limits;
    let (address, internal) = (public.local_addr()?, inner.local_addr()?);
    tracing::info!(%address, %internal, connections = limits.connections, "console is listening");

    let broken = CancellationToken::new();
    let by_till = broken.clone();
    let till = Till::open(&config.till, shutdown.clone())?.paced(&ledger, move |_| by_till.cancel());
    let console = Arc::new(Console::new(config, staff_key, till, queue, ledger, broken));
    let ended = CancellationToken::new();
    let _beside = ended.clone().drop_guard();
    tokio::spawn(internal::serve(inner, Arc::clone(&console), ended.clone()));
    tokio::spawn(watch(Arc::clone(&console), ended));
    let stop = shutdown.child_token();
    let end = async {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = console.broken.cancelled() => {}
        }
        console.stopping.store(true, Ordering::Relaxed);
        stop.cancel();
        Instant::now() + limits.drain_deadline
    };
    let ((), cut_off) = tokio::join!(http::serve(public, Arc::clone(&console), stop.clone()), end);
    console.tasks.close();
    // What an act has begun is finished, also where its client has gone.
    if tokio::time::timeout_at(cut_off, console.tasks.wait()).await.is_err() {
        tracing::warn!(
            requests = console.tasks.len(),
            "drain deadline passed: requests are still in progress"
        );
    }
    if console.broken.is_cancelled() {
        console.ledger.check_file()?;
        anyhow::bail!("the ledger broke: see the log");
    }
    Ok(())
}

/// Asks the ledger every few seconds whether it answers, so that a probe need not wait for it.
async fn watch(console: Arc<Console>, ended: CancellationToken) {
    loop {
        let fault = console.ledger.check_schema().await.err();
        if fault.as_ref().is_some_and(ledger::LedgerError::is_fatal) {
            console.broken.cancel();
        }
        let told = fault.map(|fault| shared::telemetry::told(&fault));
        *console.ledger_fault.lock().unwrap_or_else(PoisonError::into_inner) = told;
        tokio::select! {
            () = ended.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

impl Console {
    fn new(
        config: ConsoleConfig,
        staff_key: Option<StaffKey>,
        till: Till,
        queue: Queue,
        ledger: Ledger,
        broken: CancellationToken,
    ) -> Self {
        let ConsoleConfig { limits, url, proxy, audit_key, .. } = config;
        Self {
            audit_key,
            staff_key,
            till,
            url,
            proxy,
            document: openapi::document(resources::endpoints()),
            metrics: Metrics::new(resources::endpoints()),
            log_budget: LogBudget::new(),
            address_rate: RateLimit::new(limits.address_requests_per_minute),
            actor_rate: SharedRateLimit::new(limits.token_requests_per_minute, broken.clone()),
            user_rate: RateLimit::new(limits.user_checkouts_per_minute),
            network_rate: RateLimit::new(limits.network_checkouts_per_minute),
            room: Semaphore::new(limits.requests.saturating_mul(BODY_LIMIT_BYTES)),
            file_room: Semaphore::new(FILES_AT_ONCE * FILE_BODY_LIMIT_BYTES),
            places: Arc::new(Semaphore::new(limits.requests)),
            exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE)),
            tasks: TaskTracker::new(),
            ledger_fault: Mutex::new(Some("the ledger was not asked yet".to_owned())),
            broken,
            stopping: AtomicBool::new(false),
            ledger,
            queue,
            limits,
        }
    }
}

/// What endpoints need beside the ledger.
impl Console {
    fn till(&self) -> &Till {
        &self.till
    }

    fn queue(&self) -> &Queue {
        &self.queue
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Counts a checkout of a user of the merchant's. `Err`: one too many; so many seconds to wait.
    fn take_checkout_of(&self, user: &str) -> Result<(), u64> {
        self.user_rate.take(user.to_owned())
    }

    /// The same of the network that a customer's address is in.
    fn take_checkout_from(&self, address: IpAddr) -> Result<(), u64> {
        self.network_rate.take(http::network(address))
    }
}

impl Edge for Console {
    type Body = ResponseBody;

    const TOO_MANY_CONNECTIONS: &'static [u8] = responses::TOO_MANY_CONNECTIONS;

    fn connection_limits(&self) -> ConnectionLimits {
        let Limits { connections, idle, header_deadline, drain_deadline, .. } = self.limits;
        ConnectionLimits { connections, idle, header_deadline, drain_deadline }
    }

    fn connection_metrics(&self) -> &ConnectionMetrics {
        &self.metrics.connections
    }

    fn log_budget(&self) -> &LogBudget {
        &self.log_budget
    }

    fn answer(
        self: Arc<Self>,
        peer: IpAddr,
        request: Request<Incoming>,
    ) -> impl Future<Output = responses::HttpResponse> + Send {
        requests::answer(self, peer, request)
    }
}

impl Probes for Console {
    fn ready(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err("stopping".into());
        }
        match self.ledger_fault.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(fault) => Err(fault.clone().into()),
            None => Ok(()),
        }
    }

    async fn registry(&self) -> Registry {
        self.metrics.registry.clone()
    }
}
