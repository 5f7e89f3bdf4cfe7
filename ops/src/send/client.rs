//! One connection to the gateway, kept open between events and made again when it breaks.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use shared::clock;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::sign::Signer;
use super::tally::Answer;
use super::target::Target;

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// The gateway answers within 5 s; a little more tells its lateness from its silence.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
const ANSWER_LIMIT_BYTES: usize = 64 * 1024;

pub struct Client {
    target: Target,
    signer: Signer,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    pub fn new(target: Target, signer: Signer) -> Self {
        Self { target, signer, open: None }
    }

    /// Sends one event, signed now.
    pub async fn send(&mut self, body: &Bytes) -> Answer {
        let reused = self.open.is_some();
        match self.attempt(body).await {
            // An idle connection may have been closed while we wrote: the gateway never read this event.
            Err(Trouble::NotSent) if reused => self.attempt(body).await.unwrap_or_else(Trouble::answer),
            Err(trouble) => trouble.answer(),
            Ok(answer) => answer,
        }
    }

    async fn attempt(&mut self, body: &Bytes) -> Result<Answer, Trouble> {
        let mut sender = match self.open.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => connect(&self.target).await?,
        };
        let request = self.request(body);
        let exchange = async {
            sender.ready().await.map_err(|_| Trouble::NotSent)?;
            let response = sender
                .send_request(request)
                .await
                .map_err(|error| if error.is_canceled() { Trouble::NotSent } else { Trouble::Broken })?;
            let status = response.status().as_u16();
            let rest = Limited::new(response.into_body(), ANSWER_LIMIT_BYTES).collect().await;
            rest.map_err(|_| Trouble::Broken)?;
            Ok(status)
        };
        let status = timeout(ANSWER_DEADLINE, exchange).await.map_err(|_| Trouble::Late)??;
        self.open = Some(sender);
        Ok(Answer::Status(status))
    }

    fn request(&self, body: &Bytes) -> Request<Full<Bytes>> {
        Request::post(&self.target.path)
            .header(HOST, &self.target.authority)
            .header(USER_AGENT, concat!("tidegate-send/", env!("CARGO_PKG_VERSION")))
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header("Stripe-Signature", self.signer.header(body, clock::now().timestamp()))
            .body(Full::new(body.clone()))
            .expect("the target's parts were parsed from a URL")
    }
}

enum Trouble {
    Connect,
    NotSent,
    Broken,
    Late,
}

impl Trouble {
    fn answer(self) -> Answer {
        Answer::Nothing(match self {
            Self::Connect => "no connection",
            Self::NotSent | Self::Broken => "connection broke",
            Self::Late => "no answer in time",
        })
    }
}

async fn connect(target: &Target) -> Result<SendRequest<Full<Bytes>>, Trouble> {
    let connecting = async {
        let stream = TcpStream::connect(target.address).await.map_err(|_| Trouble::Connect)?;
        stream.set_nodelay(true).map_err(|_| Trouble::Connect)?;
        http1::handshake(TokioIo::new(stream)).await.map_err(|_| Trouble::Connect)
    };
    let (sender, connection) =
        timeout(CONNECT_DEADLINE, connecting).await.map_err(|_| Trouble::Connect)??;
    tokio::spawn(connection); // ends when the sender is dropped
    Ok(sender)
}

/// Whether anybody listens there, before a long run begins.
pub async fn reach(target: &Target) -> bool {
    matches!(timeout(CONNECT_DEADLINE, TcpStream::connect(target.address)).await, Ok(Ok(_)))
}
