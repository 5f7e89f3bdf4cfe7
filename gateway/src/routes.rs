//! The paths, and what every request has in common: its deadline, its metrics, its log line, and whether the
//! connection stays open.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::TRANSFER_ENCODING;
use hyper::{Method, Request};
use shared::http::framing;

use crate::Gateway;
use crate::endpoints::{DEFAULT, Endpoint, Endpoints};
use crate::responses::{self, HttpResponse, Outcome, Rejection, Unavailable};
use crate::slowdown::Answered;
use crate::spans::Webhook;
use crate::webhook;

const WEBHOOKS: &str = "/webhooks/stripe";
const HEALTH: &str = "/api/health";

/// Answers one request. An error ends the connection, as does every request with a transfer encoding:
/// where a body ends is then no longer beyond doubt, and what follows might be read as a second request.
pub(crate) async fn answer(gateway: Arc<Gateway>, peer: IpAddr, request: Request<Incoming>) -> HttpResponse {
    let in_doubt = request.headers().contains_key(TRANSFER_ENCODING);
    if let Some(fault) = framing::fault(request.version(), request.headers()) {
        gateway.metrics.connections.misframed();
        let answer = responses::misframed(fault);
        gateway.metrics.answered(answer.status());
        return responses::closing(answer);
    }
    let answer = match route(&gateway.endpoints, request.uri().path()) {
        Some(Route::Webhook(endpoint)) if *request.method() == Method::POST => {
            webhook(&gateway, endpoint, peer, request).await
        }
        Some(Route::Webhook(_)) => responses::method_not_allowed("POST"),
        Some(Route::Health) if matches!(*request.method(), Method::GET | Method::HEAD) => {
            responses::healthy()
        }
        Some(Route::Health) => responses::method_not_allowed("GET, HEAD"),
        None => responses::not_found(),
    };
    gateway.metrics.answered(answer.status());
    if in_doubt || !answer.status().is_success() { responses::closing(answer) } else { answer }
}

enum Route<'g> {
    Webhook(&'g Endpoint),
    Health,
}

/// Exact paths only, but for one last slash of an endpoint: Stripe posts to what somebody typed, and follows no redirect.
/// `/api/webhooks/stripe` serves those who come from there.
fn route<'g>(endpoints: &'g Endpoints, path: &str) -> Option<Route<'g>> {
    if path == HEALTH {
        return Some(Route::Health);
    }
    let path = path.strip_suffix('/').unwrap_or(path);
    let path = path.strip_prefix("/api").unwrap_or(path).strip_prefix(WEBHOOKS)?;
    let name = if path.is_empty() { DEFAULT } else { path.strip_prefix('/')? };
    endpoints.get(name).map(Route::Webhook)
}

async fn webhook(
    gateway: &Gateway,
    endpoint: &Endpoint,
    peer: IpAddr,
    request: Request<Incoming>,
) -> HttpResponse {
    let started = Instant::now();
    let in_hand = gateway.metrics.in_hand(&endpoint.name);
    let span = Webhook::begin(&gateway.spans, endpoint, request.headers());
    let receiving = webhook::receive(gateway, endpoint, &in_hand, span.trace_parent(), request);
    let outcome = tokio::time::timeout(gateway.limits.answer_deadline, receiving)
        .await
        .unwrap_or(Err(Unavailable::AnswerDeadline.into()));
    in_hand.end(&outcome);
    gateway.metrics.answer_seconds.observe(started.elapsed().as_secs_f64());
    if let Err(rejection) = outcome {
        note(gateway, endpoint, rejection);
    }
    let answer = responses::of(&outcome);
    span.end(&outcome, answer.status());
    if matches!(outcome, Err(Rejection::Signature(_))) {
        slow_down(gateway, peer).await;
    }
    answer
}

/// Who keeps sending refused signatures is kept waiting for the answer. By now nothing of the request is held
/// but its connection.
async fn slow_down(gateway: &Gateway, peer: IpAddr) {
    match gateway.slowdown.refused(peer) {
        Answered::AtOnce => {}
        Answered::TooManyWait => gateway.metrics.too_many_wait(),
        Answered::Late(delay, _place) => {
            let _waiting = gateway.metrics.late_answer();
            tokio::time::sleep(delay).await;
        }
    }
}

/// A line for what was not accepted, a few a second at most: anybody can make us write them.
fn note(gateway: &Gateway, endpoint: &Endpoint, rejection: Rejection) {
    let Some(withheld) = gateway.log_budget.take() else { return };
    let outcome: Outcome = Err(rejection);
    tracing::warn!(
        endpoint = endpoint.name,
        outcome = responses::label(&outcome),
        reason = rejection.reason(),
        lines_withheld = withheld,
        "webhook not accepted"
    );
}

#[cfg(test)]
mod tests {
    use shared::env::Env;

    use super::*;

    #[test]
    fn paths_are_exact() {
        let secret = "whsec_0123456789abcdefGHIJ";
        let env = Env::of(&[("STRIPE_WEBHOOK_SECRET", secret), ("STRIPE_WEBHOOK_SECRET__CONNECT", secret)]);
        let endpoints = crate::endpoints::from_env(&env).unwrap();
        let name = |path| match route(&endpoints, path) {
            Some(Route::Webhook(endpoint)) => endpoint.name.as_str(),
            Some(Route::Health) => "health",
            None => "nothing",
        };
        let table = [
            ("/webhooks/stripe", "default"),
            ("/api/webhooks/stripe", "default"),
            ("/webhooks/stripe/connect", "connect"),
            ("/api/webhooks/stripe/connect", "connect"),
            ("/api/health", "health"),
            ("/health", "nothing"),
            ("/api/api/webhooks/stripe", "nothing"),
            ("/api/", "nothing"),
            ("/", "nothing"),
            ("*", "nothing"),
            ("/webhooks/stripe/", "default"),
            ("/api/webhooks/stripe/", "default"),
            ("/webhooks/stripe//", "nothing"),
            ("/webhooks/stripe//connect", "nothing"),
            ("/webhooks/stripe/Connect", "nothing"),
            ("/webhooks/stripe/connect/", "connect"),
            ("/webhooks/stripe/connect//", "nothing"),
            ("/api/health/", "nothing"),
            ("/webhooks/stripe/other", "nothing"),
            ("/webhooks/stripeconnect", "nothing"),
            ("/webhooks/%73tripe", "nothing"),
        ];
        for (path, expected) in table {
            assert_eq!(name(path), expected, "{path}");
        }
    }
}
