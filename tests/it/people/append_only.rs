//! What was decided stays as it was: triggers refuse everybody, and on Postgres the worker's role cannot put them aside.

use chrono::TimeDelta;
use desk::acts::Person;
use desk::acts::bans::{Decision, decide_on_user};
use domain::Key;
use domain::bans::Act;
use harness::binaries::workspace;
use harness::postgres::Postgres;
use ledger::APPEND_ONLY_TABLES;
use shared::clock;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use crate::ledgers::{each_ledger, envelope, open, payment, together};

/// Runs a statement as the address says; gives what the database says against it.
async fn refused(url: &str, statement: &str) -> Option<String> {
    let statement = AssertSqlSafe(statement.to_owned());
    let done = if url.starts_with("postgres") {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.map(|_| ())
    } else {
        let mut connection = SqliteConnection::connect(url).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.map(|_| ())
    };
    done.err().map(|error| error.to_string())
}

async fn ban(ledger: &ledger::Ledger) {
    let user = Key { id: "u1".to_owned(), account: String::new(), livemode: true };
    let until = Some(clock::now() + TimeDelta::days(1));
    let decision = Decision { act: Act::Ban, until, reason: "fraud".to_owned() };
    decide_on_user(ledger, &user, &decision, &Person::named("jane").unwrap(), clock::now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_say_what_was_decided_are_only_ever_added() {
    each_ledger("append_only", async |ledger, url| {
        together(&ledger, &[&payment("pi_1", 0, "succeeded", "in_1")]).await;
        ban(&ledger).await;
        for table in APPEND_ONLY_TABLES {
            // SQLite asks its trigger for each row: those without one are tried by the next test.
            let is_empty = !["audit", "ban_overrides"].contains(&table);
            if url.starts_with("sqlite") && is_empty {
                continue;
            }
            let column = if table == "audit" { "actor" } else { "decided_by" };
            let column = match table {
                "audit_seals" | "batch_items" => "number",
                "batches" => "hash",
                "assignments" => "assigned_by",
                "finding_history" => "done_by",
                "notes" => "note",
                "operation_calls" => "path",
                "goods_terms" | "policies" => "set_by",
                _ => column,
            };
            for statement in
                [format!("UPDATE {table} SET {column} = {column}"), format!("DELETE FROM {table}")]
            {
                let said = refused(&url, &statement).await.expect("it is refused");
                assert!(said.contains(&format!("rows of {table} are only ever added")), "{said}");
            }
        }
        assert!(ledger.migrate().await.unwrap().is_empty(), "to migrate again changes nothing");
        ban(&ledger).await;
    })
    .await;
}

/// Brings a database up to date as k8s/README.md says: the roles, the schema by its owner, then what each may do. Gives
/// the addresses of the owner and of the worker.
async fn install(admin: &str) -> [String; 2] {
    let roles = std::fs::read_to_string(workspace().join("k8s/postgres-roles.sql")).unwrap();
    for table in APPEND_ONLY_TABLES {
        assert!(roles.contains(table), "k8s/postgres-roles.sql lacks {table}");
    }
    assert_eq!(refused(admin, &roles).await, None);
    let (_, place) = admin.split_once('@').unwrap();
    let address = async |role: &str| {
        let password = format!("ALTER ROLE {role} PASSWORD 'of-this-test'");
        assert_eq!(refused(admin, &password).await, None);
        format!("postgres://{role}:of-this-test@{place}")
    };
    let (owner, worker) = (address("tidegate_owner").await, address("tidegate_worker").await);
    let ledger = open(&owner).await;
    ledger.migrate().await.unwrap();
    ledger.close().await;
    for _ in 0..2 {
        assert_eq!(refused(admin, &roles).await, None, "it may be run again");
    }
    [owner, worker]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workers_role_does_its_work_and_changes_nothing_that_was_decided() {
    let postgres = Postgres::shared().await;
    // One whose tables somebody else made, and an empty one.
    let [_, worker] = install(&postgres.ledger("people_roles_before").await.unwrap()).await;
    let ledger = open(&worker).await;
    ban(&ledger).await;
    ledger.close().await;
    let [owner, worker] = install(&postgres.database("people_roles").await.unwrap()).await;
    assert_eq!(refused(&owner, "CREATE TABLE of_the_next_release (id BIGINT)").await, None);
    let used = "INSERT INTO of_the_next_release VALUES (1); UPDATE of_the_next_release SET id = 2; \
        DELETE FROM of_the_next_release";
    assert_eq!(refused(&worker, used).await, None, "no worker waits until somebody grants");
    let ledger = open(&worker).await;
    ledger.check_schema().await.unwrap();
    together(&ledger, &[&payment("pi_1", 0, "succeeded", "in_1")]).await;
    together(&ledger, &[&envelope("evt_other", "price.created", 0, &serde_json::json!({}))]).await;
    let months = "SELECT FROM events_2026_05, events_older";
    assert_eq!(
        refused(&worker, months).await,
        None,
        "a copy reads every month, and this one was made by the worker"
    );
    ledger.prepare_months_ahead(clock::now()).await.unwrap();
    ban(&ledger).await;
    worker::chores::seal::seal(&ledger, clock::now()).await.unwrap().expect("something was committed");
    for statement in [
        "UPDATE audit SET actor = 'mallory'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "DELETE FROM audit_commits",
        "UPDATE policies SET value = '1'",
        "DELETE FROM operations",
        "DELETE FROM staff",
        "DELETE FROM _sqlx_migrations",
    ] {
        let said = refused(&worker, statement).await.expect("it is refused");
        assert!(said.contains("permission denied"), "{statement}: {said}");
    }
    for statement in [
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "DROP TRIGGER append_only ON audit",
        "DROP TABLE audit",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION tidegate_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        "CREATE TABLE mine (id BIGINT)",
        "ALTER TABLE events DETACH PARTITION events_2026_05",
        "DROP TABLE events_2026_05",
    ] {
        let said = refused(&worker, statement).await.expect("it is refused");
        assert!(said.contains("must be owner") || said.contains("permission denied"), "{statement}: {said}");
    }
    ledger.close().await;
}
