//! Refunds that people ask for and approve while processes are killed. They are of live mode, and everything else of
//! the test mode, so that each can be judged by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use desk::acts::operations::approve::{Word, approve};
use desk::acts::operations::gather;
use desk::acts::operations::request::{Ask, Wanted, request};
use domain::Key;
use domain::operations::{Operation, OperationState, Reason};
use fake_stripe::{Delivering, FakeStripe, Fault};
use harness::chaos::Site;
use harness::client::Client;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use ledger::Ledger;
use serde_json::{Value, json};
use shared::clock;
use stripe_sim::Random;

use super::{END_PATIENCE, SETTLE_PATIENCE};
use crate::executor::scene::{manager, paid};
use crate::ledgers::open;
use crate::operations_battery::contradictions;

const TELLERS: u64 = 3;
const SMALL: i64 = 5_000;
/// Above what one person may refund alone.
const LARGE: i64 = 900_000;
const SEEN_PATIENCE: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(200);

pub(super) struct Money {
    stripe: Arc<FakeStripe>,
    ledger: Ledger,
    over: Arc<AtomicBool>,
    tellers: Vec<tokio::task::JoinHandle<BTreeMap<String, i64>>>,
}

/// What became of everything that was asked for.
pub(super) struct Judged {
    pub(super) operations: usize,
    pub(super) refunds: usize,
    pub(super) doubled: usize,
    pub(super) faults: Vec<String>,
}

impl Money {
    /// A site beside a Stripe of its own, whose operations begin at once.
    pub(super) async fn begin(combination: Combination, seed: u64) -> anyhow::Result<(Site, Self)> {
        let stripe = Arc::new(FakeStripe::start(true).await?);
        let mut settings = stripe.settings();
        settings.push(("STRIPE_DEADLINE_SECS", "2".to_owned()));
        settings.push(("STRIPE_RATE_PER_SEC", "100".to_owned()));
        settings.push(("STRIPE_COMPLETENESS_INTERVAL_SECS", "3600".to_owned()));
        settings.push(("STRIPE_REFETCH_INTERVAL_SECS", "3600".to_owned()));
        let settings: Vec<(&str, &str)> =
            settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let site = Site::start_with(combination, &settings).await?;
        let url = format!("http://{}/webhooks/stripe", site.stack.gateway());
        stripe.delivers_to(&url, site.stack.secret());
        // Soon again, for the gateway is away all the time.
        stripe.delivers(Delivering { retry_after: Duration::from_millis(100), ..Delivering::default() });
        let ledger = open(&site.stack.ledger_url()).await;
        let over = Arc::new(AtomicBool::new(false));
        let tellers = (0..TELLERS).map(|number| {
            let teller = Teller {
                number,
                random: Random::of_sequence(seed, 1_000 + number),
                client: site.stack.client(),
                stripe: Arc::clone(&stripe),
                ledger: ledger.clone(),
                over: Arc::clone(&over),
                captured: BTreeMap::new(),
            };
            tokio::spawn(teller.run())
        });
        let tellers = tellers.collect();
        Ok((site, Self { stripe, ledger, over, tellers }))
    }

    pub(super) fn asks_no_more(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Waits until everything has come to its end, and the ledger to what Stripe has. What is in doubt rests for as long
    /// again as it is old, so it may take as long as the kills did.
    pub(super) async fn end(mut self, stack: &Stack, struck: Duration) -> anyhow::Result<Judged> {
        self.asks_no_more();
        let mut captured = BTreeMap::new();
        for teller in std::mem::take(&mut self.tellers) {
            captured.extend(tokio::time::timeout(END_PATIENCE, teller).await.context("a teller hangs")??);
        }
        let open = "SELECT count(*) FROM operations WHERE state IN ('approved', 'executing')";
        let mut found = Vec::new();
        let settled = until(
            "operations to end, and the ledger to have their refunds",
            struck + SETTLE_PATIENCE,
            async || {
                tokio::time::sleep(LOOK).await;
                // After many refusals Stripe would wait for minutes.
                self.stripe.delivers_now();
                if stack.ledger().count(open).await? > 0 || stack.waiting().await? > 0 {
                    return Ok(false);
                }
                let rows = stack.ledger().rows_of("payment", "").await?;
                let shown = |id: &str| {
                    let row = rows.iter().find(|(subject, _)| subject.id == id);
                    row.and_then(|(_, row)| row.get("amount_refunded")?.as_i64()).unwrap_or_default()
                };
                let given_back = self.given_back();
                let differ = |(id, sum): (&String, &i64)| {
                    (shown(id) != *sum)
                        .then(|| format!("{id} shows {}, and Stripe gave back {sum}", shown(id)))
                };
                found = given_back.iter().filter_map(differ).collect();
                Ok(found.is_empty())
            },
        );
        if let Err(error) = settled.await {
            found.push(format!("{error:#}"));
            println!("{}", stack.logs());
        }
        let operations = self.operations(&captured).await?;
        let refunds = self.stripe.all("", "refund");
        let by_payment: BTreeMap<&str, i64> =
            captured.iter().map(|(id, amount)| (id.as_str(), *amount)).collect();
        let wrong = contradictions(&refunds, &operations, &by_payment);
        let doubled = wrong.iter().filter(|fault| fault.contains("more than once")).count();
        found.extend(wrong);
        self.ledger.close().await;
        Ok(Judged { operations: operations.len(), refunds: refunds.len(), doubled, faults: found })
    }

    /// By payment, as Stripe has it.
    fn given_back(&self) -> BTreeMap<String, i64> {
        let mut sums = BTreeMap::new();
        for refund in self.stripe.all("", "refund") {
            let payment = refund["payment_intent"].as_str().unwrap_or_default().to_owned();
            *sums.entry(payment).or_default() += refund["amount"].as_i64().unwrap_or_default();
        }
        sums
    }

    async fn operations(&self, captured: &BTreeMap<String, i64>) -> anyhow::Result<Vec<Operation>> {
        let mut tx = self.ledger.read().await?;
        let mut all = Vec::new();
        for payment in captured.keys() {
            all.extend(tx.operations_of_payment(&key(payment), 1_000).await?);
        }
        Ok(all)
    }
}

fn key(payment: &str) -> Key {
    Key { id: payment.to_owned(), account: String::new(), livemode: true }
}

/// Takes payments, and asks for refunds of them by many people.
struct Teller {
    number: u64,
    random: Random,
    client: Client,
    stripe: Arc<FakeStripe>,
    ledger: Ledger,
    over: Arc<AtomicBool>,
    captured: BTreeMap<String, i64>,
}

impl Teller {
    async fn run(mut self) -> BTreeMap<String, i64> {
        let mut turn = 0;
        while !self.over.load(Ordering::Acquire) {
            turn += 1;
            let is_large = self.random.percent(25);
            let captured = if is_large { LARGE } else { SMALL };
            let id = format!("{}_{turn}", self.number);
            let payment = self.pay(&id, captured).await;
            self.captured.insert(payment.id.clone(), captured);
            if !self.is_there(&payment).await {
                continue;
            }
            if self.random.percent(20) {
                let fault = *self.random.pick(&[
                    Fault::CutBefore,
                    Fault::CutAfter,
                    Fault::TroubleAfter(500),
                    Fault::Slow(Duration::from_millis(300)),
                ]);
                self.stripe.fails_at("POST /v1/refunds", [fault]);
            }
            for person in 0..self.random.within(1..4) {
                // Two thirds of it may be asked for three times.
                let amount = captured / 3
                    + i64::try_from(self.random.within(0..captured.unsigned_abs() / 3)).expect("small");
                self.ask(&payment, amount, &format!("jane-{id}-{person}")).await;
            }
        }
        self.captured
    }

    /// Like Stripe, until it is accepted.
    async fn pay(&mut self, id: &str, amount: i64) -> Key {
        for (kind, object) in paid(id, amount) {
            self.stripe.put("", &object);
            let event = event(&format!("evt_{kind}_{id}").replace('.', "_"), kind, &object);
            let body = event.to_string().into();
            while !self.client.send(&body).await.accepted() {
                tokio::time::sleep(Duration::from_millis(self.random.within(10..200))).await;
            }
        }
        key(&format!("pi_{id}"))
    }

    /// Whether the ledger has it before long: servers and workers die, so it may take its time.
    async fn is_there(&self, payment: &Key) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < SEEN_PATIENCE && !self.over.load(Ordering::Acquire) {
            if self.has(payment).await.unwrap_or_default() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    async fn has(&self, payment: &Key) -> anyhow::Result<bool> {
        let mut tx = self.ledger.read().await?;
        let rows = gather::payment_rows(&mut tx, payment).await?;
        Ok(rows.is_some_and(|rows| rows.payment.state.status == "succeeded" && !rows.charges.is_empty()))
    }

    /// What cannot be asked now is asked for no more: whether it was is for the ledger to say.
    async fn ask(&self, payment: &Key, amount: i64, name: &str) {
        let ask = Ask {
            wanted: Wanted::Refund { payment: payment.clone(), amount: Some(amount), currency: None },
            reason: Reason::RequestedByCustomer,
            note: None,
            confirmed: true,
        };
        let Ok(asked) = request(&self.ledger, &ask, &manager(name), clock::now()).await else { return };
        if asked.state == OperationState::NeedsApproval {
            let by = manager(&format!("mary-{}", self.number));
            approve(&self.ledger, asked.id(), &Word::default(), &by, clock::now()).await.ok(); // else it waits
        }
    }
}

fn event(id: &str, kind: &str, object: &Value) -> Value {
    json!({ "id": id, "object": "event", "api_version": "2024-09-30.acacia", "created": object["created"],
        "data": { "object": object }, "livemode": true, "pending_webhooks": 1, "type": kind })
}
