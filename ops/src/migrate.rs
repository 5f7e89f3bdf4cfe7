//! `tidegate migrate`: migrates the ledger's schema. Safe to run at any time, also several at once.

use std::path::Path;

use ledger::{Ledger, LedgerConfig};
use serde::Serialize;
use shared::env::Env;

use crate::{output, preflight};

/// The form of `--json`.
#[derive(Serialize)]
struct Migrated {
    ledger: String,
    /// What was applied now, in order.
    applied: Vec<String>,
}

pub async fn run(env: &Env, json: bool) -> anyhow::Result<()> {
    let (ledger, applied) = open_and_migrate(&LedgerConfig::from_env(env)?).await?;
    let migrated = Migrated { ledger: ledger.shown(), applied };
    ledger.close().await;
    if json {
        return output::print_json(&migrated);
    }
    let Migrated { ledger, applied } = migrated;
    match applied.as_slice() {
        [] => output::print(&format!("{ledger} is up to date\n")),
        names => output::print(&format!("{ledger}: applied {}\n", names.join(", "))),
    }
}

/// The ledger with the schema of this program, and what had to be done for it.
pub async fn open_and_migrate(config: &LedgerConfig) -> anyhow::Result<(Ledger, Vec<String>)> {
    if let Some(path) = config.shown().strip_prefix("sqlite:") {
        preflight::make_folder_of(Path::new(path))?;
    }
    let ledger = Ledger::open(config).await?;
    let applied = ledger.migrate().await?;
    if !applied.is_empty() {
        tracing::info!(
            ledger = ledger.shown(),
            migrations = applied.join(","),
            "the ledger's schema was migrated"
        );
    }
    Ok((ledger, applied))
}
