//! A collector of traces on loopback: takes OTLP over HTTP in JSON, holds each request to the form of the
//! protocol, and keeps the spans; or hangs, or fails, as it is told.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Takes,
    /// Reads requests and never answers.
    Hangs,
    Answers(u16),
}

/// A span as it came, with the service that it is of.
#[derive(Clone, Debug)]
pub struct Span {
    pub service: String,
    pub name: String,
    pub kind: u64,
    pub trace: String,
    pub id: String,
    pub parent: Option<String>,
    /// In nanoseconds since 1970.
    pub start: u128,
    pub end: u128,
    pub attributes: BTreeMap<String, String>,
    /// Trace and span of each.
    pub links: Vec<(String, String)>,
    pub failed: bool,
}

#[derive(Default)]
struct Taken {
    spans: Vec<Span>,
    faults: Vec<String>,
    requests: usize,
}

/// Ends when it is dropped.
pub struct Collector {
    address: SocketAddr,
    taken: Arc<Mutex<Taken>>,
    _end: DropGuard,
}

impl Collector {
    pub async fn start(manner: Manner) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (taken, end) = (Arc::new(Mutex::new(Taken::default())), CancellationToken::new());
        tokio::spawn(serve(listener, manner, Arc::clone(&taken), end.clone()));
        Ok(Self { address, taken, _end: end.drop_guard() })
    }

    /// The value of `OTLP_URL`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests have come, answered or not.
    pub fn requests(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).requests
    }

    /// All spans so far; an error where a request was not in the form of the protocol.
    pub fn spans(&self) -> anyhow::Result<Vec<Span>> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(taken.faults.is_empty(), "{}", taken.faults.join("\n"));
        Ok(taken.spans.clone())
    }
}

async fn serve(listener: TcpListener, manner: Manner, taken: Arc<Mutex<Taken>>, end: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = end.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let (taken, end) = (Arc::clone(&taken), end.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, manner, &taken));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                () = end.cancelled() => {}
                _ended = connection => {}
            }
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    manner: Manner,
    taken: &Mutex<Taken>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    {
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.requests += 1;
        let is_json = head.headers.get("content-type").is_some_and(|kind| kind == "application/json");
        match read(&body) {
            Ok(spans) if head.method == "POST" && head.uri.path() == "/v1/traces" && is_json => {
                taken.spans.extend(spans);
            }
            Ok(_) => taken.faults.push(format!("not the place or form for spans: {head:?}")),
            Err(fault) => taken.faults.push(format!("{fault:#}: {}", String::from_utf8_lossy(&body))),
        }
    }
    let status = match manner {
        Manner::Takes => 200,
        Manner::Hangs => std::future::pending().await,
        Manner::Answers(status) => status,
    };
    let answer = Response::builder().status(status).header("content-type", "application/json");
    answer.body(Full::new(Bytes::from_static(b"{}"))).map_err(io::Error::other)
}

fn read(body: &[u8]) -> anyhow::Result<Vec<Span>> {
    let told: Value = serde_json::from_slice(body)?;
    let mut spans = Vec::new();
    for resource in list(&told, "resourceSpans")? {
        let of_process = attributes(&resource["resource"])?;
        let service = of_process.get("service.name").context("a resource names its service")?;
        for scope in list(resource, "scopeSpans")? {
            ensure!(scope["scope"]["name"].is_string(), "a scope has a name");
            for span in list(scope, "spans")? {
                spans.push(read_span(span, service)?);
            }
        }
    }
    ensure!(!spans.is_empty(), "an empty request");
    Ok(spans)
}

fn read_span(span: &Value, service: &str) -> anyhow::Result<Span> {
    let links = span["links"].as_array().into_iter().flatten();
    let parent = &span["parentSpanId"];
    let read = Span {
        service: service.to_owned(),
        name: span["name"].as_str().context("a span has a name")?.to_owned(),
        kind: span["kind"].as_u64().context("a kind is a number")?,
        trace: hex(&span["traceId"], 32)?,
        id: hex(&span["spanId"], 16)?,
        parent: if parent.is_null() { None } else { Some(hex(parent, 16)?) },
        start: nanoseconds(&span["startTimeUnixNano"])?,
        end: nanoseconds(&span["endTimeUnixNano"])?,
        attributes: attributes(span)?,
        links: links
            .map(|link| Ok((hex(&link["traceId"], 32)?, hex(&link["spanId"], 16)?)))
            .collect::<anyhow::Result<_>>()?,
        failed: span["status"]["code"] == 2,
    };
    ensure!((1..=5).contains(&read.kind) && read.start <= read.end, "{span}");
    Ok(read)
}

fn list<'v>(of: &'v Value, name: &str) -> anyhow::Result<&'v Vec<Value>> {
    of[name].as_array().with_context(|| format!("{name} is a list"))
}

fn hex(value: &Value, length: usize) -> anyhow::Result<String> {
    let text = value.as_str().context("an id is text")?;
    let is_hex = text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    ensure!(is_hex && text.bytes().any(|b| b != b'0'), "not an id of {length} hex digits: {text}");
    Ok(text.to_owned())
}

/// 64-bit numbers are text in this form.
fn nanoseconds(value: &Value) -> anyhow::Result<u128> {
    let text = value.as_str().context("a time is text")?;
    ensure!(text.len() == 19, "not nanoseconds since 1970: {text}");
    Ok(text.parse()?)
}

fn attributes(of: &Value) -> anyhow::Result<BTreeMap<String, String>> {
    let pair = |attribute: &Value| {
        let key = attribute["key"].as_str().context("an attribute has a key")?;
        let value = &attribute["value"];
        let text = value["stringValue"].as_str().or(value["intValue"].as_str());
        Ok((key.to_owned(), text.with_context(|| format!("{key} has a value of a known type"))?.to_owned()))
    };
    list(of, "attributes")?.iter().map(pair).collect()
}
