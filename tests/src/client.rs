//! A sender like Stripe: one kept-alive connection, a fresh signature for every attempt, a deadline.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::signing::signature_header;

/// Above every deadline of the gateway: what does not answer within it, hangs.
const ANSWER_DEADLINE: Duration = Duration::from_secs(15);

pub struct Client {
    address: SocketAddr,
    secret: String,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// What came back. Only an answer says anything about the event's fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Status(u16),
    /// Refused, reset, closed, or silent for too long.
    Nothing,
}

impl Answer {
    pub fn accepted(self) -> bool {
        self == Self::Status(200)
    }
}

impl Client {
    pub fn new(address: SocketAddr, secret: &str) -> Self {
        Self { address, secret: secret.to_owned(), connection: None }
    }

    /// Signs the body and posts it to the default endpoint.
    pub async fn send(&mut self, body: &Bytes) -> Answer {
        let header = signature_header(&self.secret, shared::clock::now().timestamp(), body);
        let request = Request::builder()
            .method(Method::POST)
            .uri("/webhooks/stripe")
            .header("host", self.address.to_string())
            .header("content-type", "application/json; charset=utf-8")
            .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .header("stripe-signature", header)
            .body(Full::new(body.clone()))
            .expect("constant names and printable values make a request");
        let Ok(Ok(status)) = timeout(ANSWER_DEADLINE, self.exchange(request)).await else {
            self.connection = None; // an answer may still be under way on it
            return Answer::Nothing;
        };
        Answer::Status(status)
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<u16> {
        let mut connection = match self.connection.take() {
            Some(open) if open.is_ready() => open,
            _ => connect(self.address).await?,
        };
        let response = connection.send_request(request).await?;
        let status = response.status().as_u16();
        // The head is the promise, whatever happens to the rest. The connection is good for another request
        // only once its task has seen the end of this one.
        if response.into_body().collect().await.is_ok() && connection.ready().await.is_ok() {
            self.connection = Some(connection);
        }
        Ok(status)
    }
}

async fn connect(address: SocketAddr) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

/// A GET on an internal listener: its status and its page.
pub async fn get(address: SocketAddr, path: &str) -> anyhow::Result<(u16, String)> {
    let ask = async {
        let mut connection = connect(address).await?;
        let request = Request::get(path).header("host", address.to_string()).body(Full::new(Bytes::new()))?;
        let response = connection.send_request(request).await?;
        let status = response.status().as_u16();
        let page = response.into_body().collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&page).into_owned()))
    };
    timeout(ANSWER_DEADLINE, ask).await?
}
