//! Events that never came by webhook come back from Stripe's list: exactly those, through cuts, kills and
//! rate limits, by the command and by the chore.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fake_stripe::{FakeStripe, Fault};
use harness::histories::{ApiVersion, Scene, walk};
use harness::load::{SendLog, send_all};
use harness::process::Process;
use harness::process_guard::until;
use harness::stack::{Combination, Stack};
use harness::stories::{SampleEvent, Stories};
use serde_json::Value;
use shared::clock;
use sqlx::Connection;
use stripe_sim::Random;

use crate::ledgers::open;
use crate::queue_contract::backend::open_file;

const PATIENCE: Duration = Duration::from_mins(2);
const SOURCES: &str = "SELECT count(*) FROM events WHERE source = 'backfill'";
const INCIDENTS: &str =
    "SELECT count(*) FROM notices WHERE kind = 'incident.opened' AND object_id = 'webhooks_failing'";
const MOST_FAULTS: [Fault; 6] = [
    Fault::Busy(1),
    Fault::CutBefore,
    Fault::Trouble(500),
    Fault::CutAfter,
    Fault::Malformed,
    Fault::Slow(Duration::from_secs(3)),
];

/// So many events of our own account, some of types without a rule, over the last two days and a half.
pub(crate) fn happened(seed: u64, count: usize) -> Vec<SampleEvent> {
    let (mut stories, version) = (Stories::of_seed(!seed), ApiVersion::ALL[0]);
    let scene = Scene { seed, account: String::new(), livemode: false, version };
    let mut events = walk(&scene, count).events;
    // Stripe lists an id once, also where endpoints get it in two versions.
    let mut ids = BTreeSet::new();
    events.retain(|event| ids.insert(event.id.clone()) && event.envelope().header.account.is_empty());
    events.truncate(count - count / 10);
    while events.len() < count {
        let place = events.len() / 2;
        events.insert(place, stories.unruled());
    }
    let ids: BTreeSet<&str> = events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids.len(), count, "an id came twice");
    of_late(&events)
}

/// The same events, over the last two days and a half.
fn of_late(events: &[SampleEvent]) -> Vec<SampleEvent> {
    let begin = clock::now().timestamp() - 2 * 86_400 - 43_200;
    let stamps = (begin..).step_by(180_000 / events.len());
    events.iter().zip(stamps).map(|(event, stamp)| event.stamped(stamp)).collect()
}

/// Delivers one half by webhook, with one event of each type in it, and gives back the other.
async fn lose_half(stack: &Stack, events: &[SampleEvent], seed: u64) -> Vec<SampleEvent> {
    let mut lost = events.to_vec();
    Random::of_seed(seed).shuffle(&mut lost);
    // A type that no rule reads is missed only where it has come before.
    let mut kinds = BTreeSet::new();
    lost.sort_by_key(|event| kinds.insert(event.kind));
    let delivered = lost.split_off(events.len() / 2);
    let count = delivered.len();
    let answers = send_all(&SendLog::default(), delivered, 16, || stack.client()).await;
    assert!(answers.iter().all(|answer| answer.accepted()));
    stack.ledger().has_handled(count, PATIENCE).await.unwrap();
    lost
}

async fn ended(tool: &mut Process) -> bool {
    until("a command of tidegate", PATIENCE, async || Ok(tool.has_ended())).await.unwrap();
    tool.succeeded()
}

/// Runs `tidegate backfill … --json` to its good end.
async fn backfill(stack: &Stack, stripe: &FakeStripe, arguments: &[&str]) -> Value {
    let arguments = [&["backfill", "--since", "3d", "--json"], arguments].concat();
    let mut tool = stack.begin_tool_with(&arguments, &stripe.settings()).unwrap();
    assert!(ended(&mut tool).await, "{}", tool.log());
    assert!(tool.faults(&[stripe.key()]).is_empty(), "{:?}", tool.faults(&[stripe.key()]));
    serde_json::from_str(&tool.output()).unwrap()
}

/// Everything is there, each once, and what was lost came from Stripe's list.
async fn is_complete(stack: &Stack, events: &[SampleEvent], lost: &[SampleEvent]) {
    stack.ledger().has_handled(events.len(), PATIENCE).await.unwrap();
    let rows = stack.ledger().events().await.unwrap();
    let ids = |events: &[SampleEvent]| events.iter().map(|e| e.id.clone()).collect::<BTreeSet<_>>();
    assert_eq!(rows.len(), events.len());
    assert_eq!(rows.iter().map(|row| row.id.clone()).collect::<BTreeSet<_>>(), ids(events));
    assert_eq!(stack.ledger().count(SOURCES).await.unwrap(), i64::try_from(lost.len()).unwrap());
    let rebuilt: Value =
        serde_json::from_str(&stack.tidegate(&["rebuild", "--json"]).await.unwrap()).unwrap();
    assert_eq!(rebuilt["identical"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_missing_events_come_back_and_only_these() {
    for combination in [Combination::SqliteSqlite, Combination::RabbitPostgres] {
        let seed = Random::new_seed();
        eprintln!("on {combination:?}, seed {seed}");
        let (stack, stripe) = (Stack::start(combination).await, FakeStripe::start(false).await.unwrap());
        let events = happened(seed, 1_000);
        let lost = lose_half(&stack, &events, seed).await;
        stripe.tell(&events);

        let dry = backfill(&stack, &stripe, &["--dry-run"]).await;
        assert_eq!((&dry["missing"], &dry["listed"]), (&500.into(), &1_000.into()), "{dry}");
        assert_eq!(stack.ledger().count("SELECT count(*) FROM events").await.unwrap(), 500);
        assert_eq!(stack.ledger().count("SELECT count(*) FROM backfills").await.unwrap(), 0);

        stripe.fails(MOST_FAULTS);
        let told = backfill(&stack, &stripe, &[]).await;
        assert_eq!((&told["missing"], &told["missing_by_type"]), (&500.into(), &dry["missing_by_type"]));
        is_complete(&stack, &events, &lost).await;
        assert_eq!(backfill(&stack, &stripe, &[]).await["missing"], 0, "nothing is missing any more");

        // When Stripe delivers them after all they are repetitions: same id, same content.
        send_all(&SendLog::default(), lost.clone(), 16, || stack.client()).await;
        stack.ledger().has_seen(1_500, PATIENCE).await.unwrap();
        assert_eq!(stack.ledger().events().await.unwrap().len(), 1_000, "no second content");
        stack.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_that_was_killed_goes_on_where_it_was() {
    let (stack, stripe) =
        (Stack::start(Combination::SqliteSqlite).await, FakeStripe::start(false).await.unwrap());
    let events = happened(7, 1_000);
    let lost = lose_half(&stack, &events, 7).await;
    stripe.tell(&events);
    let request = ["backfill", "--since", "3d", "--until", "1s"];
    let slowly = [&request[..], &["--rate", "2"]].concat();
    let mut tool = stack.begin_tool_with(&slowly, &stripe.settings()).unwrap();
    until("some pages", PATIENCE, async || {
        Ok(stack.ledger().count("SELECT count(*) FROM backfills").await? == 1)
    })
    .await
    .unwrap();
    tool.kill();
    // As if it had been to end long before what is asked for now.
    let url = stack.ledger_url();
    let mut ledger = open_file(Path::new(url.strip_prefix("sqlite:").unwrap())).await.unwrap();
    sqlx::query("UPDATE backfills SET until_at = since_at").execute(&mut ledger).await.unwrap();
    ledger.close().await.unwrap();
    let (before, begun) = (stripe.requests().len(), clock::now());

    let json = [&request[..], &["--json"]].concat();
    let mut again = stack.begin_tool_with(&json, &stripe.settings()).unwrap();
    assert!(ended(&mut again).await, "{}", again.log());
    assert!(again.log().contains("continuing where the last run was interrupted"), "{}", again.log());
    assert!(stripe.requests().len() - before <= 11, "it began anew");
    let told: Value = serde_json::from_str(&again.output()).unwrap();
    let since: DateTime<Utc> = told["since"].as_str().unwrap().parse().unwrap();
    assert!(
        told["resumed"] == true && since < begun - TimeDelta::days(3),
        "when the first run began: {told}"
    );
    is_complete(&stack, &events, &lost).await;
    assert_eq!(stack.ledger().count("SELECT count(*) FROM backfills").await.unwrap(), 0);
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_can_be_narrowed() {
    let (stack, stripe) =
        (Stack::start(Combination::SqliteSqlite).await, FakeStripe::start(false).await.unwrap());
    let events = happened(11, 300);
    stripe.tell(&events);
    let undelivered: Vec<&str> = events.iter().step_by(10).map(|event| event.id.as_str()).collect();
    stripe.could_not_deliver(undelivered.iter().copied());
    stripe.limits(8);
    let dry = async |arguments: &[&str]| {
        backfill(&stack, &stripe, &[&["--dry-run", "--rate", "100"], arguments].concat()).await
    };
    let of = |prefix: &str| events.iter().filter(|event| event.kind.starts_with(prefix)).count();
    let all = dry(&[]).await;
    assert_eq!(all["left_out"], 30, "types without a rule that never came: {all}");
    assert_eq!(dry(&["--undelivered"]).await["listed"], undelivered.len());
    assert_eq!(dry(&["--type", "charge.*"]).await["missing"], of("charge."));
    let unruled = dry(&["--type", "price.created", "--type", "topup.succeeded"]).await;
    assert_eq!(unruled["missing"], of("price.created") + of("topup.succeeded"), "asked for by name");
    let old = dry(&["--until", "2d"]).await;
    assert!(old["listed"].as_u64().unwrap() < all["listed"].as_u64().unwrap(), "{old}");
    assert_eq!(dry(&["--account", "acct_1"]).await["listed"], 0);
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_told_and_not_shown() {
    let (stack, stripe) =
        (Stack::start(Combination::SqliteSqlite).await, FakeStripe::start(false).await.unwrap());
    let wrong = "rk_test_neverToBeSeenAnywhere123";
    let settings = [("STRIPE_SECRET_KEY", wrong.to_owned()), ("STRIPE_API_URL", stripe.url())];
    let mut tool = stack.begin_tool_with(&["backfill", "--since", "45d"], &settings).unwrap();
    assert!(!ended(&mut tool).await, "a wrong key was taken");
    assert!(tool.log().contains("Stripe refused the key (401)"), "{}", tool.log());
    assert!(tool.log().contains("Stripe lists only 30 days"), "{}", tool.log());
    assert!(tool.faults(&["neverToBeSeen"]).is_empty());
    assert_eq!(stripe.requests().len(), 1, "it is not tried again");

    let mut tool = stack.begin_tool_with(&["backfill", "--since", "3d"], &[]).unwrap();
    assert!(
        !ended(&mut tool).await && tool.log().contains("STRIPE_SECRET_KEY: is not set"),
        "{}",
        tool.log()
    );
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chore_brings_back_what_is_missing_and_says_how_far_it_is_complete() {
    let stripe = FakeStripe::start(false).await.unwrap();
    let mut stack = start_asking(Combination::RabbitPostgres, &stripe).await;
    let events = happened(13, 600);
    let lost = lose_half(&stack, &events, 13).await;
    stripe.fails(MOST_FAULTS);
    stripe.tell(&events);
    is_complete(&stack, &events, &lost).await;
    let newest = events.last().unwrap().created();
    let (mut missing, mut complete_until) = (0, 0);
    until("the ledger to be known complete", PATIENCE, async || {
        missing = 0;
        for worker in ["worker-1", "worker-2"] {
            let metrics = stack.metrics(worker).await?;
            missing += figure(&metrics, "tidegate_stripe_events_missing_total");
            complete_until = figure(&metrics, "tidegate_ledger_complete_until_seconds");
        }
        Ok(complete_until > newest)
    })
    .await
    .unwrap();
    // What a comparison queued before a fault cut it off is counted again.
    assert!(missing >= 300, "{missing}");
    assert!(complete_until <= clock::now().timestamp() - 300, "the youngest may be on their way");
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_makes_nothing_missing() {
    let stripe = FakeStripe::start(false).await.unwrap();
    let mut stack = start_asking(Combination::RabbitPostgres, &stripe).await;
    stack.tidegate(&["worker", "pause", "--reason", "a drill", "--by", "jane"]).await.unwrap();
    for worker in ["worker-1", "worker-2"] {
        until("a worker to pause", PATIENCE, async || {
            Ok(figure(&stack.metrics(worker).await?, "tidegate_consumption_paused") == 1)
        })
        .await
        .unwrap();
    }
    the_lease_is_written(&stack, 6).await; // what had begun before is over
    let events = happened(29, 60);
    let answers = send_all(&SendLog::default(), events.clone(), 16, || stack.client()).await;
    assert!(answers.iter().all(|answer| answer.accepted()));
    stripe.tell(&events);
    the_lease_is_written(&stack, 6).await;
    assert_eq!(found_missing(&mut stack).await, 0, "they wait in the queue");

    stack.tidegate(&["worker", "resume", "--by", "jane"]).await.unwrap();
    stack.ledger().has_handled(events.len(), PATIENCE).await.unwrap();
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_queued_is_not_queued_again_before_it_is_recorded() {
    let stripe = FakeStripe::start(false).await.unwrap();
    let mut stack = start_asking(Combination::SqlitePostgres, &stripe).await;
    let events = happened(31, 40);
    let held = stack.ledger().hold().await.unwrap();
    stripe.tell(&events);
    let mut queued = 0;
    until("the chore to queue them", PATIENCE, async || {
        queued = found_missing(&mut stack).await;
        Ok(queued > 0)
    })
    .await
    .unwrap();
    the_lease_is_written(&stack, 6).await;
    assert_eq!(found_missing(&mut stack).await, queued, "a worker has them in hand");

    drop(held);
    stack.ledger().has_handled(usize::try_from(queued).unwrap(), PATIENCE).await.unwrap();
    is_known_complete(&mut stack, &events).await;
    assert_eq!(found_missing(&mut stack).await, queued);
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chore_that_was_killed_is_done_by_the_next() {
    let stripe = FakeStripe::start(false).await.unwrap();
    let mut stack = start_asking(Combination::SqliteSqlite, &stripe).await;
    let events = happened(17, 600);
    let lost = lose_half(&stack, &events, 17).await;
    let begun = stripe.requests().len();
    stripe.tell(&events);
    until("some pages", PATIENCE, async || Ok(stripe.requests().len() > begun + 3)).await.unwrap();
    stack.kill("tidegate");
    stack.spawn("tidegate").unwrap();
    stack.wait_until_ready("tidegate").await.unwrap();
    is_complete(&stack, &events, &lost).await;
    stack.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_left_hides_no_event_of_those_after_it() {
    let stripe = FakeStripe::start(false).await.unwrap();
    stripe.leaves("acct_left");
    let accounts = [("STRIPE_ACCOUNTS", "acct_left,acct_stays".to_owned())];
    let mut stack = start_asking_with(Combination::SqliteSqlite, &stripe, &accounts).await;
    let version = ApiVersion::ALL[0];
    let scene = Scene { seed: 19, account: "acct_stays".to_owned(), livemode: false, version };
    let mut events = walk(&scene, 40).events;
    let mut ids = BTreeSet::new();
    events.retain(|event| ids.insert(event.id.clone()));
    let events = of_late(&events);
    stripe.tell(&events);
    stack.ledger().has_handled(events.len(), PATIENCE).await.unwrap();
    let metrics = stack.metrics("tidegate").await.unwrap();
    assert_eq!(figure(&metrics, "tidegate_ledger_complete_until_seconds"), 0, "nobody knows of acct_left");
    // What goes missing later is an incident all the same.
    let mut more = walk(&Scene { seed: 23, ..scene }, 40).events;
    more.retain(|event| ids.insert(event.id.clone()));
    let more = of_late(&more);
    stripe.tell(&more);
    stack.ledger().has_handled(events.len() + more.len(), PATIENCE).await.unwrap();
    until("an incident", PATIENCE, async || Ok(stack.ledger().count(INCIDENTS).await? > 0)).await.unwrap();
    let metrics = stack.metrics("tidegate").await.unwrap();
    let failed = figure(&metrics, "tidegate_stripe_checks_failed_total{check=\"completeness\"}");
    assert!(failed > 0, "an alert looks at it");
    stack.end().await;
}

/// How many events all workers found missing.
async fn found_missing(stack: &mut Stack) -> i64 {
    let mut missing = 0;
    for name in stack.names() {
        missing += figure(&stack.metrics(name).await.unwrap(), "tidegate_stripe_events_missing_total");
    }
    missing
}

async fn is_known_complete(stack: &mut Stack, events: &[SampleEvent]) {
    let (newest, worker) = (events.last().unwrap().created(), stack.names().last().copied().unwrap());
    until("the ledger to be known complete", PATIENCE, async || {
        let metrics = stack.metrics(worker).await?;
        Ok(figure(&metrics, "tidegate_ledger_complete_until_seconds") > newest)
    })
    .await
    .unwrap();
}

/// Waits until the chore's lease has been written so often: while it works, and at the end of each turn.
async fn the_lease_is_written(stack: &Stack, times: usize) {
    let (ledger, mut seen) = (open(&stack.ledger_url()).await, BTreeSet::new());
    until("the chore to work", PATIENCE, async || {
        seen.insert(ledger.read().await?.lease_until("completeness").await?);
        Ok(seen.len() > times)
    })
    .await
    .unwrap();
    ledger.close().await;
}

async fn start_asking(combination: Combination, stripe: &FakeStripe) -> Stack {
    start_asking_with(combination, stripe, &[]).await
}

async fn start_asking_with(
    combination: Combination,
    stripe: &FakeStripe,
    more: &[(&'static str, String)],
) -> Stack {
    let mut settings = stripe.settings();
    settings.extend_from_slice(more);
    settings.push(("STRIPE_COMPLETENESS_INTERVAL_SECS", "1".to_owned()));
    settings.push(("STRIPE_RATE_PER_SEC", "20".to_owned()));
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Stack::start_with(combination, &settings).await
}

fn figure(metrics: &str, name: &str) -> i64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|figure| figure.parse().ok()).unwrap_or_default()
}
