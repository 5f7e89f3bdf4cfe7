//! All that one account has in one mode: its objects, its events, and what will happen to them by itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use stripe_sim::Random;

use crate::error::Refusal;
use crate::settings::Settings;
use crate::versions;

pub(crate) struct Books {
    pub(crate) livemode: bool,
    /// The connected account; empty is the merchant's own.
    pub(crate) account: String,
    /// At this request. Everything in it happens in one second.
    pub(crate) now: i64,
    pub(crate) cause: Option<Cause>,
    pub(crate) settings: Settings,
    /// In the order in which they happened.
    pub(crate) events: Vec<Event>,
    /// Places in `events` of what no courier has taken yet.
    pub(crate) unsent: Vec<usize>,
    pub(crate) to_come: Vec<(i64, Happening)>,
    random: Random,
    objects: BTreeMap<String, Value>,
    /// By their kind, the oldest first.
    ids: BTreeMap<String, Vec<String>>,
}

/// The request that makes things happen.
#[derive(Clone)]
pub(crate) struct Cause {
    pub(crate) request_id: String,
    pub(crate) idempotency_key: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) created: i64,
    pub(crate) delivered: bool,
    /// As it is delivered, byte for byte.
    pub(crate) body: String,
}

/// What happens without a request, each with the id of its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// A captured charge gets its balance transaction.
    ChargeSettles(String),
    FundsBecomeAvailable(String),
    RefundSucceeds(String),
    RefundFails(String, &'static str),
    DisputeEnds(String, &'static str),
    PayoutArrives(String),
    /// A payment intent changed that may have been made for an invoice.
    PaymentMoves(String),
    InvoiceAdvances(String),
    SubscriptionLapses(String),
}

impl Books {
    pub(crate) fn new(account: &str, livemode: bool, seed: u64) -> Self {
        Self {
            livemode,
            account: account.to_owned(),
            now: 0,
            cause: None,
            settings: Settings::default(),
            events: Vec::new(),
            unsent: Vec::new(),
            to_come: Vec::new(),
            random: Random::of_seed(seed),
            objects: BTreeMap::new(),
            ids: BTreeMap::new(),
        }
    }

    /// An id of Stripe's form.
    pub(crate) fn new_id(&mut self, prefix: &str) -> String {
        self.random.id(prefix)
    }

    pub(crate) fn random_text(&mut self, chars: usize) -> String {
        self.random.text("", chars)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Value> {
        self.objects.get(id)
    }

    /// One of that kind, asked for by its path.
    pub(crate) fn find(&self, object: &str, id: &str, param: &str) -> Result<&Value, Refusal> {
        let found = self.objects.get(id).filter(|found| found["object"] == object);
        found.ok_or_else(|| Refusal::no_such(word(object), id, param))
    }

    /// All of a kind, the newest first.
    pub(crate) fn all(&self, object: &str) -> Vec<&Value> {
        let ids = self.ids.get(object).map_or(&[][..], Vec::as_slice);
        let mut found: Vec<&Value> = ids.iter().rev().filter_map(|id| self.objects.get(id)).collect();
        found.sort_by_key(|object| std::cmp::Reverse(object["created"].as_i64())); // stable
        found
    }

    pub(crate) fn put(&mut self, object: Value) {
        let (Some(id), Some(kind)) = (object["id"].as_str(), object["object"].as_str()) else { return };
        let ids = self.ids.entry(kind.to_owned()).or_default();
        if !self.objects.contains_key(id) {
            ids.push(id.to_owned());
        }
        self.objects.insert(id.to_owned(), object);
    }

    pub(crate) fn remove(&mut self, id: &str) {
        if let Some(kind) = self.objects.remove(id).as_ref().and_then(|object| object["object"].as_str())
            && let Some(ids) = self.ids.get_mut(kind)
        {
            ids.retain(|known| known != id);
        }
    }

    /// Silently.
    pub(crate) fn edit(&mut self, id: &str, fields: Value) {
        if let (Some(object), Value::Object(fields)) = (self.objects.get_mut(id), fields) {
            for (name, value) in fields {
                object[&name] = value;
            }
        }
    }

    /// The fields are changed, and an event tells of the object and what it was before.
    pub(crate) fn change(&mut self, id: &str, event: &str, fields: Value) {
        let before = self.objects.get(id).cloned().unwrap_or_default();
        self.edit(id, fields);
        let after = self.objects.get(id).cloned().unwrap_or_default();
        self.record_change(event, &before, &after);
    }

    fn record_change(&mut self, event: &str, before: &Value, after: &Value) {
        let version = self.settings.api_version;
        let shown = |value: &Value| versions::shown(value.clone(), version.as_str());
        let (before, after) = (shown(before), shown(after));
        let previous: Map<String, Value> = before
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, value)| after[name.as_str()] != **value)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let previous = (!previous.is_empty()).then_some(Value::Object(previous));
        self.record_shown(event, &after, previous);
    }

    /// An event tells of the object as it is now.
    pub(crate) fn record(&mut self, event: &str, id: &str) {
        let object = self.objects.get(id).cloned().unwrap_or_default();
        let shown = versions::shown(object, self.settings.api_version.as_str());
        self.record_shown(event, &shown, None);
    }

    fn record_shown(&mut self, kind: &str, object: &Value, previous: Option<Value>) {
        let id = self.new_id("evt");
        let mut data = json!({ "object": object });
        if let Some(previous) = previous {
            data["previous_attributes"] = previous;
        }
        let cause = self.cause.as_ref();
        let mut body = json!({
            "id": id,
            "object": "event",
            "api_version": self.settings.api_version.as_str(),
            "created": self.now,
            "data": data,
            "livemode": self.livemode,
            "pending_webhooks": 1,
            "request": {
                "id": cause.map(|cause| cause.request_id.as_str()),
                "idempotency_key": cause.and_then(|cause| cause.idempotency_key.as_deref()),
            },
            "type": kind,
        });
        if !self.account.is_empty() {
            body["account"] = json!(self.account);
        }
        let body = serde_json::to_string_pretty(&body).expect("a JSON value encodes");
        self.unsent.push(self.events.len());
        self.events.push(Event { id, kind: kind.to_owned(), created: self.now, delivered: true, body });
    }

    /// In so many seconds it happens by itself.
    pub(crate) fn later(&mut self, secs: i64, happening: Happening) {
        self.to_come.push((self.now + secs, happening));
    }
}

/// A link is an id, or the object itself.
pub(crate) fn id_of(link: &Value) -> Option<&str> {
    link.as_str().or_else(|| link["id"].as_str())
}

/// The word for an object in Stripe's messages.
fn word(object: &str) -> &str {
    match object {
        "payment_method" => "PaymentMethod",
        "file" => "file upload",
        other => other,
    }
}
