//! The internal listener of a process, on its own address: `/livez`, `/readyz`, `/metrics`. Liveness never
//! depends on broker or database, because restarting us repairs neither.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus::{Encoder, Registry, TextEncoder};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

const CONNECTIONS: usize = 64;
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// What the listener asks of the process it speaks for.
pub trait Probes: Send + Sync + 'static {
    /// Why work cannot be taken now, in plain words; `Ok` when it can.
    fn ready(&self) -> Result<(), Box<dyn Error + Send + Sync>>;

    /// Brings what is counted elsewhere up to date, bounded in time, then hands out the registry.
    fn registry(&self) -> impl Future<Output = Registry> + Send;
}

/// Serves until the token is cancelled.
pub async fn serve<P: Probes>(listener: TcpListener, probes: Arc<P>, shutdown: CancellationToken) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await; // out of files: let some go first
            continue;
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else { continue };
        let probes = Arc::clone(&probes);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&probes), request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            drop(connection.await);
            drop(slot);
        });
    }
}

async fn answer<P: Probes>(
    probes: Arc<P>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() != Method::GET {
        return Ok(text(StatusCode::METHOD_NOT_ALLOWED, "GET only\n"));
    }
    Ok(match request.uri().path() {
        "/livez" => text(StatusCode::OK, "alive\n"),
        "/readyz" => match probes.ready() {
            Ok(()) => text(StatusCode::OK, "ready\n"),
            Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}\n")),
        },
        "/metrics" => {
            // In its own task: a scraper that hangs up must not cancel a question to the ledger half-way.
            let gathered = tokio::spawn(async move { probes.registry().await.gather() }).await;
            let mut page = Vec::new();
            match gathered.map(|families| TextEncoder::new().encode(&families, &mut page)) {
                Ok(Ok(())) => text(StatusCode::OK, page),
                Ok(Err(error)) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
                Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "gathering failed; see the log\n"),
            }
        }
        _ => text(StatusCode::NOT_FOUND, "here are /livez, /readyz and /metrics\n"),
    })
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}
