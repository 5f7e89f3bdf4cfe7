//! The fraud desk over ledgers of both kinds: what it finds does not depend on the order and repetition of events, is kept as
//! findings with their states, and costs no more than what has happened.

mod bounds;
mod chore;
mod cost;

use chrono::{DateTime, TimeDelta, Utc};
use desk::actor::{Actor, KnownBy};
use desk::acts::findings::{Act, act};
use desk::fraud::{BATCHES, look};
use domain::findings::{Finding, FindingState, Resolution};
use domain::permissions::Role;
use envelope::Envelope;
use ledger::Ledger;
use ledger::views::lists::FindingFilter;
use ledger::views::page::Part;
use serde_json::{Value, json};
use stripe_sim::Random;

use crate::ledgers::{each_ledger, envelope, together};

const BEGIN: i64 = 1_780_000_000;

fn minute(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(BEGIN + minute * 60, 0).unwrap()
}

fn attempt(number: i64, minute: i64, status: &str, user: &str, last4: &str, amount: i64) -> [Envelope; 2] {
    let created = BEGIN + minute * 60;
    let (payment, charge) = (format!("pi_{number}"), format!("ch_{number}"));
    let paid = status == "succeeded";
    let intent = json!({ "id": payment, "object": "payment_intent", "amount": amount, "currency": "usd", "created": created,
        "amount_received": if paid { amount } else { 0 }, "status": if paid { "succeeded" } else { "requires_payment_method" },
        "customer": format!("cus_{user}"), "metadata": { "user_id": user } });
    let charged = json!({ "id": charge, "object": "charge", "status": status, "amount": amount, "currency": "usd",
        "amount_captured": if paid { amount } else { 0 }, "amount_refunded": 0, "captured": paid, "created": created,
        "customer": format!("cus_{user}"), "payment_intent": payment, "failure_code": (!paid).then_some("card_declined"),
        "payment_method_details": { "type": "card", "card": { "brand": "visa", "last4": last4, "exp_month": 4, "exp_year": 2031 } } });
    let (of_intent, of_charge) = if paid {
        ("payment_intent.succeeded", "charge.succeeded")
    } else {
        ("payment_intent.payment_failed", "charge.failed")
    };
    [
        envelope(&format!("evt_pi_{number}"), of_intent, minute * 60, &intent),
        envelope(&format!("evt_ch_{number}"), of_charge, minute * 60, &charged),
    ]
}

fn story() -> Vec<Envelope> {
    let mut events = Vec::new();
    for number in 0..4 {
        events.extend(attempt(number, number * 100, "succeeded", "usual", "1111", 1_000));
    }
    events.extend(attempt(10, 2_000, "succeeded", "usual", "1111", 6_000));
    for (number, last4) in [(20, "2222"), (21, "3333"), (22, "4444")] {
        events.extend(attempt(number, 2_000 + number % 20, "failed", "tester", last4, 500));
    }
    events.extend(attempt(30, 2_100, "succeeded", "rich", "5555", 640_000));
    events.extend(attempt(40, 2_200, "succeeded", "victim", "6666", 3_000));
    events.push(warning());
    events
}

fn warning() -> Envelope {
    let warning = json!({ "id": "issfr_1", "object": "radar.early_fraud_warning", "actionable": true, "charge": "ch_40",
        "payment_intent": "pi_40", "fraud_type": "made_with_stolen_card", "created": BEGIN + 2_201 * 60 });
    envelope("evt_warning", "radar.early_fraud_warning.created", 2_201 * 60, &warning)
}

/// Looks until nothing is due.
async fn look_through(ledger: &Ledger, now: DateTime<Utc>) {
    while look(ledger, BATCHES, now).await.unwrap().batches > 0 {}
}

fn ada() -> Actor {
    Actor::known("ada", [Role::BillingManager].into(), KnownBy::Token { id: "tok_1".to_owned() }, false)
}

async fn findings(ledger: &Ledger, now: DateTime<Utc>) -> Vec<Finding> {
    let filter = FindingFilter { resolved_too: true, ..FindingFilter::default() };
    let page = ledger.read().await.unwrap().findings(&filter, &Part::first(100), now).await.unwrap();
    page.rows
}

async fn found(ledger: &Ledger, now: DateTime<Utc>) -> Vec<(String, String, Option<i64>)> {
    let all = findings(ledger, now).await.into_iter();
    let open = all.filter(|it| it.state == FindingState::Open);
    let mut found: Vec<_> = open.map(|it| (it.kind, it.subject_id, it.amount)).collect();
    found.sort();
    found
}

fn of(kind: &str, id: &str, amount: Option<i64>) -> (String, String, Option<i64>) {
    (kind.to_owned(), id.to_owned(), amount)
}

async fn one(ledger: &Ledger, kind: &str, now: DateTime<Utc>) -> Finding {
    let mut all = findings(ledger, now).await;
    all.retain(|it| it.kind == kind);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_depends_on_what_happened_alone() {
    let now = minute(3_000);
    each_ledger("fraud", async |ledger, _| {
        let mut events = story();
        let again = events[3].clone();
        events.push(again);
        let mut shuffled = Random::of_seed(9);
        shuffled.shuffle(&mut events);
        // Also when it looks in between, and sees only a part.
        for batch in events.chunks(4) {
            together(&ledger, &batch.iter().collect::<Vec<_>>()).await;
            look(&ledger, BATCHES, now).await.unwrap();
        }
        look_through(&ledger, now).await;
        let expected = [
            of("decline_velocity", "cus_tester", None),
            of("decline_velocity", "tester", None),
            of("fraud_warning", "ch_40", Some(3_000)),
            of("large_payment", "pi_30", Some(640_000)),
            of("many_cards", "tester", None),
            of("unusual_payment", "pi_10", Some(6_000)),
        ];
        assert_eq!(found(&ledger, now).await, expected);
        // Told once more, in another order: nothing is found twice.
        let before = findings(&ledger, now).await;
        events.reverse();
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        look_through(&ledger, now).await;
        assert_eq!(findings(&ledger, now).await, before);
        let burst = one(&ledger, "many_cards", now).await;
        let details: Value = serde_json::from_str(&burst.details).unwrap();
        assert_eq!(details["charges"], json!(["ch_22", "ch_21", "ch_20"]), "{details}");
        assert!(findings(&ledger, now).await.iter().all(|it| it.scope.is_empty() && it.reopened == 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_goes_when_it_no_longer_stands_and_comes_back_with_news_alone() {
    let now = minute(3_000);
    each_ledger("fraud_states", async |ledger, _| {
        let events = story();
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        look_through(&ledger, now).await;
        // The charge that the bank warned of is refunded: there is nothing left to do.
        let refund = json!({ "id": "re_1", "object": "refund", "status": "succeeded", "amount": 3_000,
            "currency": "usd", "created": BEGIN + 2_300 * 60, "charge": "ch_40", "payment_intent": "pi_40" });
        together(&ledger, &[&envelope("evt_re", "refund.created", 2_300 * 60, &refund)]).await;
        look_through(&ledger, now).await;
        let warned = one(&ledger, "fraud_warning", now).await;
        assert_eq!((warned.state, warned.resolution), (FindingState::Resolved, Resolution::Gone));

        // Staff block the tester, and say so: looking at the same again does not open it.
        let burst = one(&ledger, "many_cards", now).await;
        let fixed = Act::Fix { reference: "blocked".to_owned(), note: None };
        act(&ledger, &burst.key.id, fixed, &ada(), now).await.unwrap();
        // Another charge of theirs, by a card that they used: the burst is as it was.
        let declined = attempt(23, 4_000, "failed", "tester", "4444", 500);
        together(&ledger, &[&declined[0], &declined[1]]).await;
        look_through(&ledger, minute(4_001)).await;
        assert_eq!(one(&ledger, "many_cards", now).await.state, FindingState::Resolved);
        // A fourth card on the day of the burst is news of it.
        let more = attempt(24, 2_010, "failed", "tester", "7777", 500);
        together(&ledger, &[&more[0], &more[1]]).await;
        look_through(&ledger, minute(4_002)).await;
        let burst = one(&ledger, "many_cards", now).await;
        assert_eq!(
            (burst.state, burst.reopened, burst.summary.as_str()),
            (FindingState::Open, 1, "4 cards within a day")
        );

        // Earlier payments that come late: what looked unusual was not.
        for (number, minute) in [(70, -500), (71, -490), (72, -480), (73, -470), (74, -460)] {
            let paid = attempt(number, minute, "succeeded", "usual", "1111", 5_900);
            together(&ledger, &[&paid[0], &paid[1]]).await;
        }
        look_through(&ledger, minute(4_003)).await;
        assert_eq!(one(&ledger, "unusual_payment", now).await.resolution, Resolution::Gone);

        // A backfill of what happened long ago finds nothing.
        let old = story_of("old", 5_000);
        together(&ledger, &old.iter().collect::<Vec<_>>()).await;
        let before = findings(&ledger, now).await.len();
        look_through(&ledger, minute(5_000) + TimeDelta::days(40)).await;
        assert_eq!(findings(&ledger, now).await.len(), before);
    })
    .await;
}

/// Of 30.00 that were authorised 12.00 were captured: no more can be lost.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_lost_is_what_was_captured() {
    let now = minute(3_000);
    each_ledger("fraud_captured", async |ledger, _| {
        let held = |number: i64| {
            let captured = json!({ "id": format!("ch_{number}"), "object": "charge", "status": "succeeded", "amount": 3_000,
                "amount_captured": 1_200, "amount_refunded": 0, "captured": true, "currency": "usd", "created": BEGIN + 2_200 * 60,
                "customer": "cus_victim", "payment_intent": format!("pi_{number}") });
            let [intent, _] = attempt(number, 2_200, "succeeded", "victim", "6666", 1_200);
            [intent, envelope(&format!("evt_captured_{number}"), "charge.captured", 2_200 * 60, &captured)]
        };
        let back = |number: i64, amount: i64| {
            let refund = json!({ "id": format!("re_{number}"), "object": "refund", "status": "succeeded", "amount": amount,
                "currency": "usd", "created": BEGIN + 2_300 * 60, "charge": format!("ch_{number}"), "payment_intent": format!("pi_{number}") });
            envelope(&format!("evt_re_{number}"), "refund.created", 2_300 * 60, &refund)
        };
        let [[intent, charge], [other, lost_charge]] = [held(40), held(41)];
        let lost = json!({ "id": "du_41", "object": "dispute", "status": "lost", "amount": 1_200, "currency": "usd", "charge": "ch_41",
            "payment_intent": "pi_41", "reason": "fraudulent", "created": BEGIN + 2_400 * 60, "balance_transactions": [] });
        let lost = envelope("evt_lost", "charge.dispute.closed", 2_500 * 60, &lost);
        together(&ledger, &[&intent, &charge, &warning(), &other, &lost_charge, &back(41, 200), &lost]).await;
        look_through(&ledger, now).await;
        let found_now = found(&ledger, now).await;
        for expected in [of("fraud_warning", "ch_40", Some(1_200)), of("double_loss", "ch_41", Some(200))] {
            assert!(found_now.contains(&expected), "{expected:?} is not in {found_now:?}");
        }
        together(&ledger, &[&back(40, 1_200)]).await;
        look_through(&ledger, now).await;
        assert_eq!(one(&ledger, "fraud_warning", now).await.resolution, Resolution::Gone);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_with_the_same_last_digits_changes_nothing_about_a_user() {
    let now = minute(3_000);
    each_ledger("fraud_strangers", async |ledger, _| {
        // Seven declines of one user, of which four by a card that ends like a stranger's.
        let mut events = Vec::new();
        for (number, last4) in (0..).zip(["4242", "4242", "4242", "4242", "1111", "2222", "3333"]) {
            events.extend(attempt(number, 2_000 + number, "failed", "tester", last4, 500));
        }
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        look_through(&ledger, now).await;
        for finding in findings(&ledger, now).await.into_iter().filter(|it| it.subject_id == "tester") {
            let fixed = Act::Fix { reference: "blocked".to_owned(), note: None };
            act(&ledger, &finding.key.id, fixed, &ada(), now).await.unwrap();
        }
        let of_tester = async || {
            let mut of_tester = findings(&ledger, now).await;
            of_tester.retain(|it| it.subject_id.ends_with("tester"));
            of_tester
        };
        let before = of_tester().await;
        assert_eq!(before.len(), 3, "{before:?}");

        let stranger = attempt(50, 2_020, "failed", "stranger", "4242", 500);
        together(&ledger, &stranger.iter().collect::<Vec<_>>()).await;
        look_through(&ledger, now).await;
        assert_eq!(of_tester().await, before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_still_stands_after_a_month_is_not_gone() {
    each_ledger("fraud_months", async |ledger, _| {
        let events = story();
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        look_through(&ledger, minute(3_000)).await;
        // Long after the bank's warning the charge is told once more. Nobody has refunded it.
        let (month, now) = (60 * 24 * 40, minute(60 * 24 * 40 + 10));
        let mut charge: Value = serde_json::from_slice(
            &attempt(40, 2_200, "succeeded", "victim", "6666", 3_000)[1].body,
        )
        .unwrap();
        let charge = charge["data"]["object"].take();
        together(&ledger, &[&envelope("evt_again", "charge.updated", month * 60, &charge)]).await;
        assert!(look(&ledger, BATCHES, now).await.unwrap().batches > 0);
        assert_eq!(one(&ledger, "fraud_warning", now).await.state, FindingState::Open);

        // A charge whose dispute is lost long since is refunded today: only now it is lost twice.
        let dispute = json!({ "id": "dp_1", "object": "dispute", "status": "lost", "amount": 1_000, "currency": "usd",
            "created": BEGIN + 900, "charge": "ch_0", "payment_intent": "pi_0", "reason": "fraudulent" });
        together(&ledger, &[&envelope("evt_dp", "charge.dispute.closed", 900, &dispute)]).await;
        look_through(&ledger, now).await;
        let refund = json!({ "id": "re_1", "object": "refund", "status": "succeeded", "amount": 1_000, "currency": "usd",
            "created": BEGIN + month * 60, "charge": "ch_0", "payment_intent": "pi_0" });
        together(&ledger, &[&envelope("evt_re", "refund.created", month * 60, &refund)]).await;
        look_through(&ledger, now).await;
        let lost = one(&ledger, "double_loss", now).await;
        assert_eq!((lost.subject_id.as_str(), lost.amount), ("ch_0", Some(1_000)));
    })
    .await;
}

/// Three declines of a user with three cards.
fn story_of(user: &str, begin: i64) -> Vec<Envelope> {
    let of =
        |place: i64| attempt(begin + place, begin + place, "failed", user, &format!("88{place:02}"), 500);
    (0..3).flat_map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_decide_what_is_too_much_and_a_ban_tells_of_later_payments() {
    let now = minute(3_000);
    each_ledger("fraud_policies", async |ledger, url| {
        let is_set = |key: &str, value: &str| {
            let mut command = std::process::Command::new(harness::binaries::binary("tidegate"));
            command.args(["policy", "set", key, value, "--reason", "ours", "--yes"]).env_clear();
            let output = command.env("DATABASE_URL", &url).env("TIDEGATE_STAFF", "ops").output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        is_set("fraud.cards", "4");
        is_set("fraud.declines", "2");
        let events = [story_of("one", 2_000), attempt(50, 2_100, "succeeded", "paid", "1212", 500_001).into()].concat();
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        look_through(&ledger, now).await;
        let expected = [
            of("decline_velocity", "cus_one", None),
            of("decline_velocity", "one", None),
            of("large_payment", "pi_50", Some(500_001)),
        ];
        assert_eq!(found(&ledger, now).await, expected);
        assert_eq!(one(&ledger, "large_payment", now).await.severity.as_str(), "warning");

        // Two lost disputes ban a user; what is paid after that is a finding.
        let mut events = Vec::new();
        for number in [60, 61] {
            events.extend(attempt(number, 2_200, "succeeded", "banned", &number.to_string().repeat(2), 900));
            let dispute = json!({ "id": format!("dp_{number}"), "object": "dispute", "status": "lost", "amount": 900,
                "currency": "usd", "created": BEGIN + 2_300 * 60, "charge": format!("ch_{number}"),
                "payment_intent": format!("pi_{number}"), "reason": "fraudulent" });
            events.push(envelope(&format!("evt_dp_{number}"), "charge.dispute.closed", 2_300 * 60, &dispute));
        }
        events.extend(attempt(62, 2_900, "succeeded", "banned", "6262", 900));
        let mut shuffled = Random::of_seed(4);
        shuffled.shuffle(&mut events);
        for event in &events {
            together(&ledger, &[event]).await;
            look(&ledger, BATCHES, now).await.unwrap();
        }
        look_through(&ledger, now).await;
        let paid = one(&ledger, "banned_user_paid", now).await;
        assert_eq!((paid.subject_id.as_str(), paid.severity.as_str()), ("pi_62", "critical"));
        assert_eq!(paid.summary, "paid by banned, who was banned");
    })
    .await;
}
