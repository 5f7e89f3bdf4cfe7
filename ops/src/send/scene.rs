//! Where a story takes place: its people, its clock, its chance; and the events reported so far.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};

use super::dice::Dice;
use super::objects::{ApiVersion, Customer, Setting};

pub struct Scene {
    pub setting: Setting,
    pub dice: Dice,
    /// The story's clock, in seconds since 1970. It only goes forward.
    pub now: i64,
    /// What the customer owes, in the currency's minor unit.
    pub amount: i64,
    samples: Vec<Sample>,
    cast: Vec<Named>,
}

/// One event as Stripe would send it.
pub struct Sample {
    pub id: String,
    pub kind: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests of the stories read their order in time"))]
    pub created: i64,
    pub body: Bytes,
}

/// An object of the story that people can look up afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    pub kind: &'static str,
    pub id: String,
}

#[derive(Serialize)]
struct Event<'a> {
    id: &'a str,
    object: &'static str,
    api_version: &'static str,
    created: i64,
    data: Data,
    livemode: bool,
    pending_webhooks: u32,
    request: Value,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Data {
    object: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_attributes: Option<Value>,
}

const CURRENCIES: [&str; 9] = ["usd", "usd", "usd", "usd", "eur", "eur", "gbp", "jpy", "kwd"];

impl Scene {
    pub fn new(mut dice: Dice, api_version: ApiVersion, livemode: bool, start: i64) -> Self {
        let currency = *dice.pick(&CURRENCIES);
        let amount = match currency {
            "jpy" => 500 + 10 * i64::try_from(dice.below(5_000)).unwrap_or(0),
            "kwd" => 1_500 + 10 * i64::try_from(dice.below(9_000)).unwrap_or(0), // the last digit is always 0
            _ => 500 + i64::try_from(dice.below(45_000)).unwrap_or(0),
        };
        let customer = Customer::new(&mut dice);
        let metadata = json!({
            "category_id": format!("cat_{}", 1 + dice.below(40)),
            "listing_id": format!("lst_{}", 100_000 + dice.below(900_000)),
            "payment_type": "listing_fee",
            "user_id": customer.user_id,
        });
        let setting = Setting { api_version, livemode, currency, customer, metadata };
        Self { setting, dice, now: start, amount, samples: Vec::new(), cast: Vec::new() }
    }

    pub fn seconds_pass(&mut self, seconds: i64) {
        self.now += seconds;
    }

    pub fn days_pass(&mut self, days: i64) {
        self.now += days * 86_400;
    }

    /// Remembers an object under the name that people look it up by.
    pub fn name(&mut self, kind: &'static str, id: &str) {
        self.cast.push(Named { kind, id: id.to_owned() });
    }

    pub fn report(&mut self, kind: &'static str, object: Value) {
        self.event(kind, Data { object, previous_attributes: None });
    }

    /// A change, together with what the changed fields were before.
    pub fn report_change(&mut self, kind: &'static str, object: Value, previous: Value) {
        self.event(kind, Data { object, previous_attributes: Some(previous) });
    }

    fn event(&mut self, kind: &'static str, data: Data) {
        let id = self.dice.id("evt_1", 23);
        let request =
            json!({ "id": self.dice.id("req_", 14), "idempotency_key": self.dice.id("sample-", 29) });
        let event = Event {
            id: &id,
            object: "event",
            api_version: self.setting.api_version.as_str(),
            created: self.now,
            data,
            livemode: self.setting.livemode,
            pending_webhooks: 1,
            request,
            kind,
        };
        // Indented by two, as Stripe sends it.
        let body = serde_json::to_vec_pretty(&event).expect("strings and numbers always encode");
        self.samples.push(Sample { id, kind, created: self.now, body: body.into() });
    }

    pub fn end(self) -> (Vec<Sample>, Vec<Named>) {
        (self.samples, self.cast)
    }
}
