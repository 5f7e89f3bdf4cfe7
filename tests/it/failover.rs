//! The primary Postgres is lost with its disk, and a streaming standby takes its place under its address, while
//! webhooks come in and nobody restarts a process. What an asynchronous standby had not got, Stripe tells again; from
//! a synchronous one nothing is missing. docs/backup.md tells what an operator does.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::Key;
use domain::event::has_rule;
use domain::operations::{Operation, OperationState};
use fake_stripe::FakeStripe;
use harness::broker::Broker;
use harness::ledger::Ledger as Rows;
use harness::load::{SendLog, send_all};
use harness::postgres::Postgres;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use harness::stories::SampleEvent;
use serde_json::Value;

use crate::completeness::happened;
use crate::executor::scene::Scene;
use crate::ledgers::open;

const PATIENCE: Duration = Duration::from_mins(2);
const WORKERS: [&str; 2] = ["worker-1", "worker-2"];

/// A primary that a standby follows, and the product on it.
struct Site {
    stack: Stack,
    primary: Postgres,
    standby: Postgres,
}

impl Site {
    async fn begin(settings: &[(&str, &str)], is_synchronous: bool) -> Self {
        let primary = Postgres::start().await.unwrap();
        let standby = primary.standby().await.unwrap();
        if is_synchronous {
            primary.waits_for_standby().await.unwrap();
        }
        let broker = Broker::shared().await;
        let combination = Combination::RabbitPostgres;
        let mut stack = Stack::prepare(combination, settings, Some(broker), Some(&primary)).await.unwrap();
        stack.begin().await.unwrap();
        Self { stack, primary, standby }
    }

    /// The primary is gone for a while.
    async fn fail_over(&mut self) {
        self.primary.is_lost().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.standby.takes_the_place_of(&self.primary).await.unwrap();
    }

    /// Whatever was answered 200 and is not known any more, once the queue is empty.
    async fn lost(&self, log: &SendLog) -> BTreeSet<String> {
        let mut left = u64::MAX;
        let mut lost = BTreeSet::new();
        // What is in a worker's hands is in neither; so it must stay like that for a while.
        let mut since = Instant::now();
        until("the queue to be empty and the ledger at rest", PATIENCE, async || {
            let (waiting, now) = (self.stack.waiting().await?, missing(self.stack.ledger(), log).await);
            if waiting > 0 || now.as_ref().ok() != Some(&lost) || left > 0 {
                (left, since) = (waiting, Instant::now());
                lost = now.unwrap_or_default();
                return Ok(false);
            }
            Ok(since.elapsed() > Duration::from_secs(3))
        })
        .await
        .unwrap();
        lost
    }
}

async fn missing(ledger: &Rows, log: &SendLog) -> anyhow::Result<BTreeSet<String>> {
    let there: BTreeSet<String> = ledger.events().await?.into_iter().map(|row| row.id).collect();
    let accepted = log.entries().into_iter().filter(|(_, sent)| sent.accepted > 0).map(|(id, _)| id);
    Ok(accepted.filter(|id| !there.contains(id)).collect())
}

fn printed(stack: &Stack, stripe: &FakeStripe, arguments: &[&str]) -> Value {
    let settings = stripe.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let output = stack.run(arguments, &settings);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a ledger shows of these events to which nothing happened.
async fn undisturbed(events: &[SampleEvent]) -> Stack {
    let stack = Stack::start(Combination::RabbitPostgres).await;
    send_all(&SendLog::default(), events.to_vec(), 8, || stack.client()).await;
    stack.ledger().has_handled(events.len(), PATIENCE).await.unwrap();
    stack
}

/// Every row, but for how often it was written.
async fn rows(stack: &Stack) -> harness::histories::Rows {
    let mut rows = stack.ledger().rows("").await.unwrap();
    for row in rows.values_mut() {
        row.remove("revision");
    }
    rows
}

fn events_of(seed: u64) -> Vec<SampleEvent> {
    let mut events = happened(seed, 900);
    // A type without a rule is brought back only where it has come before.
    events.retain(|event| has_rule(event.kind));
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_asynchronous_standby_had_not_got_comes_back_from_stripe() {
    let stripe = FakeStripe::start(false).await.unwrap();
    let mut site = Site::begin(&[], false).await;
    let events = events_of(31);
    stripe.tell(&events);
    let (first, rest) = events.split_at(events.len() / 3);
    let (second, third) = rest.split_at(rest.len() / 2);
    let log = SendLog::default();
    let send = async |site: &Site, part: &[SampleEvent]| {
        send_all(&log, part.to_vec(), 8, || site.stack.client()).await;
    };
    send(&site, first).await;
    site.stack.ledger().has_handled(first.len(), PATIENCE).await.unwrap();
    site.primary.is_followed_by(&site.standby).await.unwrap();
    site.standby.stops_following().await.unwrap();
    send(&site, second).await;
    site.stack.ledger().has_handled(first.len() + second.len(), PATIENCE).await.unwrap();

    let client = || site.stack.client();
    let sending = send_all(&log, third.to_vec(), 8, client);
    let begun = Instant::now();
    let failing = async {
        site.primary.is_lost().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        site.standby.takes_the_place_of(&site.primary).await.unwrap();
    };
    tokio::join!(sending, failing);
    let lost = site.lost(&log).await;
    assert!(lost.len() >= second.len(), "{} events were lost, so this shows nothing", lost.len());
    // What is left is right by itself: no half of a batch, no gap in the audit.
    site.stack.tidegate(&["audit", "verify"]).await.unwrap();

    let told = printed(&site.stack, &stripe, &["backfill", "--since", "5d", "--json"]);
    assert_eq!(told["missing"], lost.len(), "{told}");
    site.stack.ledger().has_handled(events.len(), PATIENCE).await.unwrap();
    eprintln!("{} of {} events lost and told again, {:.1?} after", lost.len(), events.len(), begun.elapsed());
    site.stack.tidegate(&["audit", "verify"]).await.unwrap();
    let rebuilt = site.stack.tidegate(&["rebuild", "--json"]).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&rebuilt).unwrap()["identical"], true);
    let reference = undisturbed(&events).await;
    assert!(rows(&site.stack).await == rows(&reference).await, "the money is not what it was");
    reference.end().await;
    until("the queue to be empty", PATIENCE, async || Ok(site.stack.waiting().await? == 0)).await.unwrap();
    site.stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_synchronous_standby_nothing_is_missing() {
    let mut site = Site::begin(&[], true).await;
    let events = events_of(37);
    let (first, rest) = events.split_at(events.len() / 3);
    let log = SendLog::default();
    send_all(&log, first.to_vec(), 8, || site.stack.client()).await;
    site.stack.ledger().has_handled(first.len(), PATIENCE).await.unwrap();
    site.standby.stops_following().await.unwrap();
    // Commits wait for a standby that does not answer; webhooks do not.
    let answers = send_all(&log, rest.to_vec(), 8, || site.stack.client()).await;
    assert!(answers.iter().all(|answer| answer.accepted()));
    site.fail_over().await;
    site.stack.ledger().has_handled(events.len(), PATIENCE).await.unwrap();
    assert_eq!(site.lost(&log).await, BTreeSet::new());
    site.stack.tidegate(&["audit", "verify"]).await.unwrap();
    let reference = undisturbed(&events).await;
    assert!(rows(&site.stack).await == rows(&reference).await, "the money is not what it was");
    reference.end().await;
    site.stack.end().await;
}

/// How many refunds Stripe has that this operation made.
fn made_by(stripe: &FakeStripe, operation: &Operation) -> usize {
    let id = operation.id();
    stripe.all("", "refund").iter().filter(|refund| refund["metadata"]["tidegate_operation_id"] == id).count()
}

fn refunded(stripe: &FakeStripe, payment: &Key) -> i64 {
    let refunds = stripe.all("", "refund");
    let of_it = refunds.iter().filter(|refund| refund["payment_intent"] == payment.id.as_str());
    of_it.filter_map(|refund| refund["amount"].as_i64()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_whose_rows_were_lost_are_not_made_twice() {
    let stripe = FakeStripe::start(true).await.unwrap();
    let mut settings = stripe.settings();
    settings.push(("STRIPE_DEADLINE_SECS", "2".to_owned()));
    settings.push(("STRIPE_COMPLETENESS_INTERVAL_SECS", "3600".to_owned()));
    settings.push(("STRIPE_REFETCH_INTERVAL_SECS", "3600".to_owned()));
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let Site { stack, mut primary, mut standby } = Site::begin(&settings, false).await;
    let ledger = open(&stack.ledger_url()).await;
    let mut scene = Scene { stack, stripe, ledger };
    let url = format!("http://{}/webhooks/stripe", scene.stack.gateway());
    scene.stripe.delivers_to(&url, scene.stack.secret());
    let (approved, whole, part) =
        (scene.payment(1, 5_000).await, scene.payment(2, 5_000).await, scene.payment(3, 5_000).await);

    // The standby has one operation as approved, and nothing of what comes then.
    for worker in WORKERS {
        scene.stack.kill(worker);
    }
    let known = scene.refund(&approved, 2_000).await;
    assert_eq!(known.state, OperationState::Approved);
    primary.is_followed_by(&standby).await.unwrap();
    standby.stops_following().await.unwrap();
    for worker in WORKERS {
        scene.stack.spawn(worker).unwrap();
    }
    let known = scene.reaches(known.id(), OperationState::Succeeded).await;
    let (all, some) = (scene.refund(&whole, 5_000).await, scene.refund(&part, 2_000).await);
    for forgotten in [&all, &some] {
        let done = scene.reaches(forgotten.id(), OperationState::Succeeded).await;
        scene.has_refund(done.stripe_id.as_deref().unwrap()).await;
    }
    until("webhooks to be delivered", PATIENCE, async || Ok(scene.stripe.deliveries_pending() == 0))
        .await
        .unwrap();
    assert_eq!(scene.stripe.refunds_made(), 3);

    primary.is_lost().await.unwrap();
    standby.takes_the_place_of(&primary).await.unwrap();
    // Approved again, it is sent again: under the same key, and looked up in Stripe's lists before.
    let again = scene.reaches(known.id(), OperationState::Succeeded).await;
    assert_eq!((again.stripe_id, made_by(&scene.stripe, &known)), (known.stripe_id.clone(), 1));
    // The rows of the others are gone. Whoever asks again before the ledger is complete is refused by Stripe's lists.
    for gone in [&all, &some] {
        let found = scene.ledger.read().await.unwrap().operation(gone.id()).await.unwrap();
        assert!(found.is_none(), "{found:?} is there, so this shows nothing");
    }
    let asked = scene.refund(&whole, 5_000).await;
    let refused = scene.reaches(asked.id(), OperationState::Refused).await;
    assert!(refused.message.as_deref().unwrap_or_default().contains("refunded"), "{:?}", refused.message);
    assert_eq!(refunded(&scene.stripe, &whole), 5_000);

    printed(&scene.stack, &scene.stripe, &["backfill", "--since", "5d", "--json"]);
    let counted = "SELECT count(*) FROM payments WHERE amount_refunded IN (5000, 2000)";
    until("the refunds to be known again", PATIENCE, async || {
        Ok(scene.stack.ledger().count(counted).await? == 3)
    })
    .await
    .unwrap();
    let asked = scene.refund(&whole, 5_000).await;
    assert_eq!(
        (asked.state, asked.error_code.as_deref()),
        (OperationState::Refused, Some("already_fully_refunded"))
    );
    // Never more than was paid; but a part that is asked for again is a refund of its own.
    let asked = scene.refund(&part, 4_000).await;
    assert_eq!(asked.state, OperationState::Refused, "{asked:?}");
    assert_eq!((refunded(&scene.stripe, &part), scene.stripe.refunds_made()), (2_000, 3));
    let lost = scene.stack.tidegate(&["operations", "list"]).await.unwrap();
    assert!(!lost.contains(some.id()), "{lost}");
    scene.end().await;
}
