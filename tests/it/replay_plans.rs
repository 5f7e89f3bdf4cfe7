//! What a replay's plan foretells is what then comes: the rows that it names change as it says, and no others.

use std::collections::{BTreeMap, BTreeSet};

use desk::rebuild::rebuild;
use desk::replay::{Chosen, look_ahead};
use desk::views::cards::Cards;
use domain::event::Content;
use domain::{Key, Kind, Object, of_kind};
use envelope::Envelope;
use harness::histories::{ApiVersion, SampleEvent, Scene, walk};
use ledger::Ledger;
use serde_json::Value;
use stripe_sim::Random;

use crate::ledgers::{each_ledger, together};

const WALKS: u64 = 12;
const EVENTS: usize = 60;

/// A row's columns, without those that a plan does not show.
type Rows = BTreeMap<(Kind, Key), BTreeMap<String, Value>>;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plan_foretells_is_what_comes() {
    let first = Random::new_seed();
    each_ledger("foretold", async |ledger, _| {
        let mut disputed = 0;
        for seed in first..first + WALKS {
            let mut random = Random::of_seed(seed);
            let account = format!("acct_{seed}");
            let version = *random.pick(&ApiVersion::ALL);
            let scene = Scene { seed, account: account.clone(), livemode: true, version };
            let mut events: Vec<Envelope> =
                walk(&scene, EVENTS).events.iter().map(SampleEvent::envelope).collect();
            random.shuffle(&mut events);
            // All that is about one dispute, or anything.
            let dispute = events.iter().find_map(dispute_of).filter(|_| random.percent(70));
            let (planned, events): (Vec<_>, Vec<_>) = match dispute {
                Some(id) => events.into_iter().partition(|event| names(event, &id)),
                None => events.into_iter().partition(|_| random.percent(50)),
            };
            together(&ledger, &events.iter().collect::<Vec<_>>()).await;

            let before = rows(&ledger, &account).await;
            let chosen: Vec<Chosen> = planned
                .iter()
                .map(|envelope| Chosen { key: Content::of(envelope).key, brought: Some(envelope.clone()) })
                .collect();
            let foretold = look_ahead(&ledger, &chosen, Cards::Shown).await.unwrap();
            together(&ledger, &planned.iter().collect::<Vec<_>>()).await;
            let after = rows(&ledger, &account).await;

            let named: BTreeSet<_> =
                foretold.changes.iter().map(|change| (change.kind, change.key.clone())).collect();
            let changed: BTreeSet<_> = before
                .keys()
                .chain(after.keys())
                .filter(|row| says(&before, row) != says(&after, row))
                .cloned()
                .collect();
            assert_eq!(named, changed, "seed {seed}");
            for change in &foretold.changes {
                let row = says(&after, &(change.kind, change.key.clone()));
                for (column, (_, new)) in &change.columns {
                    assert_eq!(&row[column], new, "seed {seed}: {column} of {change:?}");
                }
            }
            disputed += named.iter().filter(|(kind, _)| *kind == Kind::Ban).count();
        }
        assert!(disputed > 0, "no walk came to a dispute: from seed {first}");
    })
    .await;
}

fn says(rows: &Rows, row: &(Kind, Key)) -> BTreeMap<String, Value> {
    rows.get(row).cloned().unwrap_or_else(|| blank(row))
}

fn dispute_of(event: &Envelope) -> Option<String> {
    let body: Value = serde_json::from_slice(&event.body).unwrap();
    let id = body["data"]["object"]["id"].as_str()?;
    event.header.kind.starts_with("charge.dispute").then(|| id.to_owned())
}

fn names(event: &Envelope, id: &str) -> bool {
    String::from_utf8_lossy(&event.body).contains(id)
}

/// As the events so far make them, of one account.
async fn rows(ledger: &Ledger, account: &str) -> Rows {
    let mut tx = ledger.read().await.unwrap();
    let rebuilt = rebuild(ledger, &mut tx, 1, &mut |_, _| {}).await.unwrap();
    let state = rebuilt.graph.state().into_iter().filter(|((_, key), _)| key.account == account);
    state.map(|(row, value)| (row, shown(&value))).collect()
}

fn shown(row: &Value) -> BTreeMap<String, Value> {
    let hidden = ["revision", "first_event_at", "last_event_at"];
    let columns = row.as_object().unwrap().iter();
    let columns =
        columns.filter(|(name, _)| !hidden.contains(&name.as_str()) && !name.ends_with("freshness"));
    columns.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A row of which nothing is known.
fn blank((kind, key): &(Kind, Key)) -> BTreeMap<String, Value> {
    fn of<T: Object>(key: &Key) -> Value {
        serde_json::to_value(T::placeholder(key.clone())).unwrap()
    }
    let blank = of_kind!(*kind, |Row| of::<Row>(key));
    shown(&blank)
}
