//! Batches: several refunds under one approval. The list is shown first; then it is frozen and decided by one word.

use desk::acts::operations::NotDone;
use desk::acts::operations::approve::Word;
use desk::acts::operations::batch::{self, BatchView};
use desk::acts::operations::request::{Ask, Wanted};
use domain::Object;
use domain::operations::batch::ITEMS_LIMIT;
use domain::operations::{OperationState, Reason};
use domain::payments::Payment;
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use serde_json::json;

use crate::answer::Answer;
use crate::call::{Call, nothing, the_one};
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, WHOSE, optional, required};
use crate::problem::Code;

const ASKED: &[Code] = &[Code::NotFound, Code::Ambiguous, Code::Conflict, Code::Refused];
const DECIDED: &[Code] = &[Code::NotFound, Code::Conflict, Code::Refused];
const REASON: Field = optional("reason", Kind::Text, "Why, for the audit.");
const HASH: Field = optional("hash", Kind::Id, "Of the list that you have seen: another one is refused.");

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "request_batch",
        method: Method::POST,
        path: "/api/v1/batches",
        access: Access::Needs(Permission::Request),
        summary: "Ask for refunds of several payments under one approval. Without `confirm` the list is only shown.",
        query: &[WHOSE],
        body: Some(&[
            required("payments", Kind::Ids, "The payments, each of them refunded."),
            optional("amount", Kind::Amount, "How much of each; without it all that is left."),
            optional("currency", Kind::Currency, "Of each; without it the payment's own."),
            optional("reason", Kind::Word(reasons), "Why; without it `requested_by_customer`."),
            optional("note", Kind::Text, "What else there is to say."),
            HASH,
            optional("confirm", Kind::Flag, "`true`: they are asked for with this request."),
        ]),
        answer: Shape::Done(202, "batch"),
        errors: ASKED,
        run: run!(ask),
    },
    Endpoint {
        name: "get_batch",
        method: Method::GET,
        path: "/api/v1/batches/{id}",
        access: Access::Needs(Permission::Read),
        summary: "A batch with its operations as they are.",
        query: &[],
        body: None,
        answer: Shape::Object("batch"),
        errors: &[Code::NotFound],
        run: run!(get),
    },
    Endpoint {
        name: "approve_batch",
        method: Method::POST,
        path: "/api/v1/batches/{id}/approve",
        access: Access::Needs(Permission::Manage),
        summary: "Approve all refunds of a batch that wait, which somebody else asked for.",
        query: &[],
        body: Some(&[REASON, HASH]),
        answer: Shape::Done(202, "batch"),
        errors: DECIDED,
        run: run!(approve),
    },
    Endpoint {
        name: "reject_batch",
        method: Method::POST,
        path: "/api/v1/batches/{id}/reject",
        access: Access::Needs(Permission::Manage),
        summary: "Reject all refunds of a batch that wait, which somebody else asked for.",
        query: &[],
        body: Some(super::disputes::REASON),
        answer: Shape::Done(200, "batch"),
        errors: DECIDED,
        run: run!(reject),
    },
];

fn reasons() -> Vec<&'static str> {
    Reason::WORDS.to_vec()
}

async fn ask(call: Call) -> Answered {
    let whose = call.whose();
    let reason = call.body.text("reason").and_then(|text| Reason::named(&text));
    let reason = reason.unwrap_or(Reason::RequestedByCustomer);
    let mut asks = Vec::new();
    let ids = call.body.texts("payments");
    if ids.len() > ITEMS_LIMIT {
        return Err(NotDone::ItemsLimit { items: ids.len(), limit: ITEMS_LIMIT }.into());
    }
    for id in ids {
        let mut found = call.ledger().find::<Payment>(&id).await?;
        found.retain(|payment: &Payment| whose.admits(&payment.key));
        let payment = the_one(Payment::NAME, &id, found)?;
        let currency = call.body.text("currency");
        let own = currency.as_deref().unwrap_or(&payment.state.currency);
        let amount = call.body.amount("amount", Some(own).filter(|own| !own.is_empty()))?;
        let wanted = Wanted::Refund { payment: payment.key, amount, currency };
        asks.push(Ask { wanted, reason, note: call.body.text("note"), confirmed: true });
    }
    let (ledger, actor) = (call.ledger(), call.actor()?);
    if call.body.flag("confirm") != Some(true) {
        let planned = batch::plan(ledger, &asks, actor, call.now).await?;
        return Ok(Answer::done(StatusCode::ACCEPTED, &document(&planned, true)));
    }
    let asked = batch::request(ledger, &asks, call.body.text("hash").as_deref(), actor, call.now).await?;
    Ok(Answer::done(StatusCode::ACCEPTED, &document(&asked, false)))
}

async fn get(call: Call) -> Answered {
    let found = BatchView::read(&mut call.read().await?, call.id()).await?;
    let view = found.ok_or_else(|| nothing("batch", call.id()))?;
    Ok(Answer::object(&document(&view, false)))
}

async fn approve(call: Call) -> Answered {
    let word = Word { reason: call.body.text("reason"), parameters_hash: call.body.text("hash") };
    let view = batch::approve(call.ledger(), call.id(), &word, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::ACCEPTED, &document(&view, false)))
}

async fn reject(call: Call) -> Answered {
    let reason = call.body.given("reason")?;
    let view = batch::reject(call.ledger(), call.id(), &reason, call.actor()?, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &document(&view, false)))
}

/// Of a list that is only shown nothing is kept: its ids are nobody's.
fn document(view: &BatchView, is_plan: bool) -> serde_json::Value {
    let refused = view.operations.iter().filter(|it| it.state == OperationState::Refused).count();
    json!({
        "batch": view.batch,
        "operations": view.operations,
        "requires_confirmation": is_plan,
        "requires_approval": view.waiting() > 0,
        "refused": refused,
        "warnings": view.warnings,
    })
}
