//! A gate before every writing statement of a transaction on Postgres, and before each lock on a key without a row.
//! The conductor lets one transaction pass one gate at a time, and sees whether it stands there, waits for a lock of
//! the other, or is done.

use domain::Kind;
use std::time::{Duration, Instant};

use ledger::Ledger;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::task::JoinHandle;

use crate::ledgers::open;

const PATIENCE: Duration = Duration::from_secs(20);
const GLANCE: Duration = Duration::from_millis(1);
/// Every table that a batch writes.
fn tables() -> impl Iterator<Item = &'static str> {
    ["events", "segments", "audit"].into_iter().chain(Kind::ALL.iter().map(|kind| kind.table()))
}
/// A statement that passes takes the lock of its number and releases it at once: holding that lock closes the
/// gate. Sessions without a number pass freely.
const GATE: &str = "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE number BIGINT := nullif(current_setting('tidegate.gate', TRUE), '');
    BEGIN
        IF number IS NOT NULL THEN
            PERFORM pg_advisory_lock(number);
            PERFORM pg_advisory_unlock(number);
        END IF;
        RETURN NULL;
    END $$";
/// Stands before Postgres' own function in the search path of gated sessions. No trigger sees a `SELECT`.
const GATED_LOCK: &str =
    "CREATE FUNCTION pg_advisory_xact_lock(wanted BIGINT) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE number BIGINT := current_setting('tidegate.gate');
    BEGIN
        PERFORM pg_advisory_lock(number);
        PERFORM pg_advisory_unlock(number);
        PERFORM pg_catalog.pg_advisory_xact_lock(wanted);
    END $$";
/// What a session waits for: its gate, or, where the session is known, a lock of somebody else.
const WAITS: &str = "SELECT pid, is_gate FROM (SELECT pid, locktype = 'advisory' AND classid::bigint = 0 \
     AND objid::bigint = $1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AS is_gate \
     FROM pg_locks WHERE NOT granted) waits WHERE pid = $2 OR is_gate";

pub(super) struct Conductor {
    connection: PgConnection,
    /// The sessions that stood at the gates last.
    sessions: [i32; 2],
}

/// Where a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Gate,
    /// Waits for the other one.
    Blocked,
    Done,
}

/// A ledger of which every transaction stops at the gate of this number.
pub(super) async fn gated(url: &str, number: usize) -> Ledger {
    let path = "options[search_path]=public,pg_catalog";
    open(&format!("{url}?options[tidegate.gate]={}&{path}", gate(number))).await
}

impl Conductor {
    /// Builds the gates, and closes both.
    pub(super) async fn new(url: &str) -> Self {
        let mut connection = PgConnection::connect(url).await.unwrap();
        for function in [GATE, GATED_LOCK] {
            sqlx::query(function).execute(&mut connection).await.unwrap();
        }
        for table in tables() {
            let statement = format!(
                "CREATE TRIGGER gate BEFORE INSERT OR UPDATE OR DELETE ON {table} \
                 FOR EACH STATEMENT EXECUTE FUNCTION gate()"
            );
            sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        }
        for number in 0..2 {
            let close = sqlx::query("SELECT pg_advisory_lock($1)").bind(gate(number));
            close.execute(&mut connection).await.unwrap();
        }
        Self { connection, sessions: [0, 0] }
    }

    /// Waits until the transaction stands somewhere.
    pub(super) async fn place<T>(&mut self, number: usize, task: &JoinHandle<T>) -> Place {
        let begun = Instant::now();
        loop {
            if task.is_finished() {
                return Place::Done;
            }
            let waits = sqlx::query_as(WAITS).bind(gate(number)).bind(self.sessions[number]);
            let waits: Vec<(i32, bool)> = waits.fetch_all(&mut self.connection).await.unwrap();
            if let Some((session, _)) = waits.iter().find(|(_, at_gate)| *at_gate) {
                self.sessions[number] = *session;
                return Place::Gate;
            }
            if !waits.is_empty() {
                return Place::Blocked;
            }
            assert!(begun.elapsed() < PATIENCE, "transaction {number} neither stands nor ends");
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Opens the gate, and closes it behind who stood there: the lock goes to the one who waits before it
    /// comes back, and a next statement is a journey over the network away.
    pub(super) async fn let_pass(&mut self, number: usize) {
        let step = sqlx::query("SELECT pg_advisory_unlock($1), pg_advisory_lock($1)").bind(gate(number));
        step.execute(&mut self.connection).await.unwrap();
    }
}

fn gate(number: usize) -> i64 {
    i64::try_from(number).unwrap() + 1
}
