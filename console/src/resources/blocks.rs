//! Who is not charged, and whose bodies are kept beyond their retention: each with a reason, until staff lift it.

use desk::acts::blocks::{self, BLOCK};
use desk::acts::holds::{self, HOLD};
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use serde_json::json;

use crate::answer::Answer;
use crate::call::{Call, nothing};
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, PAGE, required};
use crate::problem::Code;

const WHY: Field = required("reason", Kind::Text, "Why, for the audit.");

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_blocks",
        method: Method::GET,
        path: "/api/v1/blocks",
        access: Access::Needs(Permission::Read),
        summary: "List the customers and users who are not charged, the oldest block first.",
        query: &[PAGE],
        body: None,
        answer: Shape::Page("block"),
        errors: &[],
        run: run!(list_blocks),
    },
    Endpoint {
        name: "place_block",
        method: Method::POST,
        path: "/api/v1/blocks",
        access: Access::Needs(Permission::Manage),
        summary: "Charge a customer, or a user of yours, no more: charges, subscriptions and retries of invoices are refused, whatever the account and mode. Does nothing while a block lasts.",
        query: &[],
        body: Some(&[
            required("id", Kind::Id, "A customer at Stripe, or one of your users."),
            required("reason", Kind::Text, "Why, for the audit and for whoever asks for a charge."),
        ]),
        answer: Shape::Done(201, "block_standing"),
        errors: &[],
        run: run!(place_block),
    },
    Endpoint {
        name: "lift_block",
        method: Method::POST,
        path: "/api/v1/blocks/{id}/lift",
        access: Access::Needs(Permission::Manage),
        summary: "Let a customer or a user be charged again.",
        query: &[],
        body: Some(&[WHY]),
        answer: Shape::Done(200, "block_standing"),
        errors: &[Code::NotFound],
        run: run!(lift_block),
    },
    Endpoint {
        name: "list_holds",
        method: Method::GET,
        path: "/api/v1/holds",
        access: Access::Needs(Permission::Read),
        summary: "List the objects whose bodies are kept beyond their retention, the oldest hold first.",
        query: &[PAGE],
        body: None,
        answer: Shape::Page("hold"),
        errors: &[],
        run: run!(list_holds),
    },
    Endpoint {
        name: "place_hold",
        method: Method::POST,
        path: "/api/v1/holds",
        access: Access::Needs(Permission::Manage),
        summary: "Keep the bodies of an object's events until the hold is lifted. Does nothing while a hold lasts.",
        query: &[],
        body: Some(&[required("id", Kind::Id, "An event, a payment, a customer: whatever has an id."), WHY]),
        answer: Shape::Done(201, "hold_standing"),
        errors: &[],
        run: run!(place_hold),
    },
    Endpoint {
        name: "lift_hold",
        method: Method::POST,
        path: "/api/v1/holds/{id}/lift",
        access: Access::Needs(Permission::Manage),
        summary: "Let the retention remove an object's bodies again.",
        query: &[],
        body: Some(&[WHY]),
        answer: Shape::Done(200, "hold_standing"),
        errors: &[Code::NotFound],
        run: run!(lift_hold),
    },
];

async fn list_blocks(call: Call) -> Answered {
    Ok(Answer::list(&call.read().await?.blocks(&call.query.part()).await?))
}

async fn place_block(call: Call) -> Answered {
    let (id, why, by) = (call.body.given("id")?, call.body.given("reason")?, call.person()?);
    blocks::place(call.ledger(), &id, &why, &by, call.now).await?;
    Ok(Answer::done(StatusCode::CREATED, &json!({"id": id.trim(), "blocked": true})))
}

async fn lift_block(call: Call) -> Answered {
    let (why, by) = (call.body.given("reason")?, call.person()?);
    if !blocks::lift(call.ledger(), call.id(), &why, &by, call.now).await? {
        return Err(nothing(BLOCK, call.id()));
    }
    Ok(Answer::done(StatusCode::OK, &json!({"id": call.id(), "blocked": false})))
}

async fn list_holds(call: Call) -> Answered {
    Ok(Answer::list(&call.read().await?.holds(&call.query.part()).await?))
}

async fn place_hold(call: Call) -> Answered {
    let (id, why, by) = (call.body.given("id")?, call.body.given("reason")?, call.person()?);
    holds::place(call.ledger(), &id, &why, &by, call.now).await?;
    Ok(Answer::done(StatusCode::CREATED, &json!({"id": id, "on_hold": true})))
}

async fn lift_hold(call: Call) -> Answered {
    let (why, by) = (call.body.given("reason")?, call.person()?);
    if !holds::lift(call.ledger(), call.id(), &why, &by, call.now).await? {
        return Err(nothing(HOLD, call.id()));
    }
    Ok(Answer::done(StatusCode::OK, &json!({"id": call.id(), "on_hold": false})))
}
