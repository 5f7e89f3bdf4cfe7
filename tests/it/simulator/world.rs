//! The world of one seed: Stripe, the gateway, a broker, workers and one ledger, under one scheduler that decides what
//! happens next. What runs is the product's own code; what is simulated is the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fake_stripe::{FakeStripe, Setup};
use gateway::GatewayConfig;
use harness::empty_ledger;
use harness::process_guard::ProcessGuard;
use ledger::Ledger;
use rustix::process::Signal;
use serde_json::Value;
use shared::digest::EnvelopeKeys;
use shared::env::Env;
use shared::http_client::HttpConnection;
use shared::queue::Queue;
use shared::simulated;
use stripe_sim::Random;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::broker::{Broker, Connection, Gate};
use super::courier::Courier;
use super::process::Process;
use crate::in_process_gateway::{SECRET, loopback};
use crate::ledgers::open;

/// A Sunday in November.
const BEGINS: i64 = 1_795_000_000;
const WORKERS: usize = 3;
pub(super) const HTTP_DEADLINE: Duration = Duration::from_secs(10);

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
    pub(super) random: Random,
    pub(super) now: DateTime<Utc>,
    pub(super) gateway: SocketAddr,
    pub(super) gateway_skew: TimeDelta,
    pub(super) courier: Courier,
    pub(super) workers: Vec<Process>,
    pub(super) payments: Vec<String>,
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
        let ledger_url = empty_ledger::copy_to(&folder.folder().join("ledger.db")).unwrap();
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
        let ledger = runtime.block_on(open(&ledger_url));
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

    pub(super) fn log(&mut self, what: &'static str, line: &str) {
        *self.counts.entry(what).or_default() += 1;
        let line = format!("{} {what} {line}", self.trace.len());
        if self.is_loud {
            println!("{line}");
        }
        self.trace.push(line);
    }

    pub(super) fn second(&self) -> i64 {
        self.now.timestamp()
    }

    pub(super) fn worker(&mut self) -> Process {
        self.connections += 1;
        let skew = TimeDelta::seconds(i64::try_from(self.random.within(0..120)).unwrap() - 60);
        simulated::set_now(Some(self.now + skew));
        let settings: Vec<(&str, &str)> =
            self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Process::start(&self.broker, self.connections, &self.ledger_url, &settings, skew)
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
        gate: Arc::new(Gate::default()),
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
