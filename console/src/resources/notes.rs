//! Notes of staff on payments, refunds, disputes, invoices, customers and operations, and who takes care of them.

use desk::acts::notes::{self, NotedKind};
use domain::Key;
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use serde_json::json;
use shared::Pending;

use crate::answer::Answer;
use crate::call::{Call, the_one};
use crate::endpoint::{Access, Answered, Endpoint, Shape};
use crate::fields::{Field, Kind, WHOSE, optional, required};
use crate::problem::{Code, Problem};

const ERRORS: &[Code] = &[Code::NotFound, Code::Ambiguous, Code::Conflict];

const NOTE: &[Field] = &[required("note", Kind::Text, "What to note.")];
const ASSIGNEE: &[Field] = &[optional("assignee", Kind::Id, "A member of staff.")];

const fn note(
    name: &'static str,
    path: &'static str,
    run: fn(Call) -> Pending<'static, Answered>,
) -> Endpoint {
    Endpoint {
        name,
        method: Method::POST,
        path,
        access: Access::Needs(Permission::Request),
        summary: "Note something. Notes can be read by everybody here, and never changed.",
        query: &[WHOSE],
        body: Some(NOTE),
        answer: Shape::Done(201, "written_note"),
        errors: ERRORS,
        run,
    }
}

const fn assign(
    name: &'static str,
    path: &'static str,
    run: fn(Call) -> Pending<'static, Answered>,
) -> Endpoint {
    Endpoint {
        name,
        method: Method::POST,
        path,
        access: Access::Needs(Permission::Request),
        summary: "Say who takes care of it; without `assignee`, nobody any more.",
        query: &[WHOSE],
        body: Some(ASSIGNEE),
        answer: Shape::Done(200, "assignment"),
        errors: ERRORS,
        run,
    }
}

/// The two rows of a kind.
macro_rules! rows {
    ($kind:expr, $note:literal, $notes:literal, $assign:literal, $assigned:literal) => {
        [
            note($note, $notes, |call| Box::pin(write(call, $kind))),
            assign($assign, $assigned, |call| Box::pin(give(call, $kind))),
        ]
    };
}

pub(super) const PAYMENTS: &[Endpoint] = &rows!(
    NotedKind::Payment,
    "note_on_payment",
    "/api/v1/payments/{id}/notes",
    "assign_payment",
    "/api/v1/payments/{id}/assign"
);
pub(super) const REFUNDS: &[Endpoint] = &rows!(
    NotedKind::Refund,
    "note_on_refund",
    "/api/v1/refunds/{id}/notes",
    "assign_refund",
    "/api/v1/refunds/{id}/assign"
);
pub(super) const DISPUTES: &[Endpoint] = &rows!(
    NotedKind::Dispute,
    "note_on_dispute",
    "/api/v1/disputes/{id}/notes",
    "assign_dispute",
    "/api/v1/disputes/{id}/assign"
);
pub(super) const INVOICES: &[Endpoint] = &rows!(
    NotedKind::Invoice,
    "note_on_invoice",
    "/api/v1/invoices/{id}/notes",
    "assign_invoice",
    "/api/v1/invoices/{id}/assign"
);
pub(super) const CUSTOMERS: &[Endpoint] = &rows!(
    NotedKind::Customer,
    "note_on_customer",
    "/api/v1/customers/{id}/notes",
    "assign_customer",
    "/api/v1/customers/{id}/assign"
);
pub(super) const OPERATIONS: &[Endpoint] = &rows!(
    NotedKind::Operation,
    "note_on_operation",
    "/api/v1/operations/{id}/notes",
    "assign_operation",
    "/api/v1/operations/{id}/assign"
);

async fn subject(call: &Call, kind: NotedKind) -> Result<Key, Problem> {
    let whose = call.whose();
    let mut found = kind.keys(call.ledger(), call.id()).await?;
    found.retain(|key| whose.admits(key));
    the_one(kind.name(), call.id(), found)
}

async fn write(call: Call, kind: NotedKind) -> Answered {
    let (text, person) = (call.body.given("note")?, call.person()?);
    let key = subject(&call, kind).await?;
    let note = notes::note(call.ledger(), (kind, &key), &text, &person, call.now).await?;
    Ok(Answer::done(StatusCode::CREATED, &json!({kind.name(): key, "note": note})))
}

async fn give(call: Call, kind: NotedKind) -> Answered {
    let (assignee, person) = (call.body.text("assignee"), call.person()?);
    let key = subject(&call, kind).await?;
    let assignment =
        notes::assign(call.ledger(), (kind, &key), assignee.as_deref(), &person, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &json!({"assignment": assignment})))
}
