//! Events as nobody should send them: true ones with a value, a field or a name changed for an odd one. Each is
//! applied, ignored, or dead at once with a reason that names the field; nothing crashes, nothing is tried
//! again, and what the odd ones leave behind is still the same in every order.

use domain::event::{Content, Meaning};
use domain::object_graph::{Event, ObjectGraph};
use domain::outcome::OutcomeKind;
use envelope::Envelope;
use harness::histories::{ApiVersion, Scene, agreeing, walk};
use serde_json::{Value, json};
use shared::env::{Env, Variable};
use stripe_sim::Random;

use crate::ledgers::{each_ledger, filter, together};

const EVENTS: Variable = Variable {
    name: "MALFORMED_EVENTS",
    default: "20000",
    example: "1000000",
    help: "How many spoiled events the pure rules are given.",
};
const IN_THE_LEDGER: usize = 1_500;

#[test]
fn no_body_whatever_makes_the_rules_panic_or_depend_on_order() {
    let mut left = Env::of_process().number::<usize>(&EVENTS, 1..=1_000_000_000).unwrap();
    let seed = Random::new_seed();
    println!("seed {seed}");
    let mut random = Random::of_seed(seed);
    let (mut applied, mut refused) = (0, 0);
    while left > 0 {
        let spoiled = spoiled(&mut random, left.min(200));
        left -= spoiled.len();
        let mut events = Vec::new();
        for envelope in &spoiled {
            match Content::of(envelope).meaning(envelope) {
                Ok(Meaning::Observations(observations)) => {
                    events.push(Event { id: envelope.header.id.clone(), observations });
                }
                Ok(Meaning::Ignored(reason)) => assert!(!reason.is_empty()),
                Err(permanent) => {
                    refused += 1;
                    assert!(!permanent.field.is_empty() && !permanent.version.is_empty(), "{permanent}");
                }
            }
        }
        applied += events.len();
        let forwards = graph(&events);
        random.shuffle(&mut events);
        assert!(forwards.is_same_as(&graph(&events)), "seed {seed}");
        forwards.state().values().for_each(nothing_is_negative);
    }
    println!("{applied} applied, {refused} refused");
    assert!(applied > 0 && refused > 0);
}

fn graph(events: &[Event]) -> ObjectGraph {
    let mut graph = ObjectGraph::default();
    for event in events {
        graph.apply(event);
    }
    graph
}

fn nothing_is_negative(row: &Value) {
    let signed = row.get("net").is_some();
    for (name, value) in row.as_object().unwrap() {
        let is_bad = !signed && name != "fees" && value.as_i64().is_some_and(|number| number < 0);
        assert!(!is_bad, "{name} of {row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_events_are_dead_at_once_with_a_reason_and_their_neighbours_applied() {
    each_ledger("malformed", async |ledger, _| {
        let mut random = Random::of_seed(5);
        let events = spoiled(&mut random, IN_THE_LEDGER);
        let (mut applied, mut dead) = (0, 0);
        for batch in events.chunks(25) {
            let handled = together(&ledger, &batch.iter().collect::<Vec<_>>()).await;
            applied += handled.applied;
            dead += handled.dead;
        }
        assert!(applied > IN_THE_LEDGER / 10 && dead > IN_THE_LEDGER / 10, "{applied} applied, {dead} dead");
        let stored =
            ledger.events(&ledger::views::stored_events::EventFilter { limit: 10_000, ..filter() }).await;
        for event in stored.unwrap() {
            assert!(event.attempts == 1 && event.retry_at.is_none(), "{event:?}");
            assert_eq!(event.outcome == OutcomeKind::Applied, event.reason.is_none(), "{event:?}");
        }
        let dead = ledger::views::stored_events::EventFilter {
            outcome: Some("dead".to_owned()),
            limit: 1,
            ..filter()
        };
        let reason = ledger.events(&dead).await.unwrap().remove(0).reason.unwrap();
        assert!(reason.contains("data.object.") && reason.contains("API version"), "{reason}");
    })
    .await;
}

/// True events, each with one to three oddities.
fn spoiled(random: &mut Random, count: usize) -> Vec<Envelope> {
    let version = *random.pick(&ApiVersion::ALL);
    let scene = Scene { seed: random.number(), account: String::new(), livemode: false, version };
    let mut events = walk(&scene, count).events;
    events.truncate(count);
    let spoil = |(number, event): (usize, &harness::histories::SampleEvent)| {
        let mut envelope = event.envelope();
        let mut body: Value = serde_json::from_slice(&envelope.body).unwrap();
        for _ in 0..random.within(1..4) {
            spoil(&mut body["data"]["object"], random);
        }
        if random.percent(3) {
            envelope.header.kind = odd_name(random);
        }
        if random.percent(3) {
            envelope.header.api_version = (!random.percent(50)).then(|| odd_name(random));
        }
        envelope.header.id = format!("{}_{number}", envelope.header.id);
        envelope.body = body.to_string().into();
        agreeing(envelope)
    };
    events.iter().enumerate().map(spoil).collect()
}

/// Changes one place below the value, or the value itself.
fn spoil(value: &mut Value, random: &mut Random) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let names: Vec<String> = fields.keys().cloned().collect();
            let name = random.pick(&names).clone();
            if random.percent(15) {
                fields.remove(&name);
            } else {
                spoil(fields.get_mut(&name).unwrap(), random);
            }
        }
        Value::Array(items) if !items.is_empty() && random.percent(80) => {
            let place = usize::try_from(random.within(0..items.len() as u64)).unwrap();
            spoil(&mut items[place], random);
        }
        other => *other = odd(random),
    }
}

fn odd(random: &mut Random) -> Value {
    let odd = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(999_999_999_999_999_i64),
        json!(253_402_300_799_i64),
        json!("12"),
        json!(""),
        json!("\u{0}"),
        json!("a\u{0}b"),
        json!("\u{202e}\u{1f4b8}\u{feff}"),
        json!("lost"),
        json!("succeeded"),
        json!("x".repeat(501)),
        json!("y".repeat(100_000)),
        json!([]),
        json!([[[[]]]]),
        json!({}),
        json!({"id": null}),
        json!({"id": "ch_x", "data": [1, null, {"id": 5}]}),
        json!({"data": {"data": {}}}),
        json!("'; DROP TABLE payments; --"),
        json!("usd"),
        json!("USD"),
    ];
    random.pick(&odd).clone()
}

fn odd_name(random: &mut Random) -> String {
    let odd = [
        "charge.dispute.teleported",
        "payment_intent.",
        "invoice",
        ".",
        "refund.created.twice",
        "customer.subscription.trial_will_end",
        "charge.refund.updated",
        "invoice_payment.paid",
        "2031-01-01.zebra",
        "\u{1f4b8}",
    ];
    (*random.pick(&odd)).to_owned()
}
