//! How Stripe's events travel: signed anew for every attempt, late, twice, in any order, and again until somebody takes
//! them.

use std::collections::BTreeSet;

use bytes::Bytes;
use fake_stripe::FakeStripe;
use serde_json::{Value, json};
use stripe_sim::Random;

/// One event on its way.
pub(super) struct Parcel {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) body: Bytes,
    /// In Stripe's seconds.
    due: i64,
    attempts: u32,
}

#[derive(Default)]
pub(super) struct Courier {
    seen: BTreeSet<String>,
    parcels: Vec<Parcel>,
}

const PAGE: usize = 100;

impl Courier {
    /// Takes over what has happened at Stripe since.
    pub(super) fn collect(&mut self, stripe: &FakeStripe, random: &mut Random, now: i64) -> usize {
        let mut new = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut query = json!({ "limit": PAGE });
            if let Some(after) = &after {
                query["starting_after"] = json!(after);
            }
            let page = stripe.ask("GET", "/events", &query).unwrap();
            let events = page["data"].as_array().unwrap();
            let known = events.iter().position(|event| self.seen.contains(id(event)));
            new.extend(events[..known.unwrap_or(events.len())].iter().cloned());
            if known.is_some() || events.len() < PAGE {
                break;
            }
            after = events.last().map(|event| id(event).to_owned());
        }
        // The oldest first, so that the same seed gives each the same fate.
        for event in new.iter().rev() {
            self.seen.insert(id(event).to_owned());
            for _ in 0..=u32::from(random.percent(10)) {
                self.parcels.push(Parcel {
                    id: id(event).to_owned(),
                    kind: event["type"].as_str().unwrap().to_owned(),
                    body: Bytes::from(event.to_string()),
                    due: now + if random.percent(30) { seconds(random, 3_600) } else { seconds(random, 5) },
                    attempts: 0,
                });
            }
        }
        new.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parcels.is_empty()
    }

    /// Any of those that are due.
    pub(super) fn take(&mut self, random: &mut Random, now: i64) -> Option<Parcel> {
        let due: Vec<usize> =
            (0..self.parcels.len()).filter(|place| self.parcels[*place].due <= now).collect();
        (!due.is_empty()).then(|| self.parcels.swap_remove(*random.pick(&due)))
    }

    /// Nobody took it: later again.
    pub(super) fn again(&mut self, parcel: Parcel, now: i64) {
        let attempts = parcel.attempts + 1;
        let pause = 60 << attempts.min(6);
        self.parcels.push(Parcel { attempts, due: now + pause, ..parcel });
    }

    /// All that is on its way arrives from this second on.
    pub(super) fn hurry(&mut self, now: i64) {
        for parcel in &mut self.parcels {
            parcel.due = parcel.due.min(now);
        }
    }
}

fn id(event: &Value) -> &str {
    event["id"].as_str().unwrap()
}

fn seconds(random: &mut Random, below: u64) -> i64 {
    i64::try_from(random.within(0..below)).unwrap()
}
