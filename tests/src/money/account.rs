//! One Stripe account: its objects, its clock, and the events that it sent, in the order in which things happened.

use serde_json::{Value, json};
use stripe_sim::{ApiVersion, Event, Random};

use super::facts::{Fact, Family};
use super::objects::{Customer, Invoice, Payment};
use crate::histories::SampleEvent;

/// 2026-08-01, the first second of every history.
const DAWN: i64 = 1_785_542_400;
const CUSTOMERS: usize = 2;

/// How an account is set up, and in which shape an endpoint hears of it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub version: ApiVersion,
    /// Whether the requests that capture and cancel are of a version before 2025-03-31: it is theirs that counts,
    /// and not the endpoint's.
    pub refunds_releases: bool,
    /// Since 2025 an invoice lists its payments for those who ask only.
    pub lists_payments: bool,
    /// The reason that Stripe gives for the refund that a partial capture made.
    pub release_reason: Option<&'static str>,
    /// `payment_details.order_reference` names the invoice.
    pub references_orders: bool,
}

/// An event, what it says, and the step that made it.
#[derive(Clone, Debug)]
pub struct Telling {
    pub event: SampleEvent,
    pub family: Family,
    pub at: i64,
    pub step: usize,
    pub facts: Vec<Fact>,
}

pub struct Account {
    pub id: String,
    pub setting: Setting,
    pub now: i64,
    /// Of the present step.
    pub random: Random,
    pub step: usize,
    pub customers: Vec<Customer>,
    pub payments: Vec<Payment>,
    pub invoices: Vec<Invoice>,
    pub tellings: Vec<Telling>,
}

impl Telling {
    /// By an endpoint that hears these families, and of them these types not.
    pub fn is_heard(&self, hears: &[Family], deaf_to: &[&str]) -> bool {
        hears.contains(&self.family) && !deaf_to.contains(&self.event.kind)
    }
}

impl Account {
    pub fn new(id: &str, setting: Setting, seed: u64) -> Self {
        let mut random = Random::of_seed(seed);
        let customers = (0..CUSTOMERS)
            .map(|number| Customer {
                id: random.id("cus"),
                user: (number == 0).then(|| "user_ada".to_owned()),
            })
            .collect();
        Self {
            id: id.to_owned(),
            setting,
            now: DAWN,
            random,
            step: 0,
            customers,
            payments: Vec::new(),
            invoices: Vec::new(),
            tellings: Vec::new(),
        }
    }

    /// One of several, where there is one.
    pub fn pick<T: Copy>(&mut self, among: &[T]) -> Option<T> {
        (!among.is_empty()).then(|| *self.random.pick(among))
    }

    /// Some part of an amount, never nothing and never all.
    pub fn part_of(&mut self, amount: i64) -> i64 {
        let tenths = i64::try_from(self.random.within(1..10)).expect("small");
        (amount * tenths / 10).clamp(1, amount - 1)
    }

    /// How objects and events are written: without what no rule could read.
    pub(super) fn form(&self) -> stripe_sim::Setting {
        stripe_sim::Setting { is_bare: true, ..stripe_sim::Setting::new(self.setting.version, true) }
    }

    /// One change is told in one event.
    pub(super) fn send(&mut self, kind: &'static str, object: &Value, facts: Vec<Fact>) {
        let id = self.random.id("evt");
        let previous = kind.ends_with(".updated").then(|| json!({ "metadata": {} }));
        let event = Event { id: &id, kind, created: self.now, account: &self.id, object, previous };
        let body = event.body(&self.form(), &mut self.random);
        let event = SampleEvent { id, kind, outcome: "applied", body };
        let family = Family::of(kind);
        self.tellings.push(Telling { event, family, at: self.now, step: self.step, facts });
    }
}
