//! Staff, and what waits for a second administrator. Acts are the desk's: each checks who may, and notes in the audit
//! whom it refused.

use desk::acts::invitations::{self, Invited};
use desk::acts::{second_administrator, staff};
use desk::views::staff as views;
use domain::permissions::{Permission, Role, Roles};
use hyper::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::json;

use super::disputes::REASON;
use crate::answer::Answer;
use crate::call::{Call, nothing};
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, required};
use crate::pages::invitation_link;
use crate::problem::{Code, Problem};

const ERRORS: &[Code] = &[Code::NotFound, Code::Conflict, Code::Refused];
pub(super) const ROLES: Field =
    required("roles", Kind::Words(roles), "What they may do: sets of permissions.");

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_staff",
        method: Method::GET,
        path: "/api/v1/staff",
        access: Access::Needs(Permission::Export),
        summary: "List members of staff with their roles, and whether they can prove who they are.",
        query: &[],
        body: None,
        answer: Shape::Page("member"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "get_member",
        method: Method::GET,
        path: "/api/v1/staff/{name}",
        access: Access::Needs(Permission::Export),
        summary: "One member of staff: permissions, tokens, and what was done about them.",
        query: &[],
        body: None,
        answer: Shape::Object("member_page"),
        errors: &[Code::NotFound],
        run: run!(get),
    },
    Endpoint {
        name: "add_member",
        method: Method::POST,
        path: "/api/v1/staff",
        access: Access::Needs(Permission::Admin),
        summary: "Add a member of staff. Roles that manage money or people wait for a second administrator where there is one.",
        query: &[],
        body: Some(&[required("name", Kind::Id, "Small letters, digits, and . _ - between them."), ROLES]),
        answer: Shape::Done(201, "changed_member"),
        errors: ERRORS,
        run: run!(add),
    },
    Endpoint {
        name: "set_roles",
        method: Method::POST,
        path: "/api/v1/staff/{name}/roles",
        access: Access::Needs(Permission::Admin),
        summary: "Give a member of staff these roles instead of those they have.",
        query: &[],
        body: Some(&[ROLES, required("reason", Kind::Text, "Why, for the audit.")]),
        answer: Shape::Done(200, "changed_member"),
        errors: ERRORS,
        run: run!(set_roles),
    },
    Endpoint {
        name: "disable_member",
        method: Method::POST,
        path: "/api/v1/staff/{name}/disable",
        access: Access::Needs(Permission::Admin),
        summary: "Disable a member of staff: sessions and tokens end at once.",
        query: &[],
        body: Some(REASON),
        answer: Shape::Done(200, "changed_member"),
        errors: ERRORS,
        run: run!(disable),
    },
    Endpoint {
        name: "enable_member",
        method: Method::POST,
        path: "/api/v1/staff/{name}/enable",
        access: Access::Needs(Permission::Admin),
        summary: "Let a member of staff act again.",
        query: &[],
        body: Some(REASON),
        answer: Shape::Done(200, "changed_member"),
        errors: ERRORS,
        run: run!(enable),
    },
    Endpoint {
        name: "invite_member",
        method: Method::POST,
        path: "/api/v1/staff/{name}/invite",
        access: Access::Needs(Permission::Admin),
        summary: "Invite a member of staff to set a password and a second factor, for the first time or anew. `link` in the answer is good once and for 24 hours; it is not shown again.",
        query: &[],
        body: Some(&[]),
        answer: Shape::Done(201, "invited_member"),
        errors: ERRORS,
        run: run!(invite),
    },
    Endpoint {
        name: "list_pending_changes",
        method: Method::GET,
        path: "/api/v1/pending-changes",
        access: Access::Needs(Permission::Export),
        summary: "List what waits for a second administrator.",
        query: &[],
        body: None,
        answer: Shape::Page("pending_change"),
        errors: &[],
        run: run!(pending),
    },
    Endpoint {
        name: "approve_pending_change",
        method: Method::POST,
        path: "/api/v1/pending-changes/{id}/approve",
        access: Access::Needs(Permission::Admin),
        summary: "Approve a change that another administrator asked for.",
        query: &[],
        body: Some(&[]),
        answer: Shape::Done(200, "pending_change"),
        errors: ERRORS,
        run: run!(approve),
    },
    Endpoint {
        name: "reject_pending_change",
        method: Method::POST,
        path: "/api/v1/pending-changes/{id}/reject",
        access: Access::Needs(Permission::Admin),
        summary: "Reject a change that waits, or take your own back.",
        query: &[],
        body: Some(REASON),
        answer: Shape::Done(200, "pending_change"),
        errors: ERRORS,
        run: run!(reject),
    },
];

fn roles() -> Vec<&'static str> {
    Role::WORDS.to_vec()
}

/// The roles of a request.
pub(super) fn roles_of(call: &Call) -> Result<Roles, Problem> {
    Roles::try_from(call.body.texts("roles").join(",")).map_err(|fault| Problem::invalid("roles", fault))
}

async fn list(call: Call) -> Answered {
    Ok(Answer::whole_list(&views::list(call.ledger(), call.now).await?))
}

async fn get(call: Call) -> Answered {
    let found = views::page(call.ledger(), call.id(), call.now).await?;
    Ok(Answer::object(&found.ok_or_else(|| nothing("member of staff", call.id()))?))
}

async fn add(call: Call) -> Answered {
    let name = call.body.given("name")?;
    let changed = staff::add(call.ledger(), &name, &roles_of(&call)?, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::CREATED, &changed))
}

async fn set_roles(call: Call) -> Answered {
    let (roles, reason) = (roles_of(&call)?, call.body.given("reason")?);
    let changed =
        staff::set_roles(call.ledger(), call.id(), &roles, &reason, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &changed))
}

async fn disable(call: Call) -> Answered {
    let reason = call.body.given("reason")?;
    let changed = staff::disable(call.ledger(), call.id(), &reason, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &changed))
}

async fn enable(call: Call) -> Answered {
    let reason = call.body.given("reason")?;
    let changed = staff::enable(call.ledger(), call.id(), &reason, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &changed))
}

async fn invite(call: Call) -> Answered {
    let Invited { code, invitation, pending } =
        invitations::invite(call.ledger(), call.id(), call.actor()?, call.now).await?;
    let link = invitation_link(&call.console.url, &code);
    let made = json!({"link": link.expose_secret(), "invitation": invitation, "pending": pending});
    Ok(Answer::done(StatusCode::CREATED, &made))
}

async fn pending(call: Call) -> Answered {
    Ok(Answer::whole_list(&views::pending(call.ledger(), call.now).await?))
}

async fn approve(call: Call) -> Answered {
    let change = second_administrator::approve(call.ledger(), call.id(), call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &change))
}

async fn reject(call: Call) -> Answered {
    let reason = call.body.given("reason")?;
    let change =
        second_administrator::reject(call.ledger(), call.id(), &reason, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &change))
}
