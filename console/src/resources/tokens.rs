//! Tokens: make one, whose secret is in the answer and nowhere else; list and revoke them.

use desk::acts::tokens::{self, Made, NewToken};
use desk::views::staff as views;
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::json;

use super::disputes::REASON;
use super::staff::{ROLES, roles_of};
use crate::answer::Answer;
use crate::call::Call;
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Kind, optional, required};
use crate::problem::Code;

const ERRORS: &[Code] = &[Code::NotFound, Code::Conflict, Code::Refused];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_tokens",
        method: Method::GET,
        path: "/api/v1/tokens",
        access: Access::Needs(Permission::Export),
        summary: "List tokens: whose they are, what they may do, when they were used last. Secrets cannot be shown.",
        query: &[&[optional("for", Kind::Id, "Only those of this member of staff.")]],
        body: None,
        answer: Shape::Page("token"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "create_token",
        method: Method::POST,
        path: "/api/v1/tokens",
        access: Access::Needs(Permission::Admin),
        summary: "Make a token. `token` in the answer is its secret: it is shown once, also where the request is repeated with its Idempotency-Key.",
        query: &[],
        body: Some(&[
            required("for", Kind::Id, "The member of staff for whom it acts."),
            ROLES,
            optional("program", Kind::Flag, "`true`: a program uses it, which never approves."),
            optional("expires", Kind::Future, "When it ends: RFC 3339, or so long from now as in 90d."),
        ]),
        answer: Shape::Done(201, "created_token"),
        errors: ERRORS,
        run: run!(create),
    },
    Endpoint {
        name: "revoke_token",
        method: Method::POST,
        path: "/api/v1/tokens/{id}/revoke",
        access: Access::Needs(Permission::Admin),
        summary: "End a token at once.",
        query: &[],
        body: Some(REASON),
        answer: Shape::Done(200, "kept_token"),
        errors: ERRORS,
        run: run!(revoke),
    },
];

async fn list(call: Call) -> Answered {
    let staff = call.query.text("for");
    Ok(Answer::whole_list(&views::tokens(call.ledger(), staff.as_deref(), call.now).await?))
}

async fn create(call: Call) -> Answered {
    let (staff, roles) = (call.body.given("for")?, roles_of(&call)?);
    let wanted = NewToken {
        staff: &staff,
        roles: &roles,
        is_program: call.body.flag("program") == Some(true),
        expires_at: call.body.time("expires"),
    };
    let Made { secret, token, pending } =
        tokens::create(call.ledger(), &wanted, call.actor()?, call.now).await?;
    let made = json!({"token": secret.expose_secret(), "about": token, "pending": pending});
    Ok(Answer::done(StatusCode::CREATED, &made))
}

async fn revoke(call: Call) -> Answered {
    let reason = call.body.given("reason")?;
    let token = tokens::revoke(call.ledger(), call.id(), &reason, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &token))
}
