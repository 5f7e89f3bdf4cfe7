//! Disputes: lists, one with all that belongs to it, sums, and what staff note on them.

use desk::acts::notes::{Effect, note_dispute};
use desk::views::dispute::DisputeView;
use desk::views::dispute_list::{DisputeQuery, read_list};
use desk::views::{dispute_analytics, dispute_summary};
use domain::Object;
use domain::disputes::{Dispute, Status};
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use ledger::views::lists::DisputeFilter;
use serde_json::json;

use super::objects;
use crate::answer::Answer;
use crate::call::{Call, the_one};
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, PAGE, WHOSE, WINDOW, optional, required};
use crate::problem::{Code, Problem};

const ONE: &[Code] = &[Code::NotFound, Code::Ambiguous];
const ACT: &[Code] = &[Code::NotFound, Code::Ambiguous, Code::Conflict];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_disputes",
        method: Method::GET,
        path: "/api/v1/disputes",
        access: Access::Needs(Permission::Read),
        summary: "List disputes: what is overdue, then the newest; the most urgent first where only open or due ones are wanted.",
        query: &[FILTER, WINDOW, WHOSE, PAGE],
        body: None,
        answer: Shape::Page("listed_dispute"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "summarise_disputes",
        method: Method::GET,
        path: "/api/v1/disputes/summary",
        access: Access::Needs(Permission::Read),
        summary: "Disputes summed up, each mode and currency by itself: how many, how much, won and lost, how long they took.",
        query: &[WINDOW, WHOSE],
        body: None,
        answer: Shape::Page("dispute_summary"),
        errors: &[Code::Refused],
        run: run!(summarise),
    },
    Endpoint {
        name: "analyse_disputes",
        method: Method::GET,
        path: "/api/v1/disputes/analytics",
        access: Access::Needs(Permission::Read),
        summary: "Disputes by reason and card brand, won with and without evidence, how soon they were answered, and by fields of evidence; each mode by itself.",
        query: &[WINDOW, WHOSE],
        body: None,
        answer: Shape::Page("dispute_analytics"),
        errors: &[],
        run: run!(analyse),
    },
    Endpoint {
        name: "get_dispute",
        method: Method::GET,
        path: "/api/v1/disputes/{id}",
        access: Access::Needs(Permission::Read),
        summary: "One dispute: how it stands, why, its deadline, money, notes and history.",
        query: &[WHOSE],
        body: None,
        answer: Shape::Object("dispute_page"),
        errors: ONE,
        run: run!(objects::page::<DisputeView>),
    },
    Endpoint {
        name: "resolve_dispute",
        method: Method::POST,
        path: "/api/v1/disputes/{id}/resolve",
        access: Access::Needs(Permission::Manage),
        summary: "Be done with a dispute, and say why. Nothing changes at Stripe; it returns if Stripe asks for another answer.",
        query: &[WHOSE],
        body: Some(REASON),
        answer: Shape::Done(201, "dispute_note"),
        errors: ACT,
        run: run!(resolve),
    },
    Endpoint {
        name: "reopen_dispute",
        method: Method::POST,
        path: "/api/v1/disputes/{id}/reopen",
        access: Access::Needs(Permission::Manage),
        summary: "Take a resolution back: the dispute is still to be dealt with.",
        query: &[WHOSE],
        body: Some(REASON),
        answer: Shape::Done(201, "dispute_note"),
        errors: ACT,
        run: run!(reopen),
    },
];

pub(super) const REASON: &[Field] = &[required("reason", Kind::Text, "Why, for the audit.")];

pub(super) const FILTER: &[Field] = &[
    optional(
        "status",
        Kind::Word(statuses),
        "Only with this status of ours; not together with `open`, `overdue` or `due_until`.",
    ),
    optional(
        "open",
        Kind::Flag,
        "`true`: only those that are not decided, without what staff have resolved.",
    ),
    optional(
        "overdue",
        Kind::Flag,
        "`true`: only those that should have been answered by now, and were not.",
    ),
    optional(
        "due_until",
        Kind::Future,
        "Only those that must be answered by then, as in 7d; overdue ones too.",
    ),
    optional(
        "resolved_too",
        Kind::Flag,
        "`true`, with `open`, `overdue` or `due_until`: also what staff have resolved.",
    ),
    optional("reason", Kind::Id, "Only disputed for this reason of Stripe's, as in `fraudulent`."),
    optional("user", Kind::Id, "Only of this user."),
    optional("invoice", Kind::Id, "Only of this invoice's payments."),
];

fn statuses() -> Vec<&'static str> {
    Status::WORDS.to_vec()
}

pub(super) async fn list(call: Call) -> Answered {
    let query = &call.query;
    let is = |name| query.flag(name) == Some(true);
    let (status, due_until) = (query.text("status"), query.time("due_until"));
    let is_urgent = is("open") || is("overdue") || due_until.is_some();
    if status.is_some() && is_urgent {
        return Err(Problem::invalid("status", "not together with open, overdue or due_until"));
    }
    let filter = DisputeFilter {
        status,
        reason: query.text("reason"),
        open: is("open"),
        due_by: if is("overdue") { Some(call.now) } else { due_until },
        resolved_too: is("resolved_too"),
        among: None,
        window: query.window()?,
        whose: call.whose(),
    };
    let wanted = DisputeQuery { filter, invoice: query.text("invoice"), user: query.text("user") };
    let mut tx = call.read().await?;
    Ok(Answer::list(&read_list(call.ledger(), &mut tx, &wanted, &query.part(), call.now).await?))
}

async fn summarise(call: Call) -> Answered {
    let mut tx = call.read().await?;
    match dispute_summary::read_summaries(&mut tx, &call.query.window()?, &call.whose()).await? {
        Some(summaries) => Ok(Answer::whole_list(&summaries)),
        None => Err(Problem::new(Code::Refused, "too many disputes to sum up: narrow the window")),
    }
}

async fn analyse(call: Call) -> Answered {
    let mut tx = call.read().await?;
    let analytics = dispute_analytics::read(&mut tx, &call.query.window()?, &call.whose()).await?;
    Ok(Answer::whole_list(&analytics))
}

pub(super) async fn resolve(call: Call) -> Answered {
    write(call, Effect::Resolves).await
}

async fn reopen(call: Call) -> Answered {
    write(call, Effect::Reopens).await
}

async fn write(call: Call, effect: Effect) -> Answered {
    let (text, person) = (call.body.given("reason")?, call.person()?);
    let whose = call.whose();
    let mut found = call.ledger().find::<Dispute>(call.id()).await?;
    found.retain(|dispute| whose.admits(&dispute.key));
    let key = the_one(Dispute::NAME, call.id(), found)?.key;
    let note = note_dispute(call.ledger(), &key, &text, effect, &person, call.now).await?;
    Ok(Answer::done(StatusCode::CREATED, &json!({"dispute": key, "note": note})))
}
