//! `expand[]`: links become the objects that they name.

use serde_json::{Value, json};

use crate::books::Books;
use crate::versions;

const DEPTH_LIMIT: usize = 4;

/// The value in the form of the version, with the paths expanded.
pub(crate) fn expanded(books: &Books, value: Value, paths: &[&str], version: &str) -> Value {
    let mut shown = versions::shown(value, version);
    for path in paths {
        let parts: Vec<&str> = path.split('.').take(DEPTH_LIMIT).collect();
        expand(books, &mut shown, &parts, version);
    }
    shown
}

fn expand(books: &Books, value: &mut Value, parts: &[&str], version: &str) {
    let Some((first, rest)) = parts.split_first() else { return };
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| expand(books, item, parts, version)),
        Value::Object(_) => {
            if let Some(list) = inline_list(books, value, first, version) {
                value[*first] = list;
            }
            let found = value[*first].as_str().and_then(|id| books.get(id));
            if let Some(found) = found {
                value[*first] = versions::shown(found.clone(), version);
            }
            if value.get(*first).is_some() {
                expand(books, &mut value[*first], rest, version);
            }
        }
        _ => {}
    }
}

/// Lists that are absent until they are asked for.
fn inline_list(books: &Books, value: &Value, field: &str, version: &str) -> Option<Value> {
    let (object, link) = match (value["object"].as_str()?, field) {
        ("charge", "refunds") => ("refund", "charge"),
        ("invoice", "payments") => ("invoice_payment", "invoice"),
        _ => return None,
    };
    let mut children = books.all(object);
    children.retain(|child| child[link] == value["id"]);
    let data: Vec<Value> =
        children.into_iter().take(10).map(|child| versions::shown(child.clone(), version)).collect();
    let url = format!("/v1/{object}s?{link}={}", value["id"].as_str().unwrap_or_default());
    Some(json!({ "object": "list", "data": data, "has_more": false, "url": url }))
}
