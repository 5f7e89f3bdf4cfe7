//! The context of a story: its people, clock and randomness, and the events reported so far.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use stripe_sim::{ApiVersion, Event, Payer, Random, Setting};

pub struct Scene {
    pub setting: Setting,
    pub random: Random,
    /// The story's clock, in seconds since 1970. It only goes forward.
    pub now: i64,
    /// What the customer owes, in the currency's minor unit.
    pub amount: i64,
    pub currency: &'static str,
    pub customer: String,
    /// The merchant's own name for this person.
    pub user: String,
    /// What the merchant wrote on the payment: the evidence that staff need later.
    pub metadata: Value,
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

const CURRENCIES: [&str; 9] = ["usd", "usd", "usd", "usd", "eur", "eur", "gbp", "jpy", "kwd"];

impl Scene {
    pub fn new(mut random: Random, api_version: ApiVersion, livemode: bool, start: i64) -> Self {
        let currency = *random.pick(&CURRENCIES);
        let amount = match currency {
            "jpy" => 500 + 10 * random.within(0..5_000),
            "kwd" => 1_500 + 10 * random.within(0..9_000), // the last digit is always 0
            _ => 500 + random.within(0..45_000),
        };
        let number = 1_000 + random.within(0..9_000_000);
        let payer = Payer::random(number, &mut random);
        let user = format!("user_{number}");
        let metadata = json!({
            "category_id": format!("cat_{}", 1 + random.within(0..40)),
            "listing_id": format!("lst_{}", 100_000 + random.within(0..900_000)),
            "payment_type": "listing_fee",
            "user_id": user,
        });
        Self {
            setting: Setting { payer, ..Setting::new(api_version, livemode) },
            customer: random.text("cus_", 14),
            random,
            now: start,
            amount: i64::try_from(amount).unwrap_or(0),
            currency,
            user,
            metadata,
            samples: Vec::new(),
            cast: Vec::new(),
        }
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

    pub fn report(&mut self, kind: &'static str, object: &Value) {
        self.event(kind, object, None);
    }

    /// A change, together with what the changed fields were before.
    pub fn report_change(&mut self, kind: &'static str, object: &Value, previous: Value) {
        self.event(kind, object, Some(previous));
    }

    fn event(&mut self, kind: &'static str, object: &Value, previous: Option<Value>) {
        let (id, created) = (self.random.text("evt_1", 23), self.now);
        let event = Event { id: &id, kind, created, account: "", object, previous };
        let body = event.body(&self.setting, &mut self.random);
        self.samples.push(Sample { id, kind, created, body });
    }

    pub fn end(self) -> (Vec<Sample>, Vec<Named>) {
        (self.samples, self.cast)
    }
}
