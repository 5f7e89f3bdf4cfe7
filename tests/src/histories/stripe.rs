//! Stripe: the objects of one account in one mode, its clock, and the events that it tells about them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use stripe_sim::{Event, Random, Setting};

use super::charges::Charge;
use super::customers::{Customer, Subscription};
use super::disputes::{Dispute, Warning};
use super::invoices::{Invoice, InvoicePayment};
use super::payments::Payment;
use super::refunds::Refund;
use super::{ApiVersion, SampleEvent, Scene, Subject, Truth};

/// The first second of every history: 2026-06-01.
const DAWN: i64 = 1_780_272_000;
/// When everything was made, as far as objects say: before any event.
pub(super) const MADE: i64 = 1_780_000_000;
pub(super) const DAY_SECS: i64 = 86_400;

pub struct Stripe {
    /// In which shape it tells from now on.
    pub version: ApiVersion,
    /// Links are told as the objects themselves instead of their ids.
    pub expands: bool,
    /// Since 2025 an invoice lists its payments only for those who ask.
    pub lists_payments: bool,
    /// Seconds since 1970.
    pub now: i64,
    pub random: Random,
    pub customers: BTreeMap<String, Customer>,
    pub payments: BTreeMap<String, Payment>,
    pub charges: BTreeMap<String, Charge>,
    pub refunds: BTreeMap<String, Refund>,
    pub disputes: BTreeMap<String, Dispute>,
    pub warnings: BTreeMap<String, Warning>,
    pub invoices: BTreeMap<String, Invoice>,
    pub invoice_payments: BTreeMap<String, InvoicePayment>,
    pub subscriptions: BTreeMap<String, Subscription>,
    scene: Scene,
    events: Vec<SampleEvent>,
    contested: BTreeSet<Subject>,
    elsewhere: Truth,
}

impl Stripe {
    pub fn new(scene: &Scene) -> Self {
        Self {
            version: scene.version,
            expands: scene.seed % 7 == 3,
            lists_payments: scene.seed % 3 != 1,
            now: DAWN,
            random: Random::of_seed(scene.seed),
            customers: BTreeMap::new(),
            payments: BTreeMap::new(),
            charges: BTreeMap::new(),
            refunds: BTreeMap::new(),
            disputes: BTreeMap::new(),
            warnings: BTreeMap::new(),
            invoices: BTreeMap::new(),
            invoice_payments: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            scene: scene.clone(),
            events: Vec::new(),
            contested: BTreeSet::new(),
            elsewhere: Truth::default(),
        }
    }

    /// The same seed, hence the same ids, in another account or mode.
    #[must_use]
    pub fn twin(&self, account: &str, livemode: bool) -> Self {
        let scene = Scene { account: account.to_owned(), livemode, ..self.scene.clone() };
        Self::new(&scene)
    }

    /// Takes in what happened in another account or mode.
    pub fn absorb(&mut self, other: Self) {
        let (events, truth) = other.end();
        self.events.extend(events);
        self.elsewhere.extend(truth);
    }

    /// The events that were told, and what a ledger must hold after all of them.
    pub fn end(mut self) -> (Vec<SampleEvent>, Truth) {
        let mut truth = self.truth();
        // Nobody but Stripe knows which of two reports of one second is right.
        truth.rows.retain(|subject, _| !self.contested.contains(subject));
        truth.refetch.extend(std::mem::take(&mut self.contested));
        truth.extend(std::mem::take(&mut self.elsewhere));
        (self.events, truth)
    }

    pub fn account(&self) -> &str {
        &self.scene.account
    }

    pub fn livemode(&self) -> bool {
        self.scene.livemode
    }

    pub fn told(&self) -> usize {
        self.events.len()
    }

    pub fn wait(&mut self, seconds: i64) {
        self.now += seconds;
    }

    /// Sends events of these types about one object, as it is now.
    pub fn tell(&mut self, kinds: &[&'static str], id: &str) {
        for kind in kinds {
            let event_id = self.random.id("evt");
            self.tell_as(&event_id, kind, id);
        }
    }

    pub fn tell_as(&mut self, event_id: &str, kind: &'static str, id: &str) {
        let object = match id.split('_').next().unwrap_or_default() {
            "cus" => self.tell_customer(id),
            "pi" => self.tell_payment(kind, id),
            "ch" => self.tell_charge(id),
            "re" => self.tell_refund(id),
            "dp" => self.tell_dispute(id),
            "issfr" => self.tell_warning(id),
            "in" => self.tell_invoice(kind, id),
            "inpay" => self.tell_invoice_payment(id),
            "sub" => self.tell_subscription(id),
            _ => panic!("{id} is the id of no object"),
        };
        let event = self.event(event_id, kind, &object);
        self.events.push(event);
    }

    /// The event that was told last gets a stamp that is wrong by so much.
    pub fn stamp_late(&mut self, seconds: i64) {
        let last = self.events.last_mut().expect("something was told");
        *last = last.stamped(last.created() + seconds);
    }

    /// The id of the event that was told last.
    pub fn last_event(&self) -> String {
        self.events.last().expect("something was told").id.clone()
    }

    /// Two of its reports contradict each other inside one second.
    pub fn contest(&mut self, kind: &'static str, id: &str) {
        let subject = self.subject(kind, id);
        self.contested.insert(subject);
    }

    pub(super) fn subject(&self, kind: &'static str, id: &str) -> Subject {
        let (account, livemode) = (self.scene.account.clone(), self.scene.livemode);
        Subject { kind, id: id.to_owned(), account, livemode }
    }

    /// How objects and events are written from now on.
    pub(super) fn setting(&self) -> Setting {
        Setting { expands: self.expands, ..Setting::new(self.version, self.livemode()) }
    }

    /// Whether Stripe names an invoice as the order that its payment is for. It did not always, so one version is
    /// enough.
    pub(super) fn refers_to_invoices(&self) -> bool {
        self.version >= ApiVersion::Endive
    }

    /// An event around an object, which is sent at once.
    pub fn event(&mut self, id: &str, kind: &'static str, object: &Value) -> SampleEvent {
        let previous = kind.ends_with(".updated").then(|| json!({ "description": null }));
        let event = Event { id, kind, created: self.now, account: &self.scene.account, object, previous };
        let body = event.body(&self.setting(), &mut self.random);
        SampleEvent { id: id.to_owned(), kind, outcome: "applied", body }
    }
}

/// A field that a later report may lack: what it says now, and what it said when it last said anything.
#[derive(Clone, Debug, Default)]
pub struct Named {
    pub now: Option<String>,
    pub last: Option<String>,
}

impl Named {
    pub fn as_told(&mut self) {
        if self.now.is_some() {
            self.last.clone_from(&self.now);
        }
    }

    pub fn becomes(&mut self, value: Option<&str>) {
        self.now = value.map(str::to_owned);
    }
}

impl From<Option<&str>> for Named {
    fn from(now: Option<&str>) -> Self {
        Self { now: now.map(str::to_owned), last: None }
    }
}
