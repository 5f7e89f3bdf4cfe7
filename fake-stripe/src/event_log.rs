//! The list of events: the newest first, for thirty days, each body byte for byte as it is delivered.

use serde_json::{Value, json};

use crate::books::{Books, Event};
use crate::call::Reply;
use crate::error::Refusal;
use crate::lists::{self, PAGING};
use crate::params::Params;

const LISTED_SECS: i64 = 30 * 86_400;
const TYPES_LIMIT: usize = 20;

pub(crate) fn list(books: &Books, params: Params<'_>) -> Result<Reply, Refusal> {
    let params = params.allow(&[PAGING, &["type", "types", "delivery_success"]].concat())?;
    let types = params.list("types");
    if types.len() > TYPES_LIMIT {
        return Err(Refusal::invalid("types", "You may pass up to 20 types."));
    }
    if params.is_given("type") && !types.is_empty() {
        let words = "You may only specify one of these parameters: type, types.";
        return Err(Refusal::invalid("types", words).code("parameters_exclusive"));
    }
    let mut listed: Vec<&Event> =
        books.events.iter().filter(|event| is_asked(event, books.now, params, &types)).collect();
    listed.sort_by_key(|event| event.created); // stable: inside a second, as they happened
    listed.reverse();
    let (page, has_more) = lists::page(&listed, params, "event", |event| &event.id)?;
    let data = page.iter().map(|event| event.body.as_str()).collect::<Vec<_>>().join(",");
    Ok(Reply::ok(format!(r#"{{"object":"list","data":[{data}],"has_more":{has_more},"url":"/v1/events"}}"#)))
}

pub(crate) fn retrieve(books: &Books, id: &str) -> Result<Reply, Refusal> {
    let found = books.events.iter().find(|event| event.id == id);
    found.map(|event| Reply::ok(event.body.clone())).ok_or_else(|| Refusal::no_such("event", id, "id"))
}

fn is_asked(event: &Event, now: i64, params: Params<'_>, types: &[&str]) -> bool {
    let is_of_type = match params.text("type") {
        None => types.is_empty() || types.contains(&event.kind.as_str()),
        Some(kind) => match kind.strip_suffix('*') {
            Some(prefix) => event.kind.starts_with(prefix),
            None => event.kind == kind,
        },
    };
    let is_of_delivery =
        params.text("delivery_success").is_none_or(|wanted| (wanted == "true") == event.delivered);
    is_of_type && is_of_delivery && event.created >= now - LISTED_SECS && params.is_created(event.created)
}

/// An event that happened elsewhere: it is listed, its object is as it says, and no courier takes it.
pub(crate) fn take_over(books: &mut Books, event: &Value, body: &str) {
    let object = &event["data"]["object"];
    if event["type"] == "customer.deleted" {
        books.put(json!({ "id": object["id"], "object": "customer", "deleted": true }));
    } else {
        books.put(object.clone());
    }
    let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let created = event["created"].as_i64().expect("an event has its stamp");
    books.events.push(Event {
        id: text("id"),
        kind: text("type"),
        created,
        delivered: true,
        body: body.to_owned(),
    });
}
