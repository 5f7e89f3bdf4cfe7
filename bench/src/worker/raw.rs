//! The limits: the ids and bytes of the same events go into a table, in the same batches, and nothing else
//! happens. What a ledger that keeps the bodies cannot be faster than.

use std::time::{Duration, Instant};

use envelope::Envelope;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use super::servers::{Kind, Servers};
use crate::measure::sample::Sample;

/// Inserts of (id, body) on so many connections, a batch at a time on each.
pub async fn postgres(
    servers: &Servers,
    events: &[Envelope],
    batch: usize,
    connections: usize,
) -> anyhow::Result<Sample> {
    let database = servers.database(Kind::Postgres).await?;
    let mut first = PgConnection::connect(&database.url).await?;
    sqlx::raw_sql(
        "CREATE TABLE raw (id TEXT PRIMARY KEY, body BYTEA NOT NULL); \
         ALTER TABLE raw ALTER COLUMN body SET COMPRESSION lz4",
    )
    .execute(&mut first)
    .await?;
    let mut open = vec![first];
    while open.len() < connections {
        open.push(PgConnection::connect(&database.url).await?);
    }
    servers.calm_down().await?;
    let parts = servers.parts()?;
    let (before, begun) = (parts.cpu(), Instant::now());
    let inserts = open.into_iter().enumerate().map(|(number, mut connection)| async move {
        for batch in events.chunks(batch).skip(number).step_by(connections) {
            let ids: Vec<&str> = batch.iter().map(|event| event.header.id.as_str()).collect();
            let bodies: Vec<&[u8]> = batch.iter().map(|event| &event.body[..]).collect();
            sqlx::query("INSERT INTO raw (id, body) SELECT * FROM unnest($1::text[], $2::bytea[])")
                .bind(ids)
                .bind(bodies)
                .execute(&mut connection)
                .await?;
        }
        connection.close().await
    });
    futures_util::future::try_join_all(inserts).await?;
    let mut sample = Sample::of(events.len() as u64, begun.elapsed());
    sample.cpu = parts.cpu_since(&before);
    database.drop(servers).await?;
    Ok(sample)
}

/// A batch in a transaction: ids and bodies, one upsert and one line of audit for each event.
pub async fn sqlite(servers: &Servers, events: &[Envelope], batch: usize) -> anyhow::Result<Sample> {
    let database = servers.database(Kind::Sqlite).await?;
    let options = SqliteConnectOptions::new()
        .filename(database.file().unwrap_or_default())
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10))
        .pragma("wal_autocheckpoint", "250")
        .pragma("cache_size", "-65536");
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::raw_sql(
        "CREATE TABLE raw (id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID; \
         CREATE TABLE object (id TEXT PRIMARY KEY, status TEXT NOT NULL, amount INTEGER NOT NULL); \
         CREATE TABLE line (id TEXT PRIMARY KEY, event TEXT NOT NULL, what TEXT NOT NULL)",
    )
    .execute(&mut connection)
    .await?;
    let objects: Vec<String> = events.iter().map(object_of).collect();
    servers.calm_down().await?;
    let parts = servers.parts()?;
    let (before, begun) = (parts.cpu(), Instant::now());
    for (events, objects) in events.chunks(batch).zip(objects.chunks(batch)) {
        apply(&mut connection, events, objects).await?;
    }
    let mut sample = Sample::of(events.len() as u64, begun.elapsed());
    sample.cpu = parts.cpu_since(&before);
    connection.close().await?;
    database.drop(servers).await?;
    Ok(sample)
}

/// The id of what an event is about.
fn object_of(event: &Envelope) -> String {
    let body: serde_json::Value = serde_json::from_slice(&event.body).unwrap_or_default();
    body["data"]["object"]["id"].as_str().unwrap_or_default().to_owned()
}

async fn apply(
    connection: &mut SqliteConnection,
    events: &[Envelope],
    objects: &[String],
) -> sqlx::Result<()> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let values = |columns: &str| vec![columns; events.len()].join(", ");
    let insert = format!("INSERT INTO raw (id, body) VALUES {}", values("(?, ?)"));
    let mut insert = sqlx::query(AssertSqlSafe(insert));
    let upsert = format!(
        "INSERT INTO object (id, status, amount) VALUES {} ON CONFLICT (id) DO UPDATE SET \
         status = excluded.status, amount = excluded.amount",
        values("(?, ?, ?)")
    );
    let mut upsert = sqlx::query(AssertSqlSafe(upsert));
    let append = format!("INSERT INTO line (id, event, what) VALUES {}", values("(?, ?, ?)"));
    let mut append = sqlx::query(AssertSqlSafe(append));
    for (number, (event, object)) in events.iter().zip(objects).enumerate() {
        let (id, kind) = (&event.header.id, &event.header.kind);
        insert = insert.bind(id).bind(&event.body[..]);
        upsert = upsert.bind(object).bind(kind).bind(i64::try_from(number).unwrap_or_default());
        append = append.bind(id).bind(object).bind(kind);
    }
    insert.execute(&mut *tx).await?;
    upsert.execute(&mut *tx).await?;
    append.execute(&mut *tx).await?;
    tx.commit().await
}
