//! The tools of the tests are held to known answers: a test that cannot fail shows nothing.

use bytes::Bytes;
use domain::identity::id_hash;
use harness::client::Answer;
use harness::histories::Subject;
use harness::ledger::Ledger;
use harness::load::SendLog;
use harness::oracle::{Verdict, judge};
use harness::postgres::Postgres;
use harness::stories::{SampleEvent, Stories, Truth};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use stripe_sim::signature;

#[test]
fn signatures_are_hmac_sha256_over_time_dot_body() {
    // printf '1700000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_example
    assert_eq!(
        signature("whsec_example", "1700000000", br#"{"id":"evt_1"}"#),
        "2f6f24854ba5c8d505c37e6fc0a06fc74456f1a4042208e7acdd4bd0bdbd599e"
    );
}

#[test]
fn a_history_is_repeatable_realistic_and_without_repeated_ids() {
    let (events, truth) = Stories::of_seed(7).history(8_000);
    let (again, _) = Stories::of_seed(7).history(8_000);
    assert!(events.iter().zip(&again).all(|(one, two)| one.id == two.id));
    let ids: std::collections::BTreeSet<&str> = events.iter().map(|event| event.id.as_str()).collect();
    assert_eq!(ids.len(), events.len());
    let bytes = events.iter().map(|event| event.body.len()).sum::<usize>() / events.len();
    assert!((2_000..5_000).contains(&bytes), "{bytes} bytes an event");
    for status in ["succeeded", "canceled", "requires_capture", "requires_action", "processing"] {
        assert!(ends(&truth, "payment", status), "no payment ends {status}");
    }
    for status in [
        "draft",
        "sent",
        "failed",
        "overdue",
        "uncollectible",
        "paid",
        "partially_refunded",
        "refunded",
        "disputed",
        "charged_back",
        "void",
        "deleted",
    ] {
        assert!(ends(&truth, "invoice", status), "no invoice ends {status}");
    }
    for status in ["opened", "under_review", "won", "lost", "closed"] {
        assert!(ends(&truth, "dispute", status), "no dispute ends {status}");
    }
    for status in ["pending", "succeeded", "failed", "canceled"] {
        assert!(ends(&truth, "refund", status), "no refund ends {status}");
    }
    for status in ["clear", "banned"] {
        assert!(ends(&truth, "ban", status), "no user ends {status}");
    }
}

fn ends(truth: &Truth, kind: &str, status: &str) -> bool {
    truth
        .rows
        .iter()
        .any(|(subject, row)| subject.kind == kind && row.get("status").is_some_and(|s| s == status))
}

#[tokio::test]
async fn a_killed_postgres_keeps_what_was_committed() {
    let mut postgres = Postgres::start().await.unwrap();
    let url = postgres.database("durable").await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::query("CREATE TABLE kept (id BIGINT PRIMARY KEY)").execute(&mut connection).await.unwrap();
    sqlx::query("INSERT INTO kept VALUES (1)").execute(&mut connection).await.unwrap();
    postgres.kill().await.unwrap();
    assert!(PgConnection::connect(&url).await.is_err(), "it is dead");
    postgres.restart().await.unwrap();
    assert_eq!(Ledger::at(&url).count("SELECT count(*) FROM kept").await.unwrap(), 1);
}

#[tokio::test]
async fn the_oracle_finds_no_fault_in_a_right_ledger() {
    let scene = Scene::new("right").await;
    scene.row("evt_1", "hash_1", "applied", 1).await;
    scene
        .sql("INSERT INTO payments (id, account, livemode, status) VALUES ('pi_1', '', FALSE, 'succeeded')")
        .await;
    let verdict = scene.verdict().await;
    assert!(verdict.is_good(), "{verdict}");
}

#[tokio::test]
async fn the_oracle_finds_every_kind_of_fault() {
    let scene = Scene::new("faulty").await;
    let verdict = scene.verdict().await;
    assert_eq!(
        (verdict.lost.len(), verdict.wrong.len()),
        (1, 1),
        "an event and its payment are missing: {verdict}"
    );

    scene.row("evt_1", "hash_1", "applied", 5).await;
    assert_eq!(scene.verdict().await.overcounted.len(), 1, "five repetitions were not sent");
    scene.sql("UPDATE events SET repetitions = 0").await;
    assert_eq!(
        scene.verdict().await.wrong.len(),
        2,
        "one repetition was accepted, and the payment is missing"
    );
    scene.row("evt_1", "hash_2", "applied", 0).await;
    assert_eq!(scene.verdict().await.double.len(), 1);
    scene.sql("UPDATE events SET outcome = 'waiting', retry_at = received_at").await;
    assert_eq!(scene.verdict().await.waiting.len(), 1);
    scene.row("evt_2", "hash_3", "applied", 0).await;
    assert_eq!(scene.verdict().await.foreign, ["evt_2"]);
    scene.transition(1, "draft", "sent").await;
    scene.transition(2, "draft", "sent").await;
    assert_eq!(scene.verdict().await.double.len(), 2, "one transition happened twice");
}

/// A ledger made by SQL alone, and the log of one payment that was sent twice and accepted twice.
struct Scene {
    path: std::path::PathBuf,
    log: SendLog,
    truth: Truth,
}

impl Scene {
    async fn new(name: &str) -> Self {
        let name = format!("tidegate-oracle-{name}-{}.db", shared::trace::random_hex::<6>());
        let (log, mut truth) = (SendLog::default(), Truth::default());
        let body = Bytes::new();
        let event = SampleEvent {
            id: "evt_1".to_owned(),
            kind: "payment_intent.succeeded",
            outcome: "applied",
            body,
        };
        for _ in 0..2 {
            log.begun(&event);
            log.ended(&event, Answer::Status(200));
        }
        let payment =
            Subject { kind: "payment", id: "pi_1".to_owned(), account: String::new(), livemode: false };
        truth.rows.entry(payment).or_default().insert("status".to_owned(), "succeeded".into());
        let scene = Self { path: std::env::temp_dir().join(name), log, truth };
        let schema = sqlx::migrate::Migrator::new(harness::binaries::workspace().join("migrations/ledger"));
        schema.await.unwrap().run(&mut scene.connection().await).await.unwrap();
        scene
    }

    async fn connection(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(&self.path).create_if_missing(true);
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    async fn sql(&self, statement: &'static str) {
        sqlx::query(statement).execute(&mut self.connection().await).await.unwrap();
    }

    async fn row(&self, id: &str, hash: &str, outcome: &str, repetitions: u32) {
        let statement = format!(
            "INSERT INTO events (id_hash, rest_hash, id, account, livemode, content_hash, type, created_at, received_at, recorded_at, \
             source, endpoint, trace_parent, outcome, attempts, repetitions, handler_version) \
             VALUES ({}, {}, '{id}', '', FALSE, '{hash}', 't', '2026-01-01', '2026-01-01', '2026-01-01', 'stripe', '', '', \
             '{outcome}', 1, {repetitions}, 1)",
            id_hash(id),
            id_hash(hash),
        );
        sqlx::query(AssertSqlSafe(statement)).execute(&mut self.connection().await).await.unwrap();
    }

    async fn transition(&self, revision: u32, before: &str, after: &str) {
        let statement = format!(
            "INSERT INTO audit (subject_id, account, livemode, subject_kind, revision, at, actor, what, before, after, \
             severity) VALUES ('in_1', '', FALSE, 'invoice', {revision}, '2026-01-01', 'evt_1', 'status', '{before}', \
             '{after}', 'info')"
        );
        sqlx::query(AssertSqlSafe(statement)).execute(&mut self.connection().await).await.unwrap();
    }

    async fn verdict(&self) -> Verdict {
        judge(&Ledger::at(&format!("sqlite:{}", self.path.display())), &self.log, &self.truth).await.unwrap()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).expect("the scene made this file");
    }
}
