//! SQLite alone: the same rows in, then the oldest of them read and deleted in groups.

use std::time::{Duration, Instant};

use sqlx::Row;

use crate::gateway::file::{File, Rows};
use crate::measure::process::Parts;
use crate::measure::sample::Sample;

const PATIENCE: Duration = Duration::from_mins(5);

pub async fn fill(rows: &Rows<'_>, group: usize) -> anyhow::Result<(Sample, File)> {
    let mut file = File::new().await?;
    let parts = Parts::default().with("client", std::process::id());
    let before = parts.cpu();
    let mut sample = file.fill(rows, group, PATIENCE).await?;
    sample.cpu = parts.cpu_since(&before);
    Ok((sample, file))
}

/// Each group is read, and then deleted in its own transaction.
pub async fn drain(mut file: File, group: usize) -> anyhow::Result<Sample> {
    let parts = Parts::default().with("client", std::process::id());
    let before = parts.cpu();
    let began = Instant::now();
    let mut sample = Sample::default();
    loop {
        let oldest = "SELECT id, header, body FROM messages ORDER BY enqueued_at_ms, id LIMIT ?";
        let rows = sqlx::query(oldest).bind(i64::try_from(group)?).fetch_all(&mut file.conn).await?;
        let ids: Vec<i64> = rows.iter().map(|row| row.try_get("id")).collect::<Result<_, _>>()?;
        if ids.is_empty() {
            break;
        }
        sqlx::query("DELETE FROM messages WHERE id IN (SELECT value FROM json_each(?))")
            .bind(serde_json::to_string(&ids)?)
            .execute(&mut file.conn)
            .await?;
        sample.events += ids.len() as u64;
    }
    sample.seconds = began.elapsed().as_secs_f64();
    sample.cpu = parts.cpu_since(&before);
    file.close().await?;
    Ok(sample)
}
