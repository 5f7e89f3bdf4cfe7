//! The list of events as Stripe pages it: the newest first, for thirty days.

use crate::clock::unix_now;

use crate::call::{Call, Reply};
use crate::state::{Event, State};

const LISTED_SECS: i64 = 30 * 86_400;
const TYPES_LIMIT: usize = 20;
const LIMIT_DEFAULT: i64 = 10;
const LIMIT_MOST: i64 = 100;

impl State {
    pub(crate) fn list_events(&self, call: &Call) -> Reply {
        let types = call.list("types");
        if types.len() > TYPES_LIMIT || (call.parameter("type").is_some() && !types.is_empty()) {
            return Reply::error(400, "invalid_request_error", "parameter_invalid", "types");
        }
        let mut listed: Vec<&Event> = self.events.iter().filter(|event| is_asked(event, call)).collect();
        listed.sort_by_key(|event| event.created); // stable: inside a second, as they happened
        listed.reverse();
        let page = match page(&listed, call, |event| &event.id) {
            Ok(page) => page,
            Err(id) => return Reply::error(400, "invalid_request_error", "resource_missing", id),
        };
        Reply::ok(list(page.0.iter().map(|event| event.body.as_str()), page.1))
    }

    pub(crate) fn event(&self, call: &Call, id: &str) -> Reply {
        let found = self.events.iter().find(|event| event.id == id && event.account == call.account);
        found.map_or_else(|| Reply::no_such("event", id), |event| Reply::ok(event.body.clone()))
    }
}

fn is_asked(event: &Event, call: &Call) -> bool {
    let is_of_type = match (call.parameter("type"), &call.list("types")[..]) {
        (None, []) => true,
        (None, types) => types.contains(&event.kind.as_str()),
        (Some(kind), _) => match kind.strip_suffix('*') {
            Some(prefix) => event.kind.starts_with(prefix),
            None => event.kind == kind,
        },
    };
    let is_of_delivery =
        call.parameter("delivery_success").is_none_or(|wanted| (wanted == "true") == event.delivered);
    event.account == call.account
        && event.created >= unix_now() - LISTED_SECS
        && call.number("created[gte]").is_none_or(|from| event.created >= from)
        && call.number("created[gt]").is_none_or(|from| event.created > from)
        && call.number("created[lte]").is_none_or(|to| event.created <= to)
        && call.number("created[lt]").is_none_or(|to| event.created < to)
        && is_of_type
        && is_of_delivery
}

/// One page of what stands newest first, and whether there is more in the direction of reading. Fails with
/// the id that it does not know.
pub(crate) fn page<'l, 'c, T>(
    listed: &'l [T],
    call: &'c Call,
    id: impl Fn(&T) -> &str,
) -> Result<(&'l [T], bool), &'c str> {
    let limit = usize::try_from(call.number("limit").unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MOST))
        .expect("between 1 and 100");
    let place = |wanted: &'c str| listed.iter().position(|item| id(item) == wanted).ok_or(wanted);
    if let Some(before) = call.parameter("ending_before") {
        let end = place(before)?;
        let begin = end.saturating_sub(limit);
        return Ok((&listed[begin..end], begin > 0));
    }
    let begin = match call.parameter("starting_after") {
        Some(after) => place(after)? + 1,
        None => 0,
    };
    let end = listed.len().min(begin + limit);
    Ok((&listed[begin..end], end < listed.len()))
}

pub(crate) fn list<'b>(bodies: impl Iterator<Item = &'b str>, has_more: bool) -> String {
    let data = bodies.collect::<Vec<_>>().join(",");
    format!(r#"{{"object":"list","url":"/v1/","has_more":{has_more},"data":[{data}]}}"#)
}
