//! Receives Stripe webhooks: verifies, stores durably, answers. It knows no event type and no SQL; what
//! it answers with 200 is in the queue, confirmed.

pub mod config;
pub mod endpoints;
pub mod event;
mod metrics;
mod responses;
mod routes;
pub mod secrets;
mod secrets_watch;
pub mod signature;
mod slowdown;
mod spans;
mod webhook;

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Incoming;
use prometheus::Registry;
use shared::Pending;
pub use shared::http::serve;
use shared::http::{self, ConnectionLimits, ConnectionMetrics, Edge, LogBudget};
use shared::internal::{self, Probes};
use shared::queue::Queue;
use shared::spans::Spans;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use crate::config::{GatewayConfig, Limits, VARIABLES};
pub use crate::endpoints::ENDPOINT_VARIABLES;
use crate::endpoints::Endpoints;
use crate::metrics::Metrics;
use crate::responses::HttpResponse;
use crate::slowdown::Slowdown;

/// What all requests share.
pub struct Gateway {
    endpoints: Endpoints,
    limits: Limits,
    queue: Queue,
    /// Cancelled when the queue can no longer promise durability.
    fatal: CancellationToken,
    /// A permit for every byte that bodies may take together.
    room: Semaphore,
    slowdown: Slowdown,
    metrics: Metrics,
    spans: Spans,
    log_budget: LogBudget,
    stopping: AtomicBool,
}

impl Gateway {
    pub fn new(endpoints: Endpoints, limits: Limits, queue: Queue) -> Self {
        Self {
            metrics: Metrics::new(&endpoints),
            fatal: queue.fatal(),
            room: Semaphore::new(limits.bodies_bytes),
            slowdown: Slowdown::new(&limits),
            spans: Spans::default(),
            log_budget: LogBudget::new(),
            stopping: AtomicBool::new(false),
            endpoints,
            limits,
            queue,
        }
    }
}

/// Binds both listeners and serves until `shutdown` is cancelled, or until the queue breaks, which is an
/// error: the process must end then. Requests in hand are answered first, within the drain deadline.
pub fn run(
    config: GatewayConfig,
    queue: Queue,
    shutdown: CancellationToken,
) -> Pending<'static, anyhow::Result<()>> {
    Box::pin(take_in(config, queue, shutdown))
}

async fn take_in(mut config: GatewayConfig, queue: Queue, shutdown: CancellationToken) -> anyhow::Result<()> {
    let public = TcpListener::bind(config.address)
        .await
        .with_context(|| format!("GATEWAY_ADDR: cannot listen on {}", config.address))?;
    let inner = TcpListener::bind(config.internal_address)
        .await
        .with_context(|| format!("GATEWAY_INTERNAL_ADDR: cannot listen on {}", config.internal_address))?;
    config.limits.connections = http::make_room(config.limits.connections);
    announce(&config, &public, &inner)?;

    let mut gateway = Gateway::new(config.endpoints, config.limits, queue);
    let (spans, exporter) = Spans::start(&config.spans, "tidegate-gateway", gateway.metrics.spans.clone());
    gateway.spans = spans;
    let gateway = Arc::new(gateway);
    let ended = CancellationToken::new();
    let _beside = ended.clone().drop_guard();
    tokio::spawn(internal::serve(inner, Arc::clone(&gateway), ended.clone()));
    tokio::spawn(secrets_watch::secrets(Arc::clone(&gateway), config.secrets_interval, ended));

    let stop = shutdown.child_token();
    let end = async {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = gateway.fatal.cancelled() => {}
        }
        gateway.stopping.store(true, Ordering::Relaxed);
        stop.cancel();
    };
    tokio::join!(serve(public, Arc::clone(&gateway), stop.clone()), end);
    exporter.finish().await;
    match gateway.queue.health() {
        Err(why) if gateway.fatal.is_cancelled() => Err(why.into()),
        _ => Ok(()),
    }
}

fn announce(config: &GatewayConfig, public: &TcpListener, inner: &TcpListener) -> anyhow::Result<()> {
    for endpoint in config.endpoints.values() {
        let secrets = endpoint.secrets.current();
        tracing::info!(
            endpoint = endpoint.name,
            mode = ?endpoint.mode,
            account = endpoint.account,
            secrets = ?secrets.iter().map(secrets::Secret::name).collect::<Vec<_>>(),
            "endpoint configured"
        );
    }
    if !config.unknown.is_empty() {
        let names = config.unknown.join(", ");
        tracing::warn!(names, "these variables look like the gateway's, but it reads none of them");
    }
    let (address, internal) = (public.local_addr()?, inner.local_addr()?);
    tracing::info!(%address, %internal, connections = config.limits.connections, "gateway is listening");
    Ok(())
}

impl Edge for Gateway {
    type Body = Full<Bytes>;

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
    ) -> impl Future<Output = HttpResponse> + Send {
        routes::answer(self, peer, request)
    }
}

impl Probes for Gateway {
    fn ready(&self) -> Result<(), Box<dyn Error + Send + Sync>> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err("stopping".into());
        }
        Ok(self.queue.health()?)
    }

    async fn registry(&self) -> Registry {
        let taken = self.limits.bodies_bytes - self.room.available_permits();
        self.metrics.bodies_bytes.set(i64::try_from(taken).unwrap_or(i64::MAX));
        self.metrics.queue.read(&self.queue).await;
        self.metrics.registry.clone()
    }
}
