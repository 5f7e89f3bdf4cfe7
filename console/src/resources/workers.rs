//! Consumption by the workers: paused or not, and the switch.

use desk::acts::pause::{self, Paused};
use desk::acts::reason;
use desk::views::pauses;
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use serde_json::json;

use super::disputes::REASON;
use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "get_pause",
        method: Method::GET,
        path: "/api/v1/workers/pause",
        access: Access::Needs(Permission::Read),
        summary: "Whether consumption is paused, by whom and why, and the last pauses.",
        query: &[],
        body: None,
        answer: Shape::Object("consumption"),
        errors: &[],
        run: run!(get),
    },
    Endpoint {
        name: "pause_workers",
        method: Method::POST,
        path: "/api/v1/workers/pause",
        access: Access::Needs(Permission::Manage),
        summary: "Pause every worker: each finishes its batch and receives nothing more. Webhooks are still accepted. Does nothing while a pause lasts.",
        query: &[],
        body: Some(REASON),
        answer: Shape::Done(200, "paused"),
        errors: &[],
        run: run!(pause),
    },
    Endpoint {
        name: "resume_workers",
        method: Method::POST,
        path: "/api/v1/workers/resume",
        access: Access::Needs(Permission::Manage),
        summary: "Let workers go on. `ended` is the pause that lasted, or null.",
        query: &[],
        body: Some(&[]),
        answer: Shape::Done(200, "resumed"),
        errors: &[],
        run: run!(resume),
    },
];

async fn get(call: Call) -> Answered {
    Ok(Answer::object(&pauses::read(call.ledger()).await?))
}

async fn pause(call: Call) -> Answered {
    let (reason, by) = (reason(&call.body.given("reason")?)?, call.actor()?.in_audit());
    let paused = pause::pause(call.ledger(), &reason, &by, call.now).await?;
    let (Paused::Now(pause) | Paused::Before(pause)) = &paused;
    let is_new = matches!(paused, Paused::Now(_));
    Ok(Answer::done(StatusCode::OK, &json!({"pause": pause, "is_new": is_new})))
}

async fn resume(call: Call) -> Answered {
    let by = call.actor()?.in_audit();
    let ended = pause::resume(call.ledger(), &by, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &json!({"ended": ended})))
}
