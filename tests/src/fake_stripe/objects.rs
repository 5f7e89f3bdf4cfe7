//! Objects by their ids, as they were told last.

use super::call::{Call, Reply};
use super::state::State;

/// The collections of the API, and the word for what is in them.
const COLLECTIONS: &[(&str, &str)] = &[
    ("payment_intents", "payment_intent"),
    ("charges", "charge"),
    ("refunds", "refund"),
    ("disputes", "dispute"),
    ("invoices", "invoice"),
    ("customers", "customer"),
    ("subscriptions", "subscription"),
];

impl State {
    pub(super) fn object(&self, call: &Call, collection: &str, id: &str) -> Reply {
        let Some((_, object)) = COLLECTIONS.iter().find(|(known, _)| *known == collection) else {
            return Reply::error(404, "invalid_request_error", "url_invalid", "Unrecognized request URL");
        };
        match self.objects.get(&(call.account.clone(), id.to_owned())) {
            Some(value) if value["object"] == *object => Reply::ok(value.to_string()),
            _ => Reply::no_such(object, id),
        }
    }
}
