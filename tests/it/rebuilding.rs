//! The ledger made again from its events: identical whatever the order; a changed row is found and put right;
//! what retention removed is left out and counted.

mod unread;

use desk::rebuild::{Comparison, Rebuilt, compare, rebuild, repair};
use desk::replay::{Chosen, look_ahead};
use desk::views::cards::Cards;
use domain::bans::{Ban, Status};
use domain::event::Content;
use domain::invoices::Invoice;
use domain::payments::Payment;
use envelope::{Envelope, Source};
use ledger::{Ledger, LedgerConfig};
use serde_json::{Value, json};
use shared::clock;
use shared::env::Env;
use stripe_sim::Random;
use worker::chores::retention::Round;

use crate::attempts::tamper;
use crate::ledgers::{each_ledger, envelope, payment, together};

/// Users, each with payments, one of which is refunded, and two of which are disputed and lost.
fn story() -> Vec<Envelope> {
    let mut events = Vec::new();
    for user in 0..12 {
        for number in 0..3 {
            let name = format!("{user}_{number}");
            let (intent, charge) = (format!("pi_{name}"), format!("ch_{name}"));
            let mut paid = payment(&intent, 1, "succeeded", &format!("own_{user}"));
            let body =
                String::from_utf8(paid.body.to_vec()).unwrap().replace("\"u1\"", &format!("\"u{user}\""));
            paid.body = body.into();
            events.push(paid);
            let object = |extra: Value| {
                let mut object =
                    json!({"amount": 500, "currency": "usd", "charge": charge, "payment_intent": intent});
                object.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
                object
            };
            let charged = object(json!({"id": charge, "status": "succeeded", "amount_captured": 500}));
            events.push(envelope(&format!("evt_ch_{name}"), "charge.succeeded", 1, &charged));
            if number == 2 {
                let refund =
                    object(json!({"id": format!("re_{name}"), "status": "succeeded", "amount": 200}));
                events.push(envelope(&format!("evt_re_{name}"), "refund.created", 5, &refund));
            } else {
                let lost =
                    object(json!({"id": format!("dp_{name}"), "status": "lost", "created": 1_780_000_000}));
                events.push(envelope(&format!("evt_dp_{name}"), "charge.dispute.closed", 9, &lost));
            }
        }
    }
    events
}

async fn told(ledger: &Ledger) {
    let mut events = story();
    Random::of_seed(3).shuffle(&mut events);
    for batch in events.chunks(9) {
        together(ledger, &batch.iter().collect::<Vec<_>>()).await;
    }
}

async fn made_again(ledger: &Ledger, seed: u64) -> (Rebuilt, Comparison) {
    let mut tx = ledger.read().await.unwrap();
    let rebuilt = rebuild(ledger, &mut tx, seed, &mut |_, _| {}).await.unwrap();
    let comparison = compare(&mut tx, &rebuilt).await.unwrap();
    (rebuilt, comparison)
}

fn count(comparison: &Comparison, table: &str) -> (usize, usize, usize) {
    let found = comparison.tables.iter().find(|told| told.table == table).unwrap();
    (found.identical, found.different, found.left_out)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_order_the_rebuilt_ledger_is_identical() {
    each_ledger("identical", async |ledger, _| {
        told(&ledger).await;
        for seed in 0..5 {
            let (rebuilt, comparison) = made_again(&ledger, seed).await;
            assert_eq!(rebuilt.events, story().len());
            assert!(comparison.differences.is_empty(), "{:#?}", comparison.differences.first());
            assert_eq!(count(&comparison, "payments"), (36, 0, 0));
            assert_eq!(count(&comparison, "bans"), (12, 0, 0));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_gone_is_found_among_the_others() {
    each_ledger("row_gone", async |ledger, url| {
        told(&ledger).await;
        tamper(&url, "DELETE FROM payments WHERE id = 'pi_4_2'").await;
        let (_, comparison) = made_again(&ledger, 1).await;
        let gone = comparison.differences.iter().find(|difference| difference.key.id == "pi_4_2");
        assert!(gone.is_some_and(|gone| gone.ledger.is_none() && gone.events.is_some()), "{comparison:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_nobody_may_have_changed_is_found_and_put_right() {
    each_ledger("changed", async |ledger, _| {
        told(&ledger).await;
        let mut wrong = ledger.find::<Payment>("pi_4_2").await.unwrap().remove(0);
        let right = wrong.clone();
        (wrong.state.amount_received, wrong.user.user_id) = (7, None);
        let mut ban = ledger.find::<Ban>("u5").await.unwrap().remove(0);
        ban.status = Status::Clear;
        let mut tx = ledger.begin().await.unwrap();
        tx.write(&[&wrong]).await.unwrap();
        tx.write(&[&ban]).await.unwrap();
        tx.commit().await.unwrap();

        let (rebuilt, comparison) = made_again(&ledger, 1).await;
        let mut found: Vec<_> =
            comparison.differences.iter().map(|d| (d.key.id.as_str(), d.columns.clone())).collect();
        found.sort();
        let columns = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            found,
            [("pi_4_2", columns(&["amount_received", "user_id"])), ("u5", columns(&["status"]))]
        );
        let done = repair(&ledger, &rebuilt, &comparison, "rebuild", clock::now()).await.unwrap();
        assert_eq!((done.repaired, done.moved_meanwhile), (2, 0));
        assert!(made_again(&ledger, 2).await.1.differences.is_empty());
        let audit = ledger.audit_of("payment", &right.key).await.unwrap();
        assert_eq!(
            (audit.last().unwrap().what.as_str(), audit.last().unwrap().actor.as_str()),
            ("rebuilt", "rebuild")
        );

        // Repairing by an old comparison again does no harm: the rows moved on.
        let again = repair(&ledger, &rebuilt, &comparison, "rebuild", clock::now()).await.unwrap();
        assert_eq!((again.repaired, again.moved_meanwhile), (0, 2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_policy_comes_into_force_by_a_rebuild() {
    each_ledger("policy", async |ledger, url| {
        told(&ledger).await;
        let stricter = Env::of(&[("DATABASE_URL", url.as_str()), ("BAN_CHARGEBACKS", "3")]);
        let stricter = Ledger::open(&LedgerConfig::from_env(&stricter).unwrap()).await.unwrap();
        let (rebuilt, comparison) = made_again(&stricter, 1).await;
        assert_eq!(count(&comparison, "bans"), (0, 12, 0));
        repair(&stricter, &rebuilt, &comparison, "rebuild", clock::now()).await.unwrap();
        assert_eq!(stricter.find::<Ban>("u5").await.unwrap()[0].status, Status::Clear);
        assert!(made_again(&stricter, 2).await.1.differences.is_empty());
        stricter.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_version_ignored_is_brought_in() {
    each_ledger("revived", async |ledger, url| {
        told(&ledger).await;
        tamper(
            &url,
            "UPDATE events SET outcome = 'ignored', reason = 'no rule for this type' WHERE type LIKE 'refund.%'",
        )
        .await;
        tamper(&url, "DELETE FROM refunds").await;
        let (rebuilt, comparison) = made_again(&ledger, 1).await;
        assert_eq!((rebuilt.revived.len(), count(&comparison, "refunds")), (12, (0, 12, 0)));
        assert_eq!(count(&comparison, "payments").1, 0, "only what was lost differs");
        let done = repair(&ledger, &rebuilt, &comparison, "rebuild", clock::now()).await.unwrap();
        assert_eq!((done.repaired, done.revived), (12, 12));
        let (rebuilt, comparison) = made_again(&ledger, 2).await;
        assert!(rebuilt.revived.is_empty() && comparison.differences.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_removed_is_left_out_and_counted() {
    each_ledger("retired", async |ledger, _| {
        told(&ledger).await;
        let cutoff = clock::now();
        let later = payment("pi_later", 1, "succeeded", "own_later");
        together(&ledger, &[&later]).await;
        let mut round = Round::begin(true, clock::now());
        while round.step(&ledger, cutoff).await.unwrap().is_some() {}
        let (rebuilt, comparison) = made_again(&ledger, 1).await;
        assert_eq!((rebuilt.events, rebuilt.without_bytes), (1, story().len()));
        assert!(comparison.differences.is_empty(), "{:#?}", comparison.differences.first());
        assert_eq!(count(&comparison, "payments"), (1, 0, 36));
        assert_eq!(count(&comparison, "invoices"), (1, 0, 12));
        assert_eq!(count(&comparison, "bans"), (0, 0, 12));
        assert_eq!(ledger.find::<Invoice>("own_later").await.unwrap()[0].status.as_str(), "paid");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_object_told_stays_an_estimate_whoever_reads_it_again() {
    each_ledger("estimates", async |ledger, _| {
        let object = json!({"id": "pi_old", "status": "succeeded", "amount": 500, "amount_received": 500,
            "currency": "usd", "created": 1_700_000_000, "metadata": {}});
        let mut read = envelope("object_pi_old_1780000000", "payment_intent.succeeded", 0, &object);
        read.header.source = Source::Object;
        together(&ledger, &[&read]).await;
        let row = async || serde_json::to_value(&ledger.find::<Payment>("pi_old").await.unwrap()[0]).unwrap();
        let before = row().await;
        assert_eq!(before["succeeded_at"], "2023-11-14T22:13:20Z");
        let (_, comparison) = made_again(&ledger, 1).await;
        assert!(comparison.differences.is_empty(), "{:#?}", comparison.differences.first());

        // A plan has it from the ledger, or from a file, which does not say where it first came from.
        let (key, mut from_a_file) = (Content::of(&read).key, read.clone());
        from_a_file.header.source = Source::Replay;
        for brought in [None, Some(from_a_file)] {
            let chosen = [Chosen { key: key.clone(), brought }];
            let told = look_ahead(&ledger, &chosen, Cards::Shown).await.unwrap();
            assert_eq!((told.would_apply, told.changes.len()), (1, 0), "{:?}", told.changes);
        }
        let archived = ledger.read().await.unwrap().archived(&[key]).await.unwrap().pop().unwrap();
        let mut again = archived.envelope().unwrap();
        again.header.replay = Some("replay_1".to_owned());
        assert_eq!(together(&ledger, &[&again]).await.applied, 1);
        assert_eq!(row().await, before);
    })
    .await;
}
