//! A double of Stripe's side: objects that walk their legal transitions and are told in events of every
//! shape, and the truth that a ledger must hold in the end, read from the objects and never from the events.
//! Made from the domain's rules, and from none of the product's code.

mod customers;
mod event;
mod expected;
mod invariants;
mod scenarios;
mod stripe;
mod truth;
mod walk;

mod charges;
mod disputes;
mod invoices;
mod payments;
mod refunds;
mod steps;

pub use stripe_sim::{ApiVersion, Decline};

pub use self::event::{SampleEvent, agreeing};
pub use self::invariants::violations;
pub use self::payments::Asked;
pub use self::scenarios::SCENARIOS;
pub use self::stripe::Stripe;
pub use self::truth::{Difference, Row, Rows, Subject, Truth, is_marked, says_nothing};

/// Where a history plays: its own account for each keeps thousands of them apart in one database.
#[derive(Clone, Debug)]
pub struct Scene {
    pub seed: u64,
    pub account: String,
    pub livemode: bool,
    pub version: ApiVersion,
}

#[derive(Clone, Debug)]
pub struct History {
    pub name: &'static str,
    /// In the order in which they happened.
    pub events: Vec<SampleEvent>,
    pub truth: Truth,
}

/// How one history goes.
pub struct Scenario {
    pub name: &'static str,
    pub act: fn(&mut Stripe),
}

impl Scenario {
    pub fn play(&self, scene: &Scene) -> History {
        let mut stripe = Stripe::new(scene);
        (self.act)(&mut stripe);
        let (events, truth) = stripe.end();
        History { name: self.name, events, truth }
    }
}

/// A random walk of at least so many events over several users, payments, invoices and disputes.
pub fn walk(scene: &Scene, events: usize) -> History {
    let mut stripe = Stripe::new(scene);
    walk::walk(&mut stripe, events);
    let (events, truth) = stripe.end();
    History { name: "random walk", events, truth }
}
