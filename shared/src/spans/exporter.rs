//! The one task that sends spans: in batches, one request at a time, each with a deadline and at most one
//! retry. Only the end of the process waits for it, within a limit.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::SpanCounts;
use super::otlp::{Resource, Span, encode};
use super::target::Target;
use crate::http_client::{HttpAnswer, HttpConnection, HttpError};
use crate::trace::random_hex;

const BATCH_SPANS: usize = 512;
/// How long the first span of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);
const REQUEST_DEADLINE: Duration = Duration::from_secs(2);
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// For what is left when the process stops.
const FLUSH_DEADLINE: Duration = Duration::from_secs(2);
const ANSWER_LIMIT_BYTES: usize = 64 * 1024;

/// The running task; without a collector there is none.
pub struct Exporter(Option<(CancellationToken, JoinHandle<()>)>);

impl Exporter {
    pub(super) fn none() -> Self {
        Self(None)
    }

    pub(super) fn start(
        target: Target,
        service: String,
        counts: SpanCounts,
        waiting: mpsc::Receiver<Span>,
    ) -> Self {
        tracing::info!(url = target.shown(), "spans are exported");
        let task = Task {
            resource: Resource { service, instance: random_hex::<16>() },
            target,
            counts,
            waiting,
            batch: Vec::with_capacity(BATCH_SPANS),
            connection: None,
            fails: false,
        };
        let stop = CancellationToken::new();
        Self(Some((stop.clone(), tokio::spawn(task.run(stop)))))
    }

    /// Sends what is left, within a bound.
    pub async fn finish(self) {
        let Some((stop, task)) = self.0 else { return };
        stop.cancel();
        drop(task.await);
    }
}

struct Task {
    resource: Resource,
    target: Target,
    counts: SpanCounts,
    waiting: mpsc::Receiver<Span>,
    /// Taken from the channel, and not yet sent.
    batch: Vec<Span>,
    connection: Option<HttpConnection>,
    /// Whether the last batch was not taken: each change is logged once.
    fails: bool,
}

/// Why a batch was not taken.
struct ExportFault {
    why: String,
    may_retry: bool,
}

impl Task {
    async fn run(mut self, stop: CancellationToken) {
        let bound = async {
            stop.cancelled().await;
            tokio::time::sleep(FLUSH_DEADLINE).await;
        };
        tokio::select! {
            () = self.work(&stop) => {}
            () = bound => {}
        }
        let lost = self.batch.len() + self.waiting.len();
        if lost > 0 {
            self.counts.dropped.inc_by(lost as u64);
            tracing::warn!(spans = lost, "spans were not exported before shutdown");
        }
    }

    async fn work(&mut self, stop: &CancellationToken) {
        loop {
            self.gather(stop).await;
            if self.batch.is_empty() {
                return;
            }
            self.send().await;
        }
    }

    /// Fills the batch, or a part of it after a while. Empty: stopped, and nothing is left.
    async fn gather(&mut self, stop: &CancellationToken) {
        tokio::select! {
            biased;
            _some = self.waiting.recv_many(&mut self.batch, BATCH_SPANS) => {}
            () = stop.cancelled() => {
                self.waiting.close();
                self.waiting.recv_many(&mut self.batch, BATCH_SPANS).await;
            }
        }
        let linger = tokio::time::sleep(LINGER);
        tokio::pin!(linger);
        while (1..BATCH_SPANS).contains(&self.batch.len()) {
            let room = BATCH_SPANS - self.batch.len();
            tokio::select! {
                biased;
                more = self.waiting.recv_many(&mut self.batch, room) => if more == 0 { return },
                () = stop.cancelled() => return,
                () = &mut linger => return,
            }
        }
    }

    async fn send(&mut self) {
        let body = Bytes::from(encode(&self.resource, &self.batch));
        let sent = match self.post(body.clone()).await {
            Err(fault) if fault.may_retry => {
                tokio::time::sleep(RETRY_PAUSE).await;
                self.post(body).await
            }
            sent => sent,
        };
        let spans = self.batch.len() as u64;
        self.batch.clear();
        match sent {
            Ok(rejected) => {
                let rejected = rejected.min(spans);
                self.counts.exported.inc_by(spans - rejected);
                self.counts.dropped.inc_by(rejected);
                if std::mem::replace(&mut self.fails, false) {
                    tracing::info!(url = self.target.shown(), "spans are exported again");
                }
            }
            Err(ExportFault { why, .. }) => {
                self.counts.dropped.inc_by(spans);
                if !std::mem::replace(&mut self.fails, true) {
                    tracing::warn!(
                        url = self.target.shown(),
                        why,
                        "spans cannot be exported: they are dropped and counted"
                    );
                }
            }
        }
    }

    /// Sends once, within the deadline. `Ok` says how many spans the collector rejected.
    async fn post(&mut self, body: Bytes) -> Result<u64, ExportFault> {
        let answer = tokio::time::timeout(REQUEST_DEADLINE, self.exchange(body)).await;
        let HttpAnswer { status, body, .. } =
            answer.unwrap_or(Err(HttpError::Late)).map_err(|error| ExportFault {
                why: error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}")),
                may_retry: true,
            })?;
        if status.is_success() {
            return Ok(rejected(&body));
        }
        // Those that the protocol says may be sent again.
        let may_retry = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        Err(ExportFault { why: format!("answered {}", status.as_u16()), may_retry })
    }

    /// Over the kept connection, or a new one.
    async fn exchange(&mut self, body: Bytes) -> Result<HttpAnswer, HttpError> {
        let kept = self.connection.take().filter(HttpConnection::is_open);
        let mut connection = if let Some(kept) = kept {
            kept
        } else {
            let address = (self.target.host.as_str(), self.target.port);
            HttpConnection::open(address, REQUEST_DEADLINE).await?
        };
        let request = request(&self.target, body);
        let answer = connection.exchange(request, ANSWER_LIMIT_BYTES, REQUEST_DEADLINE).await?;
        self.connection = Some(connection);
        Ok(answer)
    }
}

fn request(target: &Target, body: Bytes) -> Request<Full<Bytes>> {
    Request::post(&target.path)
        .header(HOST, &target.authority)
        .header(USER_AGENT, concat!("tidegate/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(body))
        .expect("the target's parts were parsed from a URL")
}

/// How many spans an answer says were not taken; 64-bit numbers come as text, or not.
fn rejected(answer: &[u8]) -> u64 {
    let told: Option<CollectorAnswer> = serde_json::from_slice(answer).ok();
    let number = told.and_then(|told| told.partial_success).and_then(|partial| partial.rejected_spans);
    match number {
        Some(Number::Text(text)) => text.parse().unwrap_or_default(),
        Some(Number::Plain(number)) => number,
        None => 0,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CollectorAnswer {
    partial_success: Option<Partial>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Partial {
    rejected_spans: Option<Number>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Text(String),
    Plain(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_collector_did_not_take_is_known() {
        assert_eq!(rejected(b"{}"), 0);
        assert_eq!(rejected(b"not json"), 0);
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"x"}}"#), 3);
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":4}}"#), 4);
    }
}
