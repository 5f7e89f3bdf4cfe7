//! Checks database files for damage, every page of them.

use std::path::Path;
use std::time::Duration;

use ledger::LedgerError;
use shared::env::Env;
use shared::queue::{Queue, QueueConfig, QueueUrl};

use crate::finding::Finding;
use crate::open;
use crate::output::me;

const QUEUE: &str = "queue file";
const LEDGER: &str = "ledger file";
/// A ledger of many gigabytes takes longer; that is then said.
const PATIENCE: Duration = Duration::from_mins(2);

/// `None` where the queue is no file, or there is none, which is said with the queue.
pub async fn queue(config: &QueueConfig) -> Option<Finding> {
    let QueueUrl::Sqlite(path) = &config.url else { return None };
    if !path.exists() {
        return None;
    }
    let shown = config.url.shown();
    let found = tokio::time::timeout(PATIENCE, Queue::damage(&config.url)).await;
    Some(match found {
        Ok(Ok(None)) => Finding::ok(QUEUE, format!("{shown} is intact, every page of it")),
        Ok(Ok(Some(damage))) => Finding::act(
            QUEUE,
            format!("{shown} is damaged: {damage}"),
            format!("stop everything that uses it; `{} queue recover` shows what can be saved", me()),
        ),
        Ok(Err(error)) => Finding::unknown(QUEUE, error.to_string()),
        Err(_) => Finding::unknown(QUEUE, format!("{shown} was not checked within {} s", PATIENCE.as_secs())),
    })
}

/// `None` where the ledger is no file, or cannot be opened at all, which is said with the ledger.
pub async fn ledger(env: &Env) -> Option<Finding> {
    let ledger = open::patient(env).await.ok()?;
    let shown = ledger.shown();
    let path = shown.strip_prefix("sqlite:").map(str::to_owned)?;
    let found = tokio::time::timeout(PATIENCE, ledger.damage()).await;
    ledger.close().await;
    Some(match found {
        Ok(Ok(None)) => {
            Finding::ok(LEDGER, format!("{} is intact, every page of it", Path::new(&path).display()))
        }
        Ok(Ok(Some(damage))) => Finding::act(LEDGER, format!("{shown} is damaged: {damage}"), remedy()),
        Ok(Err(error @ LedgerError::Disk(_))) => Finding::act(
            LEDGER,
            format!("{shown}: {error}"),
            "repair the disk first: the file may be sound".to_owned(),
        ),
        Ok(Err(error)) if error.is_fatal() => Finding::act(LEDGER, format!("{shown}: {error}"), remedy()),
        Ok(Err(error)) => Finding::unknown(LEDGER, error.to_string()),
        Err(_) => {
            Finding::unknown(LEDGER, format!("{shown} was not checked within {} s", PATIENCE.as_secs()))
        }
    })
}

fn remedy() -> String {
    format!(
        "stop the worker; replace the file by the last backup, or by what `sqlite3 ledger.db .dump` still reads (docs/runbook.md says how); then `{me} migrate`, `{me} rebuild --yes`, and `{me} backfill --since 30d` for newer events",
        me = me()
    )
}
