//! Pages of a list, the newest first, as Stripe cuts them.

use serde_json::{Value, json};

use crate::error::Refusal;
use crate::params::Params;

const LIMIT_DEFAULT: i64 = 10;
const LIMIT_MOST: i64 = 100;

/// Parameters of every list.
pub(crate) const PAGING: &[&str] = &["limit", "starting_after", "ending_before", "created"];

/// One page of what stands newest first, and whether there is more in the direction of reading.
pub(crate) fn page<'l, T>(
    listed: &'l [T],
    params: Params<'_>,
    what: &str,
    id: impl Fn(&T) -> &str,
) -> Result<(&'l [T], bool), Refusal> {
    let limit = params.integer("limit")?.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MOST);
    let limit = usize::try_from(limit).expect("between 1 and 100");
    let place = |param: &str, wanted: &str| {
        let found = listed.iter().position(|item| id(item) == wanted);
        found.ok_or_else(|| Refusal::no_such(what, wanted, param).status(400))
    };
    if let Some(before) = params.text("ending_before") {
        let end = place("ending_before", before)?;
        let begin = end.saturating_sub(limit);
        return Ok((&listed[begin..end], begin > 0));
    }
    let begin = match params.text("starting_after") {
        Some(after) => place("starting_after", after)? + 1,
        None => 0,
    };
    let end = listed.len().min(begin + limit);
    Ok((&listed[begin..end], end < listed.len()))
}

/// A page of objects, for those that were created when it is asked for.
pub(crate) fn of_objects(
    objects: Vec<&Value>,
    params: Params<'_>,
    what: &str,
    url: &str,
) -> Result<Value, Refusal> {
    let mut asked = objects;
    asked.retain(|object| params.is_created(object["created"].as_i64().unwrap_or(0)));
    let (page, has_more) = page(&asked, params, what, |object| object["id"].as_str().unwrap_or_default())?;
    let data: Vec<Value> = page.iter().map(|object| (*object).clone()).collect();
    Ok(json!({ "object": "list", "data": data, "has_more": has_more, "url": url }))
}
