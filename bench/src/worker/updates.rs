//! Which indexes keep Postgres from updating a row in place (HOT): it looks at every column that an index names in its
//! key, its expression or its condition, and one that changed is enough. Counts, not times: they do not drift.

use std::time::{Duration, Instant};

use anyhow::ensure;
use envelope::Envelope;
use harness::histories::SampleEvent;
use sqlx::{Connection, PgConnection};
use stripe_sim::Random;
use worker::process::{Manner, process};

use super::servers::{Database, Kind, Servers};
use super::{EVENTS, SINGLE_EVENTS};
use crate::events::Events;
use crate::measure::sample::to_float;
use crate::report::{Cell, Options, Section, Table};

/// The same events in every run, so that two builds can be compared.
const SEED: u64 = 20_261_129;
/// About as many as a worker takes at once while events wait for it.
const BATCH: usize = 256;
const TABLES: [&str; 3] = ["payments", "charges", "invoices"];
const PATIENCE: Duration = Duration::from_secs(20);

/// Notes which columns each update changed.
const NOTE: &str = "CREATE TABLE changes (of_table text, changed text[]); \
    CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
    INSERT INTO changes SELECT TG_TABLE_NAME, COALESCE(array_agg(o.key), '{}') FROM jsonb_each(to_jsonb(OLD)) o \
    JOIN jsonb_each(to_jsonb(NEW)) n USING (key) WHERE o.value IS DISTINCT FROM n.value; RETURN NULL; END $$; \
    CREATE TRIGGER noted AFTER UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION note_change(); \
    CREATE TRIGGER noted AFTER UPDATE ON charges FOR EACH ROW EXECUTE FUNCTION note_change(); \
    CREATE TRIGGER noted AFTER UPDATE ON invoices FOR EACH ROW EXECUTE FUNCTION note_change()";

/// Of each index that stood in the way: of how many updates, of how many it alone, and by which columns.
const BLOCKED: &str = "WITH named AS (SELECT DISTINCT t.relname::text AS of_table, i.relname::text AS index, a.attname::text AS col \
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid \
    JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.oid AND d.refclassid = 'pg_class'::regclass \
    AND d.refobjid = t.oid AND d.refobjsubid > 0 JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid), \
    numbered AS (SELECT row_number() OVER () AS n, * FROM changes), \
    hits AS (SELECT n, of_table, index, col FROM numbered JOIN named USING (of_table) WHERE col = ANY (changed)), \
    ways AS (SELECT n, COUNT(DISTINCT index) AS indexes FROM hits GROUP BY n), \
    columns AS (SELECT of_table, index, string_agg(col || ' ' || times, ', ' ORDER BY times DESC, col) AS columns \
    FROM (SELECT of_table, index, col, COUNT(*) AS times FROM hits GROUP BY of_table, index, col) c GROUP BY of_table, index) \
    SELECT of_table, index, COUNT(DISTINCT n), COUNT(DISTINCT n) FILTER (WHERE indexes = 1), columns \
    FROM hits JOIN ways USING (n) JOIN columns USING (of_table, index) GROUP BY of_table, index, columns \
    ORDER BY of_table DESC, 3 DESC, index";

/// Of a table: what was inserted, what was updated, and what of that in place.
const SHARES: &str = "SELECT s.relname::text, s.n_tup_ins, s.n_tup_upd, s.n_tup_hot_upd, pg_indexes_size(s.relid) FROM pg_stat_user_tables s \
    WHERE s.relname = ANY ($1) ORDER BY s.relname DESC";

/// The order in which events come.
#[derive(Clone, Copy, Debug)]
enum Order {
    AsThingsHappen,
    Random,
}

/// Under load, in both orders; and one by one, as on a quiet day.
const RUNS: [(Order, usize, usize); 3] = [
    (Order::AsThingsHappen, EVENTS, BATCH),
    (Order::Random, EVENTS, BATCH),
    (Order::AsThingsHappen, SINGLE_EVENTS, 1),
];

impl Order {
    fn shown(self) -> &'static str {
        match self {
            Self::AsThingsHappen => "as things happen",
            Self::Random => "in random order",
        }
    }
}

pub async fn run(options: &Options) -> anyhow::Result<Vec<Section>> {
    let servers = Servers::start().await?;
    let mut section = Section::new("updates", "Updates in place on Postgres");
    let columns =
        ["table", "rows", "updates", "in place", "share", "bytes of indexes a row", "WAL bytes an event"];
    for (order, count, batch) in RUNS {
        let events = events(options.count(count), order);
        let batches: Vec<&[Envelope]> = events.chunks(batch).collect();
        let how = format!("events {} in batches of {batch}", order.shown());
        let mut shares = Table::new(format!("Updates, {how}"), &columns);
        let wal = to_float(u64::try_from(applied(&servers, &batches, None, &mut shares).await?)?);
        for row in &mut shares.rows {
            row.push((wal / to_float(events.len() as u64)).into());
        }
        section.tables.push(shares);
        let mut blocked = Table::new(
            format!("What stood in the way, {how}"),
            &["table", "index", "updates", "it alone", "columns that changed"],
        );
        applied(&servers, &batches, Some(&mut blocked), &mut Table::new("", &columns)).await?;
        section.tables.push(blocked);
    }
    Ok(vec![section])
}

fn events(count: usize, order: Order) -> Vec<Envelope> {
    let mut events: Vec<Envelope> =
        Events::of_seed(SEED).take(count).iter().map(SampleEvent::envelope).collect();
    if matches!(order, Order::Random) {
        Random::of_seed(SEED).shuffle(&mut events);
    }
    events
}

/// Applies all of them to a new ledger, one batch after the other. Gives what Postgres wrote to its log.
async fn applied(
    servers: &Servers,
    batches: &[&[Envelope]],
    blocked: Option<&mut Table>,
    shares: &mut Table,
) -> anyhow::Result<i64> {
    let database = servers.ledger(Kind::Postgres).await?;
    let mut eye = PgConnection::connect(&database.url).await?;
    if blocked.is_some() {
        sqlx::raw_sql(NOTE).execute(&mut eye).await?;
    }
    let before = wal(&mut eye).await?;
    process_all(&database, batches).await?;
    let written = wal(&mut eye).await? - before;
    alone(&mut eye).await?;
    let found: Vec<(String, i64, i64, i64, i64)> =
        sqlx::query_as(SHARES).bind(TABLES.map(str::to_owned)).fetch_all(&mut eye).await?;
    for (table, rows, updates, in_place, indexes) in found {
        let [rows, updates, in_place, indexes] = [rows, updates, in_place, indexes].map(float);
        shares.row([
            table.into(),
            Cell::from(rows),
            updates.into(),
            in_place.into(),
            (in_place / updates.max(1.0)).into(),
            (indexes / rows.max(1.0)).into(),
        ]);
    }
    if let Some(blocked) = blocked {
        let found: Vec<(String, String, i64, i64, String)> =
            sqlx::query_as(BLOCKED).fetch_all(&mut eye).await?;
        for (table, index, updates, alone, columns) in found {
            blocked.row([
                table.into(),
                Cell::from(index),
                float(updates).into(),
                float(alone).into(),
                columns.into(),
            ]);
        }
    }
    eye.close().await?;
    database.drop(servers).await?;
    Ok(written)
}

async fn process_all(database: &Database, batches: &[&[Envelope]]) -> anyhow::Result<()> {
    let ledger = database.open().await?;
    for batch in batches {
        let batch: Vec<&Envelope> = batch.iter().collect();
        let handled = process(&ledger, &batch, Manner::Batch, shared::clock::now()).await;
        ensure!(handled.is_ok(), "a batch failed: {handled:?}");
    }
    ledger.close().await;
    Ok(())
}

async fn wal(eye: &mut PgConnection) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar("SELECT (pg_current_wal_lsn() - '0/0')::bigint").fetch_one(eye).await?)
}

/// A server process hands in what it counted when it ends.
async fn alone(eye: &mut PgConnection) -> anyhow::Result<()> {
    const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
        AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    let begun = Instant::now();
    while sqlx::query_scalar::<_, i64>(OTHERS).fetch_one(&mut *eye).await? > 0 {
        ensure!(begun.elapsed() < PATIENCE, "the ledger's connections do not end");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

fn float(count: i64) -> f64 {
    to_float(u64::try_from(count).unwrap_or_default())
}
