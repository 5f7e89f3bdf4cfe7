//! A plain HTTP/1.1 client: one connection, one request at a time, a deadline and a limit on every answer. It speaks
//! to what is beside the process or on its network; calls to Stripe, which need TLS and retries, have their own.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::time::timeout;

/// A connection that is kept open between requests.
pub struct HttpConnection(SendRequest<Full<Bytes>>);

pub struct HttpAnswer {
    pub status: StatusCode,
    pub body: Bytes,
}

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("no connection")]
    Connect(#[source] io::Error),
    /// The peer has read nothing of it: it may be sent again.
    #[error("the connection was closed before the request was sent")]
    NotSent(#[source] hyper::Error),
    #[error("the connection broke before an answer came")]
    Broken(#[source] hyper::Error),
    /// The head of the answer is there; the rest is not, or is too long.
    #[error("the answer broke off")]
    CutShort { status: StatusCode, source: Box<dyn Error + Send + Sync> },
    #[error("no answer in time")]
    Late,
}

impl HttpConnection {
    pub async fn open(to: impl ToSocketAddrs, deadline: Duration) -> Result<Self, HttpError> {
        let opening = async {
            let stream = TcpStream::connect(to).await?;
            stream.set_nodelay(true)?;
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)
        };
        let opened = timeout(deadline, opening).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let (sender, connection) = opened.map_err(HttpError::Connect)?;
        tokio::spawn(connection); // ends when the sender is dropped
        Ok(Self(sender))
    }

    /// As far as is known: the peer may close it at any time.
    pub fn is_open(&self) -> bool {
        !self.0.is_closed()
    }

    /// Sends a request and reads the whole answer. After an error other than `CutShort` nothing is known of what
    /// became of the request, and after any error the connection is of no more use.
    pub async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
        answer_limit_bytes: usize,
        deadline: Duration,
    ) -> Result<HttpAnswer, HttpError> {
        let exchange = async {
            self.0.ready().await.map_err(HttpError::NotSent)?;
            let sent = self.0.send_request(request).await;
            let response = sent.map_err(|error| {
                if error.is_canceled() { HttpError::NotSent(error) } else { HttpError::Broken(error) }
            })?;
            let status = response.status();
            let body = Limited::new(response.into_body(), answer_limit_bytes).collect().await;
            let body = body.map_err(|source| HttpError::CutShort { status, source })?.to_bytes();
            // Only when its task has seen the end of this answer is it known whether the connection stays open.
            drop(self.0.ready().await);
            Ok(HttpAnswer { status, body })
        };
        timeout(deadline, exchange).await.unwrap_or(Err(HttpError::Late))
    }
}

/// One GET over its own connection.
pub async fn get(
    address: SocketAddr,
    path: &str,
    answer_limit_bytes: usize,
    deadline: Duration,
) -> Result<HttpAnswer, HttpError> {
    let request = Request::get(path).header(HOST, address.to_string()).body(Full::default());
    let request = request.expect("the callers' paths are constants");
    let asking = async {
        HttpConnection::open(address, deadline).await?.exchange(request, answer_limit_bytes, deadline).await
    };
    timeout(deadline, asking).await.unwrap_or(Err(HttpError::Late))
}
