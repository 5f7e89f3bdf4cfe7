//! Checks queue.db for damage, at start-up and for `tidegate doctor`. With 100,000 events it takes less than a
//! second; a longer check continues beside the work.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, SqliteConnection};
use tokio::time::timeout;

use super::fault::{Damage, Fault, words};
use super::file;
use super::health::{FatalError, QueueHealth};
use super::refusal::{damaged, failed, refusal};
use crate::queue::OpenError;
use crate::{integrity, write_ahead_log};

/// So long the start waits for its end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Refuses a log that is damaged, before SQLite reads it and forgets what is behind its damage.
pub(super) fn of_log(path: &Path) -> Result<(), OpenError> {
    match write_ahead_log::damage(path) {
        Ok(None) => Ok(()),
        Ok(Some(damage)) => Err(damaged(path, Damage::Found(damage))),
        Err(error) => Err(failed(path, error)),
    }
}

/// Refuses a file that is damaged. What takes longer is looked at while the work begins, and then ends it.
pub(super) async fn at_start(path: &Path, health: &Arc<QueueHealth>) -> Result<(), OpenError> {
    let mut conn = file::open_reader(path).await.map_err(|error| refusal(path, error))?;
    let mut check = tokio::spawn(async move {
        let found = look(&mut conn).await;
        drop(conn.close().await);
        found
    });
    if let Ok(found) = timeout(PATIENCE, &mut check).await {
        return match found.map_err(|panic| failed(path, panic))? {
            Ok(None) => Ok(()),
            Ok(Some(damage)) => Err(damaged(path, Damage::Found(damage))),
            Err(error) => Err(refusal(path, error)),
        };
    }
    tracing::info!("queue.db is large: checking it for damage while work starts");
    let health = Arc::clone(health);
    tokio::spawn(async move {
        match check.await {
            Ok(Ok(Some(damage))) => health.set_fatal(FatalError::Damaged(Damage::Found(damage))),
            Ok(Err(error)) if Fault::of(&error) == Fault::Fatal => {
                health.set_fatal(FatalError::by(Fault::Fatal, Arc::new(error)));
            }
            _ => {}
        }
    });
    Ok(())
}

/// What is wrong with a file, from outside; `None` where it is sound.
pub(super) async fn examine(path: &Path) -> Result<Option<String>, OpenError> {
    if let Some(damage) = write_ahead_log::damage(path).map_err(|error| failed(path, error))? {
        return Ok(Some(damage));
    }
    let found = async {
        let mut conn = file::open_reader(path).await?;
        let found = look(&mut conn).await;
        drop(conn.close().await);
        found
    };
    match found.await {
        Ok(found) => Ok(found),
        Err(error) if Fault::of(&error) == Fault::Damaged => Ok(Some(words(&error))),
        Err(error) => Err(refusal(path, error)),
    }
}

/// The first thing that is wrong. Beyond the structure of pages it compares each index with its table, which a
/// short check leaves out: a message that only the index lost would never be delivered.
async fn look(conn: &mut SqliteConnection) -> sqlx::Result<Option<String>> {
    let pages: String = sqlx::query_scalar("PRAGMA integrity_check(1)").fetch_one(&mut *conn).await?;
    // A page that the disk does not give may be sound.
    if integrity::is_disk_failure(&pages) {
        return Err(sqlx::Error::Io(io::Error::other(pages)));
    }
    if pages != "ok" {
        return Ok(Some(pages.replace('\n', " ").trim_start_matches("*** in database main *** ").to_owned()));
    }
    let orphans = sqlx::query("PRAGMA foreign_key_check").fetch_all(conn).await?;
    Ok((!orphans.is_empty()).then(|| format!("{} of its leases name missing messages", orphans.len())))
}
