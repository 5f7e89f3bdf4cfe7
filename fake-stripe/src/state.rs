//! All that it remembers, and how it takes one request.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::clock::unix_now;
use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::faults::Fault;

pub(crate) struct State {
    pub(crate) key: String,
    pub(crate) livemode: bool,
    /// In the order in which they happened.
    pub(crate) events: Vec<Event>,
    /// By account and id.
    pub(crate) objects: BTreeMap<(String, String), Value>,
    pub(crate) endpoints: Vec<Value>,
    pub(crate) denied: Vec<String>,
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) limit: Option<usize>,
    pub(crate) requests: Vec<String>,
    pub(crate) refunds_made: usize,
    answers: BTreeMap<String, Saved>,
    recent: VecDeque<Instant>,
}

pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) kind: String,
    pub(crate) created: i64,
    pub(crate) delivered: bool,
    /// As it is delivered, byte for byte.
    pub(crate) body: String,
}

/// What is known of an idempotency key.
struct Saved {
    fingerprint: String,
    /// `None` while the first request is running.
    reply: Option<Reply>,
}

impl State {
    pub(crate) fn of(key: &str, livemode: bool) -> Self {
        Self {
            key: key.to_owned(),
            livemode,
            events: Vec::new(),
            objects: BTreeMap::new(),
            endpoints: Vec::new(),
            denied: Vec::new(),
            faults: VecDeque::new(),
            limit: None,
            requests: Vec::new(),
            refunds_made: 0,
            answers: BTreeMap::new(),
            recent: VecDeque::new(),
        }
    }

    /// An event happened: it is listed, and its object is as it says.
    pub(crate) fn tell(&mut self, body: &[u8]) {
        let event: Value = serde_json::from_slice(body).expect("an event is JSON");
        if event["livemode"].as_bool() != Some(self.livemode) {
            return; // of the other mode, which this key never sees
        }
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let account = text("account");
        let object = &event["data"]["object"];
        if event["type"] == "customer.deleted" {
            self.put(&account, json!({ "id": object["id"], "object": "customer", "deleted": true }));
        } else {
            self.put(&account, object.clone());
        }
        self.events.push(Event {
            id: text("id"),
            account,
            kind: text("type"),
            created: event["created"].as_i64().expect("an event has its stamp"),
            delivered: true,
            body: String::from_utf8(body.to_vec()).expect("JSON is UTF-8"),
        });
    }

    pub(crate) fn put(&mut self, account: &str, object: Value) {
        if let Some(id) = object["id"].as_str() {
            self.objects.insert((account.to_owned(), id.to_owned()), object);
        }
    }

    /// Refused before anything is looked at: by the key, or by the rate.
    pub(crate) fn turned_away(&mut self, call: &Call) -> Option<Reply> {
        self.requests.push(format!("{} /v1{}", call.method, call.path));
        if call.authorization != format!("Bearer {}", self.key) {
            let key = call.authorization.strip_prefix("Bearer ").unwrap_or_default();
            let message = format!("Invalid API Key provided: {key}");
            return Some(Reply::error(401, "invalid_request_error", "api_key_invalid", &message));
        }
        let now = Instant::now();
        self.recent.retain(|then| now - *then < Duration::from_secs(1));
        self.recent.push_back(now);
        let is_over = self.limit.is_some_and(|limit| self.recent.len() > limit);
        is_over.then(|| Self::busy(1))
    }

    pub(crate) fn busy(wait_secs: u64) -> Reply {
        let reply = Reply::error(429, "invalid_request_error", "rate_limit", "Too many requests");
        reply.with("retry-after", wait_secs.to_string())
    }

    /// What an idempotency key has been answered, if it has; else it is running from now on.
    pub(crate) fn repeated(&mut self, call: &Call) -> Option<Reply> {
        let key = call.idempotency_key.as_ref().filter(|_| call.method == "POST")?;
        let fingerprint = call.fingerprint();
        match self.answers.get(key) {
            None => {
                self.answers.insert(key.clone(), Saved { fingerprint, reply: None });
                None
            }
            Some(saved) if saved.fingerprint != fingerprint => {
                let words = "Keys for idempotent requests can only be used with the same parameters";
                Some(Reply::error(400, "idempotency_error", "idempotency_key_in_use", words))
            }
            Some(Saved { reply: None, .. }) => {
                let words = "There is currently another in-progress request using this key";
                Some(Reply::error(409, "idempotency_error", "idempotency_key_in_use", words))
            }
            Some(Saved { reply: Some(reply), .. }) => Some(reply.clone().with("idempotent-replayed", "true")),
        }
    }

    /// Answers with an effect are kept, those of trouble too.
    pub(crate) fn save(&mut self, call: &Call, reply: &Reply) {
        if let Some(saved) = call.idempotency_key.as_ref().and_then(|key| self.answers.get_mut(key)) {
            saved.reply = Some(reply.clone());
        }
    }

    /// Nothing was done: the key is free again.
    pub(crate) fn release(&mut self, call: &Call) {
        if let Some(key) = &call.idempotency_key {
            self.answers.remove(key);
        }
    }

    pub(crate) fn execute(&mut self, call: &Call) -> Reply {
        if let Some(reply) = self.denied(call) {
            return reply;
        }
        let parts: Vec<&str> = call.path.trim_matches('/').split('/').collect();
        let unknown = Reply::error(404, "invalid_request_error", "url_invalid", "Unrecognized request URL");
        match (call.method.as_str(), &parts[..]) {
            ("GET", ["account"]) => Self::account(),
            ("GET", ["webhook_endpoints"]) => self.list_endpoints(call),
            ("GET", ["events"]) => self.list_events(call),
            ("GET", ["events", id]) => self.event(call, id),
            ("GET", ["refunds"]) => self.list_children(call, "refund", "charge"),
            // Unknown before 2025-03-31.basil.
            ("GET", ["invoice_payments", ..]) if call.version.as_str() < "2025-03-31" => unknown,
            ("GET", ["invoice_payments"]) => self.list_children(call, "invoice_payment", "invoice"),
            ("POST", ["refunds"]) => self.make_refund(call, unix_now()),
            ("GET", [collection, id]) => self.object(call, collection, id),
            _ => unknown,
        }
    }
}
