//! One connection to the gateway, kept open between events and reopened when it breaks.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use shared::clock;
use shared::http_client::{HttpConnection, HttpError};
use stripe_sim::Signer;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::tally::Reply;
use super::target::Target;

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// The gateway answers within 5 s; a little more tells its lateness from its silence.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
const ANSWER_LIMIT_BYTES: usize = 64 * 1024;

pub struct Client {
    target: Target,
    signer: Signer,
    open: Option<HttpConnection>,
}

impl Client {
    pub fn new(target: Target, signer: Signer) -> Self {
        Self { target, signer, open: None }
    }

    /// Sends one event, signed now.
    pub async fn send(&mut self, body: &Bytes) -> Reply {
        let reused = self.open.is_some();
        let mut attempt = self.attempt(body).await;
        if reused && matches!(attempt, Err(HttpError::NotSent(_))) {
            // An idle connection may have been closed while we wrote: the gateway never read this event.
            attempt = self.attempt(body).await;
        }
        attempt.unwrap_or_else(|error| no_answer(&error))
    }

    async fn attempt(&mut self, body: &Bytes) -> Result<Reply, HttpError> {
        let mut connection = match self.open.take().filter(HttpConnection::is_open) {
            Some(open) => open,
            None => HttpConnection::open(self.target.address, CONNECT_DEADLINE).await?,
        };
        let answer = connection.exchange(self.request(body), ANSWER_LIMIT_BYTES, ANSWER_DEADLINE).await?;
        self.open = Some(connection);
        Ok(Reply::Status(answer.status.as_u16()))
    }

    fn request(&self, body: &Bytes) -> Request<Full<Bytes>> {
        Request::post(&self.target.path)
            .header(HOST, &self.target.authority)
            .header(USER_AGENT, concat!("tidegate-send/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header("Stripe-Signature", self.signer.header(clock::now().timestamp(), body))
            .body(Full::new(body.clone()))
            .expect("the target's parts were parsed from a URL")
    }
}

fn no_answer(error: &HttpError) -> Reply {
    Reply::Nothing(match error {
        HttpError::Connect(_) => "no connection",
        HttpError::NotSent(_) | HttpError::Broken(_) | HttpError::CutShort { .. } => "connection broke",
        HttpError::Late => "no answer in time",
    })
}

/// Whether anybody listens there, before a long run begins.
pub async fn reach(target: &Target) -> bool {
    matches!(timeout(CONNECT_DEADLINE, TcpStream::connect(target.address)).await, Ok(Ok(_)))
}
