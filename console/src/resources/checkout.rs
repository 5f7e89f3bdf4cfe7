//! Whether charges are made: see it, stop them, let them go on.

use desk::acts::checkout;
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use ledger::tables::checkout_closings::Closing;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Kind, required};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "get_checkout",
        method: Method::GET,
        path: "/api/v1/checkout",
        access: Access::Needs(Permission::Read),
        summary: "Whether charges are made; if not, who stopped them and why.",
        query: &[],
        body: None,
        answer: Shape::Object("checkout"),
        errors: &[],
        run: run!(get),
    },
    Endpoint {
        name: "close_checkout",
        method: Method::POST,
        path: "/api/v1/checkout/close",
        access: Access::Needs(Permission::Manage),
        summary: "Charge nobody: charges, subscriptions and retries of invoices are refused. Refunds, credits and webhooks go on.",
        query: &[],
        body: Some(&[required("reason", Kind::Text, "Why: whoever asks for a charge reads it.")]),
        answer: Shape::Done(200, "checkout"),
        errors: &[],
        run: run!(close),
    },
    Endpoint {
        name: "open_checkout",
        method: Method::POST,
        path: "/api/v1/checkout/open",
        access: Access::Needs(Permission::Manage),
        summary: "Charge again.",
        query: &[],
        body: Some(&[]),
        answer: Shape::Done(200, "checkout"),
        errors: &[],
        run: run!(open),
    },
];

async fn get(call: Call) -> Answered {
    Ok(Answer::object(&state(call.read().await?.checkout_closing().await?.as_ref())))
}

async fn close(call: Call) -> Answered {
    let reason = call.body.given("reason")?;
    let closed = checkout::close(call.ledger(), &reason, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &state(Some(closed.closing()))))
}

async fn open(call: Call) -> Answered {
    checkout::open(call.ledger(), call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &state(None)))
}

fn state(closing: Option<&Closing>) -> Value {
    json!({"checkout": if closing.is_some() { "closed" } else { "open" }, "closing": closing})
}
