//! The shop's listener.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use fake_stripe::FakeStripe;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response};
use ledger::Ledger;
use shared::http::{ConnectionLimits, ConnectionMetrics, Edge, LogBudget, serve};
use shared::metrics::MetricsRegistry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::homepage::Homepage;
use super::visit;

struct Shop {
    homepage: Homepage,
    metrics: ConnectionMetrics,
    log_budget: LogBudget,
}

/// Serves until the process ends. Gives its address.
pub async fn open(
    port: u16,
    console: SocketAddr,
    ledger: &Ledger,
    stripe: Arc<FakeStripe>,
) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .with_context(|| format!("port {port} is not free for the demo's shop: choose others with --port"))?;
    let address = listener.local_addr()?;
    let homepage = Homepage::new(console, ledger, stripe).await?;
    let metrics = ConnectionMetrics::new(&MetricsRegistry::new(), "shop_");
    let shop = Shop { homepage, metrics, log_budget: LogBudget::new() };
    tokio::spawn(serve(listener, Arc::new(shop), CancellationToken::new()));
    Ok(address)
}

impl Edge for Shop {
    type Body = Full<Bytes>;

    const TOO_MANY_CONNECTIONS: &'static [u8] =
        b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

    fn connection_limits(&self) -> ConnectionLimits {
        ConnectionLimits {
            connections: 64,
            idle: Duration::from_mins(1),
            header_deadline: Duration::from_secs(10),
            drain_deadline: Duration::from_secs(1),
        }
    }

    fn connection_metrics(&self) -> &ConnectionMetrics {
        &self.metrics
    }

    fn log_budget(&self) -> &LogBudget {
        &self.log_budget
    }

    async fn answer(self: Arc<Self>, peer: IpAddr, request: Request<Incoming>) -> Response<Full<Bytes>> {
        visit::answer(&self.homepage, peer, request).await
    }
}
