//! Dead letters: a list, causes with the money at risk, one with its failures, and putting them aside.

use desk::acts::{self, dead_letters};
use desk::views::dead_letters::{DeadLetterLabels, cause, groups};
use domain::outcome::OutcomeKind;
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use ledger::views::stored_events::{EventFilter, StoredEvent};
use serde_json::json;

use super::disputes::REASON;
use crate::answer::Answer;
use crate::call::{Call, nothing};
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Field, Kind, PAGE, WHOSE, WINDOW, optional, required};
use crate::problem::{Code, Problem};

/// More are not grouped, nor selected for a replay by one request.
pub(super) const SELECTED_LIMIT: i64 = 100_000;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_dead_letters",
        method: Method::GET,
        path: "/api/v1/dead-letters",
        access: Access::Needs(Permission::Read),
        summary: "List the events that could not be applied, the newest first.",
        query: &[SELECTION, WINDOW, WHOSE, PAGE],
        body: None,
        answer: Shape::Page("event"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "group_dead_letters",
        method: Method::GET,
        path: "/api/v1/dead-letters/groups",
        access: Access::Needs(Permission::Read),
        summary: "Dead letters by cause, the most numerous first, with the money at risk.",
        query: &[SELECTION, WINDOW, WHOSE],
        body: None,
        answer: Shape::Page("dead_letter_group"),
        errors: &[],
        run: run!(grouped),
    },
    Endpoint {
        name: "get_dead_letter",
        method: Method::GET,
        path: "/api/v1/dead-letters/{id}",
        access: Access::Needs(Permission::Read),
        summary: "One dead letter with every failure.",
        query: &[],
        body: None,
        answer: Shape::Object("dead_letter_page"),
        errors: &[Code::NotFound],
        run: run!(get),
    },
    Endpoint {
        name: "discard_dead_letter",
        method: Method::POST,
        path: "/api/v1/dead-letters/{id}/discard",
        access: Access::Needs(Permission::Manage),
        summary: "Put a dead letter aside for good. Its bytes stay for as long as those of all others; a replay restores it.",
        query: &[],
        body: Some(REASON),
        answer: Shape::Done(200, "discarded"),
        errors: &[Code::NotFound],
        run: run!(discard_one),
    },
    Endpoint {
        name: "discard_dead_letters",
        method: Method::POST,
        path: "/api/v1/dead-letters/discard",
        access: Access::Needs(Permission::Manage),
        summary: "Put several dead letters aside, by their ids.",
        query: &[],
        body: Some(&[
            required("ids", Kind::Ids, "The events' ids."),
            required("reason", Kind::Text, "Why, for the audit."),
        ]),
        answer: Shape::Done(200, "discarded"),
        errors: &[Code::NotFound],
        run: run!(discard_several),
    },
];

const SELECTION: &[Field] = &[
    optional("cause", Kind::Text, "Only of this cause: its eight digits, or in full."),
    optional("type", Kind::Id, "Only this type; a trailing `*` matches a prefix."),
    optional("customer", Kind::Id, "Only about this customer."),
];

/// As a filter on dead letters; `None` where no dead letter has the cause.
async fn selected(call: &Call) -> Result<Option<EventFilter>, Problem> {
    let (window, whose) = (call.query.window()?, call.whose());
    let fingerprint = match call.query.text("cause") {
        None => None,
        Some(given) => match named(call, &given).await? {
            None => return Ok(None),
            found => found,
        },
    };
    Ok(Some(EventFilter {
        kind: call.query.text("type"),
        outcome: Some(OutcomeKind::Dead.as_str().to_owned()),
        fingerprint,
        customer: call.query.text("customer"),
        since: window.since,
        until: window.until,
        account: whose.account,
        livemode: whose.livemode,
        limit: SELECTED_LIMIT,
        ..EventFilter::default()
    }))
}

/// The cause that goes by this name.
pub(super) async fn named(call: &Call, given: &str) -> Result<Option<String>, Problem> {
    let mut causes = call.ledger().dead_causes(call.now).await?.into_iter().map(|found| found.fingerprint);
    Ok(causes.find(|fingerprint| fingerprint == given || cause(fingerprint) == given))
}

async fn list(call: Call) -> Answered {
    let Some(filter) = selected(&call).await? else { return Ok(Answer::whole_list::<()>(&[])) };
    Ok(Answer::list(&call.read().await?.events(&filter, &call.query.part()).await?))
}

async fn grouped(call: Call) -> Answered {
    let Some(filter) = selected(&call).await? else { return Ok(Answer::whole_list::<()>(&[])) };
    let found = groups(&call.ledger().dead(&filter).await?);
    let items: Vec<_> =
        found.iter().map(|group| json!({"cause": cause(&group.fingerprint), "group": group})).collect();
    Ok(Answer::whole_list(&items))
}

async fn get(call: Call) -> Answered {
    let letters = letters(&call, call.id()).await?;
    let letter = letters.first().ok_or_else(|| nothing("dead letter", call.id()))?;
    Ok(Answer::object(&json!({"letter": letter, "labels": DeadLetterLabels::of(letter)})))
}

async fn letters(call: &Call, id: &str) -> Result<Vec<StoredEvent>, Problem> {
    let mut found = call.ledger().event(id).await?;
    found.retain(|event| event.outcome == OutcomeKind::Dead);
    if found.is_empty() { Err(nothing("dead letter", id)) } else { Ok(found) }
}

async fn discard_one(call: Call) -> Answered {
    let ids = vec![call.id().to_owned()];
    discard(&call, &ids).await
}

async fn discard_several(call: Call) -> Answered {
    let ids = call.body.texts("ids");
    discard(&call, &ids).await
}

async fn discard(call: &Call, ids: &[String]) -> Answered {
    let (reason, person) = (acts::reason(&call.body.given("reason")?)?, call.person()?);
    let mut chosen = Vec::new();
    for id in ids {
        chosen.extend(letters(call, id).await?);
    }
    let discarded = dead_letters::discard(call.ledger(), &chosen, &reason, &person, call.now).await?;
    Ok(Answer::done(StatusCode::OK, &json!({"found": chosen.len(), "discarded": discarded})))
}
