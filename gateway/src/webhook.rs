//! One webhook: check the head, read the body, verify it, store it durably. Every `?` here is an answer other
//! than 200; the only success is a confirmed publish.

use std::time::Instant;

use envelope::{Envelope, Header, Source, Unwanted};
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, HeaderMap};
use shared::http::body::{self, Taken};
use shared::trace::trace_id_of;

use crate::Gateway;
use crate::endpoints::Endpoint;
use crate::event::Head;
use crate::metrics::InHand;
use crate::responses::{Outcome, Rejection, Unavailable};
use crate::signature::{Refusal, Signature};
use crate::spans;

const SIGNATURE: &str = "stripe-signature";

/// `span` is the webhook's own, where spans are exported.
pub(crate) async fn receive(
    gateway: &Gateway,
    endpoint: &Endpoint,
    in_hand: &InHand<'_>,
    span: Option<&str>,
    request: Request<Incoming>,
) -> Outcome {
    let (head, body) = request.into_parts();
    if is_encoded(&head.headers) {
        return Err(Rejection::Encoded);
    }
    let limits = &gateway.limits;
    if body::declares_more_than(&body, limits.body_bytes) {
        return Err(Rejection::TooLarge);
    }
    let signature = Signature::parse(signature_line(&head.headers)?)?;
    let taken = body::read(body, limits.body_bytes, limits.body_deadline, &gateway.room).await?;
    verify(gateway, endpoint, &signature, &taken.bytes)?;
    let envelope = envelope(endpoint, span.or_else(|| spans::sender(&head.headers)), &taken)?;
    in_hand.is_event(envelope.header.livemode, &envelope.header.kind);
    publish(gateway, &envelope, span).await?;
    gateway.metrics.last_event(&endpoint.name, envelope.header.received_at);
    Ok(envelope.header.unwanted)
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// The one line: of two it would be open which one counts.
fn signature_line(headers: &HeaderMap) -> Result<&[u8], Refusal> {
    let mut lines = headers.get_all(SIGNATURE).iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => Ok(line.as_bytes()),
        (None, _) => Err(Refusal::Missing),
        (Some(_), Some(_)) => Err(Refusal::Repeated),
    }
}

fn verify(
    gateway: &Gateway,
    endpoint: &Endpoint,
    signature: &Signature<'_>,
    body: &[u8],
) -> Result<(), Refusal> {
    let now = shared::clock::now();
    let secrets = endpoint.secrets.current();
    let verdict = signature.verify(body, &secrets, now, gateway.limits.signature_tolerance);
    // Refused for its time it was still signed by Stripe: that is how a wrong clock of ours shows.
    if matches!(verdict, Ok(_) | Err(Refusal::TooOld | Refusal::TooNew)) {
        gateway.metrics.clock_skew.set(signature.age_secs(now));
    }
    let secret = verdict?.secret;
    gateway.metrics.secret_matched(&endpoint.name, secret, now);
    Ok(())
}

fn envelope(endpoint: &Endpoint, parent: Option<&str>, taken: &Taken<'_>) -> Result<Envelope, Rejection> {
    let event = Head::read(&taken.bytes)?;
    let unwanted: Option<Unwanted> = endpoint.unwanted(event.livemode, &event.account);
    let header = Header { unwanted, ..event.header(Source::Stripe, &endpoint.name, parent) };
    Ok(Envelope { header, body: taken.bytes.clone() })
}

/// `Ok` only when the envelope is durable. A queue that breaks meanwhile takes every answer with it: an
/// fsync that failed once says nothing about what came before it.
async fn publish(gateway: &Gateway, envelope: &Envelope, webhook: Option<&str>) -> Result<(), Unavailable> {
    let span = spans::publish(&gateway.spans, &envelope.header, webhook);
    let started = Instant::now();
    let published = tokio::select! {
        biased;
        () = gateway.fatal.cancelled() => Err(Unavailable::QueueBroken),
        published = gateway.queue.publish(envelope) => published.map_err(Unavailable::Publish),
    };
    gateway.metrics.publish_seconds.observe(started.elapsed().as_secs_f64());
    spans::published(span, published);
    if published.is_ok() {
        tracing::debug!(
            event_id = envelope.header.id,
            event_type = envelope.header.kind,
            endpoint = envelope.header.endpoint,
            trace_id = trace_id_of(&envelope.header.trace_parent),
            "event accepted"
        );
    }
    published
}
