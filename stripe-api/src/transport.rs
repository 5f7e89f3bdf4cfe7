//! One request and its answer, with async-stripe's requests and our own client: theirs exposes neither
//! `Retry-After` nor `Date`, opens a connection per request, and reads answers of any size.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{
    AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use hyper::{Method, Request, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Deserialize;
use shared::Pending;
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::config::StripeConfig;
use super::error::StripeError;

/// In which shape objects are told. The last in which an invoice names its payment and its subscription
/// without being asked to; events keep the shape that they were made in.
const API_VERSION: &str = "2024-09-30.acacia";
/// The first that knows invoice payments.
const OF_INVOICE_PAYMENTS: &str = "2025-03-31.basil";

const ACCOUNT: HeaderName = HeaderName::from_static("stripe-account");
const VERSION: HeaderName = HeaderName::from_static("stripe-version");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("stripe-should-retry");
const IDLE: Duration = Duration::from_secs(30);
/// A hundred of the largest events.
const ANSWER_LIMIT_BYTES: usize = 64 * 1024 * 1024;
const CODE_LIMIT_CHARS: usize = 64;

/// The version by which a path is asked for, hence the shape of what it answers.
pub(super) fn version_of(path: &str) -> &'static str {
    if path.starts_with("/invoice_payments") { OF_INVOICE_PAYMENTS } else { API_VERSION }
}

/// What Stripe answered, and when by its own clock.
#[derive(Clone, Debug)]
pub(super) struct StripeResponse {
    pub(super) body: Bytes,
    pub(super) at: Option<DateTime<Utc>>,
}

/// For whom, and as which of several attempts at one thing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sender<'a> {
    /// A connected account, or `""` for our own.
    pub(super) account: &'a str,
    pub(super) idempotency_key: Option<&'a str>,
}

pub(super) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: String,
    authorization: HeaderValue,
    deadline: Duration,
}

impl Transport {
    pub(super) fn open(config: &StripeConfig) -> Result<Self, StripeError> {
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|_| StripeError::Unreachable("this machine has no root certificates".to_owned()))?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        let mut authorization =
            HeaderValue::from_str(&config.key.bearer()).expect("a key was read as plain letters");
        authorization.set_sensitive(true);
        Ok(Self { client, base: config.url.clone(), authorization, deadline: config.deadline })
    }

    /// Asks once, within the deadline.
    pub(super) fn ask<'a>(
        &'a self,
        request: &'a RequestBuilder,
        sender: Sender<'a>,
    ) -> Pending<'a, Result<StripeResponse, StripeError>> {
        Box::pin(async move {
            let request = self.request(request, sender)?;
            let exchange = async {
                let response = self.client.request(request).await.map_err(|error| unreachable(&error))?;
                read(response).await
            };
            match tokio::time::timeout(self.deadline, exchange).await {
                Ok(answer) => answer,
                Err(_) => Err(StripeError::Deadline(self.deadline)),
            }
        })
    }

    fn request(
        &self,
        request: &RequestBuilder,
        sender: Sender<'_>,
    ) -> Result<Request<Full<Bytes>>, StripeError> {
        let (path, base) = (&request.path, &self.base);
        let uri = match &request.query {
            Some(query) => format!("{base}v1{path}?{query}"),
            None => format!("{base}v1{path}"),
        };
        let method = match request.method {
            StripeMethod::Get => Method::GET,
            StripeMethod::Post => Method::POST,
            StripeMethod::Delete => Method::DELETE,
        };
        let mut builder = Request::builder()
            .method(method)
            .uri(uri)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(USER_AGENT, concat!("tidegate/", env!("CARGO_PKG_VERSION")))
            .header(VERSION, version_of(path));
        if !sender.account.is_empty() {
            builder = builder.header(ACCOUNT, sender.account);
        }
        if let Some(key) = sender.idempotency_key {
            builder = builder.header(IDEMPOTENCY_KEY, key);
        }
        if request.body.is_some() {
            builder = builder.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let body = Full::new(Bytes::from(request.body.clone().unwrap_or_default()));
        builder.body(body).map_err(|_| StripeError::Refused { status: 0, code: "not_sent".to_owned() })
    }
}

async fn read(response: Response<hyper::body::Incoming>) -> Result<StripeResponse, StripeError> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_LIMIT_BYTES).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            StripeError::Refused { status: head.status.as_u16(), code: "answer_too_large".to_owned() }
        } else {
            StripeError::Unreachable("the connection was lost during an answer".to_owned())
        }
    })?;
    let body = body.to_bytes();
    if head.status.is_success() {
        return Ok(StripeResponse { body, at: date(&head.headers) });
    }
    Err(refusal(head.status, &head.headers, &body))
}

fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> StripeError {
    let number = status.as_u16();
    let may_retry = headers.get(SHOULD_RETRY).is_none_or(|word| word != "false");
    match number {
        409 | 429 | 500..=599 if may_retry => {
            StripeError::Busy { status: number, retry_after: retry_after(headers) }
        }
        401 | 403 => StripeError::Key { status: number },
        404 => StripeError::Missing,
        _ => StripeError::Refused { status: number, code: code(body) },
    }
}

fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    let text = headers.get(DATE)?.to_str().ok()?;
    Some(DateTime::parse_from_rfc2822(text).ok()?.to_utc())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

/// Stripe's word for what is wrong; its sentences may quote us.
fn code(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Wire {
        error: Error,
    }
    #[derive(Deserialize)]
    struct Error {
        #[serde(rename = "type")]
        kind: Option<String>,
        code: Option<String>,
    }
    let told = serde_json::from_slice::<Wire>(body).ok().and_then(|wire| wire.error.code.or(wire.error.kind));
    let is_word = |text: &String| {
        text.len() <= CODE_LIMIT_CHARS && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    told.filter(is_word).unwrap_or_else(|| "no reason given".to_owned())
}

/// The innermost cause says most, and none of them what was sent.
fn unreachable(error: &hyper_util::client::legacy::Error) -> StripeError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    StripeError::Unreachable(cause.to_string())
}
