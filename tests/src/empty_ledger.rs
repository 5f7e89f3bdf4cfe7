//! An empty ledger, which the product makes once a run and tests begin with copies of: its migrations would take longer
//! than many a test. Those of Postgres are copied by the server ([`crate::postgres::Postgres::ledger`]).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context, ensure};
use rustix::process::Signal;
use sqlx::{Connection, PgConnection};

use crate::binaries::binary;
use crate::process_guard::ProcessGuard;

/// Puts one on SQLite at this path; its address.
pub fn copy_to(path: &Path) -> anyhow::Result<String> {
    static MADE: LazyLock<(ProcessGuard, PathBuf)> = LazyLock::new(|| {
        let guard = ProcessGuard::new("empty-ledger", Signal::KILL).expect("a folder can be made");
        let file = guard.folder().join("ledger.db");
        migrate(&address(&file)).expect("an empty ledger can be made");
        (guard, file)
    });
    std::fs::copy(&MADE.1, path).with_context(|| format!("no ledger at {}", path.display()))?;
    Ok(address(path))
}

/// Removes the one at this address: as on a machine that nothing has run on.
pub async fn remove(url: &str) -> anyhow::Result<()> {
    if let Some(file) = url.strip_prefix("sqlite:") {
        return Ok(std::fs::remove_file(file)?);
    }
    let mut connection = PgConnection::connect(url).await?;
    for statement in ["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"] {
        sqlx::query(statement).execute(&mut connection).await?;
    }
    Ok(connection.close().await?)
}

fn address(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// `tidegate migrate`.
pub(crate) fn migrate(url: &str) -> anyhow::Result<()> {
    let mut command = Command::new(binary("tidegate"));
    let output = command.arg("migrate").env_clear().env("DATABASE_URL", url).output()?;
    ensure!(output.status.success(), "no schema: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
