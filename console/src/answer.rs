//! What an endpoint answers, as data: a status, a document, and whether it can be compared by its ETag.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use ledger::views::page::Page;

/// Ends the names of what orders reports among each other, and means nothing outside of the ledger.
const INTERNAL: &str = "freshness";

#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub document: Value,
    /// It is one object: it gets an ETag.
    pub is_object: bool,
}

impl Answer {
    pub fn object(document: &impl Serialize) -> Self {
        Self { status: StatusCode::OK, document: value(document), is_object: true }
    }

    pub fn done(status: StatusCode, document: &impl Serialize) -> Self {
        Self { status, document: value(document), is_object: false }
    }

    pub fn list<T: Serialize>(page: &Page<T>) -> Self {
        let next = page.next.as_ref().map(ToString::to_string);
        Self::done(StatusCode::OK, &json!({"items": value(&page.rows), "next": next}))
    }

    /// All there is, on one page.
    pub fn whole_list<T: Serialize>(rows: &[T]) -> Self {
        Self::done(StatusCode::OK, &json!({"items": value(&rows), "next": null}))
    }

    /// Leaves out members of these names, wherever they stand.
    #[must_use]
    pub fn without(mut self, names: &[&str]) -> Self {
        leave_out(&mut self.document, &|name| names.contains(&name));
        self
    }
}

/// As JSON, without what only the merge of reports needs.
fn value(document: &(impl Serialize + ?Sized)) -> Value {
    let mut value = serde_json::to_value(document).expect("rows and views have text as keys");
    leave_out(&mut value, &|name| name.ends_with(INTERNAL));
    value
}

fn leave_out(value: &mut Value, is_left_out: &dyn Fn(&str) -> bool) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !is_left_out(name));
            members.values_mut().for_each(|member| leave_out(member, is_left_out));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| leave_out(item, is_left_out)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_orders_reports_is_left_out_and_so_is_what_somebody_may_not_see() {
        let row = json!({"a": 1, "a_freshness": "x", "charges": [{"card_last4": "4242", "freshness": "y"}]});
        let answer = Answer::object(&row);
        assert_eq!(answer.document, json!({"a": 1, "charges": [{"card_last4": "4242"}]}));
        assert_eq!(answer.without(&["card_last4"]).document, json!({"a": 1, "charges": [{}]}));
    }
}
