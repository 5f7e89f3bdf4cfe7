//! Objects by their ids, as they were told last, and lists of those that hang on another.

use serde_json::Value;

use crate::call::{Call, Reply};
use crate::events::{list, page};
use crate::state::State;

/// The collections of the API, and the word for what is in them.
const COLLECTIONS: &[(&str, &str)] = &[
    ("payment_intents", "payment_intent"),
    ("charges", "charge"),
    ("refunds", "refund"),
    ("disputes", "dispute"),
    ("invoices", "invoice"),
    ("invoice_payments", "invoice_payment"),
    ("customers", "customer"),
    ("subscriptions", "subscription"),
];

impl State {
    pub(crate) fn object(&self, call: &Call, collection: &str, id: &str) -> Reply {
        let Some((_, object)) = COLLECTIONS.iter().find(|(known, _)| *known == collection) else {
            return Reply::error(404, "invalid_request_error", "url_invalid", "Unrecognized request URL");
        };
        match self.objects.get(&(call.account.clone(), id.to_owned())) {
            Some(value) if value["object"] == *object => Reply::ok(value.to_string()),
            _ => Reply::no_such(object, id),
        }
    }

    /// Of one parent, the newest first.
    pub(crate) fn list_children(&self, call: &Call, object: &'static str, parent: &'static str) -> Reply {
        let wanted = call.parameter(parent);
        let is_asked = |(account, _): &(String, String), child: &Value| {
            *account == call.account
                && child["object"] == object
                && wanted.is_none_or(|wanted| id_of(&child[parent]) == Some(wanted))
        };
        let found = self.objects.iter().filter(|(key, child)| is_asked(key, child));
        let mut children: Vec<&Value> = found.map(|(_, child)| child).collect();
        children.sort_by_key(|child| std::cmp::Reverse(child["created"].as_i64()));
        match page(&children, call, |child| id_of(child).unwrap_or_default()) {
            Ok((children, has_more)) => {
                let bodies: Vec<String> = children.iter().map(ToString::to_string).collect();
                Reply::ok(list(bodies.iter().map(String::as_str), has_more))
            }
            Err(id) => Reply::no_such(object, id),
        }
    }
}

/// A link is an id, or the object itself.
pub(crate) fn id_of(link: &Value) -> Option<&str> {
    link.as_str().or_else(|| link["id"].as_str())
}
