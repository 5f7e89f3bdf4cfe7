//! Ledgers of ever more events, side by side on one Postgres. The smallest is the worker's own; the larger ones
//! are that one many times over, made by SQL: every row again under other ids, which still belong together.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::window;
use crate::measure::rounds::{Contestant, Spread, interleave};
use crate::measure::sample::{Sample, to_float};
use crate::report::{Contest, Figure, Line, Options, Plot, Reach, Section};
use crate::worker::OURS;
use crate::worker::drain::drain;
use crate::worker::envelopes;
use crate::worker::servers::{Database, Kind, Servers};

const SIZES: [(usize, &str); 3] = [
    (10_000, "10,000 in the ledger"),
    (1_000_000, "1,000,000 in the ledger"),
    (5_000_000, "5,000,000 in the ledger"),
];
pub(super) const SEED_EVENTS: usize = 10_000;
const EVENTS: u64 = 6_000;
/// The worker must not run dry.
const MARGIN: usize = 1_000;
/// All that grows with the events. What stands in none of them is empty without staff's doing.
const TABLES: &[&str] = &[
    "events",
    "audit",
    "payments",
    "charges",
    "payment_failures",
    "refunds",
    "disputes",
    "dispute_movements",
    "invoices",
    "invoice_payments",
    "customers",
    "subscriptions",
    "fraud_warnings",
    "bans",
];
/// Columns that name something, which must be named otherwise in every copy.
const NAMES: &[&str] = &[
    "id",
    "payment",
    "charge",
    "customer",
    "invoice",
    "invoice_stripe",
    "invoice_metadata",
    "invoice_reference",
    "subscription",
    "latest_invoice",
    "dispute",
    "subject_id",
    "event_id",
    "object_id",
    "user_id",
];

pub async fn run(options: &Options, servers: &Servers, section: &mut Section) -> anyhow::Result<()> {
    let sizes = if options.quick { &SIZES[..1] } else { &SIZES[..] };
    let seed = seed(servers, options.count(SEED_EVENTS)).await?;
    let mut ledgers = Vec::new();
    for (size, name) in sizes {
        eprintln!("a ledger of {size} events");
        let ledger = copy_of(servers, &seed).await?;
        multiply(&ledger, size / SEED_EVENTS).await?;
        ledgers.push((ledger, *size, *name));
    }
    let events = options.count(usize::try_from(EVENTS)?) as u64;
    let contestants = ledgers.iter().map(|(ledger, _, name)| {
        Contestant::new(name, move || async move {
            servers.fill(&envelopes(window::needed(events) + MARGIN)).await?;
            servers.calm_down().await?;
            let sample = window::observe(servers, ledger, events).await?;
            servers.purge().await?;
            Ok(sample)
        })
    });
    let series = interleave(options.rounds(), contestants.collect()).await?;
    let cpu = |sample: &Sample| sample.cpu_per_event("worker") + sample.cpu_per_event("postgres");
    if let [small, .., large] = &series[..] {
        section.figures.push(
            Figure::ratio(
                "CPU of worker and Postgres for an applied event, 5e6 ledger rows / 1e4",
                large,
                small,
                "µs",
                cpu,
            )
            .reaching(Reach::AtMost(1.4)),
        );
        section.figures.push(Figure::ratio(
            "applied/s, 5e6 ledger rows / 1e4",
            large,
            small,
            "/s",
            Sample::per_second,
        ));
    }
    section.contests.push(Contest::of("Draining into a ledger of so many events", &series));
    let of = |figure: &dyn Fn(&Sample) -> f64| {
        let medians = series.iter().map(|series| Spread::of(series.samples.iter().map(figure)).median);
        sizes.iter().map(|(size, _)| to_float(*size as u64)).zip(medians).collect()
    };
    section.plots.push(Plot {
        name: "scale",
        title: "CPU for an applied event as the ledger grows".to_owned(),
        across: "events in the ledger".to_owned(),
        up: "µs".to_owned(),
        lines: vec![
            Line { name: "worker and Postgres".to_owned(), points: of(&cpu) },
            Line { name: "worker".to_owned(), points: of(&|sample| sample.cpu_per_event("worker")) },
            Line { name: "Postgres".to_owned(), points: of(&|sample| sample.cpu_per_event("postgres")) },
        ],
    });
    section.notes.push(
        "The larger ledgers are copies of the smallest one, by INSERT … SELECT: the same tables, realistic values, random \
         ids that still match. Indexes are rebuilt with a fill factor of 70, as after random inserts, and everything is \
         analyzed. Old bodies are missing, as after their retention."
            .to_owned(),
    );
    for (ledger, ..) in ledgers {
        ledger.drop(servers).await?;
    }
    seed.drop(servers).await
}

/// The smallest ledger, of which the larger ones are copies.
pub(super) async fn seed(servers: &Servers, events: usize) -> anyhow::Result<Database> {
    eprintln!("a ledger of {events} events");
    let seed = servers.ledger(Kind::Postgres).await?;
    servers.fill(&envelopes(events)).await?;
    drain(servers, &seed, events, OURS).await?;
    Ok(seed)
}

pub(super) async fn copy_of(servers: &Servers, seed: &Database) -> anyhow::Result<Database> {
    let name = |url: &str| url.rsplit('/').next().unwrap_or_default().to_owned();
    let copy =
        Database { url: servers.postgres.address(&format!("copy_{}", shared::trace::random_hex::<4>())) };
    let mut connection = PgConnection::connect(&servers.postgres.address("postgres")).await?;
    let statement = format!("CREATE DATABASE \"{}\" TEMPLATE \"{}\"", name(&copy.url), name(&seed.url));
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(copy)
}

/// Every row so many times, counting itself.
pub(super) async fn multiply(ledger: &Database, times: usize) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(&ledger.url).await?;
    sqlx::query("SET synchronous_commit = off").execute(&mut connection).await?;
    sqlx::query(
        "SELECT tidegate_month_of_events(at) FROM generate_series((SELECT min(created_at) FROM events) - interval '366 days', \
         (SELECT max(created_at) FROM events) + interval '1 month', interval '1 month') AS at",
    )
    .execute(&mut connection)
    .await?;
    for table in TABLES.iter().filter(|_| times > 1) {
        let (indexes, constraint) = take_indexes(&mut connection, table).await?;
        let columns: Vec<String> = sqlx::query_scalar(
            "SELECT column_name::text FROM information_schema.columns WHERE table_name = $1 AND table_schema = 'public'",
        )
        .bind(table)
        .fetch_all(&mut connection)
        .await?;
        let values: Vec<String> = columns.iter().map(|column| value(table, column)).collect();
        let copies = times - 1;
        let insert = format!(
            "INSERT INTO {table} ({}) SELECT {} FROM (SELECT * FROM {table} OFFSET 0) AS old, generate_series(1, {copies}) AS copy",
            columns.join(", "),
            values.join(", ")
        );
        sqlx::query(AssertSqlSafe(insert)).execute(&mut connection).await?;
        for statement in indexes.into_iter().chain(constraint) {
            sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
        }
    }
    // As the worker leaves it that has removed old bodies.
    sqlx::query(
        "INSERT INTO chores (name, done_until) VALUES ('retention', now() - interval '30 days') ON CONFLICT DO NOTHING",
    )
    .execute(&mut connection)
    .await?;
    sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Drops what would be slow to keep up, and says how to make it again, loose as random inserts leave it.
async fn take_indexes(
    connection: &mut PgConnection,
    table: &str,
) -> anyhow::Result<(Vec<String>, Option<String>)> {
    let key: (String, String) = sqlx::query_as(
        "SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'p'",
    )
    .bind(table)
    .fetch_one(&mut *connection)
    .await?;
    let indexes: Vec<(String, String)> = sqlx::query_as(
        "SELECT indexname::text, indexdef FROM pg_indexes WHERE tablename = $1 AND indexname <> $2 AND schemaname = 'public'",
    )
    .bind(table)
    .bind(&key.0)
    .fetch_all(&mut *connection)
    .await?;
    let drop_key = format!("ALTER TABLE {table} DROP CONSTRAINT \"{}\"", key.0);
    sqlx::query(AssertSqlSafe(drop_key)).execute(&mut *connection).await?;
    let mut again = Vec::new();
    for (name, definition) in indexes {
        // Of a table in months: in each of them.
        let definition = definition.replace(" ON ONLY ", " ON ");
        sqlx::query(AssertSqlSafe(format!("DROP INDEX \"{name}\""))).execute(&mut *connection).await?;
        again.push(match definition.split_once(" WHERE ") {
            Some((columns, condition)) => format!("{columns} WITH (fillfactor = 70) WHERE {condition}"),
            None => format!("{definition} WITH (fillfactor = 70)"),
        });
    }
    let key = format!("ALTER TABLE {table} ADD CONSTRAINT \"{}\" {} WITH (fillfactor = 70)", key.0, key.1);
    Ok((again, Some(key)))
}

/// The same name in the same copy is the same everywhere. Times of old events lie in the year before.
fn value(table: &str, column: &str) -> String {
    if NAMES.contains(&column) {
        return format!(
            "CASE WHEN old.{column} IS NULL THEN NULL ELSE split_part(old.{column}, '_', 1) || '_' || \
             substr(md5(old.{column} || copy), 1, 24) END"
        );
    }
    if table == "events" && ["segment", "place"].contains(&column) {
        return "NULL".to_owned();
    }
    if table == "events" && column == "content_hash" {
        return format!("md5(old.{column} || copy)");
    }
    // What a worker computes of an id, in SQL; what it computes of the rest looks as random.
    if ["id_hash", "event_hash"].contains(&column) {
        let id = value(table, if table == "events" { "id" } else { "event_id" });
        return format!(
            "('x' || substr(encode(sha256(convert_to({id}, 'UTF8')), 'hex'), 1, 16))::bit(64)::bigint"
        );
    }
    if column == "rest_hash" {
        return "('x' || substr(md5(old.content_hash || copy), 1, 16))::bit(64)::bigint".to_owned();
    }
    if column == "recorded_at"
        || (table, column) == ("events", "created_at")
        || (table == "audit" && column == "at")
    {
        return format!("old.{column} - (random() * interval '365 days')");
    }
    format!("old.{column}")
}
