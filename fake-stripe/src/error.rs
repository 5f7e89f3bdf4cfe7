//! A refusal in the form that Stripe gives it.

use serde_json::{Map, Value, json};

use crate::call::Reply;

pub(crate) type Answer = Result<Value, Refusal>;

#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: u16,
    error: Map<String, Value>,
    is_kept: bool,
}

impl Refusal {
    /// 400, `invalid_request_error`, without a code: Stripe has none for many of them.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        let mut error = Map::new();
        error.insert("message".to_owned(), json!(message.into()));
        error.insert("type".to_owned(), json!("invalid_request_error"));
        Self { status: 400, error, is_kept: true }
    }

    /// Refused while the parameters were read, before anything was executed.
    pub(crate) fn invalid(param: &str, message: impl Into<String>) -> Self {
        let mut refusal = Self::new(message).param(param);
        refusal.is_kept = false;
        refusal
    }

    /// 404 for an id in the path. For one in a parameter add `status(400)`.
    pub(crate) fn no_such(what: &str, id: &str, param: &str) -> Self {
        Self::new(format!("No such {what}: '{id}'")).status(404).code("resource_missing").param(param)
    }

    pub(crate) fn unknown_url(method: &str, path: &str) -> Self {
        let words = format!(
            "Unrecognized request URL ({method}: /v1{path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/."
        );
        let mut refusal = Self::new(words).status(404);
        refusal.is_kept = false;
        refusal
    }

    /// 402, `card_error`: an attempt was made and the card was declined.
    pub(crate) fn card(message: &str) -> Self {
        Self::new(message).status(402).kind("card_error")
    }

    #[must_use]
    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    #[must_use]
    pub(crate) fn kind(self, kind: &str) -> Self {
        self.with("type", kind)
    }

    #[must_use]
    pub(crate) fn code(self, code: &str) -> Self {
        let page = format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"));
        self.with("code", code).with("doc_url", page)
    }

    #[must_use]
    pub(crate) fn param(self, param: &str) -> Self {
        self.with("param", param)
    }

    /// A further field; without a value there is none.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.error.insert(name.to_owned(), value);
        }
        self
    }

    /// No idempotency key keeps it.
    #[must_use]
    pub(crate) fn not_kept(mut self) -> Self {
        self.is_kept = false;
        self
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// The fields of `last_payment_error`, which are those of the answer.
    pub(crate) fn fields(&self) -> &Map<String, Value> {
        &self.error
    }

    /// The same with each object in it changed, for the version of the API that is asked for.
    #[must_use]
    pub(crate) fn map_objects(mut self, change: impl Fn(Value) -> Value) -> Self {
        for value in self.error.values_mut().filter(|value| value.is_object()) {
            *value = change(value.take());
        }
        self
    }

    pub(crate) fn reply(&self) -> Reply {
        Reply { status: self.status, body: json!({ "error": self.error }).to_string(), headers: Vec::new() }
    }
}
