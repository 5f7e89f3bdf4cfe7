//! All that it remembers, and how it takes one request.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::clock;

use super::call::{Call, Reply};
use super::faults::Fault;

pub(super) struct State {
    pub(super) key: String,
    pub(super) livemode: bool,
    /// In the order in which they happened.
    pub(super) events: Vec<Event>,
    /// By account and id.
    pub(super) objects: BTreeMap<(String, String), Value>,
    pub(super) endpoints: Vec<Value>,
    pub(super) denied: Vec<String>,
    pub(super) faults: VecDeque<Fault>,
    pub(super) limit: Option<usize>,
    pub(super) requests: Vec<String>,
    pub(super) refunds_made: usize,
    answers: BTreeMap<String, Saved>,
    recent: VecDeque<Instant>,
}

pub(super) struct Event {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) kind: String,
    pub(super) created: i64,
    pub(super) delivered: bool,
    /// As it is delivered, byte for byte.
    pub(super) body: String,
}

/// What is known of an idempotency key.
struct Saved {
    fingerprint: String,
    /// `None` while the first request is running.
    reply: Option<Reply>,
}

impl State {
    pub(super) fn of(key: &str, livemode: bool) -> Self {
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
    pub(super) fn tell(&mut self, body: &[u8]) {
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

    pub(super) fn put(&mut self, account: &str, object: Value) {
        if let Some(id) = object["id"].as_str() {
            self.objects.insert((account.to_owned(), id.to_owned()), object);
        }
    }

    /// Refused before anything is looked at: by the key, or by the rate.
    pub(super) fn turned_away(&mut self, call: &Call) -> Option<Reply> {
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

    pub(super) fn busy(wait_secs: u64) -> Reply {
        let reply = Reply::error(429, "invalid_request_error", "rate_limit", "Too many requests");
        reply.with("retry-after", wait_secs.to_string())
    }

    /// What an idempotency key has been answered, if it has; else it is running from now on.
    pub(super) fn repeated(&mut self, call: &Call) -> Option<Reply> {
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
    pub(super) fn save(&mut self, call: &Call, reply: &Reply) {
        if let Some(saved) = call.idempotency_key.as_ref().and_then(|key| self.answers.get_mut(key)) {
            saved.reply = Some(reply.clone());
        }
    }

    /// Nothing was done: the key is free again.
    pub(super) fn release(&mut self, call: &Call) {
        if let Some(key) = &call.idempotency_key {
            self.answers.remove(key);
        }
    }

    pub(super) fn execute(&mut self, call: &Call) -> Reply {
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
            ("POST", ["refunds"]) => self.make_refund(call, clock::now().timestamp()),
            ("GET", [collection, id]) => self.object(call, collection, id),
            _ => unknown,
        }
    }
}
