//! Where the time of a batch goes: every statement of the worker, as Postgres itself counts them.

use sqlx::{Connection, PgConnection};

use super::OURS;
use super::drain::drain;
use super::servers::{Kind, Servers};
use crate::measure::sample::to_float;
use crate::report::{Cell, Table};

const SHOWN: usize = 24;
const SHOWN_CHARS: usize = 72;

struct Statement {
    query: String,
    calls: i64,
    millis: f64,
    rows: i64,
}

/// Drains once on a server that counts statements, which costs it some percent.
pub async fn table(events: &[envelope::Envelope]) -> anyhow::Result<Table> {
    let servers = Servers::start_with(&[
        "shared_preload_libraries=pg_stat_statements",
        "pg_stat_statements.track_planning=on",
    ])
    .await?;
    let ledger = servers.ledger(Kind::Postgres).await?;
    let mut connection = PgConnection::connect(&ledger.url).await?;
    sqlx::query("CREATE EXTENSION pg_stat_statements").execute(&mut connection).await?;
    servers.fill(events).await?;
    servers.calm_down().await?;
    sqlx::query("SELECT pg_stat_statements_reset()").execute(&mut connection).await?;
    let sample = drain(&servers, &ledger, events.len(), OURS).await?;
    let rows: Vec<(String, i64, f64, i64)> = sqlx::query_as(
        "SELECT query, calls, total_exec_time + total_plan_time AS millis, rows FROM pg_stat_statements \
         WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         ORDER BY total_exec_time + total_plan_time DESC",
    )
    .fetch_all(&mut connection)
    .await?;
    let read = |(query, calls, millis, rows)| Statement { query, calls, millis, rows };
    let statements: Vec<Statement> = rows.into_iter().map(read).collect();
    connection.close().await?;
    ledger.drop(&servers).await?;

    let applied = to_float(sample.events);
    let batches = statements.iter().find(|it| it.query == "COMMIT").map_or(1, |commit| commit.calls);
    let [calls, millis] = [
        statements.iter().map(|it| float(it.calls)).sum::<f64>(),
        statements.iter().map(|it| it.millis).sum(),
    ];
    let title = format!(
        "The worker's statements on Postgres: {:.1} in a batch of {:.0} events, {:.0} µs of the server's time for an event",
        calls / float(batches),
        applied / float(batches),
        millis * 1e3 / applied
    );
    let mut table =
        Table::new(title, &["statement", "in a batch", "µs a call", "µs an event", "rows a call"]);
    for statement in statements.iter().take(SHOWN) {
        let calls = float(statement.calls);
        table.row([
            Cell::from(shortened(&statement.query)),
            (calls / float(batches)).into(),
            (statement.millis * 1e3 / calls).into(),
            (statement.millis * 1e3 / applied).into(),
            (float(statement.rows) / calls).into(),
        ]);
    }
    Ok(table)
}

fn float(count: i64) -> f64 {
    to_float(u64::try_from(count).unwrap_or_default())
}

/// Without what all statements begin with.
fn shortened(query: &str) -> String {
    let text = query.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.split_once("[])) ").map_or(text.as_str(), |(_, statement)| statement);
    let is_long = text.chars().count() > SHOWN_CHARS;
    text.chars().take(SHOWN_CHARS).chain(is_long.then_some('…')).collect()
}
