//! Clients of the gateways. Each event is about an object of its own, so that it may stay away without leaving half a
//! story in the ledger: some are delivered until they are accepted, and some never again, whatever was answered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use harness::client::{Answer, Balancer, Client};
use harness::histories::{ApiVersion, Asked, SampleEvent, Scene, Stripe, Truth};
use harness::load::SendLog;
use harness::stories::Stories;
use stripe_sim::Random;

use super::history::{Delivery, History, Strike};

const CLIENTS: u64 = 8;
/// Above what a client waits for its last answers.
const END_PATIENCE: Duration = Duration::from_mins(2);

pub(super) struct Clients {
    shared: Arc<Shared>,
    running: Vec<tokio::task::JoinHandle<()>>,
}

struct Shared {
    begun: Instant,
    over: AtomicBool,
    log: SendLog,
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    deliveries: Vec<Delivery>,
    truths: BTreeMap<String, Truth>,
}

impl Clients {
    pub(super) fn begin(seed: u64, rate: u64, gateways: &Balancer, secret: &str) -> Self {
        let (over, log, noted) = (AtomicBool::new(false), SendLog::default(), Mutex::default());
        let shared = Arc::new(Shared { begun: Instant::now(), over, log, noted });
        let pace = Duration::from_micros(1_000_000 * CLIENTS / rate);
        let running = (0..CLIENTS).map(|number| {
            let mut random = Random::of_sequence(seed, number);
            let one = One {
                number,
                pace,
                stories: Stories::of_seed(random.number()),
                random,
                shared: Arc::clone(&shared),
                client: Client::behind(gateways, secret),
            };
            tokio::spawn(one.run())
        });
        Self { running: running.collect(), shared }
    }

    /// When the history began.
    pub(super) fn clock(&self) -> Instant {
        self.shared.begun
    }

    /// Begins nothing new, and waits for those that deliver until they are accepted.
    pub(super) async fn end(self, strikes: Vec<Strike>) -> anyhow::Result<History> {
        self.shared.over.store(true, Ordering::Release);
        for client in self.running {
            tokio::time::timeout(END_PATIENCE, client)
                .await
                .context("events are not accepted any more")??;
        }
        let noted = std::mem::take(&mut *self.shared.noted());
        let mut deliveries = noted.deliveries;
        deliveries.sort_by_key(|delivery| delivery.invoked);
        Ok(History { deliveries, strikes, log: self.shared.log.clone(), truths: noted.truths })
    }
}

struct One {
    number: u64,
    pace: Duration,
    random: Random,
    stories: Stories,
    shared: Arc<Shared>,
    client: Client,
}

impl One {
    async fn run(mut self) {
        let mut due = tokio::time::Instant::now();
        while !self.shared.over.load(Ordering::Acquire) {
            tokio::time::sleep_until(due).await;
            due = tokio::time::Instant::now().max(due + self.pace);
            let event = self.next();
            // Who never asks again learns nothing but the first answer.
            let insists = self.random.percent(50);
            while !self.deliver(&event).await.accepted() && insists {
                tokio::time::sleep(Duration::from_millis(self.random.within(20..400))).await;
            }
            if self.random.percent(3) {
                self.deliver(&event).await;
            }
        }
    }

    async fn deliver(&mut self, event: &SampleEvent) -> Answer {
        let invoked = self.shared.begun.elapsed();
        let answer = self.shared.log.send(&mut self.client, event).await;
        let ended = self.shared.begun.elapsed();
        let delivery = Delivery { event: event.id.clone(), client: self.number, invoked, ended, answer };
        self.shared.noted().deliveries.push(delivery);
        answer
    }

    /// A charge, a customer, or something that no rule wants: whole in one event.
    fn next(&mut self) -> SampleEvent {
        let (event, truth) = match self.random.within(0..10) {
            0 => (self.stories.unruled(), Truth::default()),
            1..=2 => self.told(|stripe| {
                let customer = stripe.customer(Some("user_ada"));
                stripe.tell(&["customer.created"], &customer);
            }),
            _ => self.told(|stripe| {
                let charge = stripe.direct_charge(Asked::of(4_200));
                stripe.tell(&["charge.succeeded"], &charge);
            }),
        };
        self.shared.noted().truths.insert(event.id.clone(), truth);
        event
    }

    fn told(&mut self, act: impl Fn(&mut Stripe)) -> (SampleEvent, Truth) {
        let version = *self.random.pick(&ApiVersion::ALL);
        let scene = Scene { seed: self.random.number(), account: String::new(), livemode: false, version };
        let mut stripe = Stripe::new(&scene);
        act(&mut stripe);
        let (mut events, truth) = stripe.end();
        (events.pop().expect("one was told"), truth)
    }
}

impl Shared {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
