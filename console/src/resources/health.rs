//! Whether the console answers, and the document that describes it.

use hyper::{Method, StatusCode};
use serde_json::json;

use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "get_health",
        method: Method::GET,
        path: "/api/health",
        access: Access::Anybody,
        summary: "Whether the console answers, and whether charges are made. Readiness, which depends on the ledger, is on the internal listener.",
        query: &[],
        body: None,
        answer: Shape::Done(200, "health"),
        errors: &[],
        run: run!(health),
    },
    Endpoint {
        name: "get_openapi",
        method: Method::GET,
        path: "/api/openapi.json",
        access: Access::Anybody,
        summary: "This document.",
        query: &[],
        body: None,
        answer: Shape::Object("openapi"),
        errors: &[],
        run: run!(openapi),
    },
];

/// It answers without the ledger, too; who stopped charges, and why, is for staff.
async fn health(call: Call) -> Answered {
    let closing = async { call.read().await?.checkout_closing().await };
    let checkout = match closing.await {
        Ok(None) => "open",
        Ok(Some(_)) => "closed",
        Err(_) => "unknown",
    };
    let document = json!({"status": "ok", "version": env!("CARGO_PKG_VERSION"), "checkout": checkout});
    Ok(Answer::done(StatusCode::OK, &document))
}

#[expect(clippy::unused_async, reason = "the table wants one form of work")]
async fn openapi(call: Call) -> Answered {
    Ok(Answer::object(&call.console.document))
}
