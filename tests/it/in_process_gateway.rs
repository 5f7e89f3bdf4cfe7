//! A gateway inside the test process, with its own embedded queue that the test reads from.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use envelope::Envelope;
use gateway::GatewayConfig;
use harness::client::get;
use harness::ports::free_port;
use harness::process_guard::{ProcessGuard, until};
use rustix::process::Signal;
use shared::env::Env;
use shared::queue::{Queue, QueueConfig, Role, Settle};
use stripe_sim::signature_header;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub(crate) const SECRET: &str = "whsec_0123456789abcdefGHIJ";
pub(crate) const PATH: &str = "/webhooks/stripe";
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Edge {
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    internal: SocketAddr,
    queue: Queue,
    running: JoinHandle<anyhow::Result<()>>,
    guard: ProcessGuard,
}

impl Edge {
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With further variables, which count before those that are given here.
    pub(crate) async fn start_with(settings: &[(&str, &str)]) -> Self {
        let guard = ProcessGuard::new("edge", Signal::KILL).expect("a temporary folder can be made");
        let (address, internal) = (loopback(), loopback());
        let env = Env::of(settings)
            .or("QUEUE_URL", &format!("sqlite:{}", guard.folder().join("queue.db").display()))
            .or("GATEWAY_ADDR", &address.to_string())
            .or("GATEWAY_INTERNAL_ADDR", &internal.to_string());
        let env = match env.given("STRIPE_WEBHOOK_SECRET_FILE") {
            Some(_) => env,
            None => env.or("STRIPE_WEBHOOK_SECRET", SECRET),
        };
        let config = GatewayConfig::from_env(&env).expect("the settings of the test are good");
        let queue_config = QueueConfig::from_env(&env).expect("the settings of the test are good");
        let queue = Queue::open(queue_config, Role::Both).await.expect("a queue opens");
        let stop = CancellationToken::new();
        let running = tokio::spawn(gateway::run(config, queue.clone(), stop.clone()));
        let edge = Self { address, stop, internal, queue, running, guard };
        until("the gateway to listen", PATIENCE, async || Ok(get(internal, "/livez").await.is_ok()))
            .await
            .expect("the gateway listens");
        edge
    }

    /// The next envelope that was made durable; it is settled.
    pub(crate) async fn envelope(&self) -> Envelope {
        let received = timeout(PATIENCE, self.queue.receive(1)).await.expect("an envelope is in the queue");
        let delivery = received.into_iter().next().expect("receive hands out at least one");
        self.queue.settle(&[(delivery.tag, Settle::Done)]).await.expect("a queue settles");
        delivery.envelope
    }

    /// How many messages wait in the queue.
    pub(crate) async fn waiting(&self) -> u64 {
        self.queue.depth().await.expect("a queue knows its depth").ready
    }

    /// The value of one series, as `name{label="value"}` in the order of the page; 0 when it is not there.
    pub(crate) async fn metric(&self, series: &str) -> f64 {
        let page = self.page().await;
        let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().expect("metrics are numbers"))
    }

    /// What Prometheus would read.
    pub(crate) async fn page(&self) -> String {
        get(self.internal, "/metrics").await.expect("metrics are served").1
    }

    pub(crate) async fn ready(&self) -> (u16, String) {
        get(self.internal, "/readyz").await.expect("readiness is served")
    }

    pub(crate) fn queue_file(&self) -> PathBuf {
        self.guard.folder().join("queue.db")
    }

    /// Waits until the gateway ends by itself and returns how.
    pub(crate) async fn ended(self) -> anyhow::Result<()> {
        let ended = timeout(PATIENCE, self.running).await.expect("the gateway ends by itself");
        self.queue.close().await;
        ended.expect("the gateway does not panic")
    }

    /// Stops the gateway and returns how it ended.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.ended().await
    }
}

/// A header line that signs this body now.
pub(crate) fn signed(body: &[u8]) -> String {
    signed_by(SECRET, body)
}

pub(crate) fn signed_by(secret: &str, body: &[u8]) -> String {
    format!("stripe-signature: {}", signature_header(secret, shared::clock::now().timestamp(), body))
}

/// A good event of about this many bytes.
pub(crate) fn event(id: &str, bytes: usize) -> Vec<u8> {
    let filler = "x".repeat(bytes);
    format!(
        r#"{{"id":"{id}","object":"event","api_version":"2025-04-30.basil","created":1700000000,"livemode":true,"type":"payment_intent.succeeded","data":{{"object":{{"id":"pi_1","description":"{filler}"}}}}}}"#
    )
    .into_bytes()
}

pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}
