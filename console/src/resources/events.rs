//! Stored events: a list, and one with what it changed. What Stripe sent is not shown: it may hold personal data.

use desk::acts::bodies;
use domain::outcome::OutcomeKind;
use domain::permissions::Permission;
use hyper::{Method, StatusCode};
use ledger::views::stored_events::EventFilter;
use serde_json::json;

use crate::answer::Answer;
use crate::call::{Call, nothing};
use crate::endpoint::{Access, Answered, Endpoint, Shape, run};
use crate::fields::{Kind, PAGE, WHOSE, WINDOW, optional};
use crate::problem::Code;

pub(super) const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "list_events",
        method: Method::GET,
        path: "/api/v1/events",
        access: Access::Needs(Permission::Read),
        summary: "List stored events, the newest first, by the time at which they were recorded here.",
        query: &[
            &[
                optional(
                    "type",
                    Kind::Id,
                    "Only this type; a trailing `*` matches a prefix, as in `invoice.*`.",
                ),
                optional("outcome", Kind::Word(outcomes), "Only events with this outcome."),
                optional(
                    "object",
                    Kind::Id,
                    "Only events that changed the status of this object, or could not be applied to it.",
                ),
                optional("customer", Kind::Id, "Only events that did so to something of this customer."),
            ],
            WINDOW,
            WHOSE,
            PAGE,
        ],
        body: None,
        answer: Shape::Page("event"),
        errors: &[],
        run: run!(list),
    },
    Endpoint {
        name: "get_event",
        method: Method::GET,
        path: "/api/v1/events/{id}",
        access: Access::Needs(Permission::Read),
        summary: "What became of one event: each content that came under its id, and what it changed.",
        query: &[],
        body: None,
        answer: Shape::Object("event_page"),
        errors: &[Code::NotFound],
        run: run!(get),
    },
    Endpoint {
        name: "open_event_body",
        method: Method::POST,
        path: "/api/v1/events/{id}/open",
        access: Access::Needs(Permission::Manage),
        summary: "Note in the audit that you look at what Stripe sent: for ten minutes the event's page of the console shows it to you.",
        query: &[],
        body: Some(&[]),
        answer: Shape::Done(200, "opened_event"),
        errors: &[Code::NotFound],
        run: run!(open),
    },
];

fn outcomes() -> Vec<&'static str> {
    OutcomeKind::WORDS.to_vec()
}

async fn list(call: Call) -> Answered {
    let (window, whose) = (call.query.window()?, call.whose());
    let filter = EventFilter {
        kind: call.query.text("type"),
        outcome: call.query.text("outcome"),
        object: call.query.text("object"),
        concerning: call.query.text("customer"),
        since: window.since,
        until: window.until,
        account: whose.account,
        livemode: whose.livemode,
        ..EventFilter::default()
    };
    Ok(Answer::list(&call.read().await?.events(&filter, &call.query.part()).await?))
}

async fn open(call: Call) -> Answered {
    if !bodies::open(call.ledger(), call.id(), call.actor()?, call.now).await? {
        return Err(nothing("event", call.id()));
    }
    let opened = json!({"event": call.id(), "shown_until": call.now + bodies::SHOWN_FOR});
    Ok(Answer::done(StatusCode::OK, &opened))
}

async fn get(call: Call) -> Answered {
    let contents = call.ledger().event(call.id()).await?;
    if contents.is_empty() {
        return Err(nothing("event", call.id()));
    }
    let changes = call.ledger().audit_of_event(call.id()).await?;
    Ok(Answer::object(&json!({"id": call.id(), "contents": contents, "changes": changes})))
}
