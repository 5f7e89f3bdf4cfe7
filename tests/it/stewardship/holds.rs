//! Which bodies outlive their retention: those on hold, and those of disputes and their payments.

use chrono::{DateTime, TimeDelta, Utc};
use desk::acts::{Person, holds};
use domain::event::Content;
use envelope::Envelope;
use ledger::Ledger;
use ledger::views::page::Part;
use serde_json::json;
use shared::clock;
use worker::chores::retention::Round;

use crate::ledgers::{each_ledger_sealed_too, envelope, payment, together};

async fn round(ledger: &Ledger, until: DateTime<Utc>, now: DateTime<Utc>) {
    let mut round = Round::begin(true, now);
    while round.step(ledger, until).await.unwrap().is_some() {}
}

async fn have_bodies(ledger: &Ledger, events: &[Envelope]) -> Vec<bool> {
    let mut have = Vec::new();
    for event in events {
        have.push(ledger.body(&Content::of(event).key).await.unwrap().is_some());
    }
    have
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_disputes_and_of_what_is_on_hold_outlive_the_others() {
    each_ledger_sealed_too("holds", async |ledger, url| {
        let charge = json!({ "id": "ch_1", "object": "charge", "status": "succeeded", "amount": 500, "currency": "usd",
            "amount_captured": 500, "amount_refunded": 0, "captured": true, "created": 1_780_000_000,
            "payment_intent": "pi_disputed" });
        let dispute = |status: &str| {
            json!({ "id": "dp_1", "object": "dispute", "status": status, "amount": 500, "currency": "usd",
                "charge": "ch_1", "created": 1_780_000_100, "reason": "fraudulent", "evidence_details": { "due_by": 1_780_900_000 } })
        };
        let events = [
            payment("pi_disputed", 0, "succeeded", "own_1"),
            envelope("evt_charge", "charge.succeeded", 1, &charge),
            envelope("evt_dispute", "charge.dispute.created", 100, &dispute("needs_response")),
            payment("pi_held", 0, "succeeded", "own_2"),
            payment("pi_other", 0, "succeeded", "own_3"),
        ];
        together(&ledger, &events.iter().collect::<Vec<_>>()).await;
        let by = Person::named("jane").unwrap();
        let place = async |id: &str| holds::place(&ledger, id, "file 4711", &by, clock::now()).await;
        assert!(place("pi_held").await.unwrap() && !place("pi_held").await.unwrap());
        assert!(place("not an id").await.is_err());
        let listed = ledger.read().await.unwrap().holds(&Part::first(2)).await.unwrap();
        assert_eq!((listed.rows.len(), listed.rows[0].placed_by.as_str()), (1, by.name()));

        let (now, later) = (clock::now(), clock::now() + TimeDelta::days(31));
        round(&ledger, later - TimeDelta::days(30), later).await;
        assert_eq!(have_bodies(&ledger, &events).await, [true, true, true, true, false], "31 days later");
        assert!(holds::lift(&ledger, "pi_held", "settled", &by, now).await.unwrap());
        assert!(!holds::lift(&ledger, "pi_held", "settled", &by, now).await.unwrap());
        let closed = envelope("evt_closed", "charge.dispute.closed", 200, &dispute("lost"));
        together(&ledger, &[&closed]).await;
        let ended_at = DateTime::from_timestamp(1_780_000_200, 0).unwrap();
        round(&ledger, later, ended_at + TimeDelta::days(89)).await;
        assert_eq!(have_bodies(&ledger, &events).await, [true, true, true, false, false], "89 days after its end");
        round(&ledger, later, ended_at + TimeDelta::days(91)).await;
        assert_eq!(have_bodies(&ledger, &events).await, [false; 5]);
        let verified = desk::verify::verify(&ledger, &desk::verify::Witnesses::default(), &mut |_| ()).await.unwrap();
        assert!(verified.is_right(), "{verified:#?}");
        let rows = harness::ledger::Ledger::at(&url);
        let audited = rows.count("SELECT count(*) FROM audit WHERE subject_kind = 'hold'").await.unwrap();
        assert_eq!(audited, 2);
    })
    .await;
}
