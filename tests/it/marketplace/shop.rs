//! A shop in this process: a ledger, a Stripe on loopback that knows none of our rules, and its events on their way.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use desk::actor::{Actor, KnownBy};
use desk::acts::operations::{NotDone, approve};
use desk::goods::{asked_back, keep_all};
use desk::till::{Till, TillConfig};
use domain::Key;
use domain::operations::Operation;
use domain::permissions::Role;
use envelope::{Envelope, Header, Source};
use fake_stripe::FakeStripe;
use harness::process_guard::ProcessGuard;
use ledger::views::search::Whose;
use ledger::{Ledger, LedgerError};
use marketplace::acts::pay::{Shop as Selling, ToPay, ask};
use marketplace::acts::put::{Put, put};
use marketplace::acts::remove;
use marketplace::view::ListingView;
use marketplace::{KEEPERS, Refusal};
use serde_json::{Value, json};
use shared::env::Env;
use shared::queue::{Queue, QueueConfig, Role as QueueRole};
use shared::{Pending, clock};
use stripe_sim::Random;
use tokio_util::sync::CancellationToken;
use worker::process::{Manner, process};

pub(crate) struct Shop {
    pub(crate) ledger: Ledger,
    pub(crate) stripe: FakeStripe,
    pub(crate) queue: Queue,
    pub(crate) till: Till,
    delivered: std::sync::Mutex<BTreeSet<String>>,
    _folder: ProcessGuard,
}

/// The homepage's own program.
pub(crate) fn homepage() -> Actor {
    let known_by = KnownBy::Token { id: "tok_homepage".to_owned() };
    Actor::known("homepage", [Role::Support].into(), known_by, true)
}

pub(crate) fn manager() -> Actor {
    Actor::known("mona", [Role::SuperUser].into(), KnownBy::Session, false)
}

pub(crate) fn key(id: &str) -> Key {
    Key { id: id.to_owned(), account: String::new(), livemode: true }
}

pub(crate) async fn queue_in(folder: &ProcessGuard) -> Queue {
    let url = format!("sqlite:{}", folder.folder().join("queue.db").display());
    let env = Env::of(&[("QUEUE_URL", &url)]);
    Queue::open(QueueConfig::from_env(&env).unwrap(), QueueRole::Both).await.unwrap()
}

pub(crate) fn till_of(stripe: &FakeStripe) -> Till {
    let settings = stripe.settings();
    let mut settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.push(("STRIPE_RATE_PER_SEC", "100"));
    let config = TillConfig::from_env(&Env::of(&settings)).unwrap();
    Till::open(&config, CancellationToken::new()).unwrap()
}

impl Shop {
    pub(crate) async fn open(ledger: Ledger) -> Self {
        let stripe = FakeStripe::start(true).await.unwrap();
        let folder = ProcessGuard::new("shop", rustix::process::Signal::KILL).unwrap();
        let (queue, till) = (queue_in(&folder).await, till_of(&stripe));
        Self { ledger, stripe, queue, till, delivered: std::sync::Mutex::default(), _folder: folder }
    }

    pub(crate) async fn put(&self, id: &str, category: &str) -> Result<ListingView, Refusal> {
        let wanted = Put {
            key: key(id),
            user: "user_1".to_owned(),
            category: category.to_owned(),
            currency: "usd".to_owned(),
        };
        put(&self.ledger, &wanted, &homepage(), clock::now()).await
    }

    pub(crate) async fn ask(&self, id: &str, what: &str) -> Result<ToPay, Refusal> {
        self.ask_at(id, what, clock::now()).await
    }

    pub(crate) async fn ask_at(&self, id: &str, what: &str, now: DateTime<Utc>) -> Result<ToPay, Refusal> {
        let selling = Selling { ledger: &self.ledger, queue: &self.queue, till: &self.till };
        ask(selling, &key(id), what, "user_1", &homepage(), now).await
    }

    /// The customer pays by the secret; nobody is told yet.
    pub(crate) fn pays(&self, to_pay: &ToPay) {
        self.pays_intent(&to_pay.payment_intent);
    }

    pub(crate) fn pays_intent(&self, intent: &str) {
        let path = format!("/payment_intents/{intent}/confirm");
        self.stripe.ask("POST", &path, &json!({ "payment_method": "pm_card_visa" })).unwrap();
    }

    /// An intent that the homepage made by itself, paid.
    pub(crate) fn pays_directly(&self, listing: &str, what: &str, amount: i64, currency: &str) -> String {
        let made = self.stripe.ask(
            "POST",
            "/payment_intents",
            &json!({ "amount": amount, "currency": currency, "metadata": { "listing_id": listing,
                "user_id": "user_1", "category_id": "Housing", "payment_type": what } }),
        );
        let id = made.unwrap()["id"].as_str().unwrap().to_owned();
        self.pays_intent(&id);
        id
    }

    pub(crate) fn refunds(&self, intent: &str) {
        self.stripe.ask("POST", "/refunds", &json!({ "payment_intent": intent })).unwrap();
    }

    /// All that Stripe has told so far and that did not arrive yet.
    pub(crate) fn told(&self) -> Vec<Envelope> {
        let mut delivered = self.delivered.lock().unwrap();
        let mut after = None;
        let mut events = Vec::new();
        loop {
            let mut parameters = json!({ "limit": 100 });
            if let Some(after) = &after {
                parameters["starting_after"] = json!(after);
            }
            let page = self.stripe.ask("GET", "/events", &parameters).unwrap();
            let data = page["data"].as_array().unwrap();
            events.extend(data.iter().filter(|event| delivered.insert(text(event, "id"))).map(enveloped));
            after = data.last().map(|event| text(event, "id"));
            if page["has_more"] != true {
                events.reverse();
                return events;
            }
        }
    }

    /// They arrive in some order, some of them twice.
    pub(crate) async fn arrive(&self, mut events: Vec<Envelope>, random: &mut Random) {
        for place in (1..events.len()).rev() {
            let other = usize::try_from(random.within(0..place as u64 + 1)).unwrap();
            events.swap(place, other);
        }
        let twice: Vec<Envelope> = events.iter().step_by(3).cloned().collect();
        for event in events.iter().chain(&twice) {
            process(&self.ledger, &[event], Manner::Batch, clock::now()).await.unwrap();
        }
    }

    /// Everything arrives, and whoever keeps listings looks until there is nothing to do.
    pub(crate) async fn settles(&self) {
        self.arrive(self.told(), &mut Random::of_seed(1)).await;
        self.kept_at(clock::now()).await;
    }

    pub(crate) async fn kept_at(&self, now: DateTime<Utc>) {
        loop {
            let pass = keep_all(&self.ledger, KEEPERS, &alone, now).await.unwrap();
            assert!(pass.failed.is_empty(), "{:?}", pass.failed);
            if pass.kept == 0 {
                return;
            }
        }
    }

    pub(crate) async fn listing(&self, id: &str) -> ListingView {
        self.listing_at(id, clock::now()).await
    }

    pub(crate) async fn listing_at(&self, id: &str, now: DateTime<Utc>) -> ListingView {
        let mut tx = self.ledger.read().await.unwrap();
        let found = ListingView::read(&mut tx, id, &Whose::default(), now).await.unwrap();
        let [listing] = <[ListingView; 1]>::try_from(found).expect("one listing");
        listing
    }

    pub(crate) async fn status(&self, id: &str) -> &'static str {
        self.listing(id).await.listing.status.as_str()
    }

    /// Of each of its payments, in the order in which they take effect.
    pub(crate) async fn verdicts(&self, id: &str) -> Vec<String> {
        let view = self.listing(id).await;
        let word = |value: Value| match value {
            Value::String(word) => word,
            Value::Object(why) => {
                let (verdict, why) = why.into_iter().next().unwrap();
                format!("{verdict} {}", why.as_str().unwrap())
            }
            other => other.to_string(),
        };
        view.payments.iter().map(|it| word(serde_json::to_value(it.judged.verdict).unwrap())).collect()
    }

    pub(crate) async fn reject(&self, id: &str) -> ListingView {
        remove::reject(&self.ledger, &key(id), "spam", &homepage(), clock::now()).await.unwrap()
    }

    pub(crate) async fn delete(&self, id: &str) -> ListingView {
        remove::delete(&self.ledger, &key(id), "user_1", &homepage(), clock::now()).await.unwrap()
    }

    /// The refund that was asked for by itself.
    pub(crate) async fn given_back(&self, intent: &str) -> Option<Operation> {
        let asked = asked_back(&mut self.ledger.read().await.unwrap(), &[key(intent)].into()).await.unwrap();
        asked.get(&key(intent)).map(|given| given.operation().clone())
    }

    pub(crate) async fn approve(
        &self,
        operation: &Operation,
        now: DateTime<Utc>,
    ) -> Result<Operation, NotDone> {
        let word = approve::Word::default();
        approve::approve(&self.ledger, operation.id(), &word, &manager(), now).await
    }

    pub(crate) async fn findings(&self) -> Vec<(String, String)> {
        let filter = ledger::views::lists::FindingFilter::default();
        let part = ledger::views::page::Part::first(100);
        let mut tx = self.ledger.read().await.unwrap();
        let page = tx.findings(&filter, &part, clock::now()).await.unwrap();
        let mut found: Vec<_> =
            page.rows.into_iter().map(|it| (it.kind, it.state.as_str().to_owned())).collect();
        found.sort();
        found
    }
}

/// There is no other worker.
pub(crate) fn alone<'a>() -> Pending<'a, Result<bool, LedgerError>> {
    Box::pin(async { Ok(true) })
}

pub(crate) fn hours(count: i64) -> TimeDelta {
    TimeDelta::hours(count)
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn enveloped(event: &Value) -> Envelope {
    Envelope {
        header: Header {
            id: text(event, "id"),
            kind: text(event, "type"),
            created: event["created"].as_i64().unwrap(),
            account: String::new(),
            livemode: true,
            api_version: Some(text(event, "api_version")),
            received_at: clock::now(),
            trace_parent: shared::trace::child_of(None),
            source: Source::Stripe,
            endpoint: "default".to_owned(),
            unwanted: None,
            replay: None,
        },
        body: event.to_string().into(),
    }
}
