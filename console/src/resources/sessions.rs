//! Sessions: who is logged in to the pages, and from where; and their end.

use desk::acts::sessions;
use domain::permissions::Permission;
use hyper::{Method, StatusCode};

use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::problem::Code;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_sessions",
        method: Method::GET,
        path: "/api/v1/sessions",
        access: Access::Needs(Permission::Read),
        summary: "List open sessions: your own, or everybody's if you are an administrator.",
        query: &[],
        body: None,
        answer: Shape::Page("session"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "end_session",
        method: Method::POST,
        path: "/api/v1/sessions/{id}/end",
        access: Access::Needs(Permission::Read),
        summary: "End a session at once: your own, or anybody's if you are an administrator.",
        query: &[],
        body: Some(&[]),
        answer: Shape::Done(200, "session"),
        errors: &[Code::NotFound, Code::Conflict],
        run: run!(end),
    },
];

async fn list(call: Call) -> Answered {
    Ok(Answer::whole_list(&sessions::open(call.ledger(), call.actor()?).await?))
}

async fn end(call: Call) -> Answered {
    let ended = sessions::end(call.ledger(), call.id(), call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &ended))
}
