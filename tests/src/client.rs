//! A sender like Stripe: one kept-alive connection, a fresh signature for every attempt, a deadline.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request};
use shared::http_client::{self, HttpConnection, HttpError};
use stripe_sim::signature_header;

/// Above every deadline of the gateway: what does not answer within it, hangs.
const ANSWER_DEADLINE: Duration = Duration::from_secs(15);
const ANSWER_LIMIT_BYTES: usize = 16 * 1024 * 1024;

pub struct Client {
    balancer: Balancer,
    secret: String,
    connections: BTreeMap<SocketAddr, HttpConnection>,
}

/// What stands in front of several gateways: it sends each request to the next one in rotation, over kept
/// connections, and asks another where a connection is refused, for then nothing has been sent.
#[derive(Clone)]
pub struct Balancer(Arc<Mutex<Rotation>>);

#[derive(Default)]
struct Rotation {
    members: BTreeMap<SocketAddr, bool>,
    turn: usize,
    seen: Seen,
}

/// What a balancer has seen of its gateways.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Connections that were not taken.
    pub refused: u32,
    /// Requests that had been sent, or begun to be, and got no answer.
    pub broken: u32,
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
        Self::behind(&Balancer::over(&[address]), secret)
    }

    pub fn behind(balancer: &Balancer, secret: &str) -> Self {
        Self { balancer: balancer.clone(), secret: secret.to_owned(), connections: BTreeMap::new() }
    }

    /// Signs the body and posts it to the default endpoint.
    pub async fn send(&mut self, body: &Bytes) -> Answer {
        self.post(body, None).await
    }

    /// The same as part of a trace.
    pub async fn send_traced(&mut self, body: &Bytes, trace_parent: &str) -> Answer {
        self.post(body, Some(trace_parent)).await
    }

    async fn post(&mut self, body: &Bytes, trace_parent: Option<&str>) -> Answer {
        let header = signature_header(&self.secret, shared::clock::now().timestamp(), body);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/webhooks/stripe")
            .header("host", "webhooks.example")
            .header("content-type", "application/json; charset=utf-8")
            .header("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .header("stripe-signature", header);
        if let Some(trace_parent) = trace_parent {
            request = request.header("traceparent", trace_parent);
        }
        let request = request
            .body(Full::new(body.clone()))
            .expect("constant names and printable values make a request");
        let Some((address, mut connection)) = self.connection().await else { return Answer::Nothing };
        let answer = connection.exchange(request, ANSWER_LIMIT_BYTES, ANSWER_DEADLINE).await;
        // Whatever is not brought to its end leaves its connection behind: an answer may still be under way on it.
        match answer {
            Ok(answer) => {
                self.connections.insert(address, connection);
                Answer::Status(answer.status.as_u16())
            }
            // The head is the promise, whatever happens to the rest.
            Err(HttpError::CutShort { status, .. }) => Answer::Status(status.as_u16()),
            Err(_) => {
                self.balancer.lock().seen.broken += 1;
                Answer::Nothing
            }
        }
    }

    /// A kept or a new connection to the next gateway that takes one.
    async fn connection(&mut self) -> Option<(SocketAddr, HttpConnection)> {
        for address in self.balancer.turns() {
            if let Some(open) = self.connections.remove(&address).filter(HttpConnection::is_open) {
                return Some((address, open));
            }
            if let Ok(new) = HttpConnection::open(address, ANSWER_DEADLINE).await {
                return Some((address, new));
            }
            self.balancer.lock().seen.refused += 1;
        }
        None
    }
}

impl Balancer {
    pub fn over(addresses: &[SocketAddr]) -> Self {
        let members = addresses.iter().map(|address| (*address, true)).collect();
        Self(Arc::new(Mutex::new(Rotation { members, ..Rotation::default() })))
    }

    /// Takes a gateway into the rotation, or out of it. Requests that it has in hand go on.
    pub fn set(&self, address: SocketAddr, is_in: bool) {
        self.lock().members.insert(address, is_in);
    }

    pub fn seen(&self) -> Seen {
        self.lock().seen
    }

    /// Those in rotation, beginning with the one whose turn it is.
    fn turns(&self) -> Vec<SocketAddr> {
        let mut rotation = self.lock();
        rotation.turn = rotation.turn.wrapping_add(1);
        let mut members: Vec<SocketAddr> =
            rotation.members.iter().filter(|(_, is_in)| **is_in).map(|(address, _)| *address).collect();
        if !members.is_empty() {
            let first = rotation.turn % members.len();
            members.rotate_left(first);
        }
        members
    }

    fn lock(&self) -> MutexGuard<'_, Rotation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A GET on an internal listener: its status and its page.
pub async fn get(address: SocketAddr, path: &str) -> anyhow::Result<(u16, String)> {
    let answer = http_client::get(address, path, ANSWER_LIMIT_BYTES, ANSWER_DEADLINE).await?;
    Ok((answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned()))
}
