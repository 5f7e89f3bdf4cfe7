//! Random histories of payments and invoices as Stripe would tell them, with the truth that a ledger must
//! hold in the end. Made from the domain's rules, and from none of the product's code.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::objects::{Invoice, Payment};
use crate::random::Random;

/// One event, ready to be signed and sent.
#[derive(Clone, Debug)]
pub struct SampleEvent {
    pub id: String,
    pub kind: &'static str,
    /// The outcome that the ledger must show for it.
    pub outcome: &'static str,
    pub body: Bytes,
}

/// What the ledger must hold when every event has been handled: the status of each object, by id.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    pub payments: BTreeMap<String, &'static str>,
    pub invoices: BTreeMap<String, &'static str>,
}

/// An endless, repeatable source of stories.
pub struct Stories {
    random: Random,
    /// Stripe's clock: seconds since 1970.
    seconds: i64,
    livemode: bool,
}

/// What the events of one story have in common.
struct Setting {
    api_version: &'static str,
    /// The connected account, or `""` for our own.
    account: String,
}

/// A story, and the id of the object that it is about.
struct Told {
    subject: String,
    events: VecDeque<SampleEvent>,
}

/// One step: the event's type, the object's status afterwards, and whether it may share the second of the
/// step before it, which is so where its rank inside a second is the greater.
type Step = (&'static str, &'static str, bool);

const PAYMENTS: &[&[Step]] = &[
    &[CREATED, ("payment_intent.succeeded", "succeeded", true)],
    &[CREATED, ACTION, PROCESSING, ("payment_intent.succeeded", "succeeded", true)],
    &[
        CREATED,
        FAILED,
        ("payment_intent.processing", "processing", false),
        ("payment_intent.succeeded", "succeeded", true),
    ],
    &[CREATED, FAILED, ("payment_intent.payment_failed", "requires_payment_method", false)],
    &[CREATED, ACTION],
    &[CREATED, PROCESSING],
    &[CREATED, CAPTURABLE],
    &[CREATED, CAPTURABLE, ("payment_intent.succeeded", "succeeded", true)],
    &[CREATED, ("payment_intent.canceled", "canceled", true)],
    &[CREATED, FAILED, ("payment_intent.canceled", "canceled", true)],
];
const CREATED: Step = ("payment_intent.created", "requires_payment_method", false);
const ACTION: Step = ("payment_intent.requires_action", "requires_action", true);
const PROCESSING: Step = ("payment_intent.processing", "processing", true);
const FAILED: Step = ("payment_intent.payment_failed", "requires_payment_method", true);
const CAPTURABLE: Step = ("payment_intent.amount_capturable_updated", "requires_capture", true);

/// Each with the status that staff read at its end.
const INVOICES: &[(&[Step], &str)] = &[
    (&[DRAFTED], "draft"),
    (&[DRAFTED, ("invoice.updated", "draft", true)], "draft"),
    (&[DRAFTED, FINALIZED, ("invoice.sent", "open", false)], "sent"),
    (&[DRAFTED, FINALIZED, ("invoice.voided", "void", false)], "void"),
    (&[DRAFTED, FINALIZED, ("invoice.marked_uncollectible", "uncollectible", true)], "uncollectible"),
    (&[DRAFTED, FINALIZED, SETTLED, PAID], "paid"),
    (&[DRAFTED, FINALIZED, ("invoice.payment_failed", "open", true), SETTLED, PAID], "paid"),
    (&[DRAFTED, FINALIZED, ("invoice.marked_uncollectible", "uncollectible", true), PAID], "paid"),
];
const DRAFTED: Step = ("invoice.created", "draft", false);
const FINALIZED: Step = ("invoice.finalized", "open", true);
const SETTLED: Step = ("invoice.payment_succeeded", "paid", true);
const PAID: Step = ("invoice.paid", "paid", true);

/// Types that no rule is planned for: stored, and without effect.
const UNRULED: &[&str] = &["payout.paid", "product.updated", "price.created", "topup.succeeded"];
const API_VERSIONS: &[&str] = &["2024-09-30.acacia", "2025-04-30.basil", "2026-07-29.dahlia"];

impl Stories {
    pub fn of_seed(seed: u64) -> Self {
        let seconds = shared::clock::now().timestamp() - 86_400;
        Self { random: Random::of_seed(seed), seconds, livemode: false }
    }

    /// At least so many events in random order, each with an id of its own.
    pub fn history(&mut self, events: usize) -> (Vec<SampleEvent>, Truth) {
        let (mut told, mut truth) = (Vec::with_capacity(events + 8), Truth::default());
        while told.len() < events {
            told.extend(self.story(&mut truth));
        }
        self.random.shuffle(&mut told);
        (told, truth)
    }

    /// One story, in the order in which it happened.
    pub fn story(&mut self, truth: &mut Truth) -> VecDeque<SampleEvent> {
        let setting = self.setting();
        match self.random.within(0..100) {
            0..5 => VecDeque::from([self.unruled()]),
            5..60 => self.payment_story(truth, &setting, None).events,
            _ => self.invoice_story(truth, &setting).events,
        }
    }

    pub fn succeeded_payment(&mut self) -> SampleEvent {
        let payment = Payment::new(&mut self.random, self.seconds);
        let object = payment.object("succeeded", self.livemode);
        self.event_of("payment_intent.succeeded", "applied", &object)
    }

    pub fn unruled(&mut self) -> SampleEvent {
        let kind = self.random.pick(UNRULED);
        let (object, _) = kind.split_once('.').expect("types have a dot");
        let object = json!({
            "id": self.random.id(object), "object": object, "active": true, "livemode": self.livemode,
            "metadata": { "note": "what no rule knows is kept all the same" }, "amount": "12",
        });
        self.event_of(kind, "ignored", &object)
    }

    /// An event of the given type around an object of the caller's making.
    pub fn event_of(&mut self, kind: &'static str, outcome: &'static str, object: &Value) -> SampleEvent {
        let setting = Setting { api_version: API_VERSIONS[1], account: String::new() };
        self.event(kind, &setting, outcome, object)
    }

    /// From now on events of the live or of the test mode.
    #[must_use]
    pub fn in_mode(mut self, livemode: bool) -> Self {
        self.livemode = livemode;
        self
    }

    fn payment_story(&mut self, truth: &mut Truth, setting: &Setting, invoice: Option<&str>) -> Told {
        let mut payment = Payment::new(&mut self.random, self.seconds);
        payment.invoice = invoice.map(str::to_owned);
        let steps = if invoice.is_some() { PAYMENTS[1] } else { *self.random.pick(PAYMENTS) };
        let mut events = VecDeque::new();
        for &(kind, status, shares) in steps {
            self.tick(shares);
            let object = payment.object(status, self.livemode);
            events.push_back(self.event(kind, setting, "applied", &object));
            truth.payments.insert(payment.id.clone(), status);
        }
        Told { subject: payment.id, events }
    }

    fn invoice_story(&mut self, truth: &mut Truth, setting: &Setting) -> Told {
        let mut invoice = Invoice::new(&mut self.random, self.seconds);
        let (steps, at_last) = *self.random.pick(INVOICES);
        let mut events = VecDeque::new();
        if at_last == "paid" && self.random.percent(70) {
            let payment = self.payment_story(truth, setting, Some(&invoice.id));
            invoice.payment = Some(payment.subject);
            events = payment.events;
        }
        let mut attempts = 0;
        for &(kind, status, shares) in steps {
            self.tick(shares);
            attempts += u64::from(matches!(kind, "invoice.payment_failed" | "invoice.payment_succeeded"));
            let object = invoice.object(status, attempts, setting.api_version, self.livemode);
            events.push_back(self.event(kind, setting, "applied", &object));
        }
        truth.invoices.insert(invoice.id.clone(), at_last);
        Told { subject: invoice.id, events }
    }

    fn setting(&mut self) -> Setting {
        let api_version = self.random.pick(API_VERSIONS);
        let account = if self.random.percent(10) { self.random.id("acct") } else { String::new() };
        Setting { api_version, account }
    }

    fn tick(&mut self, shares_second: bool) {
        if !(shares_second && self.random.percent(40)) {
            self.seconds += i64::try_from(self.random.within(1..30)).expect("small");
        }
    }

    fn event(
        &mut self,
        kind: &'static str,
        setting: &Setting,
        outcome: &'static str,
        object: &Value,
    ) -> SampleEvent {
        let id = self.random.id("evt");
        let mut event = json!({
            "id": id, "object": "event", "api_version": setting.api_version, "created": self.seconds,
            "data": { "object": object }, "livemode": self.livemode, "pending_webhooks": 1,
            "request": { "id": self.random.id("req"), "idempotency_key": self.random.id("key") },
            "type": kind,
        });
        if kind.ends_with(".updated") {
            event["data"]["previous_attributes"] = json!({ "description": null });
        }
        if !setting.account.is_empty() {
            event["account"] = json!(setting.account);
        }
        let body = serde_json::to_vec_pretty(&event).expect("a JSON value always encodes");
        SampleEvent { id, kind, outcome, body: body.into() }
    }
}
