//! Attempts on both ledgers: an event that fails alone waits and is dead in the end; a process that dies over an event
//! leaves a mark, and an outage uses up nothing.

use std::time::Duration;

use domain::blame::Blame;
use domain::invoices::Invoice;
use domain::payments::Payment;
use envelope::Unwanted;
use ledger::failure::Failure;
use serde_json::json;
use shared::clock;
use sqlx::{AssertSqlSafe, Connection};
use worker::isolated::{self, IsolatedOutcome, Mark, Retries};
use worker::process::{Manner, process};

use crate::ledgers::{each_ledger, envelope, filter, open, payment, the_event, together};

const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];

fn retries() -> Retries {
    Retries { distances: WAITS.to_vec(), claim: Duration::from_secs(5) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panicking_event_fails_its_batch_and_alone_only_itself() {
    each_ledger("panic", async |ledger, _| {
        let good = payment("pi_1", 0, "succeeded", "own_1");
        let bad = envelope("evt_bad", "tidegate.failpoint.panic", 0, &json!({}));
        let batch = process(&ledger, &[&good, &bad], Manner::Batch, clock::now()).await;
        assert!(matches!(batch, Err(Failure::Blame(Blame::Panicked))), "{batch:?}");
        assert!(ledger.events(&filter()).await.unwrap().is_empty(), "a failed batch leaves nothing");

        let now = clock::now();
        assert!(matches!(
            isolated::handle(&ledger, &good, &retries(), now, &mut Mark::default()).await.unwrap(),
            IsolatedOutcome::Handled(_)
        ));
        assert!(matches!(
            isolated::handle(&ledger, &bad, &retries(), now, &mut Mark::default()).await.unwrap(),
            IsolatedOutcome::Failed { .. }
        ));
        let waiting = the_event(&ledger, "evt_bad").await;
        assert_eq!((waiting.outcome.as_str(), waiting.attempts), ("waiting", 1));
        assert_eq!(waiting.retry_at, Some(now + WAITS[0]));
        assert!(matches!(
            isolated::handle(&ledger, &bad, &retries(), now, &mut Mark::default()).await.unwrap(),
            IsolatedOutcome::NotDue { .. }
        ));
        isolated::handle(&ledger, &bad, &retries(), now + Duration::from_secs(2), &mut Mark::default())
            .await
            .unwrap();
        isolated::handle(&ledger, &bad, &retries(), now + Duration::from_secs(20), &mut Mark::default())
            .await
            .unwrap();
        let dead = the_event(&ledger, "evt_bad").await;
        assert_eq!((dead.outcome.as_str(), dead.attempts), ("dead", 3));
        assert_eq!(dead.reason.as_deref(), Some("a rule panicked, 3 times"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_is_found_is_an_attempt_and_a_claim_keeps_others_away() {
    each_ledger("mark", async |ledger, _| {
        let event = payment("pi_1", 0, "succeeded", "own_1");
        let key = domain::event::Content::of(&event).key;
        let mut tx = ledger.begin().await.unwrap();
        assert!(tx.mark_started(&key, clock::now()).await.unwrap());
        tx.commit().await.unwrap();

        let now = clock::now();
        let IsolatedOutcome::Failed { blame, .. } =
            isolated::handle(&ledger, &event, &retries(), now, &mut Mark::default()).await.unwrap()
        else {
            panic!("the mark of somebody who did not come back was overlooked")
        };
        assert_eq!(blame, Blame::NeverCameBack);
        let mut unwanted = payment("pi_2", 0, "succeeded", "own_2");
        unwanted.header.unwanted = Some(Unwanted::WrongMode);
        let mut tx = ledger.begin().await.unwrap();
        tx.mark_started(&domain::event::Content::of(&unwanted).key, now).await.unwrap();
        tx.commit().await.unwrap();
        isolated::handle(&ledger, &unwanted, &retries(), now, &mut Mark::default()).await.unwrap();

        let later = now + Duration::from_secs(2);
        let due = ledger.due(later, 10).await.unwrap();
        assert_eq!(due.len(), 2);
        for waiting in due {
            let again = waiting.envelope().unwrap();
            assert!(matches!(
                isolated::handle(&ledger, &again, &retries(), later, &mut Mark::default()).await.unwrap(),
                IsolatedOutcome::Handled(_)
            ));
        }
        assert_eq!(the_event(&ledger, &unwanted.header.id).await.reason.as_deref(), Some("wrong mode"));
        let applied = the_event(&ledger, &event.header.id).await;
        assert_eq!((applied.outcome.as_str(), applied.attempts), ("applied", 2));
        assert_eq!(ledger.find::<Invoice>("own_1").await.unwrap()[0].status.as_str(), "paid");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_begun_together_blames_nobody_and_a_misfit_is_begun_alone() {
    each_ledger("together", async |ledger, _| {
        let (one, other) =
            (payment("pi_1", 0, "succeeded", "own_1"), payment("pi_2", 0, "succeeded", "own_2"));
        let mut misfit = payment("pi_3", 0, "succeeded", "own_3");
        misfit.header.livemode = !misfit.header.livemode;
        let now = clock::now();
        let begun = isolated::begin_together(&ledger, &[&one, &other, &misfit], now).await.unwrap();
        let [first, second] = [&one, &other].map(|event| domain::event::Content::of(event).key);
        assert_eq!(begun, [first, second].into());
        let again = isolated::begin_together(&ledger, &[&one, &other], now).await.unwrap();
        assert!(again.is_empty(), "only once: {again:?}");
        let alone = isolated::handle(&ledger, &one, &retries(), now, &mut Mark::default()).await.unwrap();
        assert!(matches!(alone, IsolatedOutcome::Handled(_)), "{alone:?}");
        assert_eq!(the_event(&ledger, &one.header.id).await.attempts, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_in_the_middle_uses_up_no_attempt() {
    each_ledger("middle", async |ledger, url| {
        let event = payment("pi_1", 0, "succeeded", "own_1");
        let mut mark = Mark::default();
        // The ledger goes away after the mark is committed: here, a table that the transaction needs.
        tamper(&url, "ALTER TABLE payments RENAME TO payments_away").await;
        let cut_short = isolated::handle(&ledger, &event, &retries(), clock::now(), &mut mark).await;
        assert!(matches!(cut_short, Err(Failure::Transient(_))), "{cut_short:?}");
        tamper(&url, "ALTER TABLE payments_away RENAME TO payments").await;
        let again = isolated::handle(&ledger, &event, &retries(), clock::now(), &mut mark).await.unwrap();
        assert!(
            matches!(again, IsolatedOutcome::Handled(_)),
            "our own mark was taken for somebody's death: {again:?}"
        );
        assert_eq!(the_event(&ledger, &event.header.id).await.attempts, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mark_of_an_event_that_was_handled_blames_nobody() {
    each_ledger("left_mark", async |ledger, _| {
        let event = payment("pi_1", 0, "succeeded", "own_1");
        together(&ledger, &[&event]).await;
        let mut tx = ledger.begin().await.unwrap();
        tx.mark_started(&the_event(&ledger, &event.header.id).await.key(), clock::now()).await.unwrap();
        tx.commit().await.unwrap();
        let alone = async |event: &envelope::Envelope| {
            isolated::handle(&ledger, event, &retries(), clock::now(), &mut Mark::default()).await.unwrap()
        };
        assert!(matches!(alone(&event).await, IsolatedOutcome::NotDue { .. }));
        let mut replay = event.clone();
        replay.header.replay = Some("rpl_1".to_owned());
        let replayed = alone(&replay).await;
        assert!(matches!(replayed, IsolatedOutcome::Handled(_)), "{replayed:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_given_back_leaves_no_mark() {
    each_ledger("given_back", async |ledger, url| {
        let event = payment("pi_1", 0, "succeeded", "own_1");
        let mut mark = Mark::default();
        tamper(&url, "ALTER TABLE payments RENAME TO payments_away").await;
        isolated::handle(&ledger, &event, &retries(), clock::now(), &mut mark).await.unwrap_err();
        isolated::give_back(&ledger, &event, &mark).await.unwrap();
        tamper(&url, "ALTER TABLE payments_away RENAME TO payments").await;
        let later =
            isolated::handle(&ledger, &event, &retries(), clock::now(), &mut Mark::default()).await.unwrap();
        assert!(matches!(later, IsolatedOutcome::Handled(_)), "{later:?}");
    })
    .await;
}

/// Changes the ledger behind the worker's back, as one who owns it and has put its triggers aside.
pub(crate) async fn tamper(url: &str, statement: impl AsRef<str>) {
    let statement = || AssertSqlSafe(statement.as_ref().to_owned());
    if let Some(path) = url.strip_prefix("sqlite:") {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'";
        let triggers: Vec<String> = sqlx::query_scalar(triggers).fetch_all(&mut connection).await.unwrap();
        for trigger in triggers {
            let drop = AssertSqlSafe(format!("DROP TRIGGER {trigger}"));
            sqlx::query(drop).execute(&mut connection).await.unwrap();
        }
        sqlx::query(statement()).execute(&mut connection).await.unwrap();
    } else {
        let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
        sqlx::query("SET session_replication_role = replica").execute(&mut connection).await.unwrap();
        sqlx::query(statement()).execute(&mut connection).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_refuses_is_buried_and_an_outage_buries_nothing() {
    each_ledger("refused", async |ledger, _| {
        // A revision that the audit already has: the tripwire for lost updates.
        let first = payment("pi_1", 0, "processing", "own_1");
        together(&ledger, &[&first]).await;
        let mut tx = ledger.begin().await.unwrap();
        let mut row = tx
            .look_up::<Payment>(&[ledger.find::<Payment>("pi_1").await.unwrap()[0].key.clone()])
            .await
            .unwrap();
        row[0].revision = 0;
        tx.write(&[&row[0]]).await.unwrap();
        tx.commit().await.unwrap();
        let next = payment("pi_1", 5, "succeeded", "own_1");
        let IsolatedOutcome::Failed { blame: Blame::Refused(_), outcome, .. } =
            isolated::handle(&ledger, &next, &retries(), clock::now(), &mut Mark::default()).await.unwrap()
        else {
            panic!("a second audit line of one revision was accepted")
        };
        assert_eq!(outcome, "dead");
    })
    .await;
    let away = open("postgres://nobody:none@127.0.0.1:1/none").await;
    let event = payment("pi_1", 0, "processing", "own_1");
    let failed = process(&away, &[&event], Manner::Batch, clock::now()).await;
    assert!(matches!(failed, Err(Failure::Transient(_))), "{failed:?}");
}
