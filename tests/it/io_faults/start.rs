//! Where a case begins: on no files at all, on those of a process that was stopped, or on those of one that was killed,
//! with events in the queue and an approved refund that was not sent yet. What is in them is known.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use desk::acts::operations::request::{Ask, Wanted, request};
use domain::Key;
use domain::operations::{OperationState, Reason};
use fake_stripe::FakeStripe;
use harness::client::Answer;
use harness::histories::{Asked, Scene, Stripe};
use harness::load::SendLog;
use harness::process_guard::until;
use harness::stories::{SampleEvent, Stories, Truth};
use stripe_sim::ApiVersion;

use super::place::{Came, Place};
use crate::executor::scene::manager;
use crate::ledgers::open;

const PATIENCE: Duration = Duration::from_mins(2);
/// In a history, at most: each case sends it.
const EVENTS_LIMIT: usize = 24;
pub(super) const PAID: i64 = 4_200;
pub(super) const REFUNDED: i64 = 1_100;

/// The payment that a refund was approved of.
pub(super) struct Money {
    pub(super) payment: String,
    pub(super) charge: String,
    told: Vec<SampleEvent>,
}

pub(super) struct Start {
    pub(super) name: &'static str,
    /// Its files; `None` where there are none.
    pub(super) files: Option<PathBuf>,
    /// Accepted before.
    before: Vec<SampleEvent>,
    /// Sent in the case.
    pub(super) events: Vec<SampleEvent>,
    pub(super) truth: Truth,
    pub(super) money: Option<Money>,
    /// Its files are in there.
    _place: Option<Place>,
}

impl Start {
    /// The three of them.
    pub(super) async fn all(seed: u64) -> anyhow::Result<Vec<Self>> {
        let (events, truth) = history(seed);
        let fresh = Self {
            name: "first start",
            files: None,
            before: Vec::new(),
            events: events.clone(),
            truth: truth.clone(),
            money: None,
            _place: None,
        };
        let stopped = Self::used(seed, "after a stop", false, (events.clone(), truth.clone())).await?;
        let killed = Self::used(seed, "after a kill", true, (events, truth)).await?;
        Ok(vec![fresh, stopped, killed])
    }

    async fn used(
        seed: u64,
        name: &'static str,
        is_killed: bool,
        (events, mut truth): (Vec<SampleEvent>, Truth),
    ) -> anyhow::Result<Self> {
        let place = Place::new()?;
        let (money, paid) = pay(seed);
        truth.extend(paid);
        let (early, late) = events.split_at(events.len() / 3);
        let (waiting, late) = late.split_at(3);
        let applied = [&money.told[..], early].concat();

        let mut running = place.start("up", None, None)?;
        ensure!(running.comes(PATIENCE).await == Came::Ready, "{}", running.said());
        send(&place, &money.told).await?;
        place.ledger().has_handled(money.told.len(), PATIENCE).await?;
        if !is_killed {
            // So that all of it is in the files, and nothing in the logs.
            send(&place, early).await?;
            place.ledger().has_handled(applied.len(), PATIENCE).await?;
        }
        ensure!(running.ends(PATIENCE).await, "{}", running.said());
        refund(&place, &money).await?;
        let mut running = place.start("up", None, None)?;
        ensure!(running.comes(PATIENCE).await == Came::Ready, "{}", running.said());
        if is_killed {
            send(&place, early).await?;
            place.ledger().has_handled(applied.len(), PATIENCE).await?;
            until("the queue to be empty", PATIENCE, async || Ok(place.queue().waiting().await? == 0))
                .await?;
            running.kill();
        } else {
            ensure!(running.ends(PATIENCE).await, "{}", running.said());
        }
        // A gateway alone: these are in the queue, and nobody has them.
        let mut running = place.start("gateway", None, None)?;
        ensure!(running.comes(PATIENCE).await == Came::Ready, "{}", running.said());
        send(&place, waiting).await?;
        if is_killed {
            running.kill();
        } else {
            ensure!(running.ends(PATIENCE).await, "{}", running.said());
        }
        Ok(Self {
            name,
            files: Some(place.data.clone()),
            before: [&applied[..], waiting].concat(),
            events: late.to_vec(),
            truth,
            money: Some(money),
            _place: Some(place),
        })
    }

    /// What was sent and accepted so far.
    pub(super) fn log(&self) -> SendLog {
        let log = SendLog::default();
        for event in &self.before {
            log.begun(event);
            log.ended(event, Answer::Status(200));
        }
        log
    }

    pub(super) fn files(&self) -> Option<&Path> {
        self.files.as_deref()
    }

    /// The Stripe that knows the payment.
    pub(super) async fn stripe(&self) -> anyhow::Result<Option<FakeStripe>> {
        let Some(money) = &self.money else { return Ok(None) };
        let stripe = FakeStripe::start(true).await?;
        stripe.tell(&money.told.iter().map(|event| &event.body[..]).collect::<Vec<_>>());
        Ok(Some(stripe))
    }
}

/// A short one of many kinds.
fn history(seed: u64) -> (Vec<SampleEvent>, Truth) {
    let drawn = (seed..).map(|seed| Stories::of_seed(seed).in_mode(true).history(EVENTS_LIMIT / 2));
    let mut short = drawn.filter(|(events, _)| events.len() <= EVENTS_LIMIT);
    short.next().expect("there is no end of seeds")
}

fn pay(seed: u64) -> (Money, Truth) {
    let scene = Scene { seed, account: String::new(), livemode: true, version: ApiVersion::ALL[0] };
    let mut stripe = Stripe::new(&scene);
    let (payment, charge) = stripe.paid(Asked::of(PAID).by("user_ada"));
    let (told, truth) = stripe.end();
    (Money { payment, charge, told }, truth)
}

async fn send(place: &Place, events: &[SampleEvent]) -> anyhow::Result<()> {
    let mut client = place.client();
    for event in events {
        let answer = client.send(&event.body).await;
        ensure!(answer == Answer::Status(200), "{}: {answer:?}", event.id);
    }
    Ok(())
}

/// Asked for and approved; no worker has a key of Stripe's yet.
async fn refund(place: &Place, money: &Money) -> anyhow::Result<()> {
    let ledger = open(&place.ledger_url()).await;
    let payment = Key { id: money.payment.clone(), account: String::new(), livemode: true };
    let ask = Ask {
        wanted: Wanted::Refund { payment, amount: Some(REFUNDED), currency: None },
        reason: Reason::RequestedByCustomer,
        note: None,
        confirmed: true,
    };
    let asked = request(&ledger, &ask, &manager("jane"), shared::clock::now()).await;
    let asked = asked.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    ensure!(asked.state == OperationState::Approved, "{asked:?}");
    ledger.close().await;
    Ok(())
}
