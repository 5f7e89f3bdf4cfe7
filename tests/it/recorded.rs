//! Bodies that others wrote, through the gateway's reader, the pure rules and both ledgers: each ends in the rows
//! that are named for it, and all of them together in the same rows whatever their order.

use std::collections::{BTreeMap, BTreeSet};

use domain::event::{Content, Meaning};
use domain::object_graph::{Event, ObjectGraph};
use envelope::Envelope;
use harness::histories::{Row, Rows, says_nothing};
use harness::ledger::EventRow;
use harness::recorded::{Shape, envelope, overview, shapes};
use ledger::Ledger;
use serde_json::Value;
use shared::env::Env;
use stripe_sim::Random;

use crate::lattice::{rows, seed};
use crate::ledgers::{each_ledger, together};

const SHAPES_AT_LEAST: usize = 60;
const VERSIONS_AT_LEAST: usize = 6;
const ORDERS: usize = 20;
const REPETITIONS_PERCENT: u64 = 30;
const BATCH: usize = 40;
/// Where shapes tell of the same objects, so many have each name.
const NAMES: usize = 6;

#[test]
fn there_are_shapes_of_every_family_and_of_many_versions() {
    let shapes = shapes().unwrap();
    println!("{}", overview(&shapes));
    let all = |what: fn(&Shape) -> &str| shapes.iter().map(what).collect::<BTreeSet<_>>();
    assert!(shapes.len() >= SHAPES_AT_LEAST, "{} shapes", shapes.len());
    assert_eq!(all(|shape| &shape.name).len(), shapes.len(), "each has its own name");
    assert!(all(Shape::version).len() >= VERSIONS_AT_LEAST, "{:?}", all(Shape::version));
    let families = [
        "charge",
        "customer",
        "dispute",
        "invoice",
        "invoice_payment",
        "payment_intent",
        "refund",
        "subscription",
        "warning",
        "without a rule",
    ];
    assert_eq!(all(Shape::family), BTreeSet::from(families));
    assert_eq!(all(Shape::outcome), BTreeSet::from(["applied", "dead", "ignored"]));
}

#[test]
fn the_rules_end_each_shape_in_the_rows_that_are_named_for_it() {
    let mut faults = Faults::new();
    for (number, shape) in shapes().unwrap().iter().enumerate() {
        let place = place(number);
        let (outcomes, graph) = by_the_rules(&bodies(shape, &place));
        let outcomes = outcomes.iter().map(|(outcome, reason)| (*outcome, reason.as_deref()));
        faults.insert(shape.name.clone(), judge(shape, &place, outcomes, &rows(&graph)));
    }
    conclude("the rules", &faults);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ledgers_end_each_shape_in_the_rows_that_are_named_for_it() {
    let shapes = shapes().unwrap();
    each_ledger("recorded", async |ledger, url| {
        let placed = shapes.iter().enumerate().flat_map(|(number, shape)| bodies(shape, &place(number)));
        send(&ledger, &placed.collect::<Vec<_>>()).await;
        let stored = harness::ledger::Ledger::at(&url);
        let (found, events) = (stored.rows("").await.unwrap(), stored.events().await.unwrap());
        let mut faults = Faults::new();
        for (number, shape) in shapes.iter().enumerate() {
            let place = place(number);
            let own = |account: &str| account.starts_with(&place);
            let outcomes = events.iter().filter(|event| own(&event.account));
            let outcomes = outcomes.map(|event| (event.outcome.as_str(), event.reason.as_deref()));
            faults.insert(shape.name.clone(), judge(shape, &place, outcomes, &found));
            let (_, graph) = by_the_rules(&bodies(shape, &place));
            for (subject, row) in rows(&graph) {
                let found = found.get(&subject).unwrap_or_else(|| panic!("{}: no {subject}", shape.name));
                for column in found.keys().chain(row.keys()).filter(|column| is_alike(column)) {
                    // A column that only older workers write says nothing.
                    let value = |row: &Row| row.get(column).cloned().unwrap_or_default();
                    assert_eq!(value(found), value(&row), "{}: {subject}: {column}", shape.name);
                }
            }
        }
        conclude(&url, &faults);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_shapes_together_end_alike_in_every_order_and_with_every_repetition() {
    ends_alike("recorded_orders", Value::clone).await;
}

/// They contradict each other then, in every version: what stands in the end must not depend on who spoke last.
#[tokio::test(flavor = "multi_thread")]
async fn shapes_that_tell_of_the_same_objects_end_alike_in_every_order() {
    ends_alike("recorded_mixed", of_few_names).await;
}

async fn ends_alike(name: &str, altered: fn(&Value) -> Value) {
    let shapes = shapes().unwrap();
    let seed = seed(&Env::of_process());
    println!("ORDERS_SEED={seed}");
    each_ledger(name, async |ledger, url| {
        let mut random = Random::of_seed(seed);
        for order in 0..ORDERS {
            let all = shapes.iter().flat_map(|shape| shape.bodies_in(&place(order)));
            let mut deliveries: Vec<Envelope> = all.map(|body| envelope(&altered(&body)).unwrap()).collect();
            let again: Vec<Envelope> =
                deliveries.iter().filter(|_| random.percent(REPETITIONS_PERCENT)).cloned().collect();
            deliveries.extend(again);
            random.shuffle(&mut deliveries);
            send(&ledger, &deliveries).await;
        }
        let stored = harness::ledger::Ledger::at(&url);
        let events = stored.events().await.unwrap();
        let first = (stored_in(&stored, 0).await, settled_in(&events, 0));
        assert!(first.0.len() > SHAPES_AT_LEAST && first.1.len() > SHAPES_AT_LEAST, "they are there");
        for order in 1..ORDERS {
            let other = (stored_in(&stored, order).await, settled_in(&events, order));
            let differing: Vec<_> =
                first.0.iter().filter(|(key, row)| other.0.get(*key) != Some(row)).collect();
            assert!(differing.is_empty(), "seed {seed}, order {order}: {differing:?}");
            let more: Vec<_> = other.0.iter().filter(|(key, _)| !first.0.contains_key(*key)).collect();
            assert!(more.is_empty(), "seed {seed}, order {order}: only in this order {more:?}");
            assert_eq!(first.1, other.1, "seed {seed}, order {order}: how the events ended");
        }
        println!("{} rows and {} events, alike in {ORDERS} orders", first.0.len(), first.1.len());
    })
    .await;
}

/// The same event about an object that other shapes tell of too: ids differ in a letter and two digits, of which
/// only the remainder is left.
fn of_few_names(event: &Value) -> Value {
    let text = event.to_string();
    let mut parts = text.split("Rec");
    let mut altered = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        altered.push_str("Rec");
        match part.get(1..3).and_then(|digits| digits.parse::<usize>().ok()) {
            Some(number) => altered.extend([(number % NAMES).to_string().as_str(), &part[3..]]),
            None => altered.push_str(part),
        }
    }
    let mut altered: Value = serde_json::from_str(&altered).unwrap();
    altered["id"] = event["id"].clone();
    altered
}

/// An account for each shape, or for each order: no name of one is the beginning of another's.
fn place(number: usize) -> String {
    format!("acct_{number:03}_")
}

fn bodies(shape: &Shape, place: &str) -> Vec<Envelope> {
    let read = |body: &Value| envelope(body).unwrap_or_else(|refused| panic!("{}: {refused}", shape.name));
    shape.bodies_in(place).iter().map(read).collect()
}

async fn send(ledger: &Ledger, envelopes: &[Envelope]) {
    for batch in envelopes.chunks(BATCH) {
        together(ledger, &batch.iter().collect::<Vec<_>>()).await;
    }
}

/// The outcome and the reason of each, and the objects that they make.
fn by_the_rules(envelopes: &[Envelope]) -> (Vec<(&'static str, Option<String>)>, ObjectGraph) {
    let (mut outcomes, mut graph) = (Vec::new(), ObjectGraph::default());
    for envelope in envelopes {
        outcomes.push(match Content::of(envelope).meaning(envelope) {
            Ok(Meaning::Ignored(reason)) => ("ignored", Some(reason.to_owned())),
            Err(permanent) => ("dead", Some(permanent.to_string())),
            Ok(Meaning::Observations(observations)) => {
                graph.apply(&Event { id: envelope.header.id.clone(), observations });
                ("applied", None)
            }
        });
    }
    (outcomes, graph)
}

fn judge<'a>(
    shape: &Shape,
    place: &str,
    outcomes: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    found: &Rows,
) -> Vec<String> {
    let mut count = 0;
    let mut faults = Vec::new();
    for (outcome, reason) in outcomes {
        count += 1;
        if !shape.is_outcome(outcome, reason) {
            faults.push(format!("it is {outcome}, {reason:?}, not {}", shape.outcome()));
        }
    }
    if count != shape.events.len() {
        faults.push(format!("{count} of its {} events are there", shape.events.len()));
    }
    faults.extend(shape.differences(place, found));
    faults
}

/// What is wrong, by shape.
type Faults = BTreeMap<String, Vec<String>>;

fn conclude(by: &str, faults: &Faults) {
    let wrong = faults.iter().filter(|(_, faults)| !faults.is_empty());
    let wrong: Vec<String> =
        wrong.map(|(shape, faults)| format!("{shape}:\n    {}", faults.join("\n    "))).collect();
    assert!(wrong.is_empty(), "by {by}\n{}", wrong.join("\n"));
}

/// Every object of one order, column by column, under a name without the order's account. Whether a customer was locked, of
/// whom nobody ever tells, depends on the order: such a row says nothing.
async fn stored_in(stored: &harness::ledger::Ledger, order: usize) -> BTreeMap<String, Row> {
    let place = place(order);
    let rows = stored.rows(&place).await.unwrap();
    let named = |(subject, row): (harness::histories::Subject, Row)| {
        let account = subject.account.strip_prefix(&place).unwrap_or_default();
        (format!("{} {account} {} {}", subject.kind, subject.livemode, subject.id), without(&row))
    };
    let is_told = |row: &Row| {
        row.iter().any(|(column, value)| column != "id" && column != "livemode" && !says_nothing(value))
    };
    rows.into_iter().map(named).filter(|(_, row)| is_told(row)).collect()
}

/// What became of every event of one order.
fn settled_in(events: &[EventRow], order: usize) -> BTreeSet<String> {
    let place = place(order);
    let own = events.iter().filter_map(|event| Some((event.account.strip_prefix(&place)?, event)));
    own.map(|(account, event)| {
        format!("{account} {} {} {} {:?}", event.id, event.kind, event.outcome, event.reason)
    })
    .collect()
}

fn without(row: &Row) -> Row {
    let kept = row.iter().filter(|(column, _)| is_alike(column));
    kept.map(|(column, value)| (column.clone(), value.clone())).collect()
}

/// The account is another one in each order, and the number of steps to a state depends on the order.
fn is_alike(column: &str) -> bool {
    !matches!(column, "account" | "revision")
}
