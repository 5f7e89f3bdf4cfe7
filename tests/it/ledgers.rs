//! The worker's transaction on both ledgers, story by story: recorded once, merged in any order, by several
//! at once, and one bad event harms only itself.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use domain::invoices::Invoice;
use domain::outcome::OutcomeKind;
use domain::payments::Payment;
use envelope::{Envelope, Header, Source, Unwanted};
use harness::empty_ledger;
use harness::histories::agreeing;
use harness::postgres::Postgres;
use harness::process_guard::{ProcessGuard, until};
use harness::servers;
use ledger::views::stored_events::{EventFilter, StoredEvent};
use ledger::{Ledger, LedgerConfig, LedgerError};
use serde_json::{Value, json};
use shared::clock;
use shared::env::Env;
use sqlx::Connection;
use stripe_sim::Random;
use worker::process::{Handled, Manner, process};

/// Tells the story to an empty ledger of each kind that may be there.
pub(crate) async fn each_ledger(name: &str, story: impl AsyncFn(Ledger, String)) {
    let tell = async |url: String| {
        let ledger = open(&url).await;
        ledger.check_schema().await.unwrap();
        story(ledger.clone(), url).await;
        ledger.close().await;
    };
    let (_folder, file) = file_for(name);
    tell(empty_ledger::copy_to(&file).unwrap()).await;
    if !servers::are_away() {
        tell(Postgres::shared().await.ledger(name).await.unwrap()).await;
    }
}

/// Tells the story to a database of each kind that may be there, before it is a ledger.
pub(crate) async fn each_database(name: &str, story: impl AsyncFn(String)) {
    let (_folder, file) = file_for(name);
    story(format!("sqlite:{}", file.display())).await;
    if !servers::are_away() {
        story(Postgres::shared().await.database(name).await.unwrap()).await;
    }
}

fn file_for(name: &str) -> (ProcessGuard, PathBuf) {
    let folder = ProcessGuard::new("ledger", rustix::process::Signal::KILL).unwrap();
    let file = folder.folder().join(if name.contains(SEALED) { "sealed.db" } else { "ledger.db" });
    (folder, file)
}

/// The same, and once more on ledgers whose bodies are sealed.
pub(crate) async fn each_ledger_sealed_too(name: &str, story: impl AsyncFn(Ledger, String)) {
    each_ledger(name, &story).await;
    each_ledger(&format!("{name}_{SEALED}"), &story).await;
}

/// A ledger with this in its address is opened with a key.
const SEALED: &str = "sealed";

pub(crate) async fn open(url: &str) -> Ledger {
    let keys = keys_of(url);
    let settings = [("DATABASE_URL", url), ("BODY_KEYS_FILE", keys.as_deref().unwrap_or_default())];
    let config = LedgerConfig::from_env(&Env::of(&settings)).unwrap();
    Ledger::open(&config).await.unwrap()
}

/// The file of keys that a ledger is opened with.
pub(crate) fn keys_of(url: &str) -> Option<String> {
    static FILE: LazyLock<(ProcessGuard, String)> = LazyLock::new(|| {
        let folder = ProcessGuard::new("keys", rustix::process::Signal::KILL).unwrap();
        let path = folder.folder().join("body-keys");
        std::fs::write(&path, "a-key-of-the-tests-of-more-than-32-characters\n").unwrap();
        (folder, path.to_str().unwrap().to_owned())
    });
    url.contains(SEALED).then(|| FILE.1.clone())
}

pub(crate) fn envelope(id: &str, kind: &str, second: i64, object: &Value) -> Envelope {
    let body = json!({"object": "event", "id": id, "type": kind, "created": 1_780_000_000 + second, "livemode": true,
        "api_version": "2025-04-30.basil", "data": {"object": object}})
    .to_string();
    Envelope {
        header: Header {
            id: id.to_owned(),
            kind: kind.to_owned(),
            created: 1_780_000_000 + second,
            account: String::new(),
            livemode: true,
            api_version: Some("2025-04-30.basil".to_owned()),
            received_at: clock::now(),
            trace_parent: shared::trace::child_of(None),
            source: Source::Stripe,
            endpoint: "default".to_owned(),
            unwanted: None,
            replay: None,
        },
        body: Bytes::from(body),
    }
}

pub(crate) fn payment(id: &str, second: i64, status: &str, invoice: &str) -> Envelope {
    let received = if status == "succeeded" { 500 } else { 0 };
    let object = json!({"id": id, "status": status, "amount": 500, "amount_received": received, "currency": "usd",
        "metadata": {"invoice_id": invoice, "user_id": "u1"}});
    let kind = if status == "succeeded" { "payment_intent.succeeded" } else { "payment_intent.processing" };
    envelope(&format!("evt_{id}_{status}_{second}"), kind, second, &object)
}

pub(crate) async fn together(ledger: &Ledger, envelopes: &[&Envelope]) -> Handled {
    process(ledger, envelopes, Manner::Batch, clock::now()).await.unwrap()
}

pub(crate) async fn the_event(ledger: &Ledger, id: &str) -> StoredEvent {
    let [event] = &ledger.event(id).await.unwrap()[..] else { panic!("one row of {id}") };
    event.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_lands_once_however_often_it_comes() {
    each_ledger("once", async |ledger, _| {
        let first = payment("pi_1", 0, "succeeded", "own_1");
        let mut again = first.clone();
        again.header.trace_parent = shared::trace::child_of(None);
        let handled = together(&ledger, &[&first, &again]).await;
        assert_eq!((handled.applied, handled.repeated, handled.transitions), (1, 1, 2));
        assert_eq!(together(&ledger, &[&first]).await.repeated, 1);
        let event = the_event(&ledger, &first.header.id).await;
        assert_eq!((event.outcome.as_str(), event.repetitions, event.attempts), ("applied", 1, 1));
        assert_eq!(ledger.body(&event.key()).await.unwrap().as_deref(), Some(&first.body[..]));
        assert_eq!(ledger.audit_of_event(&event.id).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivery_after_a_crash_is_no_repetition() {
    each_ledger("redelivery", async |ledger, _| {
        let event = payment("pi_1", 0, "succeeded", "own_1");
        together(&ledger, &[&event]).await;
        let handled = together(&ledger, &[&event]).await;
        assert_eq!((handled.applied, handled.repeated), (0, 1));
        assert_eq!(the_event(&ledger, &event.header.id).await.repetitions, 0, "it is the same delivery");
    })
    .await;
}

/// A bank transfer's refund names its payment alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_names_no_charge_counts_whenever_its_payment_is_told() {
    each_ledger("chargeless", async |ledger, _| {
        let refund = json!({"id": "re_1", "object": "refund", "amount": 200, "currency": "usd", "status": "succeeded",
            "payment_intent": "pi_1", "charge": null, "created": 1_780_000_010});
        together(&ledger, &[&envelope("evt_re_1", "refund.created", 10, &refund)]).await;
        for (second, status) in [(0, "succeeded"), (20, "processing")] {
            together(&ledger, &[&payment("pi_1", second, status, "own_1")]).await;
            assert_eq!(ledger.find::<Payment>("pi_1").await.unwrap()[0].amount_refunded, 200, "{status}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_an_invoices_payments_add_up_whenever_they_are_told() {
    each_ledger("failures", async |ledger, _| {
        for (count, id) in (1..).zip(["pi_1", "pi_2", "pi_3"]) {
            let failed = json!({"id": id, "status": "requires_payment_method", "amount": 500, "amount_received": 0,
                "currency": "usd", "metadata": {"invoice_id": "own_1"}, "last_payment_error": {"code": "card_declined"}});
            let failed = envelope(&format!("evt_{id}"), "payment_intent.payment_failed", 100_000 * count, &failed);
            together(&ledger, &[&failed]).await;
            assert_eq!(ledger.find::<Invoice>("own_1").await.unwrap()[0].payment_retry_count, count);
        }
    })
    .await;
}

/// On SQLite there is one writer; on Postgres the row's own lock makes the second one wait.
#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_holds_is_read_after_they_have_let_go() {
    each_ledger("held", async |ledger, url| {
        if !ledger.takes_several_writers() {
            return;
        }
        together(&ledger, &[&payment("pi_1", 0, "processing", "own_1")]).await;
        let key = ledger.find::<Payment>("pi_1").await.unwrap().remove(0).key;
        let mut watch = sqlx::PgConnection::connect(&url).await.unwrap();
        let mut holder = ledger.begin().await.unwrap();
        holder.lock_object::<Payment>(&key).await.unwrap();
        let second = ledger.clone();
        let telling = tokio::spawn(async move {
            together(&second, &[&payment("pi_1", 10, "succeeded", "own_1")]).await;
        });
        let sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        until("the second to wait for the first", Duration::from_secs(30), async || {
            let waiting: i64 = sqlx::query_scalar(sql).fetch_one(&mut watch).await?;
            Ok(waiting > 0 || telling.is_finished())
        })
        .await
        .unwrap();
        assert!(!telling.is_finished(), "it read a payment that somebody holds");
        holder.commit().await.unwrap();
        telling.await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_comes_twice_runs_once() {
    each_ledger("replay_twice", async |ledger, _| {
        let event = payment("pi_1", 0, "succeeded", "own_1");
        together(&ledger, &[&event]).await;
        for (replay, applied) in [("rpl_1", 1), ("rpl_1", 0), ("rpl_2", 1)] {
            let mut again = event.clone();
            again.header.replay = Some(replay.to_owned());
            assert_eq!(together(&ledger, &[&again]).await.applied, applied, "{replay}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_id_with_other_data_is_merged_too_and_flagged() {
    each_ledger("conflict", async |ledger, _| {
        let object = |status: &str| json!({"id": "pi_1", "status": status, "amount": 5, "currency": "usd"});
        let one = envelope("evt_1", "payment_intent.processing", 0, &object("processing"));
        let other = envelope("evt_1", "payment_intent.processing", 0, &object("requires_action"));
        let mut newer_version = one.clone();
        newer_version.header.api_version = Some("2026-07-29.dahlia".to_owned());
        let newer_version = agreeing(newer_version);
        together(&ledger, &[&one]).await;
        together(&ledger, &[&newer_version]).await;
        let flags =
            async || ledger.event("evt_1").await.unwrap().iter().map(|e| e.conflict).collect::<Vec<_>>();
        assert_eq!(flags().await, [false, false], "another API version is another observation");
        together(&ledger, &[&other]).await;
        assert_eq!(flags().await.iter().filter(|flag| **flag).count(), 2);
        assert!(ledger.find::<Payment>("pi_1").await.unwrap()[0].seen.needs_refetch);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unwanted_thin_unknown_and_malformed_events_are_stored_with_their_reason() {
    each_ledger("reasons", async |ledger, _| {
        let mut wrong_mode = payment("pi_1", 0, "succeeded", "own_1");
        wrong_mode.header.unwanted = Some(Unwanted::WrongMode);
        let mut thin = envelope("evt_thin", "v2.core.event_destination.ping", 0, &Value::Null);
        thin.header.api_version = None;
        thin.body = Bytes::from_static(
            br#"{"object":"v2.core.event","id":"evt_thin","type":"v2.core.event_destination.ping",
            "created":"2026-05-28T20:26:40.000Z","livemode":true}"#,
        );
        let unknown = envelope("evt_unknown", "quantum.leap", 0, &json!({}));
        let object = json!({"id": "pi_2", "status": "succeeded", "amount": "12", "currency": "usd"});
        let malformed = envelope("evt_malformed", "payment_intent.succeeded", 0, &object);
        let junk = Envelope::from_wire(b"", Bytes::from_static(b"\0junk"), clock::now());
        let handled = together(&ledger, &[&wrong_mode, &thin, &unknown, &malformed, &junk]).await;
        assert_eq!((handled.applied, handled.ignored, handled.dead), (0, 3, 2));
        for (id, reason) in [
            (wrong_mode.header.id.as_str(), "wrong mode"),
            ("evt_thin", "thin event"),
            ("evt_unknown", "no rule for this type"),
            (
                "evt_malformed",
                "payments: data.object.amount: is not a whole number (API version 2025-04-30.basil)",
            ),
            (junk.header.id.as_str(), "this message is unverified"),
        ] {
            let event = the_event(&ledger, id).await;
            assert!(event.reason.as_deref().unwrap().contains(reason), "{id}: {:?}", event.reason);
        }
        assert!(
            ledger.find::<Payment>("pi_1").await.unwrap().is_empty(),
            "what the endpoint is not for moves nothing"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn test_events_and_other_accounts_never_move_a_row_of_ours() {
    each_ledger("apart", async |ledger, _| {
        let live = payment("pi_1", 0, "processing", "own_1");
        let (mut test, mut theirs) =
            (payment("pi_1", 5, "succeeded", "own_1"), payment("pi_1", 6, "succeeded", "own_1"));
        test.header.livemode = false;
        theirs.header.account = "acct_1".to_owned();
        let (test, theirs) = (agreeing(test), agreeing(theirs));
        together(&ledger, &[&live, &test, &theirs]).await;
        let rows = ledger.find::<Payment>("pi_1").await.unwrap();
        let ours = rows.iter().find(|row| row.key.livemode && row.key.account.is_empty()).unwrap();
        assert_eq!((rows.len(), ours.state.status.as_str()), (3, "processing"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_in_any_order_end_like_one() {
    each_ledger("concurrent", async |ledger, _| {
        let mut random = Random::of_seed(7);
        let mut events = Vec::new();
        for number in 0..60 {
            let (id, invoice) = (format!("pi_{number}"), format!("own_{}", number / 3));
            let links = json!({"id": invoice, "status": "open", "amount_due": 1500, "currency": "usd",
                "payments": {"data": [{"payment": {"payment_intent": id}}]}});
            events.push(payment(&id, 0, "processing", &invoice));
            events.push(payment(&id, 1, "succeeded", &invoice));
            if number % 2 == 0 {
                events.push(envelope(&format!("evt_in_{number}"), "invoice.finalized", number, &links));
            }
        }
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..3 {
            let (mut order, ledger) = (events.clone(), ledger.clone());
            random.shuffle(&mut order);
            workers.spawn(async move {
                for batch in order.chunks(7) {
                    together(&ledger, &batch.iter().collect::<Vec<_>>()).await;
                }
            });
        }
        workers.join_all().await;

        let stored = ledger.events(&EventFilter { limit: 1_000, ..filter() }).await.unwrap();
        assert_eq!(stored.len(), events.len());
        assert!(stored.iter().all(|event| event.outcome == OutcomeKind::Applied));
        for number in 0..60 {
            let payment = &ledger.find::<Payment>(&format!("pi_{number}")).await.unwrap()[0];
            assert_eq!(payment.state.status, "succeeded");
            let steps = ledger.audit_of("payment", &payment.key).await.unwrap();
            assert_eq!(steps.last().unwrap().after.as_deref(), Some("succeeded"));
            assert_eq!(steps.last().unwrap().revision, payment.revision);
        }
        for number in 0..20 {
            let invoice = &ledger.find::<Invoice>(&format!("own_{number}")).await.unwrap()[0];
            // Stripe has the word on an invoice that it reported.
            assert_eq!(invoice.status.as_str(), "sent");
            assert_eq!(ledger.naming::<Payment>("invoice", &invoice.key).await.unwrap().len(), 3);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_inside_a_begin_spoils_no_later_transaction() {
    each_ledger("begin", async |ledger, url| {
        for _ in 0..40 {
            // Cancelled at once, after one poll, or a little later: sqlx may leave the connection inside.
            let _cancelled = tokio::time::timeout(Duration::from_micros(300), ledger.begin()).await;
        }
        let event = payment("pi_1", 0, "succeeded", "own_1");
        together(&ledger, &[&event]).await;
        assert_eq!(the_event(&ledger, &event.header.id).await.outcome, OutcomeKind::Applied);
        let second = open(&url).await;
        assert_eq!(
            the_event(&second, &event.header.id).await.outcome,
            OutcomeKind::Applied,
            "committed for all to see"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_this_build_does_not_know_is_refused_in_plain_words() {
    each_ledger("schema", async |ledger, _| {
        assert!(ledger.migrate().await.unwrap().is_empty(), "migrating again changes nothing");
    })
    .await;
    let empty = open(&Postgres::shared().await.database("empty").await.unwrap()).await;
    let Err(LedgerError::Schema(words)) = empty.check_schema().await else {
        panic!("an empty ledger passed")
    };
    let words = words.to_string();
    assert!(
        words.contains("run `tidegate migrate` first") && !words.contains("postgres:postgres"),
        "{words}"
    );
}

pub(crate) fn filter() -> EventFilter {
    EventFilter { limit: 100, ..EventFilter::default() }
}
