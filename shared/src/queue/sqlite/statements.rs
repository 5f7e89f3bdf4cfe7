//! Every statement on queue.db, each behind a verb. Their texts are constant, so they stay prepared: lists of
//! tags are one JSON parameter, and inserts have one of a few fixed lengths.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Result, Row, SqlSafeStr, SqliteConnection};

use super::lease_holders::Holder;
use crate::queue::{Depth, Tag};

/// A message as it is written.
pub(super) struct Message {
    pub header: String,
    pub body: Bytes,
}

/// A leased message; its header and body are read apart, without the writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grant {
    pub tag: Tag,
    pub redelivered: bool,
}

pub(super) async fn begin(conn: &mut SqliteConnection) -> Result<()> {
    // The lock is taken at once: a transaction that reads first and writes later can fail without a remedy.
    sqlx::query("BEGIN IMMEDIATE").execute(conn).await.map(drop)
}

pub(super) async fn commit(conn: &mut SqliteConnection) -> Result<()> {
    sqlx::query("COMMIT").execute(conn).await.map(drop)
}

/// SQLite ends some failed transactions by itself, and says so with an error that means nothing.
pub(super) async fn rollback(conn: &mut SqliteConnection) {
    drop(sqlx::query("ROLLBACK").execute(conn).await);
}

/// The longest list of messages that one statement inserts.
pub(super) const INSERT_ROWS: usize = 256;

/// Inserts of these many rows; a shorter list is filled up with NULLs, which are left out again.
static INSERTS: LazyLock<[(usize, Arc<str>); 5]> = LazyLock::new(|| {
    [1, 4, 16, 64, INSERT_ROWS].map(|rows| {
        let values = vec!["(?, ?)"; rows].join(", ");
        let text = format!(
            "INSERT INTO messages (header, body, enqueued_at_ms) \
             SELECT column1, column2, ? FROM (VALUES {values}) WHERE column1 IS NOT NULL"
        );
        (rows, text.into())
    })
});

pub(super) async fn insert(
    conn: &mut SqliteConnection,
    messages: impl ExactSizeIterator<Item = &Message>,
    now_ms: i64,
) -> Result<()> {
    let (rows, text) = INSERTS.iter().find(|(rows, _)| *rows >= messages.len()).expect("no group is longer");
    let missing = rows - messages.len();
    let mut query = sqlx::query(AssertSqlSafe(Arc::clone(text)).into_sql_str()).bind(now_ms);
    for message in messages {
        query = query.bind(&*message.header).bind(&*message.body);
    }
    for _ in 0..missing {
        query = query.bind(None::<&str>).bind(None::<&[u8]>);
    }
    query.execute(conn).await.map(drop)
}

/// Leases the oldest messages that nobody has: never leased, released, or their holder is gone.
pub(super) async fn lease(conn: &mut SqliteConnection, owner: &str, max: usize) -> Result<Vec<Grant>> {
    let rows = sqlx::query(
        "INSERT INTO leases (message, fence, owner, lost)
         SELECT m.id, 1, ?1, 0
         FROM messages AS m LEFT JOIN leases AS l ON l.message = m.id
         WHERE l.owner IS NULL OR l.owner NOT IN (SELECT owner FROM holders)
         ORDER BY m.enqueued_at_ms, m.id LIMIT ?2
         ON CONFLICT (message) DO UPDATE SET fence = fence + 1, owner = excluded.owner,
             lost = lost + (owner <> '')
         RETURNING message, fence, lost",
    )
    .bind(owner)
    .bind(i64::try_from(max).unwrap_or(i64::MAX))
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| Ok(Grant { tag: tag(row)?, redelivered: row.try_get::<i64, _>("lost")? > 0 }))
        .collect()
}

/// Header and body of each message that is still there.
pub(super) async fn read(conn: &mut SqliteConnection, tags: &[Tag]) -> Result<Vec<(u64, SqliteRow)>> {
    let rows = sqlx::query(
        "SELECT m.id, m.header, m.body
         FROM json_each(?1) AS lent CROSS JOIN messages AS m ON m.id = lent.value ->> 0",
    )
    .bind(json(tags))
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.try_get::<i64, _>("id")?.cast_unsigned(), row))).collect()
}

/// Which of these leases have not ended. One whose holder was taken for dead, but that nobody took, is still
/// good.
pub(super) async fn held(conn: &mut SqliteConnection, tags: &[Tag]) -> Result<HashSet<Tag>> {
    let rows = sqlx::query(
        "SELECT l.message, l.fence
         FROM json_each(?1) AS asked CROSS JOIN leases AS l ON l.message = asked.value ->> 0
         WHERE l.fence = asked.value ->> 1 AND l.owner <> ''",
    )
    .bind(json(tags))
    .fetch_all(conn)
    .await?;
    rows.iter().map(tag).collect()
}

/// Forgets messages; their leases go with them.
pub(super) async fn finish(conn: &mut SqliteConnection, tags: &[Tag]) -> Result<()> {
    sqlx::query("DELETE FROM messages WHERE id IN (SELECT value ->> 0 FROM json_each(?1))")
        .bind(json(tags))
        .execute(conn)
        .await
        .map(drop)
}

/// Gives messages back. The row of the lease stays, for its fence.
pub(super) async fn release(conn: &mut SqliteConnection, tags: &[Tag]) -> Result<()> {
    sqlx::query("UPDATE leases SET owner = '' WHERE message IN (SELECT value ->> 0 FROM json_each(?1))")
        .bind(json(tags))
        .execute(conn)
        .await
        .map(drop)
}

/// Gives back all that an owner has; it holds nothing any more.
pub(super) async fn release_all(conn: &mut SqliteConnection, owner: &str) -> Result<()> {
    sqlx::query("UPDATE leases SET owner = '' WHERE owner = ?1").bind(owner).execute(&mut *conn).await?;
    sqlx::query("DELETE FROM holders WHERE owner = ?1").bind(owner).execute(conn).await.map(drop)
}

/// Says that an owner lives, for all that it has.
pub(super) async fn beat(conn: &mut SqliteConnection, owner: &str) -> Result<()> {
    sqlx::query(
        "INSERT INTO holders (owner, beat) VALUES (?1, 0) ON CONFLICT (owner) DO UPDATE SET beat = beat + 1",
    )
    .bind(owner)
    .execute(conn)
    .await
    .map(drop)
}

/// How much an owner has that nobody took from it.
pub(super) async fn leased(conn: &mut SqliteConnection, owner: &str) -> Result<u64> {
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM leases WHERE owner = ?1")
        .bind(owner)
        .fetch_one(conn)
        .await?;
    Ok(count.cast_unsigned())
}

/// All holders but one.
pub(super) async fn other_holders(conn: &mut SqliteConnection, owner: &str) -> Result<Vec<Holder>> {
    let rows =
        sqlx::query("SELECT owner, beat FROM holders WHERE owner <> ?1").bind(owner).fetch_all(conn).await?;
    rows.iter().map(|row| Ok(Holder { owner: row.try_get("owner")?, beat: row.try_get("beat")? })).collect()
}

/// What a dead holder had may be leased again.
pub(super) async fn bury(conn: &mut SqliteConnection, dead: &Holder) -> Result<()> {
    sqlx::query("DELETE FROM holders WHERE owner = ?1 AND beat = ?2")
        .bind(&dead.owner)
        .bind(dead.beat)
        .execute(conn)
        .await
        .map(drop)
}

pub(super) async fn depth(conn: &mut SqliteConnection, now_ms: i64) -> Result<Depth> {
    let row = sqlx::query(
        "SELECT (SELECT count(*) FROM messages) AS waiting,
                (SELECT count(*) FROM leases WHERE owner IN (SELECT owner FROM holders)) AS leased,
                (SELECT min(enqueued_at_ms) FROM messages) AS oldest_ms",
    )
    .fetch_one(conn)
    .await?;
    let count = |column| row.try_get::<i64, _>(column).map(i64::cast_unsigned);
    let (waiting, leased) = (count("waiting")?, count("leased")?);
    let oldest_ms = row.try_get::<Option<i64>, _>("oldest_ms")?;
    let age = |oldest_ms| std::time::Duration::from_millis(u64::try_from(now_ms - oldest_ms).unwrap_or(0));
    Ok(Depth { ready: waiting.saturating_sub(leased), leased: Some(leased), oldest_age: oldest_ms.map(age) })
}

/// When this file was made, to the nanosecond of how long that took: no other has the same.
pub(super) async fn identity(conn: &mut SqliteConnection) -> Result<String> {
    let row =
        sqlx::query("SELECT installed_on, execution_time FROM _sqlx_migrations ORDER BY version LIMIT 1")
            .fetch_one(conn)
            .await?;
    let (at, took) = (row.try_get::<String, _>("installed_on")?, row.try_get::<i64, _>("execution_time")?);
    Ok(format!("{at} {took}"))
}

/// The highest message that was given out and is there no more, and how many are: numbers are given in turn, and
/// never twice.
pub(super) async fn forgotten(conn: &mut SqliteConnection) -> Result<(i64, i64)> {
    let row = sqlx::query(
        "WITH given (last) AS (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'messages')
         SELECT given.last - (SELECT count(*) FROM messages) AS count,
                CASE WHEN NOT EXISTS (SELECT 1 FROM messages WHERE id = given.last) THEN given.last
                ELSE (SELECT coalesce(max(m.id) - 1, 0) FROM messages AS m
                      WHERE NOT EXISTS (SELECT 1 FROM messages AS n WHERE n.id = m.id - 1)) END AS highest
         FROM given",
    )
    .fetch_one(conn)
    .await?;
    Ok((row.try_get("highest")?, row.try_get("count")?))
}

/// Brings the log into the file, as far as other processes allow, and empties it.
pub(super) async fn checkpoint(conn: &mut SqliteConnection) -> Result<()> {
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(conn).await.map(drop)
}

fn tag(row: &SqliteRow) -> Result<Tag> {
    let number = |column| row.try_get::<i64, _>(column).map(i64::cast_unsigned);
    Ok(Tag { scope: number("message")?, number: number("fence")?, part: 0 })
}

/// `[[message, fence], …]`
fn json(tags: &[Tag]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(2 + tags.len() * 16);
    text.push('[');
    for (index, tag) in tags.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(text, "{comma}[{},{}]", tag.scope, tag.number).expect("a String takes every write");
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_travel_as_pairs() {
        let tag = |scope, number| Tag { scope, number, part: 0 };
        assert_eq!(json(&[]), "[]");
        assert_eq!(json(&[tag(1, 2), tag(3, u64::MAX >> 1)]), "[[1,2],[3,9223372036854775807]]");
    }
}
