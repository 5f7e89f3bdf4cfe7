//! An endless source of events for tests under load: many short walks of Stripe's double, each with people
//! and objects of its own, their events mixed with types that no rule wants.

use serde_json::{Value, json};

use crate::histories::{ApiVersion, Asked, History, Scene, Stripe, walk};
pub use crate::histories::{SampleEvent, Truth};
use stripe_sim::Random;

/// An endless, repeatable source of stories.
pub struct Stories {
    random: Random,
    livemode: bool,
}

/// Types that no rule is planned for: stored, and without effect.
const UNRULED: &[&str] = &["balance.available", "product.updated", "price.created", "topup.succeeded"];

impl Stories {
    pub fn of_seed(seed: u64) -> Self {
        Self { random: Random::of_seed(seed), livemode: false }
    }

    /// At least so many events in random order, each with its own id.
    pub fn history(&mut self, events: usize) -> (Vec<SampleEvent>, Truth) {
        let (mut told, mut truth) = (Vec::with_capacity(events + 64), Truth::default());
        while told.len() < events {
            if self.random.percent(30) {
                told.push(self.unruled());
            }
            let story = self.story();
            told.extend(story.events);
            truth.extend(story.truth);
        }
        self.random.shuffle(&mut told);
        (told, truth)
    }

    pub fn succeeded_payment(&mut self) -> SampleEvent {
        let mut stripe = Stripe::new(&self.scene());
        stripe.paid(Asked::of(4_200).by("user_ada"));
        let (mut events, _) = stripe.end();
        events.pop().expect("a payment is told after its charge")
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
        let id = self.random.id("evt");
        SampleEvent { outcome, ..Stripe::new(&self.scene()).event(&id, kind, object) }
    }

    /// From now on events of the live or of the test mode.
    #[must_use]
    pub fn in_mode(mut self, livemode: bool) -> Self {
        self.livemode = livemode;
        self
    }

    /// Short, for objects that live long hide what goes wrong while they are made.
    fn story(&mut self) -> History {
        let mut scene = self.scene();
        if self.random.percent(10) {
            scene.account = self.random.id("acct");
        }
        let events = usize::try_from(self.random.within(1..30)).expect("small");
        walk(&scene, events)
    }

    fn scene(&mut self) -> Scene {
        let version = *self.random.pick(&ApiVersion::ALL);
        Scene { seed: self.random.number(), account: String::new(), livemode: self.livemode, version }
    }
}
