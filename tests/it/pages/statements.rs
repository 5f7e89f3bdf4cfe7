//! What a page costs: a fixed number of statements, however much there is, and no statement reads a table from its
//! beginning to its end. Postgres counts both.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use console::pages::address::Address;
use console::pages::answer::{Answer, Sources, answer};
use desk::actor::{Actor, KnownBy};
use domain::permissions::Role;
use harness::postgres::Postgres;
use harness::process_guard::until;
use ledger::Ledger;
use shared::clock;
use sqlx::{Connection, PgConnection};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::ledgers::{open, together};
use crate::staff::sales::sale;

/// Tables that grow with what happens.
const LARGE: [&str; 11] = [
    "events",
    "payments",
    "charges",
    "payment_failures",
    "invoices",
    "refunds",
    "disputes",
    "customers",
    "subscriptions",
    "audit",
    "operations",
];

const PATIENCE: Duration = Duration::from_secs(20);

const PAGES: &[&str] = &[
    "/payments/dashboard/?hours=720",
    "/payments/metrics/?hours=720",
    "/payments/history",
    "/payments/history?status=payment_failed&since=7d",
    "/payments/history?amount=%3E100&currency=usd",
    "/payments/history?code=insufficient_funds",
    "/payments/history?last4=4242",
    "/payments/history?user=user_1",
    "/payments/history?customer=cus_s0",
    "/payments/failures?code=insufficient_funds",
    "/payments/refunds?reason=duplicate",
    "/payments/invoices",
    "/payments/payouts",
    "/payments/blocks",
    "/payments/disputes",
    "/payments/disputes?show=all&reason=fraudulent",
    "/payments/webhooks/",
    "/payments/webhooks/?outcome=dead",
    "/payments/webhooks/?object=pi_s0",
    "/payments/dead-letters",
    "/payments/replays",
    "/payments/bans",
    "/payments/anomalies",
    "/payments/listings",
    "/payments/audit",
    "/payments/audit?object=pi_s0",
    "/approvals",
    "/batches?payments=pi_s0",
    "/payment/pi_s0",
    "/charge/ch_s0",
    "/invoice/in_s0",
    "/customer/cus_s0",
    "/user/user_1",
    "/event/evt_s0_payment_succeeded_1",
    "/search?q=pi_s0",
    "/search?q=insufficient+funds",
    "/search?q=nobody",
];

/// Counts what the driver reports of this thread: on Postgres each statement runs in the task that asks.
#[derive(Clone, Default)]
struct Statements(Arc<AtomicUsize>);

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Every page asks something. None was counted where another test's thread met the driver first, in the same moment.
async fn looked_at(ledger: &Ledger, path: &str) -> usize {
    for _ in 0..5 {
        let counted = counted(ledger, path).await;
        if counted > 0 {
            return counted;
        }
    }
    0
}

async fn counted(ledger: &Ledger, path: &str) -> usize {
    let statements = Statements::default();
    let _counting = tracing::subscriber::set_default(statements.clone());
    let actor = Actor::known("ada", [Role::SuperUser].into(), KnownBy::Session, false);
    let address = Address::of(path).unwrap();
    let (answer, error) = answer(
        &Sources { ledger, waiting: None, audit_key: None, till: None },
        &actor,
        &address,
        clock::now(),
    )
    .await;
    assert!(error.is_none(), "{path}: {error:?}");
    match answer {
        Answer::Page { status, .. } => assert_eq!(status, 200, "{path}"),
        Answer::SeeOther(_) | Answer::Csv(_) | Answer::Report(_) => {}
    }
    statements.0.load(Ordering::Relaxed)
}

async fn tell(ledger: &Ledger, names: &[&'static str]) {
    for (place, name) in names.iter().enumerate() {
        let second = i64::try_from(place).unwrap() * 100;
        let mut events = sale(name, "user_1", 12_345, second).lost();
        events.push(sale(name, "user_1", 12_345, second).declined(50, "insufficient_funds"));
        together(ledger, &events.iter().collect::<Vec<_>>()).await;
    }
}

async fn whole_reads(url: &str) -> BTreeMap<String, i64> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    // A server process hands in what it counted when it ends.
    until("the other connections to end", PATIENCE, async || {
        let others: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
             AND backend_type = 'client backend'",
        )
        .fetch_one(&mut connection)
        .await?;
        Ok(others == 0)
    })
    .await
    .unwrap();
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT relname::text, COALESCE(seq_scan, 0) FROM pg_stat_user_tables")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    connection.close().await.unwrap();
    rows.into_iter().filter(|(table, _)| LARGE.contains(&table.as_str())).collect()
}

#[tokio::test]
async fn a_page_costs_the_same_with_much_to_show_and_reads_no_table_whole() {
    let url = Postgres::shared().await.database("pages_statements").await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    // Then a table is read whole only where no index could serve.
    let name: (String,) =
        sqlx::query_as("SELECT current_database()::text").fetch_one(&mut connection).await.unwrap();
    let setting = sqlx::AssertSqlSafe(format!("ALTER DATABASE \"{}\" SET enable_seqscan = off", name.0));
    sqlx::query(setting).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    let ledger = open(&url).await;
    ledger.migrate().await.unwrap();
    tell(&ledger, &["s0"]).await;
    ledger.close().await;
    let before = whole_reads(&url).await;
    let ledger = open(&url).await;
    let mut costs = BTreeMap::new();
    for path in PAGES {
        costs.insert(*path, looked_at(&ledger, path).await);
    }
    ledger.close().await; // which hands in what was counted
    let after = whole_reads(&url).await;
    for (table, reads) in &after {
        assert_eq!(before.get(table), Some(reads), "{table} is read whole by a page");
    }

    let ledger = open(&url).await;
    tell(&ledger, &["s1", "s2", "s3", "s4", "s5", "s6", "s7"]).await;
    for (path, cost) in costs {
        // The first look of a connection also asks for what it does not know yet.
        looked_at(&ledger, path).await;
        assert!(looked_at(&ledger, path).await <= cost, "{path}: {cost} before");
        assert!(cost <= 40, "{path}: {cost}");
    }
    ledger.close().await;
}
