//! A listener for the world: its limit of connections, their deadlines, and its shutdown. Socket and stop signal are
//! arguments; what is answered is the process's own.

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::io::{self, Write};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection_metrics::{BAD_REQUEST, ConnectionMetrics};
use super::io_deadlines::{DeadlineStream, Exchange};
use super::log_budget::LogBudget;

/// A head that does not fit is answered 431. hyper's own default is about 400 KB a connection.
const BUFFER_LIMIT_BYTES: usize = 16_384;
/// How much of what a refused sender still sends is read and thrown away, and for how long.
const LINGER_LIMIT_BYTES: usize = 4_194_304;
const LINGER: Duration = Duration::from_secs(1);
/// Until another try, when the process has no file left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    pub connections: usize,
    /// How long a connection without a request stays open.
    pub idle: Duration,
    /// For a head to arrive, and for an answer to be read.
    pub header_deadline: Duration,
    /// For requests in hand, once it is time to stop.
    pub drain_deadline: Duration,
}

/// The process behind a listener.
pub trait Edge: Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;

    /// What a connection too many is sent, without waiting for its request.
    const TOO_MANY_CONNECTIONS: &'static [u8];

    fn connection_limits(&self) -> ConnectionLimits;

    fn connection_metrics(&self) -> &ConnectionMetrics;

    fn log_budget(&self) -> &LogBudget;

    fn answer(
        self: Arc<Self>,
        peer: IpAddr,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// Serves until `shutdown` is cancelled. Then nobody new comes in, requests in hand end within the drain
/// deadline, and what is left is cut off.
pub async fn serve<E: Edge>(listener: TcpListener, edge: Arc<E>, shutdown: CancellationToken) {
    let connections = TaskTracker::new();
    let cut_off = CancellationToken::new();
    let limits = edge.connection_limits();
    let slots = Arc::new(Semaphore::new(limits.connections));
    while let Some((stream, peer)) = next(&listener, edge.log_budget(), &shutdown).await {
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            edge.connection_metrics().shed();
            shed(stream, E::TOO_MANY_CONNECTIONS);
            continue;
        };
        let (edge, shutdown, cut_off) = (Arc::clone(&edge), shutdown.clone(), cut_off.clone());
        connections.spawn(async move {
            tokio::select! {
                () = connection(stream, peer, &edge, limits, &shutdown) => {}
                () = cut_off.cancelled() => {}
            }
            drop(slot);
        });
    }
    drop(listener);
    connections.close();
    if timeout(limits.drain_deadline, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "drain deadline passed: closing open connections");
        cut_off.cancel();
        connections.wait().await;
    }
}

/// The next connection; `None` once it is time to stop.
async fn next(
    listener: &TcpListener,
    log_budget: &LogBudget,
    shutdown: &CancellationToken,
) -> Option<(TcpStream, IpAddr)> {
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => return Some((stream, peer.ip())),
            Err(error) if is_of_the_peer(error.kind()) => {}
            Err(error) => {
                if let Some(lines_withheld) = log_budget.take() {
                    tracing::error!(%error, lines_withheld, "cannot accept a connection");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A peer that went away before it was let in: no reason to keep the others waiting.
fn is_of_the_peer(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(kind, ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn connection<E: Edge>(
    stream: TcpStream,
    peer: IpAddr,
    edge: &Arc<E>,
    limits: ConnectionLimits,
    shutdown: &CancellationToken,
) {
    let open = edge.connection_metrics().opened();
    drop(stream.set_nodelay(true)); // only slower without
    let exchange = Arc::new(Exchange::default());
    let paced = DeadlineStream::new(stream, Arc::clone(&exchange), limits.header_deadline);
    let service = service_fn(|request: Request<Incoming>| {
        let (edge, exchange) = (Arc::clone(edge), Arc::clone(&exchange));
        exchange.begin(request.body().size_hint().exact()); // before hyper reads on
        // Boxed, so that an idle connection does not carry the memory of a request.
        Box::pin(async move {
            let answer = edge.answer(peer, request).await;
            exchange.end(!answer.status().is_success());
            Ok::<_, Infallible>(answer)
        })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle)
        .max_buf_size(BUFFER_LIMIT_BYTES)
        .serve_connection(TokioIo::new(paced), service);
    let mut stopping = pin!(shutdown.cancelled());
    let mut asked_to_stop = false;
    let served = poll_fn(|cx| {
        if !asked_to_stop && stopping.as_mut().poll(cx).is_ready() {
            asked_to_stop = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        connection.poll_without_shutdown(cx)
    })
    .await;
    let unread = match served {
        Ok(()) => exchange.refused(),
        Err(error) => {
            open.failed(fault(&error));
            error.is_parse() // then hyper has answered, and given up reading
        }
    };
    let stream = connection.into_parts().io.into_inner().into_inner();
    if unread {
        linger(stream).await;
    }
}

/// For metrics, from the set that they know.
fn fault(error: &hyper::Error) -> &'static str {
    let io = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    match io.map(io::Error::kind) {
        Some(io::ErrorKind::TimedOut) => "too_slow",
        _ if error.is_timeout() => "too_slow",
        _ if error.is_parse() => BAD_REQUEST,
        _ => "cut_off",
    }
}

/// Closing a socket with unread bytes resets it, and the sender may lose our answer, which said why.
async fn linger(mut stream: TcpStream) {
    let discard = async {
        let mut left = LINGER_LIMIT_BYTES;
        let mut buffer = [0; 2_048];
        stream.shutdown().await?;
        while left > 0 {
            match stream.read(&mut buffer).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        Ok::<_, io::Error>(())
    };
    drop(timeout(LINGER, discard).await); // a courtesy: whatever comes of it, the socket is closed now
}

/// One attempt to say why, without waiting: there is no room to be polite in.
fn shed(stream: TcpStream, answer: &[u8]) {
    if let Ok(mut stream) = stream.into_std() {
        drop(stream.write(answer));
    }
}
