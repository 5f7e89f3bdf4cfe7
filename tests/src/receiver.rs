//! A receiver of notices on loopback: it keeps each request and answers as it is told, or takes one and hangs up
//! before it answers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::process_guard::until;

const PATIENCE: Duration = Duration::from_secs(10);

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Answers(u16),
    /// Keeps the request and hangs up.
    HangsUp,
}

struct Shared {
    manner: Manner,
    received: Vec<Received>,
}

pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    running: Option<DropGuard>,
}

impl Received {
    pub fn id(&self) -> String {
        self.headers.get("webhook-id").cloned().unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a notice is JSON")
    }
}

impl Receiver {
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Mutex::new(Shared { manner: Manner::Answers(200), received: Vec::new() }));
        let mut receiver = Self { address, shared, running: None };
        receiver.run(listener);
        Ok(receiver)
    }

    pub fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    pub fn set(&self, manner: Manner) {
        self.lock().manner = manner;
    }

    pub fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    /// Ends at once, in the middle of whatever it does.
    pub fn stop(&mut self) {
        self.running = None;
    }

    /// Begins again at its address, once the one before has let go of it.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        let mut listener = None;
        until("the receiver's address to be free", PATIENCE, async || {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            listener = socket.bind(self.address).and_then(|()| socket.listen(128)).ok();
            Ok(listener.is_some())
        })
        .await?;
        self.run(listener.context("it was free")?);
        Ok(())
    }

    fn run(&mut self, listener: TcpListener) {
        let end = CancellationToken::new();
        let (shared, ended) = (Arc::clone(&self.shared), end.clone());
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = ended.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((stream, _)) = accepted else { continue };
                let (shared, ended) = (Arc::clone(&shared), ended.clone());
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(request, Arc::clone(&shared)));
                    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    tokio::select! {
                        () = ended.cancelled() => {}
                        _ = served => {}
                    }
                });
            }
        });
        self.running = Some(end.drop_guard());
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Mutex<Shared>>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let body = request.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let manner = {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.received.push(Received { headers, body });
        shared.manner
    };
    match manner {
        Manner::Answers(status) => {
            let answer = Response::builder().status(status).header("location", "http://127.0.0.1:1/");
            answer.body(Full::default()).map_err(std::io::Error::other)
        }
        Manner::HangsUp => Err(std::io::Error::other("told to hang up")),
    }
}
