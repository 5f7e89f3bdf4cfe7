//! One request and its answer, with async-stripe's requests and our own client: theirs exposes neither
//! `Retry-After` nor `Date`, opens a connection per request, and reads answers of any size.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use shared::{Pending, simulated};
use stripe_client_core::{RequestBuilder, StripeMethod};

use super::answer::{Answer, ErrorAnswer};
use super::config::StripeConfig;
use super::endpoint::Endpoint;
use super::error::StripeError;

/// In which shape objects are told. The last in which an invoice names its payment and its subscription
/// without being asked to; events keep the shape that they were made in.
const API_VERSION: &str = "2024-09-30.acacia";
/// The first that knows invoice payments, and that makes no refund of what a capture leaves or a cancellation lets go.
const BASIL: &str = "2025-03-31.basil";

const ACCOUNT: HeaderName = HeaderName::from_static("stripe-account");
const VERSION: HeaderName = HeaderName::from_static("stripe-version");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDLE: Duration = Duration::from_secs(30);
/// A hundred of the largest events.
const ANSWER_LIMIT_BYTES: usize = 64 * 1024 * 1024;
/// How rustls begins each of its refusals of a certificate; `tests/it/tls.rs` holds it to that.
const UNTRUSTED: &str = "invalid peer certificate";
const FORM: &str = "application/x-www-form-urlencoded";

/// The version by which a path is asked for, hence the shape of what it answers.
fn version_of(path: &str) -> &'static str {
    let of_payment = path.strip_prefix("/payment_intents/").unwrap_or_default();
    let lets_go = of_payment.ends_with("/capture") || of_payment.ends_with("/cancel");
    if lets_go || path.starts_with("/invoice_payments") { BASIL } else { API_VERSION }
}

/// For whom, and as which of several attempts at one thing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sender<'a> {
    /// A connected account, or `""` for our own.
    pub(super) account: &'a str,
    pub(super) idempotency_key: Option<&'a str>,
}

/// A request as it goes out. Its body is shared by all of its attempts.
#[derive(Debug)]
pub(super) struct Outgoing {
    method: Method,
    host: Host,
    /// Without `/v1`.
    pub(super) path: String,
    query: Option<String>,
    /// With its content type.
    body: Option<(String, Bytes)>,
}

#[derive(Clone, Copy, Debug)]
enum Host {
    Api,
    Files,
}

impl From<RequestBuilder> for Outgoing {
    fn from(request: RequestBuilder) -> Self {
        let method = match request.method {
            StripeMethod::Get => Method::GET,
            StripeMethod::Post => Method::POST,
            StripeMethod::Delete => Method::DELETE,
        };
        let body = request.body.map(|form| (FORM.to_owned(), Bytes::from(form)));
        Self { method, host: Host::Api, path: request.path, query: request.query, body }
    }
}

impl Outgoing {
    /// To the host that takes files.
    pub(super) fn upload(content_type: String, body: Bytes) -> Self {
        let path = "/files".to_owned();
        Self { method: Method::POST, host: Host::Files, path, query: None, body: Some((content_type, body)) }
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint::of(&self.method, &self.path)
    }

    pub(super) fn method(&self) -> &'static str {
        match self.method {
            Method::GET => "GET",
            Method::DELETE => "DELETE",
            _ => "POST",
        }
    }

    pub(super) fn has_no_effect(&self) -> bool {
        self.method == Method::GET
    }
}

pub(super) struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    base: String,
    files_base: String,
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
        Ok(Self {
            client,
            base: config.url.clone(),
            files_base: config.files_url.clone(),
            authorization,
            deadline: config.deadline,
        })
    }

    pub(super) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Asks once, within the deadline.
    pub(super) fn ask<'a>(
        &'a self,
        outgoing: &'a Outgoing,
        sender: Sender<'a>,
    ) -> Pending<'a, Result<Answer, StripeError>> {
        Box::pin(async move {
            let request = self.request(outgoing, sender)?;
            let exchange = async {
                let response = self.client.request(request).await.map_err(|error| no_answer(&error))?;
                read(response, version_of(&outgoing.path)).await
            };
            simulated::point().await;
            let answer = tokio::time::timeout(self.deadline, exchange).await;
            simulated::point().await;
            answer.unwrap_or(Err(StripeError::Deadline(self.deadline)))
        })
    }

    fn request(&self, request: &Outgoing, sender: Sender<'_>) -> Result<Request<Full<Bytes>>, StripeError> {
        let base = match request.host {
            Host::Api => &self.base,
            Host::Files => &self.files_base,
        };
        let path = &request.path;
        let uri = match &request.query {
            Some(query) => format!("{base}v1{path}?{query}"),
            None => format!("{base}v1{path}"),
        };
        let mut builder = Request::builder()
            .method(&request.method)
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
        let mut content = Bytes::new();
        if let Some((content_type, body)) = &request.body {
            builder = builder.header(CONTENT_TYPE, content_type);
            content = body.clone();
        }
        builder
            .body(Full::new(content))
            .map_err(|_| StripeError::Unsendable("the request has characters that no request has"))
    }
}

async fn read(
    response: Response<hyper::body::Incoming>,
    version: &'static str,
) -> Result<Answer, StripeError> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_LIMIT_BYTES).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            StripeError::TooLarge(ANSWER_LIMIT_BYTES)
        } else {
            StripeError::Lost("it ended during an answer".to_owned())
        }
    })?;
    let body = body.to_bytes();
    if head.status.is_success() {
        return Ok(Answer::of(head.status, &head.headers, body, version));
    }
    Err(StripeError::Answered(Box::new(ErrorAnswer::of(head.status, &head.headers, &body))))
}

/// The innermost cause says most, and none of them what was sent. Without a connection nothing was sent at all.
fn no_answer(error: &hyper_util::client::legacy::Error) -> StripeError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let cause = cause.to_string();
    match cause.strip_prefix(UNTRUSTED) {
        Some(why) => StripeError::Untrusted(format!("certificate{why}")),
        None if error.is_connect() => StripeError::Unreachable(cause),
        None => StripeError::Lost(cause),
    }
}

#[cfg(test)]
mod tests {
    use shared::env::Env;

    use super::*;

    #[test]
    fn what_lets_go_of_an_authorisation_is_asked_for_in_a_version_that_makes_no_refund_of_it() {
        for path in ["/payment_intents/pi_1/capture", "/payment_intents/pi_1/cancel", "/invoice_payments"] {
            assert_eq!(version_of(path), BASIL, "{path}");
        }
        for path in
            ["/payment_intents", "/payment_intents/pi_1", "/payment_intents/pi_1/confirm", "/invoices/in_1"]
        {
            assert_eq!(version_of(path), API_VERSION, "{path}");
        }
    }

    #[test]
    fn a_request_names_its_account_and_its_key_where_there_are_any() {
        let env = Env::of(&[("STRIPE_SECRET_KEY", "sk_test_0123456789abcdefGHIJ")]);
        let transport = Transport::open(&StripeConfig::from_env(&env).unwrap().unwrap()).unwrap();
        let outgoing = Outgoing::from(RequestBuilder::new(StripeMethod::Get, "/refunds"));
        let sent = |sender| transport.request(&outgoing, sender).unwrap().headers().clone();
        let named = sent(Sender { account: "acct_1", idempotency_key: Some("key_1") });
        assert!(named[ACCOUNT] == "acct_1" && named[IDEMPOTENCY_KEY] == "key_1");
        let own = sent(Sender::default());
        assert!(!own.contains_key(ACCOUNT) && !own.contains_key(IDEMPOTENCY_KEY));
    }
}
