//! What a page costs: a fixed number of statements, however much there is, and no statement reads a table from its
//! beginning to its end. Postgres counts both; SQLite says how it would read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use console::pages::address::Address;
use console::pages::answer::{PageAnswer, Sources, answer};
use desk::actor::{Actor, KnownBy};
use domain::permissions::Role;
use harness::binaries::workspace;
use harness::empty_ledger;
use harness::postgres::Postgres;
use harness::process_guard::{ProcessGuard, until};
use ledger::Ledger;
use shared::clock;
use sqlx::{Connection, PgConnection, SqliteConnection};
use tracing::field::{Field, Visit};
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
    "/payments/dashboard/?hours=24",
    "/payments/dashboard/?hours=24&mode=test",
    "/payments/metrics/?hours=720",
    "/payments/history",
    "/payments/history?status=payment_failed&since=7d",
    "/payments/history?amount=%3E100&currency=usd",
    "/payments/history?mode=test",
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
    "/payments/webhooks/?mode=test",
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

/// Keeps what the driver reports of this thread: on Postgres each statement runs in the task that asks.
#[derive(Clone, Default)]
struct Statements(Arc<Mutex<Vec<String>>>);

/// A short statement is its own summary.
#[derive(Default)]
struct Text {
    summary: String,
    statement: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => value.clone_into(&mut self.summary),
            "db.statement" => value.clone_into(&mut self.statement),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let text = if text.statement.is_empty() { text.summary } else { text.statement };
        self.0.lock().unwrap().push(text.trim().to_owned());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Every page asks something. None was counted where another test's thread met the driver first, in the same moment.
async fn looked_at(ledger: &Ledger, path: &str) -> usize {
    asked_by(ledger, path).await.len()
}

async fn asked_by(ledger: &Ledger, path: &str) -> Vec<String> {
    for _ in 0..5 {
        let asked = asked(ledger, path).await;
        if !asked.is_empty() {
            return asked;
        }
    }
    Vec::new()
}

async fn asked(ledger: &Ledger, path: &str) -> Vec<String> {
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
        PageAnswer::Page { status, .. } => assert_eq!(status, 200, "{path}"),
        PageAnswer::SeeOther(_) | PageAnswer::Csv(_) | PageAnswer::Report(_) => {}
    }
    statements.0.lock().unwrap().clone()
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
    // Of events each month is a table.
    let is_large = |table: &str| LARGE.contains(&table) || table.starts_with("events_");
    rows.into_iter().filter(|(table, _)| is_large(table)).collect()
}

#[tokio::test]
async fn a_page_costs_the_same_with_much_to_show_and_reads_no_table_whole() {
    let url = Postgres::shared().await.ledger("pages_statements").await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    // Then a table is read whole only where no index could serve.
    let name: (String,) =
        sqlx::query_as("SELECT current_database()::text").fetch_one(&mut connection).await.unwrap();
    let setting = sqlx::AssertSqlSafe(format!("ALTER DATABASE \"{}\" SET enable_seqscan = off", name.0));
    sqlx::query(setting).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    let ledger = open(&url).await;
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
    let mut with_much = BTreeMap::new();
    for (path, cost) in costs {
        // The first look of a connection also asks for what it does not know yet.
        looked_at(&ledger, path).await;
        let now = looked_at(&ledger, path).await;
        println!("{path}: {now} statements");
        assert!(now <= cost, "{path}: {cost} before");
        assert!(cost <= 40, "{path}: {cost}");
        with_much.insert(path, now);
    }
    ledger.close().await;
    documented(&with_much);
}

/// docs/console.md says of some pages how many statements they take, each of which is one way to the database and back.
fn documented(costs: &BTreeMap<&str, usize>) {
    let page = std::fs::read_to_string(workspace().join("docs/console.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let mut found = 0;
    for (path, rest) in rows {
        let Some(cost) = costs.get(path) else { continue };
        assert_eq!(rest.split(' ').next(), Some(cost.to_string().as_str()), "docs/console.md: {path}");
        found += 1;
    }
    assert!(found >= 10, "docs/console.md names {found} of these pages");
}

/// A statement that reads rows, on either database.
fn is_read(text: &str) -> bool {
    let is_other =
        ["INSERT INTO", "UPDATE ", "DELETE FROM", "pg_advisory"].iter().any(|word| text.contains(word));
    (text.starts_with("SELECT") || text.starts_with("WITH")) && !is_other
}

/// As SQLite is asked: with one row of values instead of arrays, and without locks.
fn of_sqlite(text: &str) -> String {
    let text = text.split_once(" FOR NO KEY UPDATE").map_or(text, |(read, _)| read);
    let Some((before, rest)) = text.split_once("(SELECT * FROM unnest(") else { return text.to_owned() };
    let (arrays, after) = rest.split_once("))").expect("the arrays end");
    let values = vec!["?"; arrays.split(',').count()].join(", ");
    format!("{before}(SELECT * FROM (VALUES ({values}))){after}")
}

#[tokio::test]
async fn no_page_reads_a_table_whole_on_sqlite_either() {
    let url = Postgres::shared().await.ledger("pages_plans").await.unwrap();
    let ledger = open(&url).await;
    tell(&ledger, &["s0"]).await;
    let mut asked = BTreeMap::new();
    for path in PAGES {
        for text in asked_by(&ledger, path).await {
            asked.entry(text).or_insert(*path);
        }
    }
    ledger.close().await;

    let folder = ProcessGuard::new("plans", rustix::process::Signal::KILL).unwrap();
    let file = folder.folder().join("ledger.db");
    empty_ledger::copy_to(&file).unwrap();
    let mut connection = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
    let (mut whole, mut explained) = (BTreeSet::new(), 0);
    for (text, path) in asked.iter().filter(|(text, _)| is_read(text)) {
        let text = of_sqlite(text);
        let statement = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(statement)
            .fetch_all(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{error}: {text}"));
        explained += 1;
        for (.., step) in plan {
            let Some(read) = step.strip_prefix("SCAN ") else { continue };
            let (name, how) = read.split_once(' ').unwrap_or((read, ""));
            let is_large = |table: &&str| *table == name || text.contains(&format!(" {table} {name} "));
            let is_in_order = how.starts_with("USING") && !how.contains("sqlite_autoindex");
            if LARGE.iter().any(is_large) && !is_in_order {
                whole.insert(format!("{path}: {step}: {text}"));
            }
        }
    }
    assert!(explained > 60, "{explained}");
    assert!(whole.is_empty(), "{whole:#?}");
    connection.close().await.unwrap();
}
