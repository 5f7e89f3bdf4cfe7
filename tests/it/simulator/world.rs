//! The world of one seed: Stripe, the gateway, a broker, workers and one ledger, under one scheduler that decides what
//! happens next. What runs is the product's own code; what is simulated is the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use desk::acts::operations::approve::{Word, approve};
use desk::acts::operations::request::{Ask, Wanted, request};
use domain::Key;
use domain::operations::{OperationState, Reason};
use fake_stripe::{FakeStripe, Fault, Setup};
use gateway::GatewayConfig;
use harness::process_guard::ProcessGuard;
use http_body_util::Full;
use hyper::{Method, Request};
use ledger::Ledger;
use rustix::process::Signal;
use serde_json::{Value, json};
use shared::digest::EnvelopeKeys;
use shared::env::Env;
use shared::http_client::HttpConnection;
use shared::queue::Queue;
use shared::simulated;
use stripe_sim::{Random, signature_header};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use worker::chores::{retry, seal};

use super::broker::{Broker, Chances, Connection, Gate, Standing};
use super::courier::{Courier, Parcel};
use super::process::{Process, Turn};
use crate::executor::scene::manager;
use crate::in_process_gateway::{PATH, SECRET, loopback};
use crate::ledgers::open;

/// A Sunday in November.
const BEGINS: i64 = 1_795_000_000;
const WORKERS: usize = 3;
/// A worker that dies does so after at most so many of the points that a turn has.
const POINTS: u64 = 40;
const HTTP_DEADLINE: Duration = Duration::from_secs(10);
const CARDS: [&str; 8] = [
    "pm_card_visa",
    "pm_card_visa",
    "pm_card_mastercard",
    "pm_card_refundFail",
    "pm_card_pendingRefund",
    "pm_card_createDispute",
    "pm_card_createDisputeInquiry",
    "pm_card_chargeDeclined",
];
const FAULTS: [Fault; 6] = [
    Fault::CutBefore,
    Fault::CutAfter,
    Fault::TroubleAfter(500),
    Fault::Trouble(500),
    Fault::LockTimeout,
    Fault::Malformed,
];

pub(super) struct World {
    pub(super) runtime: Runtime,
    pub(super) stripe: FakeStripe,
    pub(super) ledger: Ledger,
    pub(super) ledger_url: String,
    pub(super) broker: Broker,
    pub(super) accepted: BTreeSet<String>,
    pub(super) operations: Vec<String>,
    /// One line for each step.
    pub(super) trace: Vec<String>,
    /// Says each line when it happens.
    pub(super) is_loud: bool,
    /// How often each thing happened.
    pub(super) counts: BTreeMap<&'static str, u64>,
    random: Random,
    now: DateTime<Utc>,
    gateway: SocketAddr,
    gateway_skew: TimeDelta,
    courier: Courier,
    workers: Vec<Process>,
    payments: Vec<String>,
    connections: usize,
    settings: Vec<(&'static str, String)>,
    stop: CancellationToken,
    _stripes: Runtime,
    _folder: ProcessGuard,
}

impl World {
    pub(super) fn of_seed(seed: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = ProcessGuard::new("simulated", Signal::KILL).unwrap();
        let ledger_url = format!("sqlite:{}", folder.folder().join("ledger.db").display());
        let now = DateTime::from_timestamp(BEGINS, 0).unwrap();
        simulated::set_now(Some(now));
        let (broker, stop) = (Broker::of_seed(seed), CancellationToken::new());
        // In threads of its own: whoever asks it waits for its answer, so that it never does two things at once.
        let stripes =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let stripe = stripes.block_on(async {
            let setup =
                Setup { livemode: true, seed: Some(seed), stands_at: Some(BEGINS), ..Setup::default() };
            FakeStripe::start_with(setup).await.unwrap()
        });
        let ledger = runtime.block_on(async {
            let ledger = open(&ledger_url).await;
            ledger.migrate().await.unwrap();
            ledger
        });
        let gateway = runtime.block_on(gateway(&broker, stop.clone()));
        let mut settings = stripe.settings();
        settings.push(("STRIPE_RATE_PER_SEC", "100".to_owned()));
        settings.push(("WORKER_EVENT_DEADLINE_SECS", "3600".to_owned()));
        let mut world = Self {
            runtime,
            _stripes: stripes,
            stripe,
            ledger,
            ledger_url,
            broker,
            accepted: BTreeSet::new(),
            operations: Vec::new(),
            trace: Vec::new(),
            is_loud: false,
            counts: BTreeMap::new(),
            random: Random::of_sequence(seed, 2),
            now,
            gateway,
            gateway_skew: TimeDelta::zero(),
            courier: Courier::default(),
            workers: Vec::new(),
            payments: Vec::new(),
            connections: 0,
            settings,
            stop,
            _folder: folder,
        };
        for _ in 0..WORKERS {
            let worker = world.worker();
            world.workers.push(worker);
        }
        world
    }

    /// What happens next.
    pub(super) fn step(&mut self) {
        match self.random.within(0..100) {
            0..14 => self.lives(),
            14..36 => self.delivers(),
            36..70 => self.works(),
            70..76 => self.sends(),
            76..79 => self.does_a_chore(),
            79..84 => self.staff_refunds(),
            84..87 => self.staff_approves(),
            87..92 => self.time_passes(),
            92..94 => self.kills(),
            94..96 => self.cuts_off(),
            96..98 => self.moves_a_clock(),
            _ => self.stripe_fails(),
        }
    }

    pub(super) fn fails_with(&self, words: &str) -> String {
        let last = self.trace.len().saturating_sub(60);
        format!("{words}\nthe last steps:\n{}", self.trace[last..].join("\n"))
    }

    fn log(&mut self, what: &'static str, line: &str) {
        *self.counts.entry(what).or_default() += 1;
        let line = format!("{} {what} {line}", self.trace.len());
        if self.is_loud {
            println!("{line}");
        }
        self.trace.push(line);
    }

    fn second(&self) -> i64 {
        self.now.timestamp()
    }

    fn worker(&mut self) -> Process {
        self.connections += 1;
        let skew = TimeDelta::seconds(i64::try_from(self.random.within(0..120)).unwrap() - 60);
        simulated::set_now(Some(self.now + skew));
        let settings: Vec<(&str, &str)> =
            self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Process::start(&self.broker, self.connections, &self.ledger_url, &settings, skew)
    }

    /// Customers pay, somebody refunds in the dashboard, banks decide.
    fn lives(&mut self) {
        let (path, parameters) = match self.random.within(0..10) {
            0..6 => {
                let amount = self.random.within(100..5_000);
                let card = *self.random.pick(&CARDS);
                let asked = json!({ "amount": amount, "currency": "usd", "payment_method": card, "confirm": true,
                    "metadata": { "user_id": format!("user_{}", self.random.within(0..5)) } });
                ("/payment_intents".to_owned(), asked)
            }
            6..8 if !self.payments.is_empty() => {
                let payment = self.random.pick(&self.payments).clone();
                (
                    "/refunds".to_owned(),
                    json!({ "payment_intent": payment, "amount": self.random.within(50..900) }),
                )
            }
            _ => {
                let open = self.stripe.all("", "dispute");
                if open.is_empty() {
                    return;
                }
                let id = self.random.pick(&open)["id"].as_str().unwrap().to_owned();
                let status = *self.random.pick(&["won", "lost", "needs_response"]);
                let told = self.stripe.admin(
                    "POST",
                    &format!("/disputes/{id}"),
                    &json!({ "status": status, "livemode": true }),
                );
                self.log("bank", &format!("{id} {status} {}", told.is_ok()));
                return self.collects();
            }
        };
        let answer = self.stripe.ask("POST", &path, &parameters);
        if let (Ok(intent), "/payment_intents") = (&answer, path.as_str()) {
            self.payments.push(intent["id"].as_str().unwrap().to_owned());
        }
        self.log(
            "life",
            &format!("{path} {}", answer.map_or_else(|_| "refused".to_owned(), |it| it["id"].to_string())),
        );
        self.collects();
    }

    fn collects(&mut self) {
        let now = self.second();
        self.courier.collect(&self.stripe, &mut self.random, now);
    }

    fn delivers(&mut self) {
        let now = self.second();
        let Some(parcel) = self.courier.take(&mut self.random, now) else { return };
        let status = self.post(&parcel);
        let is_heard = !self.random.percent(3);
        let (id, kind) = (parcel.id.clone(), parcel.kind.clone());
        if status == Some(200) {
            self.accepted.insert(id.clone());
        }
        if status != Some(200) || !is_heard {
            self.courier.again(parcel, now);
        }
        let heard = if is_heard { "" } else { ", which Stripe did not hear" };
        self.log("delivery", &format!("{id} {kind}: {status:?}{heard}"));
    }

    /// The status that the gateway answers.
    fn post(&mut self, parcel: &Parcel) -> Option<u16> {
        let header = signature_header(SECRET, self.second(), &parcel.body);
        let request = Request::builder()
            .method(Method::POST)
            .uri(PATH)
            .header("host", "webhooks.example")
            .header("content-type", "application/json; charset=utf-8")
            .header("stripe-signature", header)
            .body(Full::new(parcel.body.clone()))
            .unwrap();
        simulated::set_now(Some(self.now + self.gateway_skew));
        let address = self.gateway;
        self.runtime.block_on(async move {
            let mut connection = HttpConnection::open(address, HTTP_DEADLINE).await.ok()?;
            let answer = connection.exchange(request, 1 << 20, HTTP_DEADLINE).await.ok()?;
            Some(answer.status.as_u16())
        })
    }

    /// A worker goes on with what it stands before.
    fn works(&mut self) {
        let place = usize::try_from(self.random.within(0..self.workers.len() as u64)).unwrap();
        let standing = self.workers[place].gate.standing();
        let mut lent = 0;
        match standing {
            Standing::Settling => self.workers[place].gate.set(Standing::Released),
            _ => {
                let most = usize::try_from(self.random.within(1..9)).unwrap();
                lent = self.broker.lend(self.workers[place].connection, most);
                if lent == 0 && standing == Standing::Receiving {
                    return;
                }
            }
        }
        self.may_die();
        let turn = self.workers[place].advance(self.now);
        self.log("work", &format!("worker {place} {standing:?} {lent} lent: {turn:?}"));
        self.after(place, turn);
    }

    /// Approved operations go to Stripe.
    fn sends(&mut self) {
        let place = usize::try_from(self.random.within(0..self.workers.len() as u64)).unwrap();
        self.may_die();
        let turn = self.workers[place].does(self.now, async |worker| {
            worker
                .executor
                .pass()
                .await
                .map_or_else(|interrupted| interrupted.to_string(), |count| count.to_string())
        });
        self.log("sending", &format!("worker {place}: {turn:?}"));
        self.after(place, turn);
        self.collects();
    }

    fn does_a_chore(&mut self) {
        let place = usize::try_from(self.random.within(0..self.workers.len() as u64)).unwrap();
        self.may_die();
        let now = self.now;
        let turn = self.workers[place].does(now, async |worker| {
            retry::handle_due(&worker.lanes, 0, now).await.unwrap();
            seal::seal(&worker.lanes.ledger, now).await.unwrap();
            desk::acts::operations::lapse::lapse_expired(&worker.lanes.ledger, now).await.unwrap()
        });
        self.log("chores", &format!("worker {place}: {turn:?}"));
        self.after(place, turn);
    }

    fn may_die(&mut self) {
        let dies = self.random.percent(6);
        simulated::die_after(dies.then(|| self.random.within(1..POINTS)));
    }

    fn after<T>(&mut self, place: usize, turn: Turn<T>) {
        simulated::die_after(None);
        if matches!(turn, Turn::Died) {
            self.log("death", &format!("worker {place}"));
            self.restart(place);
        }
    }

    fn restart(&mut self, place: usize) {
        let new = self.worker();
        let old = std::mem::replace(&mut self.workers[place], new);
        self.broker.disconnect(old.connection);
        old.end();
    }

    fn kills(&mut self) {
        let place = usize::try_from(self.random.within(0..self.workers.len() as u64)).unwrap();
        let standing = self.workers[place].gate.standing();
        self.log("kill", &format!("worker {place} {standing:?}"));
        self.restart(place);
    }

    /// A connection to the broker breaks: what was lent is lent to others, while the worker still has it in hand.
    fn cuts_off(&mut self) {
        let place = usize::try_from(self.random.within(0..self.workers.len() as u64)).unwrap();
        let returned = self.broker.disconnect(self.workers[place].connection);
        self.log("cut off", &format!("worker {place}: {returned} messages return"));
    }

    fn staff_refunds(&mut self) {
        if self.payments.is_empty() {
            return;
        }
        let payment =
            Key { id: self.random.pick(&self.payments).clone(), account: String::new(), livemode: true };
        let amount = i64::try_from(self.random.within(50..2_500)).unwrap();
        let wanted = Wanted::Refund { payment, amount: Some(amount), currency: None };
        let ask = Ask { wanted, reason: Reason::RequestedByCustomer, note: None, confirmed: true };
        let name = format!("jane-{}", self.random.within(0..1_000_000));
        simulated::set_now(Some(self.now));
        let (ledger, now) = (self.ledger.clone(), self.now);
        let asked = self.runtime.block_on(request(&ledger, &ask, &manager(&name), now));
        let told = asked.as_ref().map_or_else(ToString::to_string, |operation| operation.state.to_string());
        self.operations.extend(asked.ok().map(|operation| operation.id().to_owned()));
        self.log("request", &format!("{amount}: {told}"));
    }

    fn staff_approves(&mut self) {
        if self.operations.is_empty() {
            return;
        }
        let place = usize::try_from(self.random.within(0..self.operations.len() as u64)).unwrap();
        let (ledger, now, id) = (self.ledger.clone(), self.now, self.operations[place].clone());
        simulated::set_now(Some(now));
        let approved = self.runtime.block_on(approve(&ledger, &id, &Word::default(), &manager("joe"), now));
        let told = approved.map_or_else(|_| "no".to_owned(), |operation| operation.state.to_string());
        self.log("approval", &format!("operation {place}: {told}"));
    }

    fn time_passes(&mut self) {
        let secs = match self.random.within(0..10) {
            0..6 => self.random.within(1..10),
            6..9 => self.random.within(10..900),
            _ => self.random.within(900..40_000),
        };
        self.passes(i64::try_from(secs).unwrap());
        self.log("time", &format!("{secs} s"));
    }

    fn passes(&mut self, secs: i64) {
        self.now += TimeDelta::seconds(secs);
        self.stripe.passes(secs);
        self.collects();
    }

    fn moves_a_clock(&mut self) {
        let skew = TimeDelta::seconds(i64::try_from(self.random.within(0..900)).unwrap() - 450);
        let place = usize::try_from(self.random.within(0..self.workers.len() as u64)).unwrap();
        if self.random.percent(30) {
            self.gateway_skew = skew;
            self.log("clock", &format!("gateway {skew}"));
        } else {
            self.workers[place].skew = skew;
            self.log("clock", &format!("worker {place} {skew}"));
        }
    }

    fn stripe_fails(&mut self) {
        let fault = *self.random.pick(&FAULTS);
        self.stripe.fails_at("POST /v1/refunds", [fault]);
        self.log("fault", &format!("{fault:?}"));
    }

    /// Nothing goes wrong any more, and all that is under way comes to its end. `false`: it does not.
    pub(super) fn comes_to_rest(&mut self) -> bool {
        self.broker.behaves(Chances::FINE);
        self.stripe.recovers();
        self.gateway_skew = TimeDelta::zero();
        for worker in &mut self.workers {
            worker.skew = TimeDelta::zero();
        }
        for _ in 0..200 {
            self.passes(900);
            self.courier.hurry(self.second());
            while !self.courier.is_empty() {
                self.delivers();
                self.courier.hurry(self.second());
            }
            for place in 0..self.workers.len() {
                while self.goes_on(place) {}
                let now = self.now;
                self.workers[place].does(now, async |worker| {
                    retry::handle_due(&worker.lanes, 0, now).await.unwrap();
                    worker.executor.pass().await.ok();
                    seal::seal(&worker.lanes.ledger, now).await.unwrap();
                });
            }
            self.collects();
            if self.courier.is_empty() && self.broker.is_empty() && self.is_settled() {
                self.broker.behaves(Chances::ROUGH);
                return true;
            }
        }
        false
    }

    fn goes_on(&mut self, place: usize) -> bool {
        let standing = self.workers[place].gate.standing();
        if standing == Standing::Settling {
            self.workers[place].gate.set(Standing::Released);
        } else if self.broker.lend(self.workers[place].connection, 64) == 0 && standing == Standing::Receiving
        {
            return false;
        }
        self.workers[place].advance(self.now);
        true
    }

    /// No event waits, and no operation is under way.
    fn is_settled(&mut self) -> bool {
        let (ledger, operations) = (self.ledger.clone(), &self.operations);
        self.runtime.block_on(async {
            let mut tx = ledger.read().await.unwrap();
            for id in operations {
                let state = tx.operation(id).await.unwrap().unwrap().state;
                if matches!(state, OperationState::Approved | OperationState::Executing) {
                    return false;
                }
            }
            let waiting = ledger.due(self.now + TimeDelta::days(30), 1).await.unwrap();
            waiting.is_empty()
        })
    }

    pub(super) fn ends(mut self) {
        self.stop.cancel();
        for worker in std::mem::take(&mut self.workers) {
            worker.end();
        }
        let ledger = self.ledger.clone();
        self.runtime.block_on(ledger.close());
        simulated::set_now(None);
    }
}

/// The product's gateway, with a connection of its own to the broker.
async fn gateway(broker: &Broker, stop: CancellationToken) -> SocketAddr {
    let (address, internal) = (loopback(), loopback());
    let env = Env::of(&[
        ("GATEWAY_ADDR", &address.to_string()),
        ("GATEWAY_INTERNAL_ADDR", &internal.to_string()),
        ("STRIPE_WEBHOOK_SECRET", SECRET),
    ]);
    let config = GatewayConfig::from_env(&env).unwrap();
    let queue = Queue::of(Connection {
        broker: broker.clone(),
        number: 0,
        gate: std::sync::Arc::new(Gate::default()),
        keys: EnvelopeKeys::none(),
    });
    tokio::spawn(gateway::run(config, queue, stop));
    while HttpConnection::open(address, HTTP_DEADLINE).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    address
}

/// The field of an object, as a text.
pub(super) fn text<'v>(object: &'v Value, name: &str) -> &'v str {
    object[name].as_str().unwrap_or_default()
}
